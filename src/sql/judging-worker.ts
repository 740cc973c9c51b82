import { MessageChannel, type ResourceLimits, Worker } from 'node:worker_threads'
import type { Clock } from '../lib/clock.ts'
import { type Deferred, deferred } from '../lib/deferred.ts'
import type { Answered, Asked, Line } from './questions.ts'

/** How long a worker may take to be there. */
const START_MS = 10_000

/** What ends a worker by itself. */
const LOST = 'it is too deep or too large to read'

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

interface Work<Job, Judgement> {
  readonly job: Job
  readonly answer: Deferred<Judgement>
}

/** A worker, from its start until it is thrown away. */
interface Running<Job, Judgement> {
  readonly worker: Worker
  /** Settles when the worker has loaded what it judges by. */
  readonly ready: Deferred<void>
  /** What it is at. */
  work: Work<Job, Judgement> | null
}

/**
 * Judges texts that would keep other sessions waiting, or strain a stack: in a worker, one at a time,
 * under a watchdog. A worker that fails or stalls is thrown away with its memory.
 */
export class JudgingWorker<Job, Question, Judgement> {
  readonly #options: JudgingWorkerOptions<Job, Question>
  readonly #clock: Clock
  #running: Running<Job, Judgement> | null = null
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
    if (this.#running) await this.#discard(this.#running, 'the proxy is closing')
  }

  async #judgeNow(job: Job): Promise<Judgement> {
    if (this.#closed) throw new UnjudgedError('its judge has gone')
    this.#running ??= this.#start()
    const running = this.#running
    await this.#within(START_MS, 'to begin', running, running.ready.promise)
    if (this.#running !== running) throw new UnjudgedError(LOST)
    const answer = deferred<Judgement>()
    running.work = { job, answer }
    running.worker.postMessage(this.#options.sent(job))
    try {
      return await this.#within(this.#options.watchdogMs, 'to read', running, answer.promise)
    } finally {
      running.work = null
    }
  }

  /** Waits, and throws a worker away that takes longer. */
  async #within<T>(
    ms: number,
    what: string,
    running: Running<Job, Judgement>,
    work: Promise<T>,
  ): Promise<T> {
    const cancel = this.#clock.after(ms, () => {
      void this.#discard(running, `it took longer than ${ms} ms ${what}`)
    })
    try {
      return await work
    } finally {
      cancel()
    }
  }

  #start(): Running<Job, Judgement> {
    const { port1: own, port2: questions } = new MessageChannel()
    const answered = new Int32Array(new SharedArrayBuffer(Int32Array.BYTES_PER_ELEMENT))
    const worker = new Worker(this.#options.script, {
      workerData: { questions, answered } satisfies Line,
      transferList: [questions],
      resourceLimits: this.#options.limits,
    })
    const running: Running<Job, Judgement> = { worker, ready: deferred(), work: null }
    running.ready.promise.catch(() => {})
    own.on('message', ({ number, question }: Asked<Question>) => {
      const job = running.work?.job
      // Each question waits for its answer, so the counter never runs ahead.
      const answer = job && this.#options.answer(question, job)
      own.postMessage({ number, answer } satisfies Answered)
      Atomics.add(answered, 0, 1)
      Atomics.notify(answered, 0)
    })
    worker.on('message', (said: 'ready' | Judgement) => {
      if (said === 'ready') running.ready.resolve()
      else running.work?.answer.resolve(said)
    })
    const lost = () => {
      own.close()
      void this.#discard(running, LOST)
    }
    worker.on('error', lost)
    worker.on('exit', lost)
    worker.unref()
    own.unref()
    return running
  }

  async #discard(running: Running<Job, Judgement>, reason: string): Promise<void> {
    if (this.#running === running) this.#running = null
    const error = new UnjudgedError(reason)
    running.ready.reject(error)
    running.work?.answer.reject(error)
    await running.worker.terminate()
  }
}
