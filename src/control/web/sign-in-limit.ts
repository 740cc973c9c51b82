import type { Clock } from '../../lib/clock.ts'

const FAILURES = 10
const WINDOW_MS = 60_000
/** Addresses that are remembered; beyond them the oldest is forgotten. */
const MOST = 10_000

/** Counts failed attempts to sign in by address: after ten in a minute the rest of it is closed. */
export class SignInLimit {
  readonly #clock: Clock
  readonly #failures = new Map<string, { count: number; readonly since: number }>()

  constructor(clock: Clock) {
    this.#clock = clock
  }

  /** Seconds until this address may try again; 0 where it may now. */
  waitSeconds(address: string): number {
    const seen = this.#failures.get(address)
    if (!seen || seen.count < FAILURES) return 0
    const left = seen.since + WINDOW_MS - this.#clock.monotonic()
    return Math.max(0, Math.ceil(left / 1000))
  }

  failed(address: string): void {
    const now = this.#clock.monotonic()
    const seen = this.#failures.get(address)
    if (seen && now - seen.since < WINDOW_MS) {
      seen.count++
      return
    }
    this.#failures.delete(address)
    this.#failures.set(address, { count: 1, since: now })
    const [oldest] = this.#failures.keys()
    if (this.#failures.size > MOST && oldest !== undefined) this.#failures.delete(oldest)
  }
}
