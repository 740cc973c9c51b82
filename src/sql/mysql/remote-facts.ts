import { type MessagePort, receiveMessageOnPort } from 'node:worker_threads'
import type { Classification, SessionNames } from '../statement.ts'
import type { MysqlSchema, SchemaRoutine, SchemaTable } from './schema.ts'

/*
 * The schema and the names of a session stay where they are; a thread that judges a text asks for
 * what the text names, and waits for each answer.
 */

/** What the judging thread asks. */
export type Question =
  | { readonly kind: 'table'; readonly schema: string; readonly name: string }
  | { readonly kind: 'tables-named'; readonly name: string }
  | {
      readonly kind: 'routine'
      readonly routine: SchemaRoutine['kind']
      readonly schema: string
      readonly name: string
    }
  | { readonly kind: 'has-schema'; readonly name: string }
  | { readonly kind: 'prepared' | 'cursor'; readonly name: string }

/** A question with the number of answers before it, by which its own is known. */
export interface Asked {
  readonly number: number
  readonly question: Question
}

export interface Answered {
  readonly number: number
  readonly answer: unknown
}

/** Answers one question from the reading of the schema and the names that hold for the text. */
export function answerTo(question: Question, schema: MysqlSchema, names: SessionNames): unknown {
  switch (question.kind) {
    case 'table':
      return schema.table(question.schema, question.name)
    case 'tables-named':
      return schema.tablesNamed(question.name)
    case 'routine':
      return schema.routine(question.routine, question.schema, question.name)
    case 'has-schema':
      return schema.hasSchema(question.name)
    case 'prepared':
      return names.prepared(question.name)
    case 'cursor':
      return names.cursor(question.name)
  }
}

/** A text that makes one ask more isn't judged. */
const MAX_QUESTIONS = 10_000
const PATIENCE_MS = 5_000

/** The judging thread's view of what the other one knows. Answers are kept for one text. */
export class RemoteFacts implements MysqlSchema, SessionNames {
  readonly version: number
  readonly #port: MessagePort
  /** Counts the answers that have been given. */
  readonly #answered: Int32Array
  readonly #known = new Map<string, unknown>()
  /** The two threads don't understand each other any more: the judging one has to end. */
  lost = false

  constructor(version: number, port: MessagePort, answered: Int32Array) {
    this.version = version
    this.#port = port
    this.#answered = answered
  }

  table(schema: string, name: string): SchemaTable | undefined {
    return this.#ask({ kind: 'table', schema, name }) as SchemaTable | undefined
  }

  tablesNamed(name: string): readonly SchemaTable[] {
    return this.#ask({ kind: 'tables-named', name }) as readonly SchemaTable[]
  }

  routine(routine: SchemaRoutine['kind'], schema: string, name: string): SchemaRoutine | undefined {
    return this.#ask({ kind: 'routine', routine, schema, name }) as SchemaRoutine | undefined
  }

  hasSchema(name: string): boolean {
    return this.#ask({ kind: 'has-schema', name }) === true
  }

  prepared(name: string): Classification | undefined {
    return this.#ask({ kind: 'prepared', name }) as Classification | undefined
  }

  cursor(name: string): Classification | undefined {
    return this.#ask({ kind: 'cursor', name }) as Classification | undefined
  }

  #ask(question: Question): unknown {
    const key = JSON.stringify(question)
    if (this.#known.has(key)) return this.#known.get(key)
    if (this.#known.size >= MAX_QUESTIONS) throw new Error('it names too much')
    const before = Atomics.load(this.#answered, 0)
    this.#port.postMessage({ number: before, question } satisfies Asked)
    const answer = this.#answerTo(before)
    this.#known.set(key, answer)
    return answer
  }

  /** An answer is there when the counter has moved; what woke this thread may be an older one. */
  #answerTo(number: number): unknown {
    const until = performance.now() + PATIENCE_MS
    while (Atomics.load(this.#answered, 0) === number) {
      const left = until - performance.now()
      if (left <= 0) throw this.#lose('what it names could not be asked')
      Atomics.wait(this.#answered, 0, number, left)
    }
    const said = receiveMessageOnPort(this.#port) as { message: Answered } | undefined
    if (said?.message.number !== number) throw this.#lose('an answer is not to what was asked')
    return said.message.answer
  }

  #lose(reason: string): Error {
    this.lost = true
    return new Error(reason)
  }
}
