import { type MessagePort, parentPort, receiveMessageOnPort, workerData } from 'node:worker_threads'

/*
 * The schema and the names of a session stay on the thread that serves; the one that judges a text
 * asks for what the text names, and waits for each answer.
 */

/** What joins the two threads. */
export interface Line {
  readonly questions: MessagePort
  /** Counts the answers that have been given. */
  readonly answered: Int32Array
}

/** A question with the number of answers before it, by which its own is known. */
export interface Asked<Question> {
  readonly number: number
  readonly question: Question
}

export interface Answered {
  readonly number: number
  readonly answer: unknown
}

/** A text that makes one ask more isn't judged. */
const MAX_QUESTIONS = 10_000
const PATIENCE_MS = 5_000

/** The judging thread's questions about one text; answers are kept as long. */
export class Questions<Question> {
  readonly #line: Line
  readonly #known = new Map<string, unknown>()
  #lost = false

  constructor(line: Line) {
    this.#line = line
  }

  /** True where the two threads don't understand each other any more: the judging one has to end. */
  get lost(): boolean {
    return this.#lost
  }

  /** Throws where there are too many, or no answer comes. */
  ask(question: Question): unknown {
    const key = JSON.stringify(question)
    if (this.#known.has(key)) return this.#known.get(key)
    if (this.#known.size >= MAX_QUESTIONS) throw new Error('it names too much')
    const before = Atomics.load(this.#line.answered, 0)
    this.#line.questions.postMessage({ number: before, question } satisfies Asked<Question>)
    const answer = this.#answerTo(before)
    this.#known.set(key, answer)
    return answer
  }

  /** An answer is there when the counter has moved; what woke this thread may be an older one. */
  #answerTo(number: number): unknown {
    const { questions, answered } = this.#line
    const until = performance.now() + PATIENCE_MS
    while (Atomics.load(answered, 0) === number) {
      const left = until - performance.now()
      if (left <= 0) throw this.#lose('what it names could not be asked')
      Atomics.wait(answered, 0, number, left)
    }
    const said = receiveMessageOnPort(questions) as { message: Answered } | undefined
    if (said?.message.number !== number) throw this.#lose('an answer is not to what was asked')
    return said.message.answer
  }

  #lose(reason: string): Error {
    this.#lost = true
    return new Error(reason)
  }
}

/** In the judging thread: judges what comes, one text after the other. What `judge` throws ends it. */
export function judgeWhatComes<Job, Judgement>(judge: (job: Job, line: Line) => Judgement): void {
  const line = workerData as Line
  parentPort?.postMessage('ready')
  parentPort?.on('message', (job: Job) => parentPort?.postMessage(judge(job, line)))
}
