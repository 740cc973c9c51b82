import type { CancelTimer, Clock } from '../../lib/clock.ts'
import { messageOf } from '../../lib/errors.ts'

/** How long after each failure it is tried again; behind the last one a message is given up. */
const RETRY_MS = [
  5_000,
  5 * 60_000,
  30 * 60_000,
  2 * 3_600_000,
  5 * 3_600_000,
  10 * 3_600_000,
  14 * 3_600_000,
]
const TIMEOUT_MS = 10_000
/** Messages that wait for an endpoint; the oldest go first, alerts last. */
const MAX_QUEUED = 1_000
/** Calls to one endpoint at a time. */
const MAX_IN_FLIGHT = 4
/** RFC 9110, section 15.5.11: whoever was there wants nothing more. */
const GONE = 410

export type Post = (url: string, init: RequestInit) => Promise<Response>

export interface OutboxOptions {
  readonly url: string
  /** For the log: addresses can hold secrets, and aren't said. */
  readonly name: string
  readonly clock: Clock
  readonly log: (text: string) => void
  readonly post: Post
  /** Headers that prove a body to whoever is there. */
  readonly sign?: (id: string, at: Date, body: string) => Readonly<Record<string, string>>
}

interface Message {
  readonly id: string
  readonly body: string
  readonly alert: boolean
  failures: number
  /** Milliseconds since the epoch. */
  dueAt: number
}

export interface OutboxCounts {
  delivered: number
  failed: number
  dropped: number
}

/**
 * What is to be told to one endpoint. Each message is posted until it is taken, with growing
 * pauses; an endpoint that is away, slow or hostile costs nothing but its own queue. What is queued
 * doesn't outlive the process.
 */
export class Outbox {
  readonly counts: OutboxCounts = { delivered: 0, failed: 0, dropped: 0 }
  readonly #options: OutboxOptions
  readonly #queue: Message[] = []
  readonly #stopping = new AbortController()
  #inFlight = 0
  #cancelTimer: CancelTimer | null = null
  #gone = false

  constructor(options: OutboxOptions) {
    this.#options = options
  }

  /** Messages that wait or are on their way. */
  get queued(): number {
    return this.#queue.length + this.#inFlight
  }

  /** `alert`: nothing else pushes it out of the queue. */
  add(id: string, content: unknown, { alert = false } = {}): void {
    if (this.#gone || this.#stopping.signal.aborted) return
    const body = JSON.stringify(content)
    this.#push({ id, body, alert, failures: 0, dueAt: this.#options.clock.now() })
    this.#pump()
  }

  /** Ends all calls; what isn't delivered is lost. */
  stop(): void {
    this.#stopping.abort()
    this.#cancelTimer?.()
    this.#queue.length = 0
  }

  /** Whoever can make many messages isn't to push out the one that tells of it. */
  #push(message: Message): void {
    this.#queue.push(message)
    if (this.#queue.length <= MAX_QUEUED) return
    const oldest = this.#queue.findIndex(({ alert }) => !alert)
    this.#queue.splice(Math.max(0, oldest), 1)
    this.counts.dropped++
  }

  #pump(): void {
    this.#cancelTimer?.()
    this.#cancelTimer = null
    while (this.#inFlight < MAX_IN_FLIGHT) {
      const message = this.#takeDue()
      if (!message) break
      this.#inFlight++
      void this.#deliver(message).finally(() => {
        this.#inFlight--
        if (!this.#stopping.signal.aborted) this.#pump()
      })
    }
    this.#sleep()
  }

  #takeDue(): Message | undefined {
    const now = this.#options.clock.now()
    const at = this.#queue.findIndex(({ dueAt }) => dueAt <= now)
    return at < 0 ? undefined : this.#queue.splice(at, 1)[0]
  }

  #sleep(): void {
    if (this.#queue.length === 0 || this.#inFlight >= MAX_IN_FLIGHT) return
    const next = Math.min(...this.#queue.map(({ dueAt }) => dueAt))
    const wait = Math.max(0, next - this.#options.clock.now())
    this.#cancelTimer = this.#options.clock.after(wait, () => this.#pump())
  }

  async #deliver(message: Message): Promise<void> {
    const problem = await this.#post(message)
    if (this.#stopping.signal.aborted) return
    if (problem === null) this.counts.delivered++
    else this.#failed(message, problem)
  }

  /** Why it wasn't taken, or null. */
  async #post({ id, body }: Message): Promise<string | null> {
    const { url, clock, post, sign } = this.#options
    const late = new AbortController()
    const cancel = clock.after(TIMEOUT_MS, () => late.abort(new Error('it took over 10 s')))
    const headers = {
      'content-type': 'application/json',
      'user-agent': 'countersign',
      ...sign?.(id, new Date(clock.now()), body),
    }
    const signal = AbortSignal.any([late.signal, this.#stopping.signal])
    try {
      // A redirect would lead what is signed to where nobody has configured it to go.
      const init = { method: 'POST', body, headers, signal, redirect: 'manual' } as const
      const response = await post(url, init)
      await response.body?.cancel()
      if (response.status === GONE) this.#end()
      return response.ok ? null : `it answered ${response.status}`
    } catch (error) {
      return late.signal.aborted ? messageOf(late.signal.reason) : causeOf(error)
    } finally {
      cancel()
    }
  }

  #failed(message: Message, problem: string): void {
    const { log, name, clock } = this.#options
    this.counts.failed++
    const wait = RETRY_MS[message.failures]
    message.failures++
    if (this.#gone || wait === undefined) {
      this.counts.dropped++
      return
    }
    // Said once a message: it is tried for a day and a half.
    if (message.failures === 1) log(`${name}: ${problem}; it is tried again`)
    message.dueAt = clock.now() + wait
    this.#push(message)
  }

  #end(): void {
    this.#gone = true
    this.#options.log(`${this.#options.name}: it answered 410, so it is told nothing more`)
    this.counts.dropped += this.#queue.splice(0).length
  }
}

/** fetch says why in the cause of its error: ECONNREFUSED, a certificate that is not trusted. */
function causeOf(error: unknown): string {
  const { cause } = error as { cause?: { code?: unknown } }
  return typeof cause?.code === 'string' ? `${messageOf(error)} (${cause.code})` : messageOf(error)
}
