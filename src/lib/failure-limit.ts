import { BoundedMap } from './bounded-map.ts'
import type { Clock } from './clock.ts'

export interface FailureLimitOptions {
  /** So many of one key, and the rest of the time is closed to it. */
  readonly failures: number
  /** From the first of them on. */
  readonly windowMs: number
  /** Keys that are remembered; beyond them the one that was heard of longest ago is forgotten. */
  readonly most: number
}

/** Counts what fails, by whom: whoever only tries has to wait. */
export class FailureLimit {
  readonly #clock: Clock
  readonly #options: FailureLimitOptions
  readonly #seen: BoundedMap<string, { readonly count: number; readonly since: number }>

  constructor(clock: Clock, options: FailureLimitOptions) {
    this.#clock = clock
    this.#options = options
    this.#seen = new BoundedMap(options.most)
  }

  /** Seconds until this one may try again; 0 where it may now. */
  waitSeconds(key: string): number {
    const seen = this.#seen.get(key)
    if (!seen || seen.count < this.#options.failures) return 0
    const left = seen.since + this.#options.windowMs - this.#clock.monotonic()
    return Math.max(0, Math.ceil(left / 1000))
  }

  failed(key: string): void {
    const now = this.#clock.monotonic()
    const seen = this.#seen.get(key)
    const goesOn = seen !== undefined && now - seen.since < this.#options.windowMs
    this.#seen.set(key, goesOn ? { ...seen, count: seen.count + 1 } : { count: 1, since: now })
  }
}
