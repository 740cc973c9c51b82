import type { Questions } from '../questions.ts'
import type { Classification, SessionNames } from '../statement.ts'
import type { Schema } from './schema.ts'

/** What can be asked: a method by its name, and what it is given. */
export interface Question {
  readonly ask: keyof typeof ANSWERS
  readonly given: readonly (string | number | undefined)[]
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

/** The judging thread's view of what the other one knows. */
export class RemoteSchema implements Schema, SessionNames {
  readonly version: number
  readonly implicitCasts: Schema['implicitCasts']
  readonly #questions: Questions<Question>

  constructor(of: Pick<Schema, 'version' | 'implicitCasts'>, questions: Questions<Question>) {
    this.version = of.version
    this.implicitCasts = of.implicitCasts
    this.#questions = questions
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
    return this.#questions.ask({ ask, given })
  }
}
