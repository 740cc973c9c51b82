import { join } from 'node:path'
import type { Clock } from '../lib/clock.ts'
import { sameName } from './directory.ts'
import { TokenFile } from './token-file.ts'

/** Tokens with which people use the HTTP API, `cst_...`; kept in `<data>/tokens.json`. */
export class PersonTokens {
  readonly #file: TokenFile

  constructor({ data, clock }: { readonly data: string; readonly clock: Clock }) {
    const path = join(data, 'tokens.json')
    this.#file = new TokenFile({ path, prefix: 'cst_', holder: 'person', clock })
  }

  /** Why the file can't be read, or null. While it can't, no token is good. */
  get trouble(): string | null {
    return this.#file.trouble
  }

  /** Makes a token and returns it; it is shown this once. It works at once in a running proxy. */
  add(person: string): Promise<string> {
    return this.#file.add(person)
  }

  /** The e-mail address of the person whose token this is, or null. */
  authenticate(token: string): string | null {
    const found = this.#file.find(token)
    return found && sameName(found.holder)
  }

  /** The same, of a token's SHA-256: whether what was begun with a token may go on. */
  holderOf(given: Buffer): string | null {
    const found = this.#file.findDigest(given)
    return found && sameName(found.holder)
  }
}
