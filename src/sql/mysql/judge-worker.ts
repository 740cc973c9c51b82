import { judgeWhatComes, Questions } from '../questions.ts'
import type { Dialect, SessionFacts } from './dialect.ts'
import { Judge, type Judgement } from './judge-text.ts'
import { type Question, RemoteFacts } from './remote-facts.ts'

/** A text to be judged, and what it is judged with. */
export interface JudgeJob {
  readonly sql: Uint8Array
  readonly facts: SessionFacts
  readonly dialect: Dialect
  readonly trusted: readonly string[]
  /** Of the reading of the schema. */
  readonly version: number
}

judgeWhatComes(({ sql, facts, dialect, trusted, version }: JudgeJob, line): Judgement => {
  const questions = new Questions<Question>(line)
  const remote = new RemoteFacts(version, questions)
  const judge = new Judge({ facts, schema: remote, dialect, trusted: new Set(trusted) })
  const judgement = judge.text(Buffer.from(sql), remote, 0)
  if (questions.lost) throw new Error('answers and questions differ')
  return judgement
})
