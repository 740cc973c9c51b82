import type pg from 'pg'
import { canBePlanned, type Planned } from './plannable.ts'

const ESTIMATED = new Set(['SELECT', 'UPDATE', 'DELETE', 'INSERT', 'MERGE'])
const TIMEOUT_MS = 400

interface Plan {
  readonly 'Plan Rows'?: number
  readonly 'Node Type'?: string
  readonly Plans?: readonly Plan[]
}

/**
 * The planner's row estimate, from a read-only connection of the proxy's own with a short timeout;
 * null where it can't be had. Planners err low: it is shown as an estimate and decides nothing.
 */
export async function estimateRows(
  exchange: Planned,
  connect: () => Promise<pg.Client>,
): Promise<number | null> {
  const sql = exchange.statements[0]?.sql
  if (sql === undefined || !canBePlanned(exchange, ESTIMATED)) return null
  try {
    const client = await connect()
    try {
      return await explain(client, sql)
    } finally {
      await client.end()
    }
  } catch {
    return null
  }
}

async function explain(client: pg.Client, sql: string): Promise<number | null> {
  await client.query(`BEGIN READ ONLY; SET LOCAL lock_timeout = '100ms';
    SET LOCAL statement_timeout = ${TIMEOUT_MS}`)
  // Extended: a Parse takes one statement only, so nothing can hide behind a semicolon.
  const question = { text: `EXPLAIN (FORMAT JSON) ${sql}`, queryMode: 'extended' }
  const { rows } = await client.query<{ 'QUERY PLAN': readonly { Plan: Plan }[] }>(question)
  const plan = rows[0]?.['QUERY PLAN'][0]?.Plan
  if (!plan) return null
  // A ModifyTable without RETURNING returns no rows; what it changes comes from below it.
  const counted = plan['Node Type'] === 'ModifyTable' ? plan.Plans?.[0] : plan
  return counted?.['Plan Rows'] ?? null
}
