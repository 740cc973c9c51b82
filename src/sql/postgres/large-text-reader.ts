import { Worker } from 'node:worker_threads'
import type { Clock } from '../../lib/clock.ts'
import { type Deferred, deferred } from '../../lib/deferred.ts'
import type { Body } from './ast.ts'
import type { WorkerAnswer } from './parse-worker.ts'
import { SqlSyntaxError } from './pg-query.ts'
import type { ReadText } from './read-text.ts'

/** How long a worker may take for one text, and how long to be there. */
const WATCHDOG_MS = 1000
const START_MS = 10_000
/** Texts that may wait for the worker; past that a text is unreadable, never passed. */
const MAX_WAITING = 32
const WORKER = new URL('./parse-worker.js', import.meta.url)

/** The text couldn't be read in time or in memory: nothing is known about it. */
export class UnreadableError extends Error {}

/**
 * Reads texts that are too large or too deep for the data plane's own thread: in a worker, one at
 * a time, under a watchdog. A worker that fails or stalls is thrown away with its memory.
 */
export class LargeTextReader {
  readonly #clock: Clock
  #worker: Worker | null = null
  /** Settles when the worker has loaded the grammar. */
  #ready: Deferred<void> | null = null
  #answer: Deferred<WorkerAnswer> | null = null
  #last: Promise<unknown> = Promise.resolve()
  #waiting = 0

  constructor(clock: Clock) {
    this.#clock = clock
  }

  /** Rejects with SqlSyntaxError or UnreadableError. */
  async read(sql: string): Promise<ReadText> {
    if (this.#waiting >= MAX_WAITING) throw new UnreadableError('too many large statements at once')
    this.#waiting++
    const turn = this.#last.then(() => this.#readNow(sql)).finally(() => this.#waiting--)
    this.#last = turn.catch(() => {})
    return textFrom(await turn)
  }

  async close(): Promise<void> {
    await this.#discard('the reader is closing')
  }

  async #readNow(sql: string): Promise<WorkerAnswer> {
    const worker = await this.#readyWorker()
    const answer = deferred<WorkerAnswer>()
    this.#answer = answer
    const cancel = this.#watch(WATCHDOG_MS, 'to read')
    worker.postMessage(sql)
    try {
      return await answer.promise
    } finally {
      cancel()
      this.#answer = null
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
    const worker = new Worker(WORKER, { resourceLimits: { stackSizeMb: 16 } })
    worker.unref()
    const ready = deferred<void>()
    ready.promise.catch(() => {})
    this.#ready = ready
    worker.on('message', (said: WorkerAnswer | 'ready') => {
      if (said === 'ready') ready.resolve()
      else this.#answer?.resolve(said)
    })
    const lost = () => {
      if (this.#worker === worker) void this.#discard('it is too deep or too large to read')
    }
    worker.on('error', lost)
    worker.on('exit', lost)
    return worker
  }

  async #discard(reason: string): Promise<void> {
    const worker = this.#worker
    this.#worker = null
    const error = new UnreadableError(reason)
    this.#ready?.reject(error)
    this.#answer?.reject(error)
    await worker?.terminate()
  }
}

function textFrom(answer: WorkerAnswer): ReadText {
  if (answer.kind === 'syntax-error') throw new SqlSyntaxError(answer.message)
  const statements = answer.statements.map(({ tree, ...rest }) => ({
    ...rest,
    node: JSON.parse(tree) as Body,
  }))
  return { statements, ambiguous: answer.ambiguous }
}
