import type pg from 'pg'
import { ClassifiedPatterns } from '../catalog/classified-patterns.ts'
import { openPostgresCatalog, type PostgresCatalog } from '../catalog/postgres-catalog.ts'
import { inspectRole } from '../catalog/role-facts.ts'
import type { DatabaseConfig } from '../config/config.ts'
import { connectUpstreamClient } from '../config/upstream-client.ts'
import { parseUpstream, showUpstream, type Upstream } from '../config/upstream-url.ts'
import type { Clock } from '../lib/clock.ts'
import { messageOf } from '../lib/errors.ts'

interface DatabaseReport {
  readonly problems: readonly string[]
  readonly warnings: readonly string[]
}

/** Reaches a database and reads its schema as the proxy would. */
export async function checkDatabase(
  database: DatabaseConfig,
  clock: Clock,
): Promise<DatabaseReport> {
  const upstream = parseUpstream(database.upstream)
  const failed = (text: string) => ({
    problems: [`databases.${database.name}.upstream: ${text}`],
    warnings: [],
  })
  if ('problem' in upstream) return failed(upstream.problem)
  // That a database isn't PostgreSQL is told among what isn't supported.
  if (upstream.system !== 'postgresql') return { problems: [], warnings: [] }
  let client: pg.Client
  try {
    client = await connectUpstreamClient(upstream, 'countersign check')
  } catch (error) {
    return failed(`${showUpstream(upstream)} can't be reached as ${upstream.user}: ${why(error)}`)
  }
  try {
    return { problems: [], warnings: await readWarnings(database, upstream, client, clock) }
  } catch (error) {
    return failed(`the schema of ${showUpstream(upstream)} can't be read: ${why(error)}`)
  } finally {
    await client.end()
  }
}

async function readWarnings(
  database: DatabaseConfig,
  upstream: Upstream,
  client: pg.Client,
  clock: Clock,
): Promise<string[]> {
  const catalog = await openPostgresCatalog({
    connect: () => connectUpstreamClient(upstream, 'countersign check'),
    classified: database.classified,
    trustedFunctions: database.trustedFunctions,
    clock,
  })
  try {
    const role = await inspectRole(client, catalog.current)
    return [...role, ...unmatched(database, catalog)].map(
      (text) => `databases.${database.name}: ${text}`,
    )
  } finally {
    await catalog.close()
  }
}

/** A pattern with a slip of the pen protects nothing. */
function unmatched({ classified }: DatabaseConfig, { current }: PostgresCatalog): string[] {
  const relations = [...current.relations()]
  return Object.entries(classified).flatMap(([pattern, dataClass]) => {
    const patterns = new ClassifiedPatterns({ [pattern]: dataClass })
    const found = relations.some(({ schema, name, columns }) =>
      [...columns.values()].some((column) => patterns.classOf(schema, name, column.name) !== null),
    )
    return found ? [] : [`no column is called ${pattern}, so nothing is masked as ${dataClass}`]
  })
}

/** Errors of several addresses of one host come together, and have no message of their own. */
function why(error: unknown): string {
  return error instanceof AggregateError ? error.errors.map(messageOf).join(', ') : messageOf(error)
}
