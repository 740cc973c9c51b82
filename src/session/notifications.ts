import type { Classification, Effect } from '../sql/statement.ts'
import type { Exchange } from './exchange.ts'
import type { Services } from './services.ts'

/** What can't notify by itself, but for the constants that stand in its text. */
const PLAIN: ReadonlySet<Effect> = new Set(['read', 'session', 'transaction'])

/**
 * Which notifications keep their payload. It may hold what a trigger or another application took
 * from a classified column, and nothing on the wire says from where: so only what this session
 * itself wrote as constants is shown, and all of it where a rule unmasks LISTEN.
 */
export class Notifications {
  readonly #services: Services
  /** The server process of this session; null where it isn't known. */
  readonly #backend: number | null
  #unmasked = false
  /** Of the present transaction: nothing has run that could have a trigger. */
  #plain = true

  constructor(services: Services, backend: number | null) {
    this.#services = services
    this.#backend = backend
  }

  completed({ decision }: Exchange, { verb, effects }: Classification): void {
    if (!effects.every(({ effect }) => PLAIN.has(effect))) this.#plain = false
    if (verb !== 'LISTEN' || decision.kind === 'deny') return
    this.#unmasked = this.#services.policy().clearsAll(decision.unmask)
  }

  /** The server tells a session of its own notifications before it says that it is ready again. */
  transactionIsOver(): void {
    this.#plain = true
  }

  showsPayload(processId: number): boolean {
    if (!this.#services.policy().guards || this.#unmasked) return true
    return this.#plain && processId === this.#backend
  }
}
