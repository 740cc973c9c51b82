import { MessageChannel, Worker } from 'node:worker_threads'
import type { Clock } from '../../lib/clock.ts'
import { type Deferred, deferred } from '../../lib/deferred.ts'
import type { SessionNames } from '../statement.ts'
import type { Judgement } from './classify-text.ts'
import type { JudgeAnswer, JudgeJob } from './judge-worker.ts'
import { type Answer, answerTo, type Question } from './remote-schema.ts'
import type { Schema } from './schema.ts'

/** How long a worker may take for one text, and how long to be there. */
const WATCHDOG_MS = 10_000
const START_MS = 10_000
/** Texts that may wait for the worker; past that a text is unreadable, never passed. */
const MAX_WAITING = 128
const WORKER = new URL('./judge-worker.js', import.meta.url)
const LIMITS = { stackSizeMb: 16, maxOldGenerationSizeMb: 1024 }

/** The text couldn't be judged in time or in memory: nothing is known about it. */
export class UnjudgedError extends Error {}

interface Job {
  readonly sql: string
  readonly schema: Schema
  readonly trusted: ReadonlySet<string>
  readonly names: SessionNames
}

/**
 * Judges texts that are too large or too deep for the data plane's own thread: in a worker, one at a
 * time, under a watchdog. A worker that fails or stalls is thrown away with its memory.
 */
export class LargeTextJudge {
  readonly #clock: Clock
  #worker: Worker | null = null
  /** Settles when the worker has loaded the grammar. */
  #ready: Deferred<void> | null = null
  #answer: Deferred<Judgement> | null = null
  /** What the worker is at. */
  #job: Job | null = null
  #last: Promise<unknown> = Promise.resolve()
  #waiting = 0
  #closed = false

  constructor(clock: Clock) {
    this.#clock = clock
  }

  /** Rejects with UnjudgedError. */
  async judge(job: Job): Promise<Judgement> {
    if (this.#waiting >= MAX_WAITING) throw new UnjudgedError('too many large statements at once')
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
    const cancel = this.#watch(WATCHDOG_MS, 'to read')
    worker.postMessage(sent(job))
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
    const worker = new Worker(WORKER, {
      workerData: { questions, answered },
      transferList: [questions],
      resourceLimits: LIMITS,
    })
    const ready = deferred<void>()
    ready.promise.catch(() => {})
    this.#ready = ready
    own.on('message', (question: Question) => {
      const job = this.#job
      // Each question waits for its answer, so the counter never runs ahead.
      const answer = job && answerTo(question, job.schema, job.names)
      own.postMessage({ number: question.number, answer } satisfies Answer)
      Atomics.add(answered, 0, 1)
      Atomics.notify(answered, 0)
    })
    worker.on('message', (said: JudgeAnswer) => {
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

function sent({ sql, schema, trusted }: Job): JudgeJob {
  const { version, implicitCasts } = schema
  return { sql, trusted: [...trusted], schema: { version, implicitCasts } }
}
