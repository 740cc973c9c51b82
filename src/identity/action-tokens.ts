import { join } from 'node:path'
import type { Clock } from '../lib/clock.ts'
import { TokenFile } from './token-file.ts'

/** Whose token it is; who has made one of the agent's can't approve what it asks for. */
export interface ActionTokenHolder {
  readonly agent: string
  /** An approval is for the agent, so that whoever holds another of its tokens could use it. */
  readonly createdBy: readonly string[]
}

/**
 * Tokens with which agents ask for actions, `csa_...`; kept in `<data>/action-tokens.json`. An agent
 * has two at most: the one before the newest stays good, so that it can be replaced at leisure.
 */
export class ActionTokens {
  readonly #file: TokenFile

  constructor({ data, clock }: { readonly data: string; readonly clock: Clock }) {
    const path = join(data, 'action-tokens.json')
    this.#file = new TokenFile({ path, prefix: 'csa_', holder: 'agent', clock })
  }

  /** Why the file can't be read, or null. While it can't, no token is good. */
  get trouble(): string | null {
    return this.#file.trouble
  }

  /** Makes a token and returns it; it is shown this once. */
  add(agent: string, createdBy: string | null): Promise<string> {
    return this.#file.add(agent, { keep: 1, ...(createdBy !== null && { createdBy }) })
  }

  /** Ends all of an agent's tokens, at once; returns how many there were. */
  revoke(agent: string): Promise<number> {
    return this.#file.revoke(agent)
  }

  authenticate(token: string): ActionTokenHolder | null {
    const found = this.#file.find(token)
    if (!found) return null
    const makers = this.#file.of(found.holder).flatMap(({ createdBy }) => createdBy ?? [])
    return { agent: found.holder, createdBy: [...new Set(makers)] }
  }
}
