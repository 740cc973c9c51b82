import type { Questions } from '../questions.ts'
import type { Classification, SessionNames } from '../statement.ts'
import type { MysqlSchema, SchemaRoutine, SchemaTable } from './schema.ts'

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

/** The judging thread's view of what the other one knows. */
export class RemoteFacts implements MysqlSchema, SessionNames {
  readonly version: number
  readonly #questions: Questions<Question>

  constructor(version: number, questions: Questions<Question>) {
    this.version = version
    this.#questions = questions
  }

  table(schema: string, name: string): SchemaTable | undefined {
    return this.#questions.ask({ kind: 'table', schema, name }) as SchemaTable | undefined
  }

  tablesNamed(name: string): readonly SchemaTable[] {
    return this.#questions.ask({ kind: 'tables-named', name }) as readonly SchemaTable[]
  }

  routine(routine: SchemaRoutine['kind'], schema: string, name: string): SchemaRoutine | undefined {
    const question = { kind: 'routine', routine, schema, name } as const
    return this.#questions.ask(question) as SchemaRoutine | undefined
  }

  hasSchema(name: string): boolean {
    return this.#questions.ask({ kind: 'has-schema', name }) === true
  }

  prepared(name: string): Classification | undefined {
    return this.#questions.ask({ kind: 'prepared', name }) as Classification | undefined
  }

  cursor(name: string): Classification | undefined {
    return this.#questions.ask({ kind: 'cursor', name }) as Classification | undefined
  }
}
