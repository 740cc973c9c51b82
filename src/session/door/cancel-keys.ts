import { randomBytes, randomInt, timingSafeEqual } from 'node:crypto'
import type { CancelKey } from '../../wire/handshake.ts'

/** What can be cancelled by a key. */
export interface Cancellable {
  cancel(address: string): void
}

/** No database has had so many connections: an id of the proxy's is never one of its own. */
const FIRST_ID = 0x40000000
const LAST_ID = 0x7fffffff

/** The proxy's own cancel keys: a client needn't know the database's. */
export class CancelKeys<Session extends Cancellable = Cancellable> {
  readonly #entries = new Map<number, { readonly secret: Buffer; readonly session: Session }>()

  /** An id that no session has. */
  newId(): number {
    let id: number
    do id = randomInt(FIRST_ID, LAST_ID)
    while (this.#entries.has(id))
    return id
  }

  /** Makes a key of `length` bytes for a session; call `release` when it ends. */
  issue(
    session: Session,
    length: number,
    processId: number,
  ): { key: CancelKey; release: () => void } {
    if (this.#entries.has(processId)) throw new Error('two sessions of one id')
    const secret = randomBytes(length)
    this.#entries.set(processId, { secret, session })
    return { key: { processId, secret }, release: () => this.#entries.delete(processId) }
  }

  /** The session of this key, or undefined; nothing in the answer tells which part was wrong. */
  find(key: CancelKey): Session | undefined {
    const entry = this.#entries.get(key.processId)
    if (!entry || entry.secret.length !== key.secret.length) return undefined
    return timingSafeEqual(entry.secret, key.secret) ? entry.session : undefined
  }

  /** The session of this id: for one who has proved to be its agent. */
  session(processId: number): Session | undefined {
    return this.#entries.get(processId)?.session
  }
}
