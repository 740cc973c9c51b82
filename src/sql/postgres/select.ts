import type { ColumnId } from '../output-lineage.ts'
import type { Analysis } from './analysis.ts'
import { type Body, bodyOf, isObject, listOf, namesOf, nodeOf, placeOf } from './ast.ts'
import { isConstant, plainColumn, rowField } from './expressions.ts'
import { allOrigins, conditionOrigins, lazily, originsOf } from './origins.ts'
import { outputName } from './output-name.ts'
import { Scope } from './scope.ts'
import {
  CLEAN,
  type Column,
  derivedColumn,
  type Outputs,
  type Taint,
  UNNAMED,
  union,
} from './taint.ts'
import { addWith } from './with.ts'

/** The columns of a SELECT, VALUES, TABLE or set operation; notes all that it reads. */
export function selectOutputs(analysis: Analysis, body: Body, parent: Scope | null): Outputs {
  const scope = new Scope(parent)
  if (body.withClause) addWith(analysis, body.withClause, scope)
  const outputs = coreOutputs(analysis, body, scope)
  for (const item of listOf(body.sortClause)) {
    const taint = sortTaint(analysis, bodyOf(item, 'SortBy')?.node, outputs, scope, 'output')
    analysis.findings.probe(taint, 'ORDER BY', item)
  }
  const limits = analysis.value([body.limitCount, body.limitOffset], scope)
  analysis.findings.probe(limits, 'LIMIT', [body.limitCount, body.limitOffset])
  const conditions = lazily(() => conditionOrigins(analysis, body, scope))
  return outputs.conditions ? outputs : { ...outputs, conditions }
}

function coreOutputs(analysis: Analysis, body: Body, scope: Scope): Outputs {
  if (Array.isArray(body.valuesLists)) return valuesOutputs(analysis, body.valuesLists, scope)
  if (isObject(body.larg) && isObject(body.rarg)) {
    const left = analysis.query({ SelectStmt: body.larg }, scope)
    const right = analysis.query({ SelectStmt: body.rarg }, scope)
    const compares = body.op !== 'SETOP_UNION' || !body.all
    if (compares)
      checkComparison(analysis, combined(left, right), [...left.columns, ...right.columns])
    return combined(left, right)
  }
  for (const item of listOf(body.fromClause)) analysis.from(item, scope)
  if (body.whereClause) analysis.predicate(body.whereClause, scope, 'WHERE')
  const outputs = targetOutputs(analysis, body.targetList, scope)
  checkGrouping(analysis, body, outputs, scope)
  return outputs
}

function checkGrouping(analysis: Analysis, body: Body, outputs: Outputs, scope: Scope): void {
  for (const item of groupItems(body.groupClause)) {
    const taint = sortTaint(analysis, item, outputs, scope, 'input')
    analysis.findings.probe(taint, 'GROUP BY', item)
  }
  if (body.havingClause) analysis.predicate(body.havingClause, scope, 'HAVING')
  analysis.value(body.windowClause, scope)
  if (body.distinctClause !== undefined) checkComparison(analysis, outputs)
  for (const item of listOf(body.distinctClause)) {
    if (nodeOf(item) === null) continue
    const taint = sortTaint(analysis, item, outputs, scope, 'output')
    analysis.findings.probe(taint, 'DISTINCT ON', item)
  }
}

/**
 * UNION, INTERSECT, EXCEPT and DISTINCT compare rows, and how many are left tells of them. Whole
 * values of one class beside each other, or beside constants, tell no more than an equality does.
 */
function checkComparison(
  analysis: Analysis,
  outputs: Outputs,
  compared: readonly Column[] = outputs.columns,
): void {
  const taint = union(compared.map((column) => column.taint))
  const plain = outputs.columns.every((column) => column.plain || column.taint.size === 0)
  if (!plain) analysis.findings.probe(taint, 'a comparison of rows')
}

/** GROUPING SETS, ROLLUP and CUBE hold items of their own. */
function groupItems(value: unknown): readonly unknown[] {
  return listOf(value).flatMap((item) => {
    const set = bodyOf(item, 'GroupingSet')
    return set ? groupItems(set.content) : [item]
  })
}

/**
 * An item of ORDER BY, GROUP BY or DISTINCT ON: a position, a name, or an expression. A bare name
 * is an output's first in ORDER BY and DISTINCT ON, an input's first in GROUP BY (SQL92 rules of
 * parse_clause.c).
 */
function sortTaint(
  analysis: Analysis,
  value: unknown,
  outputs: Outputs,
  scope: Scope,
  first: 'output' | 'input',
): Taint {
  const node = nodeOf(value)
  if (node?.kind === 'A_Const' && isObject(node.body.ival)) {
    return positionTaint(outputs, Number(node.body.ival.ival ?? 0))
  }
  const names = node?.kind === 'ColumnRef' ? namesOf(node.body.fields) : []
  const bare = names.length === 1 && listOf(node?.body.fields).length === 1 ? names[0] : undefined
  if (bare === undefined) return analysis.value(value, scope)
  const named = outputs.columns.filter((column) => column.name === bare)
  const found = scope.resolve([bare])
  const input = found.kind === 'columns' ? found.columns : []
  if (named.length === 0) return analysis.value(value, scope)
  const output = union(named.map((column) => column.taint))
  if (first !== 'input' || input.length === 0) return output
  const own = analysis.value(value, scope)
  return input.some(({ sometimes }) => sometimes) ? union([own, output]) : own
}

function positionTaint(outputs: Outputs, position: number): Taint {
  const column = outputs.columns[position - 1]
  if (column && position <= outputs.certain) return column.taint
  return union(outputs.columns.map((other) => other.taint))
}

