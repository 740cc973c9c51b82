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
import { allOrigins, lazily, originsOf } from './origins.ts'
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
  type Origins,
  type Outputs,
  type RangeItem,
  rowTaint,
  type Taint,
  taintOf,
  UNNAMED,
  union,
} from './taint.ts'

/** What `*` of a part of FROM gives; null where that isn't known. */
type Star = readonly Column[] | null

/** Brings what one member of FROM names into scope. */
export function addFromItem(analysis: Analysis, value: unknown, scope: Scope): void {
  addStar(scope, addMember(analysis, value, scope))
}

/** `*` of a query level gives what each member of its FROM does, in turn. */
export function addStar(scope: Scope, star: Star): void {
  scope.star = both(scope.star, star)
}

function both(left: Star, right: Star): Star {
  return left && right ? [...left, ...right] : null
}

function addMember(analysis: Analysis, value: unknown, scope: Scope): Star {
  const node = nodeOf(value)
  if (!node) return null
  const { kind, body } = node
  if (kind === 'JoinExpr') return addJoin(analysis, body, scope)
  if (kind === 'RangeTableSample') {
    const star = addMember(analysis, body.relation, scope)
    const taint = analysis.value([body.args, body.repeatable], scope)
    analysis.findings.probe(taint, 'TABLESAMPLE', body.args)
    return star
  }
  const item = memberItem(analysis, kind, body, scope)
  scope.items.push(item)
  return item.star ?? null
}

function memberItem(analysis: Analysis, kind: string, body: Body, scope: Scope): RangeItem {
  if (kind === 'RangeVar') return relationItem(analysis, body, scope, 'read')
  if (kind === 'RangeSubselect') {
    return itemOf(analysis.query(body.subquery, scope), aliasOf(body), '')
  }
  return functionItem(analysis, kind, body, scope)
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
  const columns = ofAny(perRelation.map((own) => renamed(own, alias.columns)))
  const shownSchema = alias.name === null ? (schema ?? null) : null
  // Which of several tables of one name it is, the search path says.
  const star = relations.length === 1 ? columns : null
  return {
    alias: alias.name ?? name,
    schema: shownSchema,
    columns,
    rest: null,
    hidden: false,
    star,
  }
}

/** Which of several tables of one name it is, the search path says: they may differ in columns. */
function ofAny(tables: readonly (readonly Column[])[]): readonly Column[] {
  if (tables.length === 1) return tables[0] ?? []
  const names = tables.map((columns) => new Set(columns.map(({ name }) => name)))
  return tables
    .flat()
    .map((column) =>
      names.every((own) => own.has(column.name)) ? column : { ...column, sometimes: true },
    )
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
  return [...relation.columns].map(([number, column]) => ({
    name: column.name,
    taint: taintOfColumn(relation, column),
    plain: true,
    relation,
    restricted: sensitiveColumn(relation.schema, relation.name, column.name),
    ids: [{ relation: relation.oid, column: number }],
    origins: () => originOf(relation, column),
  }))
}

function taintOfColumn(relation: SchemaRelation, column: SchemaColumn): Taint {
  const { dataClass, derived } = column
  if (dataClass === null && !derived) return CLEAN
  return taintOf({ label: labelOf(relation, column), dataClass, hard: true, derived })
}

function labelOf(relation: SchemaRelation, column: SchemaColumn): string {
  return `${relation.name}.${column.name}`
}

/** The same as its taint says, for a column that has one; else the column, which has no class. */
function originOf(relation: SchemaRelation, column: SchemaColumn): Origins {
  const label = labelOf(relation, column)
  const [known] = taintOfColumn(relation, column)
  if (!known)
    return new Map([[label, { kind: 'column', label, dataClass: null, flow: 'identity' }]])
  const [key, { dataClass }] = known
  const flow = column.derived ? 'derived' : 'identity'
  if (dataClass === null) return new Map([[key, { kind: 'unknown', label, flow }]])
  return new Map([[key, { kind: 'column', label, dataClass, flow }]])
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
  const ordered = outputs.complete && (exact || alias.columns.length === 0)
  return {
    alias: alias.name ?? name,
    schema: null,
    columns: listed.filter((column) => column.name !== UNNAMED),
    rest: unnamed.length > 0 ? union(unnamed.map((column) => column.taint)) : null,
    hidden: false,
    star: ordered ? listed : null,
  }
}

