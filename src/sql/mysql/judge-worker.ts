import { type MessagePort, parentPort, workerData } from 'node:worker_threads'
import type { Dialect, SessionFacts } from './dialect.ts'
import { Judge, type Judgement } from './judge-text.ts'
import { RemoteFacts } from './remote-facts.ts'

/** A text to be judged, and what it is judged with. */
export interface JudgeJob {
  readonly sql: Uint8Array
  readonly facts: SessionFacts
  readonly dialect: Dialect
  readonly trusted: readonly string[]
  /** Of the reading of the schema. */
  readonly version: number
}

interface Line {
  readonly questions: MessagePort
  readonly answered: Int32Array
}

const { questions, answered } = workerData as Line

function answer({ sql, facts, dialect, trusted, version }: JudgeJob): Judgement {
  const remote = new RemoteFacts(version, questions, answered)
  const judge = new Judge({ facts, schema: remote, dialect, trusted: new Set(trusted) })
  const judgement = judge.text(Buffer.from(sql), remote, 0)
  if (remote.lost) throw new Error('answers and questions differ')
  return judgement
}

parentPort?.postMessage('ready')
parentPort?.on('message', (job: JudgeJob) => parentPort?.postMessage(answer(job)))
