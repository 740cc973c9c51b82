import { MessageChannel, type ResourceLimits, Worker } from 'node:worker_threads'
import type { Clock } from '../lib/clock.ts'
import { type Deferred, deferred } from '../lib/deferred.ts'

/** How long a worker may take to be there. */
const START_MS = 10_000

/** The text couldn't be judged in time or in memory: nothing is known about it. */
export class UnjudgedError extends Error {}

export interface JudgingWorkerOptions<Job, Question> {
  readonly script: URL
  readonly limits: ResourceLimits
  /** How long it may take for one text. */
  readonly watchdogMs: number
  /** Texts that may wait for it; past that a text is unreadable, never passed. */
  readonly mostWaiting: number
  /** What of a job can be sent to another thread. */
  sent(job: Job): unknown
  /** What the serving thread knows, and the worker asks for while it judges. */
  answer(question: Question, job: Job): unknown
}

/**
 * Judges texts that would keep other sessions waiting, or strain a stack: in a worker, one at a time,
 * under a watchdog. A worker that fails or stalls is thrown away with its memory.
 */
export class JudgingWorker<Job, Question extends { readonly number: number }, Judgement> {
  readonly #options: JudgingWorkerOptions<Job, Question>
  readonly #clock: Clock
  #worker: Worker | null = null
  /** Settles when the worker has loaded what it judges by. */
  #ready: Deferred<void> | null = null
  #answer: Deferred<Judgement> | null = null
  /** What the worker is at. */
  #job: Job | null = null
  #last: Promise<unknown> = Promise.resolve()
  #waiting = 0
  #closed = false

  constructor(clock: Clock, options: JudgingWorkerOptions<Job, Question>) {
    this.#clock = clock
    this.#options = options
  }

  /** Rejects with UnjudgedError. */
  async judge(job: Job): Promise<Judgement> {
    if (this.#waiting >= this.#options.mostWaiting)
      throw new UnjudgedError('too many large statements at once')
    this.#waiting++
    const turn = this.#last.then(() => this.#judgeNow(job)).finally(() => this.#waiting--)
    this.#last = turn.catch(() => {})
    return turn
  }

  async close(): Promise<void> {
    this.#closed = true
    await this.#discard('the proxy is closing')
  }

  async #judgeNow(job: Job): Promise<Judgement> {
    if (this.#closed) throw new UnjudgedError('its judge has gone')
    const worker = await this.#readyWorker()
    const answer = deferred<Judgement>()
    this.#answer = answer
    this.#job = job
    const cancel = this.#watch(this.#options.watchdogMs, 'to read')
    worker.postMessage(this.#options.sent(job))
    try {
      return await answer.promise
    } finally {
      cancel()
      this.#answer = null
      this.#job = null
    }
  }

  async #readyWorker(): Promise<Worker> {
    this.#worker ??= this.#start()
    const worker = this.#worker
    const cancel = this.#watch(START_MS, 'to begin')
    try {
      await this.#ready?.promise
    } finally {
      cancel()
    }
    return worker
  }

  #watch(ms: number, what: string): () => void {
    return this.#clock.after(ms, () => {
      void this.#discard(`it took longer than ${ms} ms ${what}`)
    })
  }

  #start(): Worker {
    const { port1: own, port2: questions } = new MessageChannel()
    const answered = new Int32Array(new SharedArrayBuffer(Int32Array.BYTES_PER_ELEMENT))
    const worker = new Worker(this.#options.script, {
      workerData: { questions, answered },
      transferList: [questions],
      resourceLimits: this.#options.limits,
    })
    const ready = deferred<void>()
    ready.promise.catch(() => {})
    this.#ready = ready
    own.on('message', (question: Question) => {
      const job = this.#job
      // Each question waits for its answer, so the counter never runs ahead.
      const answer = job && this.#options.answer(question, job)
      own.postMessage({ number: question.number, answer })
      Atomics.add(answered, 0, 1)
      Atomics.notify(answered, 0)
    })
    worker.on('message', (said: 'ready' | Judgement) => {
      if (said === 'ready') ready.resolve()
      else if (this.#worker === worker) this.#answer?.resolve(said)
    })
    const lost = () => {
      own.close()
      if (this.#worker === worker) void this.#discard('it is too deep or too large to read')
    }
    worker.on('error', lost)
    worker.on('exit', lost)
    worker.unref()
    own.unref()
    return worker
  }

  async #discard(reason: string): Promise<void> {
    const worker = this.#worker
    this.#worker = null
    const error = new UnjudgedError(reason)
    this.#ready?.reject(error)
    this.#answer?.reject(error)
    await worker?.terminate()
  }
}
