import { isAlwaysTrue } from './always-true.ts'
import type { Analysis } from './analysis.ts'
import { type Body, bodyOf, isObject, listOf, nodeOf, placeOf, textOf } from './ast.ts'
import { noteAttachedCode } from './attached-code.ts'
import { addStar, relationItem, relationsOf } from './from.ts'
import type { SchemaRelation } from './schema.ts'
import { Scope } from './scope.ts'
import { targetOutputs } from './select.ts'
import { isSystemSchema } from './system-relations.ts'
import {
  type Column,
  hardSources,
  NO_OUTPUTS,
  type Outputs,
  type RangeItem,
  type Taint,
  union,
} from './taint.ts'
import { addWith } from './with.ts'

/** The relation that a statement writes. */
interface Target {
  /** As the statement says it; null where it doesn't. */
  readonly schema: string | null
  readonly name: string
  readonly relations: readonly SchemaRelation[]
  readonly item: RangeItem
  readonly at: number | undefined
}

export function insertOutputs(analysis: Analysis, body: Body, parent: Scope | null): Outputs {
  const scope = withScope(analysis, body, parent)
  const target = targetOf(analysis, body, scope, 'inserts into', insertWrites(body))
  const columns = insertColumns(target, body.cols)
  if (body.selectStmt) {
    const row = analysis.query(body.selectStmt, scope)
    copyRow(analysis, target, columns, row)
    // EXCLUDED has what is inserted, and any column may be set from it.
    if (isObject(body.onConflictClause)) copyAnywhere(analysis, target, row)
  }
  const inner = targetScope(scope, target, ['excluded'])
  if (isObject(body.onConflictClause)) onConflict(analysis, body.onConflictClause, target, inner)
  return returning(analysis, body, inner)
}

function onConflict(analysis: Analysis, clause: Body, target: Target, scope: Scope): void {
  if (isObject(clause.infer)) analysis.value(clause.infer.whereClause, scope)
  assign(analysis, clause.targetList, target, scope)
  if (clause.whereClause) analysis.predicate(clause.whereClause, scope, 'WHERE')
}

export function updateOutputs(analysis: Analysis, body: Body, parent: Scope | null): Outputs {
  const scope = withScope(analysis, body, parent)
  const target = targetOf(analysis, body, scope, 'updates', 'u')
  const inner = targetScope(scope, target, ['old', 'new'])
  for (const item of listOf(body.fromClause)) analysis.from(item, inner)
  boundedBy(analysis, body.whereClause, inner, target, 'UPDATE')
  assign(analysis, body.targetList, target, inner)
  return returning(analysis, body, inner)
}

export function deleteOutputs(analysis: Analysis, body: Body, parent: Scope | null): Outputs {
  const scope = withScope(analysis, body, parent)
  const target = targetOf(analysis, body, scope, 'deletes from', 'd')
  const inner = targetScope(scope, target, ['old', 'new'])
  for (const item of listOf(body.usingClause)) analysis.from(item, inner)
  boundedBy(analysis, body.whereClause, inner, target, 'DELETE')
  return returning(analysis, body, inner)
}

export function mergeOutputs(analysis: Analysis, body: Body, parent: Scope | null): Outputs {
  const scope = withScope(analysis, body, parent)
  const target = targetOf(analysis, body, scope, 'merges into', 'iud')
  const inner = targetScope(scope, target, ['old', 'new'])
  analysis.from(body.sourceRelation, inner)
  inner.star = null
  analysis.predicate(body.joinCondition, inner, 'a join')
  for (const item of listOf(body.mergeWhenClauses)) {
    const when = bodyOf(item, 'MergeWhenClause')
    if (when) mergeAction(analysis, body, when, target, inner)
  }
  return returning(analysis, body, inner)
}

function mergeAction(
  analysis: Analysis,
  merge: Body,
  when: Body,
  target: Target,
  scope: Scope,
): void {
  if (when.condition) analysis.predicate(when.condition, scope, 'WHEN')
  if (when.commandType === 'CMD_INSERT') {
    const columns = insertColumns(target, when.targetList)
    for (const [index, value] of listOf(when.values).entries()) {
      const taint = analysis.value(value, scope)
      copy(analysis, target, columns?.[index] ?? null, { taint, plain: false })
    }
    return
  }
  if (when.commandType === 'CMD_UPDATE') assign(analysis, when.targetList, target, scope)
  if (when.commandType !== 'CMD_UPDATE' && when.commandType !== 'CMD_DELETE') return
  const everyRow =
    when.matchKind === 'MERGE_WHEN_NOT_MATCHED_BY_SOURCE' || isAlwaysTrue(merge.joinCondition)
  if (everyRow && isAlwaysTrue(when.condition)) {
    const reason = `MERGE changes every row of ${target.name}`
    analysis.findings.effect('unbounded-write', reason, target.at)
  }
}

