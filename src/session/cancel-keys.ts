import { randomBytes, randomInt, timingSafeEqual } from 'node:crypto'
import type { CancelKey } from '../wire/protocol.ts'

/** What can be cancelled by a key. */
export interface Cancellable {
  cancel(address: string): void
}

/** The proxy's own cancel keys: a client never learns the database's. */
export class CancelKeys {
  readonly #entries = new Map<number, { readonly secret: Buffer; readonly session: Cancellable }>()

  /** Makes a key of `length` bytes for a session; call `release` when it ends. */
  issue(session: Cancellable, length: number): { key: CancelKey; release: () => void } {
    let processId: number
    do processId = randomInt(1, 0x7fffffff)
    while (this.#entries.has(processId))
    const secret = randomBytes(length)
    this.#entries.set(processId, { secret, session })
    return { key: { processId, secret }, release: () => this.#entries.delete(processId) }
  }

  /** The session of this key, or undefined; nothing in the answer tells which part was wrong. */
  find(key: CancelKey): Cancellable | undefined {
    const entry = this.#entries.get(key.processId)
    if (!entry || entry.secret.length !== key.secret.length) return undefined
    return timingSafeEqual(entry.secret, key.secret) ? entry.session : undefined
  }
}
