import { messageOf } from '../../../lib/errors.ts'
import type { OutputLineage } from '../../output-lineage.ts'
import { Cursor } from '../cursor.ts'
import { topLevel } from '../data-statements.ts'
import { type Dialect, SERVER_WRITES } from '../dialect.ts'
import { fromClauses } from '../from-clauses.ts'
import { readText } from '../read-text.ts'
import type { MysqlSchema } from '../schema.ts'
import { codeOf, type StatementText } from '../statement-text.ts'
import type { Column, Outputs } from './columns.ts'
import { Context, type ContextOptions, type Followers } from './context.ts'
import { sourcesOf } from './follow-expression.ts'
import { addFrom } from './follow-from.ts'
import { itemOutputs, outputsOf } from './follow-query.ts'
import { readExpression } from './read-expression.ts'
import { readFrom } from './read-from.ts'
import { readItems } from './read-items.ts'
import { readQuery } from './read-query.ts'
import { type Readers, Reading, Unfollowed } from './reading.ts'
import { Scope } from './scope.ts'
import { confirm } from './second-reading.ts'

/** A longer query isn't followed. */
const MAX_TOKENS = 4000

const READERS: Readers = {
  query: readQuery,
  expression: readExpression,
  items: readItems,
  from: readFrom,
}
const FOLLOWERS: Followers = { outputs: outputsOf, sources: sourcesOf }

/**
 * What the output columns of one statement are computed from: a query, or an INSERT, REPLACE or
 * DELETE with RETURNING.
 *
 * @param text the statement's code, without comments and hints
 * @returns one entry an output column; null where that isn't certain
 */
export function lineageOfStatement(
  text: StatementText,
  options: ContextOptions,
): readonly OutputLineage[] | null {
  if (text.tokens.length > MAX_TOKENS) return null
  try {
    const outputs = statementOutputs(text, options)
    return outputs?.ordered ? lineageOfColumns(outputs.columns) : null
  } catch (error) {
    if (error instanceof Unfollowed || error instanceof RangeError) return null
    throw new Error(`lineage: ${messageOf(error)}`, { cause: error })
  }
}

/**
 * The same for a query that stands in the schema: a view's definition, as the server gives it.
 *
 * @param database the schema that names without one are in
 */
export function lineageOfQuery(
  definition: string,
  database: string | null,
  schema: MysqlSchema,
  dialect: Dialect,
  trusted: ReadonlySet<string> = new Set(),
): readonly OutputLineage[] | null {
  const facts = { characterSet: 'utf8mb4', database, ...SERVER_WRITES }
  const read = readText(Buffer.from(definition), facts, dialect)
  if (read.kind === 'opaque' || read.conditional.length > 0) return null
  const options = { schema, database, dialect, trusted }
  const [first, ...others] = read.readings.map(({ statements }) => {
    const [text, ...more] = statements
    return text && more.length === 0 ? lineageOfStatement(codeOf(text), options) : null
  })
  const agree = others.every((other) => JSON.stringify(other) === JSON.stringify(first))
  return agree ? (first ?? null) : null
}

const BEGINS_QUERY = new Set(['SELECT', 'WITH', 'VALUES', 'TABLE'])
const RETURNS = new Set(['INSERT', 'REPLACE', 'DELETE'])

function statementOutputs(text: StatementText, options: ContextOptions): Outputs | null {
  const reading = new Reading(text, options.dialect, READERS)
  const context = new Context(options, FOLLOWERS)
  const { cursor } = reading
  if (RETURNS.has(cursor.word()) && options.dialect.flavour === 'mariadb') {
    return returnedOutputs(reading, context)
  }
  if (!BEGINS_QUERY.has(cursor.word()) && !cursor.op('(')) return null
  const query = reading.query()
  if (!cursor.done) return null
  checkTables(reading)
  confirm(text, query, options.dialect)
  return context.outputs(query, { parent: null, commons: null })
}

/**
 * Every table that the verdict found has to be one that was read here, or stand in a query within a
 * condition or an order, which were passed.
 */
function checkTables({ cursor, dialect, tables, passed, closings }: Reading): void {
  const { refs, doubt } = fromClauses(cursor.text, dialect)
  const isWithin = (at: number, from: number) =>
    [...closings].some(([open, close]) => open >= from && open < at && close > at)
  const missed = refs.filter(({ at }) => {
    if (tables.has(at)) return false
    return !passed.some(([from, to]) => at >= from && at < to && isWithin(at, from))
  })
  if (doubt !== null || missed.length > 0) throw new Unfollowed('its tables are not certain')
}

const MODIFIERS = new Set(['LOW_PRIORITY', 'HIGH_PRIORITY', 'DELAYED', 'IGNORE', 'QUICK'])

/** INSERT [INTO] t ... RETURNING list, DELETE FROM t ... RETURNING list */
function returnedOutputs(reading: Reading, context: Context): Outputs | null {
  const { cursor } = reading
  const at = topLevel(cursor.tokens, 'RETURNING', 1)
  const target = new Cursor(cursor.text, 1)
  target.skipAny(MODIFIERS)
  if (!target.skip('INTO')) target.skip('FROM')
  const name = target.name()
  const plain = ['WHERE', 'RETURNING', 'ORDER', 'LIMIT'].includes(target.word())
  const deletes = cursor.sees('DELETE')
  if (at < 0 || !name || (deletes && !plain)) return null
  cursor.at = at + 1
  const items = reading.items()
  if (!cursor.done) return null
  const scope = new Scope(null)
  const table = { kind: 'table', schema: name.schema, name: name.name, alias: null } as const
  const from = addFrom(context, table, scope, null)
  scope.joined = from.columns
  return itemOutputs(context, items, scope, null, from.ordered)
}

/** Sources of all columns of one result together; more than any honest statement has. */
const MAX_SOURCES = 20_000

function lineageOfColumns(columns: readonly Column[]): readonly OutputLineage[] | null {
  const all = columns.reduce((sum, { sources }) => sum + sources.size, 0)
  return all > MAX_SOURCES ? null : columns.map(lineageOf)
}

function lineageOf({ name, sources, plain, derived }: Column): OutputLineage {
  const shows = plain && derived !== true ? 'identity' : 'derived'
  return {
    name,
    sources: [...sources].map(([label, { dataClass, unknown, counted }]) => {
      const flow = counted ? 'aggregate-safe' : shows
      return unknown ? { kind: 'unknown', label, flow } : { kind: 'column', label, dataClass, flow }
    }),
  }
}
