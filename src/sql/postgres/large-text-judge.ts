import type { Clock } from '../../lib/clock.ts'
import { JudgingWorker } from '../judging-worker.ts'
import type { SessionNames } from '../statement.ts'
import type { Judgement } from './classify-text.ts'
import type { JudgeJob } from './judge-worker.ts'
import { answerTo, type Question } from './remote-schema.ts'
import type { Schema } from './schema.ts'

interface Job {
  readonly sql: string
  readonly schema: Schema
  readonly trusted: ReadonlySet<string>
  readonly names: SessionNames
}

/** Judges texts that are too large or too deep for the data plane's own thread. */
export class LargeTextJudge extends JudgingWorker<Job, Question, Judgement> {
  constructor(clock: Clock) {
    super(clock, {
      script: new URL('./judge-worker.js', import.meta.url),
      limits: { stackSizeMb: 16, maxOldGenerationSizeMb: 1024 },
      watchdogMs: 10_000,
      mostWaiting: 128,
      sent,
      answer: (question, { schema, names }) => answerTo(question, schema, names),
    })
  }
}

function sent({ sql, schema, trusted }: Job): JudgeJob {
  const { version, implicitCasts } = schema
  return { sql, trusted: [...trusted], schema: { version, implicitCasts } }
}
