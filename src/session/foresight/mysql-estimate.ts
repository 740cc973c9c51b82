import type { Connection } from 'mysql2/promise'
import { readServer } from '../../catalog/mysql-server.ts'
import type { Dialect } from '../../sql/mysql/dialect.ts'
import type { TableUse } from '../../sql/statement.ts'
import { canBePlanned, type Planned } from './plannable.ts'

const ESTIMATED = new Set(['SELECT', 'UPDATE', 'DELETE', 'INSERT'])
/** A text that begins otherwise, with a comment say, could say more behind EXPLAIN than it should. */
const BEGINS = /^(?:SELECT|UPDATE|DELETE|INSERT)\s/i
/**
 * EXPLAIN computes derived tables of one row, so these would be called; they are the only built-in
 * functions that may be harmless to the judgement and not to a server's time.
 */
const SLOW = /\b(?:sleep|benchmark)\b/i
const TIMEOUT_MS = 400
/** Milliseconds until an answer isn't waited for any more. */
const SILENCE_MS = 2_000

interface PlanRow {
  readonly id: number | string | null
  readonly select_type: string
  readonly rows: number | string | null
  readonly filtered?: number | string | null
}

/**
 * The planner's row estimate, from a connection of the proxy's own with a short timeout; null where
 * it can't be had. Both servers run functions that stand in views when they plan, and refuse to plan
 * a write in a read-only transaction: only statements on plain tables of the connection's own schema
 * are planned. Planners err low: it is shown as an estimate and decides nothing.
 */
export async function estimateMysqlRows(
  exchange: Planned,
  connect: () => Promise<Connection>,
): Promise<number | null> {
  const [statement] = exchange.statements
  if (!statement || !canBePlanned(exchange, ESTIMATED)) return null
  const { sql, verb, tables } = statement
  if (!BEGINS.test(sql) || SLOW.test(sql)) return null
  try {
    const connection = await connect()
    try {
      if (!(await onlyPlainTables(connection, tables))) return null
      return await explain(connection, sql, verb)
    } finally {
      // A plan that takes too long isn't waited for, nor is its connection.
      connection.destroy()
    }
  } catch {
    return null
  }
}

/** No views, no names that mean another schema's tables on this connection. */
async function onlyPlainTables(
  connection: Connection,
  tables: readonly TableUse[],
): Promise<boolean> {
  const [here] = await ask<{ name: string }>(connection, 'SELECT DATABASE() AS name')
  const names = [...new Set(tables.map(({ name }) => name))]
  if (names.length === 0 || tables.some(({ schema }) => schema !== here?.name)) return false
  const list = names.map((name) => `_utf8mb4 x'${Buffer.from(name).toString('hex')}'`)
  const [found] = await ask<{ plain: number | string }>(
    connection,
    `SELECT COUNT(*) AS plain FROM information_schema.TABLES
      WHERE TABLE_SCHEMA = DATABASE() AND TABLE_NAME IN (${list.join(', ')})
        AND TABLE_TYPE IN ('BASE TABLE', 'SYSTEM VERSIONED')`,
  )
  return Number(found?.plain) === names.length
}

async function explain(connection: Connection, sql: string, verb: string): Promise<number | null> {
  const { dialect } = await readServer(connection)
  await ask(connection, patience(dialect))
  await ask(connection, `START TRANSACTION ${verb === 'SELECT' ? 'READ ONLY' : ''}`)
  // The connection takes one statement at a time, so nothing can hide behind a semicolon.
  const form = dialect.flavour === 'mariadb' ? 'EXTENDED' : 'FORMAT=TRADITIONAL'
  const rows = rowsOf(await ask<PlanRow>(connection, `EXPLAIN ${form} ${sql}`))
  return rows === null ? null : Math.min(rows, mostRows(sql))
}

/** LIMIT n, LIMIT m, n or LIMIT n OFFSET m, which a plan's rows leave out of account. */
const LIMIT = /\blimit\s+(?:\d+\s*,\s*)?(\d+)(?:\s+offset\s+\d+)?\s*;?\s*$/i

function mostRows(sql: string): number {
  return Number(LIMIT.exec(sql)?.[1] ?? Number.POSITIVE_INFINITY)
}

/** Planning an UPDATE can wait for the locks of a row that it looks up. */
function patience({ flavour }: Dialect): string {
  const limit =
    flavour === 'mariadb'
      ? `max_statement_time = ${TIMEOUT_MS / 1000}`
      : `max_execution_time = ${TIMEOUT_MS}`
  return `SET SESSION ${limit}, lock_wait_timeout = 1, innodb_lock_wait_timeout = 1`
}

/** Of one query that is no subquery; several of them make a UNION. */
const COUNTED = new Set(['SIMPLE', 'PRIMARY', 'UNION', 'UPDATE', 'DELETE'])

/** Rows of joined tables multiply, those of the queries of a UNION add up. */
function rowsOf(plan: readonly PlanRow[]): number | null {
  const queries = new Map<string, number>()
  for (const { id, select_type: type, rows, filtered } of plan) {
    if (rows === null || !COUNTED.has(type)) continue
    const share = filtered === undefined || filtered === null ? 1 : Number(filtered) / 100
    queries.set(String(id), (queries.get(String(id)) ?? 1) * Number(rows) * share)
  }
  if (queries.size === 0) return null
  const sum = [...queries.values()].reduce((one, other) => one + other, 0)
  return Number.isFinite(sum) ? Math.round(sum) : null
}

async function ask<Row>(connection: Connection, sql: string): Promise<readonly Row[]> {
  const [rows] = await connection.query({ sql, timeout: SILENCE_MS })
  return rows as unknown as readonly Row[]
}
