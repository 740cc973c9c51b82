import type { Analysis } from './analysis.ts'
import {
  type Body,
  bodyOf,
  isObject,
  listOf,
  namesOf,
  nodeOf,
  placeOf,
  stringOf,
  textOf,
} from './ast.ts'
import { noteImplicitCasts, typesOfColumns } from './implicit-casts.ts'
import { sameClass } from './predicates.ts'
import { notePolicies, noteView } from './relation-code.ts'
import type { SchemaColumn, SchemaRelation } from './schema.ts'
import type { Scope } from './scope.ts'
import { sensitiveColumn, sensitiveRelation } from './system-relations.ts'
import {
  CLEAN,
  type Column,
  derivedColumn,
  isHard,
  type Outputs,
  type RangeItem,
  rowTaint,
  type Taint,
  taintOf,
  UNNAMED,
  union,
} from './taint.ts'

/** Brings what one member of FROM names into scope. */
export function addFromItem(analysis: Analysis, value: unknown, scope: Scope): void {
  const node = nodeOf(value)
  if (!node) return
  const { kind, body } = node
  if (kind === 'RangeVar') scope.items.push(relationItem(analysis, body, scope, 'read'))
  else if (kind === 'JoinExpr') addJoin(analysis, body, scope)
  else if (kind === 'RangeSubselect') {
    scope.items.push(itemOf(analysis.query(body.subquery, scope), aliasOf(body), ''))
  } else if (kind === 'RangeTableSample') {
    addFromItem(analysis, body.relation, scope)
    const taint = analysis.value([body.args, body.repeatable], scope)
    analysis.findings.probe(taint, 'TABLESAMPLE', body.args)
  } else scope.items.push(functionItem(analysis, kind, body, scope))
}

interface Alias {
  readonly name: string | null
  readonly columns: readonly string[]
}

function aliasOf(body: Body): Alias {
  if (!isObject(body.alias)) return { name: null, columns: [] }
  return { name: textOf(body.alias.aliasname), columns: namesOf(body.alias.colnames) }
}

/** A table, a view, or a WITH query of that name. */
export function relationItem(
  analysis: Analysis,
  rangeVar: Body,
  scope: Scope,
  access: 'read' | 'write',
): RangeItem {
  const name = textOf(rangeVar.relname)
  const schema = typeof rangeVar.schemaname === 'string' ? rangeVar.schemaname : null
  const alias = aliasOf(rangeVar)
  const cte = schema === null && access === 'read' ? scope.cte(name) : undefined
  if (cte) return itemOf(cte.outputs(), alias, name)
  const relations = relationsOf(analysis, schema, name, access, placeOf(rangeVar))
  if (relations.length === 0) {
    const unknown = unknownTable(name)
    return { alias: alias.name ?? name, schema, columns: [], rest: unknown, hidden: false }
  }
  const perRelation = relations.map((relation) => columnsOf(relation))
  const columns = perRelation.flatMap((own) => renamed(own, alias.columns))
  const shownSchema = alias.name === null ? (schema ?? null) : null
  return { alias: alias.name ?? name, schema: shownSchema, columns, rest: null, hidden: false }
}

function unknownTable(name: string): Taint {
  return taintOf({ label: `the unknown table ${name}`, dataClass: null, hard: false })
}

/** Every relation that the name can mean; none when one of them may be a temporary table. */
export function relationsOf(
  analysis: Analysis,
  schema: string | null,
  name: string,
  access: 'read' | 'write',
  at?: number,
): readonly SchemaRelation[] {
  const { findings } = analysis
  const found = analysis.schema.relationsNamed(name, schema ?? undefined)
  const temporary = found.some((relation) => relation.schema.startsWith('pg_temp'))
  const relations = temporary ? [] : found
  if (relations.length === 0) findings.unknownTable(schema, name, access)
  for (const relation of relations) {
    findings.table(relation, access)
    noteView(analysis, relation, at)
    noteImplicitCasts(analysis, typesOfColumns(relation), at)
    notePolicies(analysis, relation)
  }
  const spaces = relations.length > 0 ? relations.map((relation) => relation.schema) : [schema]
  for (const space of spaces) {
    const reason = sensitiveRelation(space, name)
    if (reason !== null && access === 'read') findings.effect('export', reason, at)
  }
  return relations
}

/** A relation's columns in order, with what each of them holds. */
export function columnsOf(relation: SchemaRelation): readonly Column[] {
  return [...relation.columns.values()].map((column) => ({
    name: column.name,
    taint: taintOfColumn(relation, column),
    plain: true,
    relation,
    restricted: sensitiveColumn(relation.schema, relation.name, column.name),
  }))
}

function taintOfColumn(relation: SchemaRelation, column: SchemaColumn): Taint {
  if (column.dataClass === null && !column.derived) return CLEAN
  const label = `${relation.name}.${column.name}`
  return taintOf({ label, dataClass: column.dataClass, hard: true })
}

