import type { Principal } from '../../identity/principal.ts'
import type { Clock } from '../../lib/clock.ts'
import { ProxyError } from '../../lib/errors.ts'
import type { CancelKey } from '../../wire/handshake.ts'
import type { LoginProof } from '../../wire/verifiers.ts'
import { Session } from '../session.ts'
import type { SessionOptions } from '../session-parts.ts'
import type { CameBy } from './admission.ts'
import type { Agents } from './agents.ts'
import type { Behind } from './behind.ts'
import { CancelKeys } from './cancel-keys.ts'

/** Timers of Node count milliseconds in 31 bits. */
const LONGEST_TIMER_MS = 2 ** 31 - 1

export interface OpenSessionsOptions {
  readonly clock: Clock
  readonly agents: Agents
  behind(database: string): Behind | undefined
}

/** The sessions that came in by one door: who may cancel, kill or end them. */
export class OpenSessions {
  readonly #options: OpenSessionsOptions
  readonly #cancelKeys = new CancelKeys<Session>()
  /** With what each came in by. */
  readonly #sessions = new Map<Session, CameBy>()
  #onEmpty: (() => void) | null = null

  constructor(options: OpenSessionsOptions) {
    this.#options = options
  }

  get count(): number {
    return this.#sessions.size
  }

  /** An id that no session has. */
  newId(): number {
    return this.#cancelKeys.newId()
  }

  /** Makes a session, with the key by which its client can cancel; it doesn't read yet. */
  open(
    options: Omit<SessionOptions, 'kill' | 'onClosed'>,
    by: CameBy,
    { id, keyLength }: { readonly id: number; readonly keyLength: number },
  ): { session: Session; key: CancelKey } {
    const { principal } = options
    const session = new Session({
      ...options,
      kill: (id, onlyQuery) => this.#kill(principal, id, onlyQuery),
      onClosed: () => {
        release()
        stopTimer()
        this.#sessions.delete(session)
        if (this.#sessions.size === 0) this.#onEmpty?.()
      },
    })
    const { key, release } = this.#cancelKeys.issue(session, keyLength, id)
    this.#sessions.set(session, by)
    const stopTimer = this.#endWith(session, by.proof)
    return { session, key }
  }

  /** A session that came in by a token ends with it. */
  #endWith(session: Session, proof: LoginProof): () => void {
    if (proof.kind !== 'token') return () => {}
    const { clock } = this.#options
    // A longer one is found to be over by the review.
    return clock.after(Math.min(proof.until - clock.now(), LONGEST_TIMER_MS), () => {
      if (proof.until <= clock.now()) session.kill(tokenIsOver())
    })
  }

  // === cancelling and killing

  /** Whoever has the key may; for any other nothing happens. */
  cancel(key: CancelKey, address: string): void {
    this.#cancelKeys.find(key)?.cancel(address)
  }

  /** By the proxy's own id, or the database's, which a client can ask for in a statement. */
  #kill(killer: Principal, id: number, onlyQuery: boolean): boolean {
    const session =
      this.#cancelKeys.session(id) ??
      [...this.#sessions.keys()].find(({ backend }) => backend === id)
    if (!session) return false
    const { agent, database } = session.principal
    if (agent.name !== killer.agent.name || !this.#near(database, killer.database)) return false
    if (onlyQuery) session.cancel(killer.address)
    else session.kill(new ProxyError('CANCELLED', 'the connection was killed'))
    return true
  }

  /** Ids of one server mean nothing on another. */
  #near(one: string, other: string): boolean {
    const [a, b] = [one, other].map((name) => this.#options.behind(name)?.target)
    return a !== undefined && a.host === b?.host && a.port === b.port
  }

  // === ending

  /** Ends the sessions of agents that may not come in any more. */
  review(): void {
    for (const [session, by] of this.#sessions) {
      if (this.#mayStay(session.principal, by)) continue
      const { agent, database } = session.principal
      session.kill(
        new ProxyError('SHUTDOWN', `${agent.name} has no access to ${database} any more`),
      )
    }
  }

  #mayStay({ agent, database, address }: Principal, { proof, shown }: CameBy): boolean {
    const { agents, clock } = this.#options
    const known = agents.find(agent.name)
    if (!known?.agent.databases.includes(database) || !this.#options.behind(database)) return false
    if (known.expires !== null && known.expires <= clock.now()) return false
    return known.mayComeFrom(address) && agents.stillGood(agent.name, proof, shown)
  }

  /** Ends every session as soon as it is quiet, or after `graceMs` whatever it does. */
  async close(graceMs: number): Promise<void> {
    for (const session of this.#sessions.keys()) session.drain()
    if (this.#sessions.size === 0) return
    await new Promise<void>((resolve) => {
      const stopTimer = this.#options.clock.after(graceMs, () => this.#killAll())
      this.#onEmpty = () => {
        stopTimer()
        resolve()
      }
    })
  }

  #killAll(): void {
    for (const session of this.#sessions.keys()) {
      session.kill(
        new ProxyError('SHUTDOWN', 'terminating connection: countersign is shutting down'),
      )
    }
  }
}

function tokenIsOver(): ProxyError {
  return new ProxyError(
    'SHUTDOWN',
    'terminating connection: the token that it was opened with is over; connect with a new one',
  )
}
