import type { Connection } from 'mysql2/promise'
import { connectMysqlClient } from '../config/mysql-upstream-client.ts'
import type { Upstream } from '../config/upstream-url.ts'
import { createMysqlClassifier } from '../sql/mysql/classify.ts'
import type { SessionFacts } from '../sql/mysql/dialect.ts'
import { sessionFactsOf } from '../sql/mysql/session-facts.ts'
import type { OutputLineage } from '../sql/output-lineage.ts'
import type { Classification } from '../sql/statement.ts'
import { type Judged, type JudgingParts, NO_NAMES, statementsOf } from './explain-judged.ts'
import { openOwnMysqlCatalog } from './own-mysql-catalog.ts'

/** Judges a text on the schema of a MySQL or MariaDB as it is now, in a session as they begin. */
export async function judgeOnMysql(
  sql: string,
  { database, upstream, clock, memory }: JudgingParts,
): Promise<readonly Judged[]> {
  const connect = () => connectMysqlClient(upstream, 'countersign explain')
  const facts = await factsOf(upstream, connect)
  const catalog = await openOwnMysqlCatalog(database, connect, clock, memory)
  try {
    const { dialect } = catalog.current
    const { trustedFunctions } = database
    const classifier = createMysqlClassifier({ catalog, dialect, trustedFunctions })
    const parsed = await classifier.forSession(() => facts).classify(Buffer.from(sql), NO_NAMES)
    const system = dialect.flavour === 'mysql' ? 'MySQL' : 'MariaDB'
    return statementsOf(parsed, system).map((statement) => ({
      statement,
      outputs: outputsOf(statement),
    }))
  } finally {
    await catalog.close()
  }
}

/** What a new session of an agent has: the server's own mode, the database of the upstream's URL. */
async function factsOf(
  { database }: Upstream,
  connect: () => Promise<Connection>,
): Promise<SessionFacts> {
  const connection = await connect()
  try {
    const [rows] = await connection.query('SELECT @@GLOBAL.sql_mode AS `mode`')
    const [row] = rows as unknown as readonly { readonly mode: string }[]
    return sessionFactsOf(
      new Map([
        ['character_set_client', 'utf8mb4'],
        ['schema', database],
        ['sql_mode', row?.mode ?? ''],
      ]),
    )
  } finally {
    await connection.end()
  }
}

/** Where it isn't certain what the columns are computed from, all of them are masked. */
function outputsOf({ lineage, output, effects }: Classification): readonly OutputLineage[] | null {
  if (lineage) return lineage
  const writes = effects.some(({ effect }) => effect === 'write' || effect === 'unbounded-write')
  return output === 'classified' && !writes ? [EVERY_COLUMN] : null
}

const EVERY_COLUMN: OutputLineage = {
  name: '*',
  sources: [{ kind: 'unknown', label: 'what is not certain', flow: 'derived' }],
}
