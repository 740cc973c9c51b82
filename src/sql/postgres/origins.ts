import type { Flow, LineageSource } from '../output-lineage.ts'
import type { Analysis } from './analysis.ts'
import { type Body, bodyOf, childrenOf, listOf, namesOf, nodeOf } from './ast.ts'
import { plainColumn, rowField } from './expressions.ts'
import type { Scope } from './scope.ts'
import type { Column, Origins, Outputs } from './taint.ts'

/**
 * All that a value comes from and how, for who reads it. Looked for after the judgement, and only
 * where somebody asks: what is masked is decided by its taint.
 *
 * @param flow how the value itself shows: `identity` for a column as it stands
 */
export function originsOf(
  analysis: Analysis,
  value: unknown,
  scope: Scope,
  flow: Flow = 'derived',
): Origins {
  const found = new Map<string, LineageSource>()
  visit({ analysis, scope, found }, value, flow)
  return found
}

/** Made when it is first asked for, and once: queries that use one column twice double no work. */
export function lazily(make: () => Origins): () => Origins {
  let made: Origins | null = null
  return () => {
    made ??= make()
    return made
  }
}

/** What several values come from together. */
export function allOrigins(columns: Iterable<Column>): Origins {
  const found = new Map<string, LineageSource>()
  for (const column of columns) add(found, originsOfColumn(column), 'identity')
  return found
}

/** A column of which only the taint is known comes from that. */
export function originsOfColumn(column: Column): Origins {
  if (column.origins) return column.origins()
  return new Map(
    [...column.taint].map(([key, { label, dataClass }]): [string, LineageSource] => {
      if (dataClass === null) return [key, { kind: 'unknown', label, flow: 'derived' }]
      return [key, { kind: 'column', label, dataClass, flow: 'derived' }]
    }),
  )
}

/** What the conditions of a SELECT read: they choose its rows. */
export function conditionOrigins(analysis: Analysis, body: Body, scope: Scope): Origins {
  const conditions = [body.whereClause, body.havingClause, ...joinConditions(body.fromClause)]
  return originsOf(analysis, conditions, scope, 'predicate-only')
}

function joinConditions(items: unknown): readonly unknown[] {
  return listOf(items).flatMap((item) => {
    const join = bodyOf(item, 'JoinExpr')
    return join ? [join.quals, ...joinConditions([join.larg, join.rarg])] : []
  })
}

interface Walk {
  readonly analysis: Analysis
  readonly scope: Scope
  readonly found: Map<string, LineageSource>
}

function visit(walk: Walk, value: unknown, flow: Flow): void {
  walk.analysis.spend(1)
  const { kind, body } = nodeOf(value) ?? { kind: '', body: value as Body }
  if (kind === 'ColumnRef') visitReference(walk, body, flow)
  else if (kind === 'FuncCall') visitCall(walk, body, flow)
  else if (kind === 'SubLink') visitSubquery(walk, body, flow)
  else if (kind === 'SelectStmt') {
    visitQuery(walk, walk.analysis.query(value, walk.scope), flow)
  } else if (kind === 'NullTest') {
    const plain = plainColumn(walk.analysis, body.arg, walk.scope) !== null
    visit(walk, body.arg, plain ? through(flow, 'aggregate-safe') : flow)
  } else if (kind === 'A_Indirection') visitField(walk, body, flow)
  else visitAll(walk, body, flow)
}

function visitAll(walk: Walk, value: unknown, flow: Flow): void {
  for (const child of childrenOf(value)) {
    if (child !== null && typeof child === 'object') visit(walk, child, flow)
  }
}

function visitReference({ analysis, scope, found }: Walk, body: Body, flow: Flow): void {
  const names = namesOf(body.fields)
  analysis.spend(scope.breadth())
  if (names.length < listOf(body.fields).length) {
    const item = names.length > 0 ? scope.item(names) : null
    const items = item ? [item] : scope.items
    add(found, allOrigins(items.flatMap(({ columns }) => columns)), flow)
    return
  }
  const to = scope.resolve(names)
  if (to.kind === 'columns') add(found, allOrigins(to.columns), flow)
  const row = to.kind === 'columns' ? to.or : to
  if (row?.kind === 'row') {
    add(found, allOrigins(row.items.flatMap(({ columns }) => columns)), 'derived')
  } else if (row?.kind === 'attribute') add(found, allOrigins(row.item.columns), 'derived')
}

function visitField(walk: Walk, body: Body, flow: Flow): void {
  const field = rowField(body, walk.scope)
  if (field) visitReference(walk, field.reference, flow)
  visitAll(walk, field?.rest ?? body, flow)
}

/** count() tells how many there are; FILTER and OVER choose which rows count. */
function visitCall(walk: Walk, body: Body, flow: Flow): void {
  const counts = namesOf(body.funcname).at(-1) === 'count'
  visitAll(walk, [body.args, body.agg_order], counts ? 'aggregate-safe' : stronger(flow))
  visitAll(walk, [body.agg_filter, body.over], 'predicate-only')
}

function visitSubquery(walk: Walk, body: Body, flow: Flow): void {
  const outputs = walk.analysis.query(body.subselect, walk.scope)
  if (body.subLinkType === 'EXISTS_SUBLINK') {
    if (outputs.conditions) add(walk.found, outputs.conditions(), 'predicate-only')
    return
  }
  visit(walk, body.testexpr, flow)
  visitQuery(walk, outputs, flow)
}

function visitQuery({ found }: Walk, outputs: Outputs, flow: Flow): void {
  add(found, allOrigins(outputs.columns), flow)
  if (outputs.conditions) add(found, outputs.conditions(), 'predicate-only')
}

/** A call's result is no column's value as it stands. */
function stronger(flow: Flow): Flow {
  return flow === 'identity' ? 'derived' : flow
}

const STRENGTH: Readonly<Record<Flow, number>> = {
  'predicate-only': 0,
  'aggregate-safe': 1,
  identity: 2,
  derived: 3,
}

/** What comes through two steps shows as the step does that lets less through. */
function through(outer: Flow, inner: Flow): Flow {
  if (outer === 'identity') return inner
  if (outer === 'derived') return stronger(inner)
  return STRENGTH[outer] < STRENGTH[inner] ? outer : inner
}

function add(found: Map<string, LineageSource>, origins: Origins, outer: Flow): void {
  for (const [key, source] of origins) {
    const flow = through(outer, source.flow)
    const known = found.get(key)
    if (!known || STRENGTH[known.flow] < STRENGTH[flow]) found.set(key, { ...source, flow })
  }
}
