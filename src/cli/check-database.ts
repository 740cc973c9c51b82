import { type ClassMemory, classMemoryOf, readOnly } from '../catalog/class-memory.ts'
import { type CaselessNames, ClassifiedPatterns } from '../catalog/classified-patterns.ts'
import type { DatabaseConfig } from '../config/config.ts'
import { parseUpstream, showUpstream, type Upstream } from '../config/upstream-url.ts'
import type { Clock } from '../lib/clock.ts'
import { messageOf } from '../lib/errors.ts'
import { mysqlCheck } from './check-mysql.ts'
import { postgresCheck } from './check-postgres.ts'

interface DatabaseReport {
  readonly problems: readonly string[]
  readonly warnings: readonly string[]
}

/** What the check of a database needs of its system. */
export interface SystemCheck<Client> {
  connect(upstream: Upstream): Promise<Client>
  disconnect(client: Client): Promise<unknown>
  /** Reads the schema as the proxy would. */
  read(
    client: Client,
    database: DatabaseConfig,
    upstream: Upstream,
    around: Around,
  ): Promise<SystemReading>
}

/** What a reading needs beside the database. */
export interface Around {
  readonly clock: Clock
  /** What a proxy on the same data folder remembers. */
  readonly memory: ClassMemory
}

export interface SystemReading {
  /** What the role had better not be able to do. */
  readonly roleFacts: readonly string[]
  readonly columns: readonly ColumnName[]
  /** New ones beside classified ones, which nobody has judged: schema.table.column. */
  readonly unjudged: readonly string[]
  /** How the names of a pattern compare with those. */
  readonly caseless?: CaselessNames
}

export interface ColumnName {
  readonly schema: string
  readonly table: string
  readonly name: string
}

/** Reaches a database and reads its schema as the proxy would. */
export async function checkDatabase(
  database: DatabaseConfig,
  data: string,
  clock: Clock,
): Promise<DatabaseReport> {
  const upstream = parseUpstream(database.upstream)
  if ('problem' in upstream) return failed(database, upstream.problem)
  const troubles: string[] = []
  const file = classMemoryOf(data, database.name, (why) => troubles.push(why))
  const around = { clock, memory: readOnly(file) }
  const { problems, warnings } =
    upstream.system === 'mysql'
      ? await runCheck(mysqlCheck, database, upstream, around)
      : await runCheck(postgresCheck, database, upstream, around)
  return { problems, warnings: [...warnings, ...troubles.map((why) => saidOf(database, why))] }
}

async function runCheck<Client>(
  system: SystemCheck<Client>,
  database: DatabaseConfig,
  upstream: Upstream,
  around: Around,
): Promise<DatabaseReport> {
  let client: Client
  try {
    client = await system.connect(upstream)
  } catch (error) {
    const { user } = upstream
    return failed(database, `${showUpstream(upstream)} can't be reached as ${user}: ${why(error)}`)
  }
  try {
    const reading = await system.read(client, database, upstream, around)
    const warnings = [...reading.roleFacts, ...unmatched(database, reading), ...waiting(reading)]
    return { problems: [], warnings: warnings.map((text) => saidOf(database, text)) }
  } catch (error) {
    return failed(database, `the schema of ${showUpstream(upstream)} can't be read: ${why(error)}`)
  } finally {
    await system.disconnect(client)
  }
}

function saidOf({ name }: DatabaseConfig, text: string): string {
  return `databases.${name}: ${text}`
}

/** An agent sees only that they are masked. */
function waiting({ unjudged }: SystemReading): string[] {
  return unjudged.map((column) => `${column} is new and masked until classified: judges it`)
}

function failed({ name }: DatabaseConfig, text: string): DatabaseReport {
  return { problems: [`databases.${name}.upstream: ${text}`], warnings: [] }
}

/** A pattern with a slip of the pen protects nothing. */
function unmatched({ classified }: DatabaseConfig, { columns, caseless }: SystemReading): string[] {
  return Object.entries(classified).flatMap(([pattern, dataClass]) => {
    const patterns = new ClassifiedPatterns({ [pattern]: dataClass }, caseless)
    const found = columns.some(
      ({ schema, table, name }) => patterns.classOf(schema, table, name) !== null,
    )
    return found ? [] : [`no column is called ${pattern}, so nothing is masked as ${dataClass}`]
  })
}

/** Errors of several addresses of one host come together, and have no message of their own. */
function why(error: unknown): string {
  return error instanceof AggregateError ? error.errors.map(messageOf).join(', ') : messageOf(error)
}
