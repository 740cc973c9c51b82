import type { Analysis } from './analysis.ts'
import { constantText } from './constant-text.ts'
import type { Routine, RoutinePart } from './plpgsql.ts'
import { expressionTaint } from './run-code.ts'
import { Scope } from './scope.ts'
import { CLEAN, derivedColumn, type RangeItem, type Taint, union } from './taint.ts'

/** Rounds after which what one variable hands to the next has come to its end. */
const MAX_ROUNDS = 16

/** What each variable has been given so far. */
type Held = Map<string, Taint>

/**
 * Everything that stands in the body of a function in PL/pgSQL, until no variable is given anything
 * more. `given`: what its parameters hold, and by what else they and rows are named. Answers with
 * all that the function has met, which its result can hold.
 */
export function runRoutine(
  inner: Analysis,
  routine: Routine,
  given: { readonly parameters: readonly string[]; readonly rows: readonly RangeItem[] },
): Taint {
  const { findings } = inner
  if (routine.opensCursor) findings.effect('opaque', 'opens a cursor that may outlive it')
  if (routine.endsTransaction) findings.effect('transaction', 'ends transactions')
  const held: Held = new Map(given.parameters.map((name) => [name, inner.parameters]))
  for (let round = 0; ; round++) {
    inner.base = scopeOf(routine, held, given.rows)
    inner.parameters = union(given.parameters.map((name) => held.get(name) ?? CLEAN))
    inner.forget()
    const before = sizeOf(held)
    const met = fillOnce(inner, routine, held)
    if (round >= MAX_ROUNDS) throw new Error('its variables never come to rest')
    if (sizeOf(held) === before) return union([met, ...held.values()])
  }
}

function sizeOf(held: Held): number {
  let size = 0
  for (const taint of held.values()) size += taint.size
  return size
}

/** One look at every part; answers with all that was met. */
function fillOnce(inner: Analysis, routine: Routine, held: Held): Taint {
  const taints = routine.parts.map((part) => {
    const taint = known(partTaint(inner, part))
    fill(held, part.fills, taint)
    return taint
  })
  for (const { from, to } of routine.flows) fill(held, to, held.get(from) ?? CLEAN)
  const met = union(taints)
  fill(held, routine.anything, met)
  return met
}

function fill(held: Held, names: readonly string[], taint: Taint): void {
  for (const name of names) held.set(name, union([held.get(name) ?? CLEAN, taint]))
}

/** What a function of the user's own gives is what it reads, which stands beside its unknown result. */
function known(taint: Taint): Taint {
  return new Map([...taint].filter(([, { dataClass }]) => dataClass !== null))
}

function partTaint(inner: Analysis, { kind, sql }: RoutinePart): Taint {
  if (kind === 'statement') return statementsTaint(inner, sql)
  if (kind === 'dynamic') return dynamicTaint(inner, sql)
  return expressionTaint(inner, sql) ?? CLEAN
}

/** Variables stand by their names, alone or behind a block's or the function's; records by any column. */
function scopeOf(routine: Routine, held: Held, rows: readonly RangeItem[]): Scope {
  const scope = new Scope(null)
  const columns = [...new Set([...routine.variables, ...held.keys()])].map((name) =>
    derivedColumn(name, held.get(name) ?? CLEAN),
  )
  scope.items.push({ alias: '', schema: null, columns, rest: null, hidden: false })
  for (const { name, taint } of columns) {
    scope.items.push({ alias: name, schema: null, columns: [], rest: taint, hidden: true })
  }
  for (const row of rows) scope.items.push({ ...row, columns: [...row.columns, ...columns] })
  return scope
}

function statementsTaint(inner: Analysis, sql: string): Taint {
  const statements = inner.source.parseBody(sql)
  if (!statements) {
    inner.findings.effect('opaque', 'holds a statement that cannot be read')
    return CLEAN
  }
  const outputs = statements.map(({ stmt }) => inner.statement(stmt))
  return union(outputs.flatMap(({ columns }) => columns.map((column) => column.taint)))
}

/** EXECUTE: a text of constants is read as what it is, any other can be anything. */
function dynamicTaint(inner: Analysis, expression: string): Taint {
  const [statement] = inner.source.parseBody(`SELECT ${expression}`) ?? []
  const text = statement ? constantText(statement.stmt) : null
  const taint = expressionTaint(inner, expression) ?? CLEAN
  if (text === null) {
    inner.findings.effect('opaque', 'runs SQL that it puts together as it runs')
    return taint
  }
  return union([taint, statementsTaint(inner, text)])
}
