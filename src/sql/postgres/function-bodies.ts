import type { Effect } from '../statement.ts'
import type { Analysis } from './analysis.ts'
import { nodeOf } from './ast.ts'
import { runRoutine } from './routine-bodies.ts'
import { expressionTaint, takeResult, unread } from './run-code.ts'
import type { SchemaFunction } from './schema.ts'
import { Scope } from './scope.ts'
import { checkSetting } from './set-effects.ts'
import { schemasOf } from './settings.ts'
import { CLEAN, derivedColumn, type RangeItem, type Taint, taintOf, union } from './taint.ts'
import { noteTypeCode } from './type-code.ts'

/** What a session notices of code that has run: settings of the session are judged in the code. */
function outlives(effect: Effect): boolean {
  return effect !== 'session'
}

/**
 * Runs a function of the user's own on `args`: what its body does is what the statement does. null
 * where its result can't be followed.
 */
export function runFunction(
  analysis: Analysis,
  fn: SchemaFunction,
  args: Taint,
  at?: number,
): Taint | null {
  const code = { key: `function ${fn.oid}`, parameters: args, depth: 1 } as const
  const result = analysis.within(code, (inner) => bodyOf(inner, fn, args))
  return takeResult(analysis, result, { code: `${fn.schema}.${fn.name}()`, at, keep: outlives })
}

function bodyOf(inner: Analysis, fn: SchemaFunction, args: Taint): Taint | null {
  for (const setting of fn.config) noteConfig(inner, setting)
  for (const type of fn.argumentTypes) noteTypeCode(inner, type)
  const defaults = fn.defaults === null ? CLEAN : expressionTaint(inner, fn.defaults)
  const result = resultOfBody(inner, fn, args)
  return defaults && result ? union([defaults, result]) : null
}

function resultOfBody(inner: Analysis, fn: SchemaFunction, args: Taint): Taint | null {
  if (fn.support.length > 0) return union(fn.support.map((name) => inner.call(name, args)))
  if (fn.language === 'sql') return sqlBody(inner, fn, args)
  const routine = fn.definition === null ? null : inner.source.parseRoutine(fn.definition)
  if (routine) {
    const own = { alias: fn.name, schema: null, columns: [], rest: null, hidden: true }
    const held = runRoutine(inner, routine, { parameters: fn.parameters, rows: [own] })
    return union([held, unknownResult(fn)])
  }
  const why = fn.language === 'plpgsql' ? 'its body cannot be read' : `it is in ${fn.language}`
  return unread(inner, why)
}

/** Its statements run in turn; what it returns is computed from the columns of the last. */
function sqlBody(inner: Analysis, fn: SchemaFunction, args: Taint): Taint | null {
  const statements = fn.body === null ? null : inner.source.parseBody(fn.body)
  if (!statements) return unread(inner, 'its body cannot be read')
  inner.base = new Scope(null)
  inner.base.items.push(parametersOf(fn, args))
  const outputs = statements.map(({ stmt }) => inner.statement(stmt))
  const last = statements.at(-1)
  if (!last || nodeOf(last.stmt)?.kind !== 'SelectStmt') return null
  return union((outputs.at(-1)?.columns ?? []).map((column) => column.taint))
}

/** What a function gives of which only is known what it reads. */
export function unknownResult(fn: SchemaFunction): Taint {
  const label = `the result of ${fn.schema}.${fn.name}()`
  return taintOf({ label, dataClass: null, hard: fn.volatility !== 'immutable' })
}

/** Its parameters, by their names or by its own. */
function parametersOf(fn: SchemaFunction, held: Taint): RangeItem {
  const columns = fn.parameters.map((name) => derivedColumn(name, held))
  return { alias: fn.name, schema: null, columns, rest: null, hidden: false }
}

/** SET name = value of a function. A path of known schemas means what every path means here. */
function noteConfig(inner: Analysis, setting: string): void {
  const sign = setting.indexOf('=')
  const name = setting.slice(0, sign)
  const value = setting.slice(sign + 1)
  if (name.toLowerCase() !== 'search_path') checkSetting(inner, name, [value])
  else {
    const schemas = schemasOf(value).filter((schema) => !schema.startsWith('pg_temp'))
    checkSetting(inner, name, schemas)
  }
}
