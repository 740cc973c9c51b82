import type { Connection } from 'mysql2/promise'
import type { MysqlSnapshot, MysqlTable } from '../../catalog/mysql-snapshot.ts'
import { connectMysqlClient } from '../../config/mysql-upstream-client.ts'
import { openOwnMysqlCatalog } from '../own-mysql-catalog.ts'
import type { TypeFamily } from './kinds.ts'
import { LONGEST_VALUE, type ScannedTable, type ScanSource, TABLE_MS } from './sampled.ts'
import type { ScanParts } from './scan-database.ts'

const FAMILIES: readonly (readonly [RegExp, TypeFamily])[] = [
  [/^(?:var)?char\b|text\b|^enum\b|^set\b/i, 'text'],
  [/^(?:tiny|small|medium|big)?int\b|^decimal\b|^numeric\b|^float\b|^double\b/i, 'number'],
  [/^date\b|^datetime\b|^timestamp\b/i, 'date'],
  [/^inet[46]\b/i, 'address'],
  [/^json\b/i, 'json'],
]

/** Opens the schema of a MySQL or MariaDB that the upstream's URL names, for a scan. */
export async function openMysqlScan({
  database,
  upstream,
  clock,
  memory,
}: ScanParts): Promise<ScanSource> {
  const connect = () => connectMysqlClient(upstream, 'countersign scan')
  const catalog = await openOwnMysqlCatalog(database, connect, clock, memory)
  const { current } = catalog
  await catalog.close()
  const connection = await connect()
  const tables = [...current.tables()].filter(
    ({ kind, schema }) =>
      kind === 'table' && current.fold(schema) === current.fold(upstream.database),
  )
  return {
    tables: tables.map((table) => tableOf(table, current)),
    rows: (table, columns, limit) => {
      const { flavour } = current.dialect
      return readRows(
        connection,
        flavour,
        table,
        columns.map(({ name }) => name),
        limit,
      )
    },
    close: () => connection.end(),
  }
}

function tableOf(
  { schema, name, remote, columns }: MysqlTable,
  snapshot: MysqlSnapshot,
): ScannedTable {
  const unjudged = new Set(snapshot.unjudged.map((column) => column.toLowerCase()))
  return {
    schema,
    name,
    rows: remote ? 'elsewhere' : 'here',
    columns: columns.map((column) => ({
      name: column.name,
      family: FAMILIES.find(([type]) => type.test(column.type))?.[1] ?? 'other',
      classified: column.dataClass !== null || column.derived,
      unjudged: unjudged.has(`${schema}.${name}.${column.name}`.toLowerCase()),
    })),
  }
}

async function readRows(
  connection: Connection,
  flavour: 'mysql' | 'mariadb',
  { schema, name }: ScannedTable,
  columns: readonly string[],
  limit: number,
): Promise<readonly (readonly (string | null)[])[]> {
  const list = columns.map((column) => `LEFT(CAST(t.${quoted(column)} AS CHAR), ${LONGEST_VALUE})`)
  const patience =
    flavour === 'mariadb'
      ? `max_statement_time = ${TABLE_MS / 1000}`
      : `max_execution_time = ${TABLE_MS}`
  await connection.query(`SET SESSION sql_mode = '', lock_wait_timeout = 1, ${patience}`)
  await connection.query('START TRANSACTION READ ONLY')
  try {
    const sql = `SELECT ${list.join(', ')} FROM ${quoted(schema)}.${quoted(name)} t LIMIT ${limit}`
    const [rows] = await connection.query({ sql, rowsAsArray: true, timeout: 2 * TABLE_MS })
    return rows as unknown as (string | null)[][]
  } finally {
    await connection.query('ROLLBACK')
  }
}

function quoted(name: string): string {
  return `\`${name.replaceAll('`', '``')}\``
}
