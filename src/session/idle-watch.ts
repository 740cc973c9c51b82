import type { CancelTimer, Clock } from '../lib/clock.ts'

export interface IdleWatchOptions {
  readonly clock: Clock
  /** After this long without a batch a session is idle, in ms; 0 for never. */
  readonly idleMs: number
  /** True while something is under way: then nobody is idle. */
  working(): boolean
  idled(): void
}

/** Notices that a client asks nothing any more. */
export class IdleWatch {
  readonly #options: IdleWatchOptions
  #lastActive = 0
  #cancel: CancelTimer = () => {}

  constructor(options: IdleWatchOptions) {
    this.#options = options
  }

  start(): void {
    this.active()
    this.#watch(this.#options.idleMs)
  }

  active(): void {
    this.#lastActive = this.#options.clock.monotonic()
  }

  stop(): void {
    this.#cancel()
  }

  /** One timer, set again when it fires too early: to set it for each statement would cost more. */
  #watch(ms: number): void {
    const { clock, idleMs } = this.#options
    if (idleMs === 0) return
    this.#cancel = clock.after(ms, () => {
      const left = this.#lastActive + idleMs - clock.monotonic()
      if (this.#options.working()) this.#watch(idleMs)
      else if (left > 0) this.#watch(left)
      else this.#options.idled()
    })
  }
}
