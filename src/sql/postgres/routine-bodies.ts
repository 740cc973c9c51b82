import type { Analysis } from './analysis.ts'
import { constantText } from './constant-text.ts'
import type { Routine } from './plpgsql.ts'
import { expressionTaint } from './run-code.ts'
import { Scope } from './scope.ts'
import { CLEAN, derivedColumn, type RangeItem, type Taint, union } from './taint.ts'

/** Rounds after which the variables have met everything that the code reads. */
const MAX_ROUNDS = 8

/**
 * Everything that stands in the body of a function in PL/pgSQL. Its variables hold what any part of
 * it reads, which is the answer: which of them is filled where isn't followed. `parameters`: what
 * it is given, holding that.
 */
export function runRoutine(
  inner: Analysis,
  routine: Routine,
  parameters: (held: Taint) => RangeItem | null,
): Taint {
  const { findings } = inner
  if (routine.opensCursor) findings.effect('opaque', 'opens a cursor that may outlive it')
  if (routine.endsTransaction) findings.effect('transaction', 'ends transactions')
  let held = inner.parameters
  for (let round = 0; round < MAX_ROUNDS; round++) {
    inner.base = scopeOf(routine, held, parameters(held))
    inner.parameters = held
    inner.forget()
    const read = known(partsOf(inner, routine))
    if ([...read.keys()].every((label) => held.has(label))) break
    held = union([held, read])
  }
  return held
}

/** What a function of the user's own gives is what it reads, which stands beside its unknown result. */
function known(taint: Taint): Taint {
  return new Map([...taint].filter(([, { dataClass }]) => dataClass !== null))
}

function partsOf(inner: Analysis, routine: Routine): Taint {
  return union([
    ...routine.expressions.map((text) => expressionTaint(inner, text) ?? CLEAN),
    ...routine.dynamic.map((text) => dynamicTaint(inner, text)),
    ...routine.statements.map((text) => statementsTaint(inner, text)),
  ])
}

/** Variables stand by their names; records by any column. */
function scopeOf(routine: Routine, held: Taint, parameters: RangeItem | null): Scope {
  const scope = new Scope(null)
  if (parameters) scope.items.push(parameters)
  const columns = routine.variables.map((name) => derivedColumn(name, held))
  scope.items.push({ alias: '', schema: null, columns, rest: null, hidden: false })
  for (const alias of routine.variables) {
    scope.items.push({ alias, schema: null, columns: [], rest: held, hidden: true })
  }
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
