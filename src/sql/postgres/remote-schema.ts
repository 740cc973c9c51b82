import { type MessagePort, receiveMessageOnPort } from 'node:worker_threads'
import type { Classification, SessionNames } from '../statement.ts'
import type { Schema } from './schema.ts'

/*
 * The schema and the names of a session stay on the thread that serves; the one that judges a large
 * text asks for what the text names, and waits for each answer.
 */

/** What can be asked: a method by its name, and what it is given. */
export interface Question {
  /** How many questions came before it; its answer says the same. */
  readonly number: number
  readonly ask: keyof typeof ANSWERS
  readonly given: readonly (string | number | undefined)[]
}

export interface Answer {
  readonly number: number
  readonly answer: unknown
}

type Given = readonly [name: string, schema?: string]

/** Every question that is answered, with how. */
const ANSWERS = {
  relationsNamed: (schema: Schema, _names: SessionNames, [name, space]: Given) =>
    schema.relationsNamed(name, space),
  functionsNamed: (schema: Schema, _names: SessionNames, [name, space]: Given) =>
    schema.functionsNamed(name, space),
  typesNamed: (schema: Schema, _names: SessionNames, [name, space]: Given) =>
    schema.typesNamed(name, space),
  type: (schema: Schema, _names: SessionNames, [oid]: Given) => schema.type(Number(oid)),
  hasBuiltin: (schema: Schema, _names: SessionNames, [name]: Given) => schema.hasBuiltin(name),
  builtinReturnsSet: (schema: Schema, _names: SessionNames, [name]: Given) =>
    schema.builtinReturnsSet(name),
  builtinIsVolatile: (schema: Schema, _names: SessionNames, [name]: Given) =>
    schema.builtinIsVolatile(name),
  hasSchema: (schema: Schema, _names: SessionNames, [name]: Given) => schema.hasSchema(name),
  operatorFunctions: (schema: Schema, _names: SessionNames, [name]: Given) =>
    schema.operatorFunctions(name),
  castFunctions: (schema: Schema, _names: SessionNames, [name]: Given) =>
    schema.castFunctions(name),
  prepared: (_schema: Schema, names: SessionNames, [name]: Given) => names.prepared(name),
  cursor: (_schema: Schema, names: SessionNames, [name]: Given) => names.cursor(name),
}

export function answerTo(question: Question, schema: Schema, names: SessionNames): unknown {
  return ANSWERS[question.ask](schema, names, question.given as unknown as Given)
}

/** A text that makes one ask more isn't judged. */
const MAX_QUESTIONS = 10_000
const PATIENCE_MS = 5_000

/** The judging thread's view of what the other one knows. Answers are kept for one text. */
export class RemoteSchema implements Schema, SessionNames {
  readonly version: number
  readonly implicitCasts: Schema['implicitCasts']
  readonly #port: MessagePort
  /** Counts the answers that have been given. */
  readonly #answered: Int32Array
  readonly #known = new Map<string, unknown>()

  constructor(
    of: Pick<Schema, 'version' | 'implicitCasts'>,
    port: MessagePort,
    answered: Int32Array,
  ) {
    this.version = of.version
    this.implicitCasts = of.implicitCasts
    this.#port = port
    this.#answered = answered
  }

  relationsNamed(name: string, schema?: string) {
    return this.#ask('relationsNamed', name, schema) as ReturnType<Schema['relationsNamed']>
  }

  functionsNamed(name: string, schema?: string) {
    return this.#ask('functionsNamed', name, schema) as ReturnType<Schema['functionsNamed']>
  }

  typesNamed(name: string, schema?: string) {
    return this.#ask('typesNamed', name, schema) as ReturnType<Schema['typesNamed']>
  }

  type(oid: number) {
    return this.#ask('type', oid) as ReturnType<Schema['type']>
  }

  hasBuiltin(name: string): boolean {
    return this.#ask('hasBuiltin', name) === true
  }

  builtinReturnsSet(name: string): boolean {
    return this.#ask('builtinReturnsSet', name) === true
  }

  builtinIsVolatile(name: string): boolean {
    return this.#ask('builtinIsVolatile', name) === true
  }

  hasSchema(name: string): boolean {
    return this.#ask('hasSchema', name) === true
  }

  operatorFunctions(name: string) {
    return this.#ask('operatorFunctions', name) as ReturnType<Schema['operatorFunctions']>
  }

  castFunctions(name: string) {
    return this.#ask('castFunctions', name) as ReturnType<Schema['castFunctions']>
  }

  prepared(name: string) {
    return this.#ask('prepared', name) as Classification | undefined
  }

  cursor(name: string) {
    return this.#ask('cursor', name) as Classification | undefined
  }

  #ask(ask: Question['ask'], ...given: Question['given']): unknown {
    const key = JSON.stringify([ask, ...given])
    if (this.#known.has(key)) return this.#known.get(key)
    if (this.#known.size >= MAX_QUESTIONS) throw new Error('it names too much')
    const before = Atomics.load(this.#answered, 0)
    this.#port.postMessage({ number: before, ask, given } satisfies Question)
    // A wake-up for the answer before can come late: it is no answer to this.
    let woken = 'ok'
    while (woken === 'ok' && Atomics.load(this.#answered, 0) === before) {
      woken = Atomics.wait(this.#answered, 0, before, PATIENCE_MS)
    }
    const said = receiveMessageOnPort(this.#port) as { message: Answer } | undefined
    if (said?.message.number !== before) throw new Error('what it names could not be asked')
    this.#known.set(key, said.message.answer)
    return said.message.answer
  }
}