function renamed(columns: readonly Column[], names: readonly string[]): readonly Column[] {
  if (names.length === 0) return columns
  return columns.map((column, index) => {
    const base = column.base ?? column.name
    return { ...column, name: names[index] ?? column.name, base }
  })
}

/** A subquery's or WITH query's columns under its alias. */
function itemOf(outputs: Outputs, alias: Alias, name: string): RangeItem {
  const exact = outputs.certain >= outputs.columns.length
  const all = union(outputs.columns.map((column) => column.taint))
  const listed = exact
    ? renamed(outputs.columns, alias.columns)
    : [...outputs.columns, ...alias.columns.map((column) => derivedColumn(column, all))]
  const unnamed = listed.filter((column) => column.name === UNNAMED)
  return {
    alias: alias.name ?? name,
    schema: null,
    columns: listed.filter((column) => column.name !== UNNAMED),
    rest: unnamed.length > 0 ? union(unnamed.map((column) => column.taint)) : null,
    hidden: false,
  }
}

/** Functions, XMLTABLE, JSON_TABLE: every column comes from the arguments and the function. */
function functionItem(analysis: Analysis, kind: string, body: Body, scope: Scope): RangeItem {
  const taint = analysis.value(bodyWithoutAlias(body), scope)
  analysis.findings.probe(taint, 'what FROM computes', body)
  const alias = aliasOf(body)
  const name = alias.name ?? functionName(body) ?? kind
  const names = [...definedColumns(body), ...alias.columns, name]
  const columns = names.map((column) => derivedColumn(column, taint))
  return { alias: name, schema: null, columns, rest: taint, hidden: false }
}

function bodyWithoutAlias(body: Body): Body {
  const { alias: _alias, ...rest } = body
  return rest
}

function functionName(body: Body): string | null {
  const first = listOf(bodyOf(listOf(body.functions)[0], 'List')?.items)[0]
  return namesOf(bodyOf(first, 'FuncCall')?.funcname).at(-1) ?? null
}

/** AS t(a int, b text) */
function definedColumns(body: Body): readonly string[] {
  return listOf(body.coldeflist).map((column) => textOf(bodyOf(column, 'ColumnDef')?.colname))
}

function addJoin(analysis: Analysis, body: Body, scope: Scope): void {
  const before = scope.items.length
  addFromItem(analysis, body.larg, scope)
  const middle = scope.items.length
  addFromItem(analysis, body.rarg, scope)
  const left = scope.items.slice(before, middle)
  const right = scope.items.slice(middle)
  const shared = sharedColumns(body, left, right)
  for (const name of shared) checkSharedColumn(analysis, name, left, right)
  if (body.quals) analysis.predicate(body.quals, scope, 'a join')
  addJoinAliases(body, [...left, ...right], shared, scope, before)
}

/** The columns that USING or NATURAL compares. */
function sharedColumns(
  body: Body,
  left: readonly RangeItem[],
  right: readonly RangeItem[],
): readonly string[] {
  const using = listOf(body.usingClause).flatMap((name) => stringOf(name) ?? [])
  if (!body.isNatural) return using
  const names = (items: readonly RangeItem[]) =>
    new Set(items.flatMap((item) => item.columns.map((column) => column.name)))
  const others = names(right)
  return [...names(left)].filter((name) => others.has(name))
}

function checkSharedColumn(
  analysis: Analysis,
  name: string,
  left: readonly RangeItem[],
  right: readonly RangeItem[],
): void {
  const named = (items: readonly RangeItem[]) =>
    items.flatMap((item) => item.columns.filter((column) => column.name === name))
  for (const one of named(left)) {
    for (const other of named(right)) {
      for (const column of [one, other]) analysis.findings.column(column)
      if (!sameClass(one, other)) {
        analysis.findings.probe(union([one.taint, other.taint]), 'a join')
      }
    }
  }
  const unlisted = [...left, ...right].flatMap((item) => item.rest ?? [])
  const hard = union(unlisted)
  if (isHard(hard)) analysis.findings.probe(hard, 'a join')
}

/** (a JOIN b) AS j hides its members; USING (...) AS u adds a name for the shared columns. */
function addJoinAliases(
  body: Body,
  members: readonly RangeItem[],
  shared: readonly string[],
  scope: Scope,
  before: number,
): void {
  if (isObject(body.join_using_alias)) {
    const columns = members.flatMap((item) =>
      item.columns.filter((column) => shared.includes(column.name)),
    )
    const alias = textOf(body.join_using_alias.aliasname)
    scope.items.push({ alias, schema: null, columns, rest: null, hidden: true })
  }
  const alias = aliasOf(body)
  if (alias.name === null) return
  const all = union(members.map(rowTaint))
  const columns = members.flatMap((item) => item.columns)
  const aliased = alias.columns.map((name) => derivedColumn(name, all))
  const rest = members.some((item) => item.rest !== null) ? all : null
  scope.items.splice(before)
  scope.items.push({
    alias: alias.name,
    schema: null,
    columns: [...columns, ...aliased],
    rest,
    hidden: false,
  })
}
