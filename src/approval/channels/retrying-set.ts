import type { CancelTimer, Clock } from '../../lib/clock.ts'
import { deferred } from '../../lib/deferred.ts'
import { messageOf } from '../../lib/errors.ts'

const FIRST_RETRY_MS = 1_000
const LONGEST_RETRY_MS = 30_000
const FLUSH_MS = 2_000

export interface RetryingSetOptions<T> {
  /** Does what is to be done about one of them; rejects where it has to be tried again. */
  readonly work: (one: T) => Promise<void>
  /** Whether after this error there is no use in trying the others now. */
  readonly isAway: (error: unknown) => boolean
  /** What of an error stands in the log; its message where it is left out. */
  readonly said?: (error: unknown) => string
  /** Milliseconds that have to pass before anything is tried again after this error; else 0. */
  readonly leastWait?: (error: unknown) => number
  /** 0 to 1: of many that wait for the same, not all come back at once. 1 where it is left out. */
  readonly chance?: () => number
  readonly clock: Clock
  readonly log: (text: string) => void
}

/**
 * What has to be done, one after the other and again until it is done. Whatever is added while it
 * waits is done once. One that fails keeps no other back; who is away altogether keeps all.
 */
export class RetryingSet<T> {
  readonly #options: RetryingSetOptions<T>
  readonly #waiting = new Set<T>()
  /** To be tried again when it is time. */
  readonly #failed = new Set<T>()
  /** The one that is under way. */
  readonly #doing = new Set<T>()
  #away = false
  #working: Promise<void> | null = null
  #cancelRetry: CancelTimer | null = null
  #retryMs = FIRST_RETRY_MS
  #leastMs = 0
  #stopped = false

  constructor(options: RetryingSetOptions<T>) {
    this.#options = options
  }

  /** Whether the last try has found nobody there. */
  get away(): boolean {
    return this.#away
  }

  /** What has yet to be done. */
  get queued(): number {
    return new Set([...this.#waiting, ...this.#failed, ...this.#doing]).size
  }

  add(one: T): void {
    this.#waiting.add(one)
    if (!this.#away) this.#work()
  }

  /** Tries all of it now, even where that is due later: who was away may be back. */
  again(): void {
    for (const one of this.#failed) this.#waiting.add(one)
    this.#failed.clear()
    this.#away = false
    this.#work()
  }

  #work(): void {
    if (this.#stopped || this.#working !== null || this.#waiting.size === 0) return
    this.#working = this.#drain().finally(() => {
      this.#working = null
      if (!this.#away) this.#work()
    })
  }

  /** Goes on for a moment, and ends with what isn't done by then undone. */
  async stop(): Promise<void> {
    const late = deferred<void>()
    const cancel = this.#options.clock.after(FLUSH_MS, late.resolve)
    await Promise.race([this.#idle(), late.promise])
    cancel()
    this.#stopped = true
    this.#cancelRetry?.()
  }

  async #idle(): Promise<void> {
    while (this.#working !== null) await this.#working
  }

  async #drain(): Promise<void> {
    for (const one of this.#waiting) {
      if (this.#stopped || this.#away) break
      this.#waiting.delete(one)
      this.#failed.delete(one)
      this.#doing.add(one)
      try {
        await this.#options.work(one)
      } catch (error) {
        this.#options.log((this.#options.said ?? messageOf)(error))
        this.#failed.add(one)
        this.#away = this.#options.isAway(error)
        this.#leastMs = Math.max(this.#leastMs, this.#options.leastWait?.(error) ?? 0)
      } finally {
        this.#doing.delete(one)
      }
    }
    if (this.#failed.size > 0) this.#retryLater()
    else this.#retryMs = FIRST_RETRY_MS
  }

  #retryLater(): void {
    if (this.#stopped || this.#cancelRetry) return
    const { clock, chance } = this.#options
    const wait = Math.max(this.#retryMs * (0.5 + (chance?.() ?? 1) / 2), this.#leastMs)
    this.#leastMs = 0
    this.#cancelRetry = clock.after(wait, () => {
      this.#cancelRetry = null
      this.again()
    })
    this.#retryMs = Math.min(this.#retryMs * 2, LONGEST_RETRY_MS)
  }
}