function valuesOutputs(analysis: Analysis, lists: readonly unknown[], scope: Scope): Outputs {
  const columns: Column[] = []
  for (const list of lists) {
    for (const [index, item] of listOf(bodyOf(list, 'List')?.items).entries()) {
      const before = columns[index]?.taint ?? CLEAN
      const taint = union([before, analysis.value(item, scope)])
      columns[index] = derivedColumn(`column${index + 1}`, taint)
    }
  }
  return { columns, certain: columns.length, complete: true }
}

function combined(left: Outputs, right: Outputs): Outputs {
  const certain = Math.min(left.certain, right.certain)
  const exact = certain >= left.columns.length && certain >= right.columns.length
  const both = [...left.columns, ...right.columns]
  const all = union(both.map((column) => column.taint))
  const columns = left.columns.map((column, index) => {
    const other = right.columns[index]
    const taint = exact ? union([column.taint, other?.taint ?? CLEAN]) : all
    const plain = exact && column.plain && (other?.plain ?? false)
    const origins = lazily(() => allOrigins(exact && other ? [column, other] : both))
    return { ...derivedColumn(column.name, taint), plain, origins }
  })
  return { columns, certain, complete: left.complete && right.complete }
}

/** MaxTupleAttributeNumber (htup_details.h) is 1664; intermediate results get some room. */
const MAX_COLUMNS = 4 * 1664

/** The columns that a target list or RETURNING gives. */
export function targetOutputs(analysis: Analysis, targets: unknown, scope: Scope): Outputs {
  const columns: Column[] = []
  let certain = -1
  let complete = true
  for (const item of listOf(targets)) {
    const target = bodyOf(item, 'ResTarget')
    const expanded = target ? starColumns(analysis, target, scope) : null
    if (expanded) {
      if (certain < 0) certain = columns.length
      complete &&= expanded.complete
      columns.push(...expanded.columns)
    } else if (target) columns.push(targetColumn(analysis, target, scope))
    analysis.spend(expanded?.columns.length ?? 1)
    if (columns.length > MAX_COLUMNS) throw new Error('it has more columns than a server gives')
  }
  return { columns, certain: certain < 0 ? columns.length : certain, complete }
}

function targetColumn(analysis: Analysis, target: Body, scope: Scope): Column {
  const taint = analysis.value(target.val, scope)
  const name = typeof target.name === 'string' ? target.name : outputName(target.val)
  const plain = plainColumn(analysis, target.val, scope) !== null || isConstant(target.val)
  const ids = idsOf(analysis, target.val, scope)
  const flow = plain ? 'identity' : 'derived'
  return {
    name: name ?? UNNAMED,
    taint,
    plain,
    relation: null,
    restricted: null,
    origins: lazily(() => originsOf(analysis, target.val, scope, flow)),
    ...(ids ? { ids } : {}),
  }
}

/**
 * The columns that the server may say a value is: a column, also cast to the type that it has, and
 * (row).column (markTargetListOrigin of parse_target.c).
 */
function idsOf(analysis: Analysis, value: unknown, scope: Scope): readonly ColumnId[] | null {
  const node = nodeOf(value)
  if (node?.kind === 'TypeCast') return idsOf(analysis, node.body.arg, scope)
  const field = node?.kind === 'A_Indirection' ? rowField(node.body, scope) : null
  const reference = node?.kind === 'ColumnRef' ? node.body : (field?.reference ?? {})
  const fields = listOf(reference.fields)
  const names = namesOf(fields)
  if (names.length < fields.length || field?.rest.length) return null
  analysis.spend(scope.breadth())
  const found = scope.resolve(names)
  const ids = found.kind === 'columns' && !found.or ? found.columns.map((column) => column.ids) : []
  const known = ids.flatMap((own) => own ?? [])
  return known.length > 0 && ids.every((own) => own !== undefined) ? known : null
}

/** What a star stands for. */
interface Expanded {
  readonly columns: readonly Column[]
  /** As in Outputs. */
  readonly complete: boolean
}

/** What `*`, `t.*` or `(x).*` stands for; null where the target is something else. */
function starColumns(analysis: Analysis, target: Body, scope: Scope): Expanded | null {
  const node = nodeOf(target.val)
  if (node?.kind === 'A_Indirection') {
    if (nodeOf(listOf(node.body.indirection).at(-1))?.kind !== 'A_Star') return null
    const column = derivedColumn(UNNAMED, analysis.value(target.val, scope))
    return { columns: [column], complete: false }
  }
  const fields = node?.kind === 'ColumnRef' ? listOf(node.body.fields) : []
  if (nodeOf(fields.at(-1))?.kind !== 'A_Star') return null
  const names = namesOf(fields)
  const named = names.length > 0 ? scope.item(names) : null
  if (names.length > 0 && !named) analysis.findings.unknown.add(names.join('.'))
  const items = named ? [named] : names.length > 0 ? [] : scope.items.filter((item) => !item.hidden)
  const at = placeOf(target.val)
  const columns = items.flatMap((item) => {
    for (const column of item.columns) analysis.findings.column(column, at)
    if (item.rest !== null) analysis.findings.taint(item.rest)
    return item.rest !== null
      ? [...item.columns, derivedColumn(UNNAMED, item.rest)]
      : [...item.columns]
  })
  const star = names.length > 0 ? (named?.star ?? null) : scope.star
  return { columns: (star ?? columns).map(withoutRelation), complete: star !== null }
}

function withoutRelation(column: Column): Column {
  return { ...column, relation: null, restricted: null }
}
