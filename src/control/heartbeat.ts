import type { CancelTimer, Clock } from '../lib/clock.ts'

const EVERY_MS = 5_000
/** Pings without an answer after which a process counts as stalled. */
const MISSES = 3

/** Asks a process again and again whether it still turns its loop. */
export class Heartbeat {
  readonly #options: {
    readonly clock: Clock
    readonly ping: (ref: number) => void
    readonly onStall: () => void
  }
  #sent = 0
  #answered = 0
  #cancel: CancelTimer

  constructor(options: {
    readonly clock: Clock
    readonly ping: (ref: number) => void
    readonly onStall: () => void
  }) {
    this.#options = options
    this.#cancel = options.clock.after(EVERY_MS, () => this.#beat())
  }

  answered(ref: number): void {
    this.#answered = Math.max(this.#answered, ref)
  }

  stop(): void {
    this.#cancel()
  }

  #beat(): void {
    if (this.#sent - this.#answered >= MISSES) {
      this.#options.onStall()
      return
    }
    this.#options.ping(++this.#sent)
    this.#cancel = this.#options.clock.after(EVERY_MS, () => this.#beat())
  }
}
