import { connectUpstreamClient } from '../config/upstream-client.ts'
import { createPostgresClassifier } from '../sql/postgres/classify.ts'
import { LineageReader } from '../sql/postgres/lineage.ts'
import { type Judged, type JudgingParts, NO_NAMES, statementsOf } from './explain-judged.ts'
import { openOwnPostgresCatalog } from './own-postgres-catalog.ts'

/** Judges a text on the schema of a PostgreSQL as it is now. */
export async function judgeOnPostgres(
  sql: string,
  { database, upstream, clock, memory }: JudgingParts,
): Promise<readonly Judged[]> {
  const { trustedFunctions } = database
  const connect = () => connectUpstreamClient(upstream, 'countersign explain')
  const catalog = await openOwnPostgresCatalog(database, connect, clock, memory)
  const classifier = await createPostgresClassifier({ catalog, trustedFunctions, clock })
  const lineage = await LineageReader.open(trustedFunctions)
  try {
    const parsed = await classifier.classify(Buffer.from(sql), NO_NAMES)
    return statementsOf(parsed, 'PostgreSQL').map((statement) => ({
      statement,
      outputs: statement.lineage ?? lineage.describe(statement.sql, catalog.current),
    }))
  } finally {
    await Promise.all([classifier.close(), catalog.close()])
  }
}