function withScope(analysis: Analysis, body: Body, parent: Scope | null): Scope {
  const scope = new Scope(parent)
  if (body.withClause) addWith(analysis, body.withClause, scope)
  return scope
}

/** ON CONFLICT ... DO UPDATE updates too. */
function insertWrites(body: Body): string {
  const clause = body.onConflictClause
  return isObject(clause) && clause.action === 'ONCONFLICT_UPDATE' ? 'iu' : 'i'
}

function targetOf(
  analysis: Analysis,
  body: Body,
  scope: Scope,
  does: string,
  writes: string,
): Target {
  const rangeVar = (body.relation ?? {}) as Body
  const name = textOf(rangeVar.relname)
  const schema = typeof rangeVar.schemaname === 'string' ? rangeVar.schemaname : null
  const relations = relationsOf(analysis, schema, name, 'write')
  noteWrite(analysis, { schema, name, relations, at: placeOf(rangeVar) }, does, writes)
  const item = relationItem(analysis, rangeVar, scope, 'write')
  return { schema, name, relations, item, at: placeOf(rangeVar) }
}

/** A relation that is written, as the statement names it. */
export interface Written {
  readonly schema: string | null
  readonly name: string
  readonly relations: readonly SchemaRelation[]
  readonly at: number | undefined
}

/** Notes the effects of writing to a relation; `writes` as in relation-code.ts. */
export function noteWrite(
  analysis: Analysis,
  { schema, name, relations, at }: Written,
  does: string,
  writes: string,
): void {
  const { findings } = analysis
  findings.effect('write', `${does} ${name}`, at)
  const spaces = relations.length > 0 ? relations.map((relation) => relation.schema) : [schema]
  if (name === 'pg_settings') findings.effect('opaque', 'changes settings through pg_settings', at)
  else if (spaces.some(isSystemSchema)) {
    findings.effect('privilege', `${does} ${name}, a catalog of the server itself`, at)
  }
  if (relations.some((relation) => relation.kind === 'foreign-table')) {
    findings.effect('export', `${does} ${name}, which lies on another server`, at)
  }
  // Errors of a failed check print the whole row.
  if (relations.some((relation) => relation.classified)) findings.classified = true
  for (const relation of relations) {
    // A row that changes its partition is deleted there and inserted here.
    const moves = writes === 'u' && relation.kind === 'partitioned-table'
    noteAttachedCode(analysis, relation, moves ? 'iud' : writes)
  }
}

function targetScope(parent: Scope, target: Target, rows: readonly string[]): Scope {
  const scope = new Scope(parent)
  scope.items.push(target.item)
  addStar(scope, target.item.star ?? null)
  for (const alias of rows) scope.items.push({ ...target.item, alias, schema: null, hidden: true })
  return scope
}

function boundedBy(
  analysis: Analysis,
  where: unknown,
  scope: Scope,
  target: Target,
  verb: string,
): void {
  const cursor = bodyOf(where, 'CurrentOfExpr')
  if (cursor) {
    analysis.findings.connectionBound = true
    return
  }
  if (where !== undefined) analysis.predicate(where, scope, 'WHERE')
  if (!isAlwaysTrue(where)) return
  const reason = where === undefined ? 'has no WHERE' : 'has a WHERE that is always true'
  const at = placeOf(where) ?? target.at
  analysis.findings.effect('unbounded-write', `${verb} of ${target.name} ${reason}`, at)
}

/** SET a = ..., (b, c) = (...): each value goes into its column. */
function assign(analysis: Analysis, targets: unknown, target: Target, scope: Scope): void {
  for (const item of listOf(targets)) {
    const body = bodyOf(item, 'ResTarget')
    if (!body) continue
    const name = textOf(body.name)
    analysis.value(body.indirection, scope)
    for (const relation of target.relations) analysis.findings.named(relation, name)
    const taint = assigned(analysis, body.val, scope)
    copy(analysis, target, name, { taint, plain: false })
  }
}

