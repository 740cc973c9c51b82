import type { CancelTimer, Clock } from '../lib/clock.ts'

/** setTimeout takes 2^31 - 1 ms at most; longer waits are made of several. */
const LONGEST_TIMER = 2 ** 30

/** One deadline an id. */
export class Deadlines {
  readonly #clock: Clock
  readonly #timers = new Map<string, CancelTimer>()

  constructor(clock: Clock) {
    this.#clock = clock
  }

  /** Calls `fire` once at the time `at` (ms since the epoch), in place of what was set before. */
  set(id: string, at: number, fire: () => void): void {
    this.clear(id)
    const wait = Math.max(0, Math.min(at - this.#clock.now(), LONGEST_TIMER))
    const timer = this.#clock.after(wait, () => {
      this.#timers.delete(id)
      if (this.#clock.now() >= at) fire()
      else this.set(id, at, fire)
    })
    this.#timers.set(id, timer)
  }

  clear(id: string): void {
    this.#timers.get(id)?.()
    this.#timers.delete(id)
  }

  clearAll(): void {
    for (const id of [...this.#timers.keys()]) this.clear(id)
  }
}
