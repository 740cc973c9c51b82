import type { Clock } from '../../lib/clock.ts'
import { JudgingWorker } from '../judging-worker.ts'
import type { SessionNames } from '../statement.ts'
import type { Judgement, JudgeOptions } from './judge-text.ts'
import type { JudgeJob } from './judge-worker.ts'
import { answerTo, type Question } from './remote-facts.ts'

interface Job {
  readonly sql: Buffer
  readonly options: JudgeOptions
  readonly names: SessionNames
}

/** Judges texts that would keep other sessions waiting. */
export class LargeTextJudge extends JudgingWorker<Job, Question, Judgement> {
  constructor(clock: Clock) {
    super(clock, {
      script: new URL('./judge-worker.js', import.meta.url),
      limits: { stackSizeMb: 4, maxOldGenerationSizeMb: 512 },
      watchdogMs: 5_000,
      mostWaiting: 32,
      sent,
      answer: (question, { options, names }) => answerTo(question, options.schema, names),
    })
  }
}

function sent({ sql, options }: Job): JudgeJob {
  const { facts, dialect, trusted, schema } = options
  const { flavour, version } = dialect
  return {
    sql,
    facts,
    dialect: { flavour, version },
    trusted: [...trusted],
    version: schema.version,
  }
}