/** Functions, XMLTABLE, JSON_TABLE: every column comes from the arguments and the function. */
function functionItem(analysis: Analysis, kind: string, body: Body, scope: Scope): RangeItem {
  const taint = analysis.value(bodyWithoutAlias(body), scope)
  analysis.findings.probe(taint, 'what FROM computes', body)
  const alias = aliasOf(body)
  const name = alias.name ?? functionName(body) ?? kind
  const names = [...definedColumns(body), ...alias.columns, name]
  const origins = lazily(() => originsOf(analysis, bodyWithoutAlias(body), scope))
  const columns = names.map((column) => ({ ...derivedColumn(column, taint), origins }))
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

function addJoin(analysis: Analysis, body: Body, scope: Scope): Star {
  const before = scope.items.length
  const leftStar = addMember(analysis, body.larg, scope)
  const middle = scope.items.length
  const rightStar = addMember(analysis, body.rarg, scope)
  const left = scope.items.slice(before, middle)
  const right = scope.items.slice(middle)
  const shared = sharedColumns(body, left, right)
  for (const name of shared) checkSharedColumn(analysis, name, left, right)
  if (body.quals) analysis.predicate(body.quals, scope, 'a join')
  const star = joinedStar(body, leftStar, rightStar, shared)
  return addJoinAliases(body, { members: [...left, ...right], shared, star }, scope, before)
}

/**
 * "the output of JOIN USING has one column for each of the listed column pairs (in the listed
 * order), followed by any remaining columns" (manual, section 7.2.1.1).
 */
function joinedStar(body: Body, left: Star, right: Star, shared: readonly string[]): Star {
  if (!left || !right) return null
  const names = body.isNatural ? inOrderOf(left, shared) : shared
  if (names.length === 0) return [...left, ...right]
  const merged: Column[] = []
  for (const name of names) {
    const pair = [left, right].flatMap((side) => side.filter((column) => column.name === name))
    const [one, other, ...more] = pair
    if (!one || !other || more.length > 0) return null
    merged.push(mergedColumn(body, one, other))
  }
  const rest = (star: readonly Column[]) => star.filter(({ name }) => !shared.includes(name))
  return [...merged, ...rest(left), ...rest(right)]
}

function inOrderOf(columns: readonly Column[], shared: readonly string[]): readonly string[] {
  return columns.flatMap(({ name }) => (shared.includes(name) ? [name] : []))
}

/** A full join takes the value of the side that has one. */
function mergedColumn(body: Body, one: Column, other: Column): Column {
  const ids = [...(one.ids ?? []), ...(other.ids ?? [])]
  return {
    ...derivedColumn(one.name, union([one.taint, other.taint])),
    plain: body.jointype !== 'JOIN_FULL' && one.plain && other.plain,
    origins: lazily(() => allOrigins([one, other])),
    ...(ids.length > 0 ? { ids } : {}),
  }
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

interface Joined {
  readonly members: readonly RangeItem[]
  readonly shared: readonly string[]
  readonly star: Star
}

/** (a JOIN b) AS j hides its members; USING (...) AS u adds a name for the shared columns. */
function addJoinAliases(
  body: Body,
  { members, shared, star }: Joined,
  scope: Scope,
  before: number,
): Star {
  if (isObject(body.join_using_alias)) {
    const columns = members.flatMap((item) =>
      item.columns.filter((column) => shared.includes(column.name)),
    )
    const alias = textOf(body.join_using_alias.aliasname)
    scope.items.push({ alias, schema: null, columns, rest: null, hidden: true })
  }
  const alias = aliasOf(body)
  if (alias.name === null) return star
  const all = union(members.map(rowTaint))
  const columns = members.flatMap((item) => item.columns)
  const aliased = alias.columns.map((name) => derivedColumn(name, all))
  const rest = members.some((item) => item.rest !== null) ? all : null
  const own = star && renamed(star, alias.columns)
  scope.items.splice(before)
  scope.items.push({
    alias: alias.name,
    schema: null,
    columns: own && alias.columns.length > 0 ? own : [...columns, ...aliased],
    rest,
    hidden: false,
    star: own,
  })
  return own
}
