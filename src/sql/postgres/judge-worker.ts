import { judgeWhatComes, Questions } from '../questions.ts'
import type { CodeSource } from './analysis.ts'
import { type Judgement, judgeText } from './classify-text.ts'
import { CodeReader } from './code-text.ts'
import { isReadable, parseWith } from './parser.ts'
import { PgQuery } from './pg-query.ts'
import { type Question, RemoteSchema } from './remote-schema.ts'
import type { Schema } from './schema.ts'

/** A text to be judged, and what it is judged with. */
export interface JudgeJob {
  readonly sql: string
  readonly trusted: readonly string[]
  readonly schema: Pick<Schema, 'version' | 'implicitCasts'>
}

const grammar = await PgQuery.load()
const code = new CodeReader()
const source: CodeSource = {
  parseBody: (sql) => (isReadable(sql) ? code.statements(grammar, sql) : null),
  parseRoutine: (text) => (isReadable(text) ? code.routine(grammar, text) : null),
}

// Loading the grammar is no part of judging a text.
judgeWhatComes(({ sql, trusted, schema }: JudgeJob, line): Judgement => {
  const questions = new Questions<Question>(line)
  const remote = new RemoteSchema(schema, questions)
  const settings = { schema: remote, trusted: new Set(trusted), source }
  const outcome = parseWith(grammar, sql, Buffer.from(sql))
  // This thread ends, and with it a grammar that can't be trusted any more.
  if (!grammar.sound) throw new Error('the grammar has failed')
  const judgement = judgeText(outcome, settings, remote)
  if (questions.lost) throw new Error('answers and questions differ')
  return judgement
})