function assigned(analysis: Analysis, value: unknown, scope: Scope): Taint {
  const multi = bodyOf(value, 'MultiAssignRef')
  if (!multi) return analysis.value(value, scope)
  const index = Number(multi.colno ?? 1) - 1
  const source = nodeOf(multi.source)
  if (source?.kind === 'RowExpr') return analysis.value(listOf(source.body.args)[index], scope)
  if (source?.kind !== 'SubLink') return analysis.value(multi.source, scope)
  const outputs = analysis.query(source.body.subselect, scope)
  const all = union(outputs.columns.map((column) => column.taint))
  return index < outputs.certain ? (outputs.columns[index]?.taint ?? all) : all
}

/** The columns that INSERT fills, in order; null where that isn't known. */
function insertColumns(target: Target, cols: unknown): readonly string[] | null {
  const named = listOf(cols).map((item) => textOf(bodyOf(item, 'ResTarget')?.name))
  if (named.length > 0) return named
  const [relation, ...others] = target.relations
  if (!relation || others.length > 0) return null
  return [...relation.columns.values()].map((column) => column.name)
}

function copyRow(
  analysis: Analysis,
  target: Target,
  columns: readonly string[] | null,
  row: Outputs,
): void {
  for (const [index, column] of row.columns.entries()) {
    const name = index < row.certain ? (columns?.[index] ?? null) : null
    copy(analysis, target, name, column)
    for (const relation of target.relations) if (name) analysis.findings.named(relation, name)
  }
}

function copyAnywhere(analysis: Analysis, target: Target, row: Outputs): void {
  const taint = union(row.columns.map((column) => column.taint))
  for (const { dataClass } of hardSources(taint)) {
    const classes = dataClass === null ? [] : [dataClass]
    for (const schema of schemasOf(target)) {
      const copied = { schema, table: target.name, column: null, classes, plain: false }
      analysis.findings.copied(copied)
    }
  }
}

/** Classified values that go into a column of another class, or of none, leave their protection. */
function copy(
  analysis: Analysis,
  target: Target,
  column: string | null,
  { taint, plain }: Pick<Column, 'taint' | 'plain'>,
): void {
  for (const source of hardSources(taint)) {
    const kept =
      target.relations.length > 0 &&
      source.dataClass !== null &&
      target.relations.every((relation) => classOf(relation, column) === source.dataClass)
    if (kept) continue
    const place = column === null ? target.name : `${target.name}.${column}`
    analysis.findings.effect('export', `copies ${source.label} into ${place}`, target.at)
    const classes = source.dataClass === null ? [] : [source.dataClass]
    for (const schema of schemasOf(target)) {
      analysis.findings.copied({ schema, table: target.name, column, classes, plain })
    }
  }
}

function schemasOf({ schema, relations }: Target): readonly (string | null)[] {
  return relations.length > 0 ? relations.map((relation) => relation.schema) : [schema]
}

function classOf(relation: SchemaRelation, column: string | null): string | null {
  for (const known of relation.columns.values()) {
    if (known.name === column) return known.dataClass
  }
  return null
}

function returning(analysis: Analysis, body: Body, scope: Scope): Outputs {
  const clause = body.returningClause ?? body.returningList
  if (clause === undefined) return NO_OUTPUTS
  if (Array.isArray(clause)) return targetOutputs(analysis, clause, scope)
  const { exprs, options } = clause as Body
  const inner = new Scope(scope)
  inner.items.push(...scope.items, ...renamedRows(options, scope))
  inner.star = scope.star
  return targetOutputs(analysis, exprs, inner)
}

/** RETURNING WITH (OLD AS o, NEW AS n) */
function renamedRows(options: unknown, scope: Scope): readonly RangeItem[] {
  const row = scope.items.find((item) => item.hidden)
  if (!row) return []
  return listOf(options).flatMap((option) => {
    const body = bodyOf(option, 'ReturningOption')
    return body ? [{ ...row, alias: textOf(body.value) }] : []
  })
}

/** The table that a SELECT INTO, CREATE TABLE AS or materialized view makes. */
export interface Made {
  readonly schema: string | null
  readonly name: string
  /** Names that it gives to its columns, where it does. */
  readonly columns: readonly string[]
}

/** What is written down in a table that is made of it. */
export function notesCopy(analysis: Analysis, made: Made, outputs: Outputs): void {
  for (const [index, column] of outputs.columns.entries()) {
    const known = index < outputs.certain && (made.columns[index] ?? column.name)
    for (const { label, dataClass } of hardSources(column.taint)) {
      analysis.findings.effect('export', `copies ${label} into ${made.name}`)
      analysis.findings.copied({
        schema: made.schema,
        table: made.name,
        column: known || null,
        classes: dataClass === null ? [] : [dataClass],
        plain: column.plain,
      })
    }
  }
}
