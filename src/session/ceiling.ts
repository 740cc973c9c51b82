import type { Ceiling } from '../policy/decision.ts'
import type { Classification, Effect, TableUse } from '../sql/statement.ts'
import type { Exchange } from './exchange.ts'
import type { RunStep, Step } from './step.ts'

/** Commands that say how many rows they changed, and change none of another table. */
const COUNTED = new Set(['INSERT', 'UPDATE', 'DELETE', 'MERGE', 'REPLACE'])
const CHANGES_NOTHING: ReadonlySet<Effect> = new Set(['read', 'probe', 'session', 'transaction'])
const CHANGES_ROWS: ReadonlySet<Effect> = new Set([...CHANGES_NOTHING, 'write', 'unbounded-write'])

/** The ceiling under which an exchange is allowed; null where it has none. */
export function ceilingOf({ decision, approval }: Exchange): Ceiling | null {
  if (decision.kind === 'allow') return decision.ceiling ?? null
  if (!approval || decision.kind === 'deny') return null
  const { grant, counted } = approval
  if (grant) return { rows: grant.maxRows, rules: [`grant ${grant.id}`], beyond: decision }
  return counted === undefined ? null : { rows: counted, rules: ['its count'], beyond: decision }
}

const READS: ReadonlySet<Effect> = new Set(['read', 'probe'])
const READS_AND_WRITES: ReadonlySet<Effect> = new Set([...READS, 'write', 'unbounded-write'])

/**
 * Whether one approval can be for more than one execution: what it does mustn't depend on its
 * constants (code, names of files and programs stand in them), and its rows must be counted.
 */
export function isGrantable(exchange: Exchange): boolean {
  const [statement, ...others] = exchange.statements
  if (!statement || others.length > 0 || exchange.rowsBegan) return false
  if (statement.connectionBound || statement.functions.length > 0) return false
  if (exchange.countable) return has(statement, READS_AND_WRITES)
  return statement.verb === 'SELECT' && has(statement, READS)
}

/** It only sends rows, which are counted as they leave. */
export function onlySends({ statements }: Exchange): boolean {
  return statements.every((one) => has(one, CHANGES_NOTHING))
}

/**
 * The one step of a batch that changes rows under a ceiling, and can be taken back: undefined where
 * there is none. What stands before it runs nothing.
 */
export function countedIn(
  steps: readonly Step[],
  rollsBack: (table: TableUse) => boolean,
): RunStep | undefined {
  const step = steps.find((one) => one.kind === 'run')
  if (step?.kind !== 'run') return undefined
  const [statement, ...others] = step.exchange.statements
  if (!statement || others.length > 0 || !changesRowsOf(statement, rollsBack)) return undefined
  const alone = steps.every(
    (one) =>
      one === step ||
      one.kind === 'pass' ||
      (one.kind === 'execute' && one.exchange === step.exchange),
  )
  return alone ? step : undefined
}

function changesRowsOf(
  statement: Classification,
  rollsBack: (table: TableUse) => boolean,
): boolean {
  const { verb, sql, tables, anyResults, withoutLiterals } = statement
  if (!COUNTED.has(verb) || anyResults || !has(statement, CHANGES_ROWS)) return false
  // What a WITH changes isn't in the count.
  if (!/^[\s(]*(?:insert|update|delete|merge|replace)\b/i.test(sql)) return false
  if (/\bwith\b/i.test(withoutLiterals)) return false
  const written = tables.filter(({ access }) => access === 'write')
  const [table, ...others] = written
  return table !== undefined && others.length === 0 && rollsBack(table)
}

function has({ effects }: Classification, only: ReadonlySet<Effect>): boolean {
  return effects.every(({ effect }) => only.has(effect))
}
