import type { Analysis } from './analysis.ts'
import { type Body, bodyOf, childrenOf, listOf, namesOf, nodeOf, stringOf } from './ast.ts'
import { calleeReturnsSet, hiddenCalls, noteUnknownSetting } from './calls.ts'
import { canFail, canOverflow, failsOnText } from './can-fail.ts'
import type { Resolution, Scope } from './scope.ts'
import {
  CLEAN,
  type Column,
  hardSources,
  isHard,
  rowTaint,
  type Taint,
  taintOf,
  union,
} from './taint.ts'
import { noteTypeCode } from './type-code.ts'

/** What an expression is computed from. Kinds without a case of their own: all that is in them. */
export function taintOfValue(analysis: Analysis, value: unknown, scope: Scope): Taint {
  analysis.spend(1)
  const node = nodeOf(value)
  if (!node) return insideOf(analysis, value, scope)
  const { kind, body } = node
  switch (kind) {
    case 'ColumnRef':
      return columnReference(analysis, body, scope)
    case 'FuncCall':
      return functionCall(analysis, body, scope)
    case 'SubLink':
      return subLink(analysis, body, scope)
    case 'CaseExpr':
      return analysis.once(body, scope, () => caseExpression(analysis, body, scope))
    case 'A_Expr':
      return operation(analysis, body, scope)
    case 'BoolExpr':
      return analysis.once(body, scope, () => connective(analysis, body, scope))
    case 'NullTest':
      return nullTest(analysis, body, scope)
    case 'TypeCast':
      return typeCast(analysis, body, scope)
    case 'A_Indirection':
      return indirection(analysis, body, scope)
    case 'WindowDef':
      return windowDefinition(analysis, body, scope)
    case 'SelectStmt':
      return outputsOf(analysis, value, scope)
    case 'ParamRef':
      return analysis.parameters
    default:
      return insideOf(analysis, body, scope)
  }
}

function insideOf(analysis: Analysis, value: unknown, scope: Scope): Taint {
  return union(childrenOf(value).map((child) => taintOfValue(analysis, child, scope)))
}

function outputsOf(analysis: Analysis, query: unknown, scope: Scope): Taint {
  return union(analysis.query(query, scope).columns.map((column) => column.taint))
}

function columnReference(analysis: Analysis, body: Body, scope: Scope): Taint {
  const fields = listOf(body.fields)
  const names = namesOf(fields)
  if (names.length < fields.length) return starInValue(analysis, names, scope)
  analysis.spend(scope.breadth())
  return resolved(analysis, body, scope.resolve(names), scope)
}

function resolved(analysis: Analysis, body: Body, found: Resolution, scope: Scope): Taint {
  switch (found.kind) {
    case 'columns': {
      for (const column of found.columns) analysis.findings.column(column, locationOf(body))
      const own = union(found.columns.map((column) => column.taint))
      return found.or ? union([own, resolved(analysis, body, found.or, scope)]) : own
    }
    case 'row':
      return union(found.items.map((item) => wholeRow(analysis, item.columns, rowTaint(item))))
    case 'attribute': {
      const row = wholeRow(analysis, found.item.columns, rowTaint(found.item))
      return analysis.call([found.name], row, locationOf(body))
    }
    case 'none':
      return unknownColumn(analysis, namesOf(body.fields).join('.'), scope)
  }
}

/** The server will most likely refuse it; beside classified data it is taken for more of that. */
function unknownColumn(analysis: Analysis, name: string, scope: Scope): Taint {
  analysis.findings.unknown.add(name)
  if (!scope.seesTaint()) return CLEAN
  const taint = taintOf({ label: `the unknown column ${name}`, dataClass: null, hard: false })
  analysis.findings.taint(taint)
  return taint
}

/** count(c.*), ROW(c.*): the whole row, or every row in scope. */
function starInValue(analysis: Analysis, names: readonly string[], scope: Scope): Taint {
  const named = names.length > 0 ? scope.item(names) : null
  const items = named ? [named] : scope.items
  return union(items.map((item) => wholeRow(analysis, item.columns, rowTaint(item))))
}

function wholeRow(analysis: Analysis, columns: readonly Column[], taint: Taint): Taint {
  for (const column of columns) analysis.findings.column(column)
  analysis.findings.taint(taint)
  return taint
}

function functionCall(analysis: Analysis, body: Body, scope: Scope): Taint {
  const name = namesOf(body.funcname)
  const at = locationOf(body)
  const args = taintOfValue(analysis, body.args, scope)
  if (name.at(-1) === 'current_setting') checkSettingName(analysis, listOf(body.args)[0], scope)
  if (body.agg_filter) analysis.predicate(body.agg_filter, scope, 'FILTER')
  const order = taintOfValue(analysis, body.agg_order, scope)
  // WITHIN GROUP (ORDER BY x) names what is aggregated; other orders only tell how.
  if (!body.agg_within_group) analysis.findings.probe(order, 'the order of an aggregate', body)
  const over =
    body.over === undefined ? CLEAN : windowDefinition(analysis, asBody(body.over), scope)
  if (calleeReturnsSet(analysis.schema, name)) {
    analysis.findings.probe(args, `${name.at(-1)}(), which makes rows`, body)
  }
  checkFailure(analysis, body, scope)
  if (POPULATES.test(name.at(-1) ?? '')) noteRowTypes(analysis, scope, at)
  if (isCount(name) && countsSafely(analysis, body, scope)) return analysis.call(name, over, at)
  return union([analysis.call(name, union([args, order]), at), over])
}

/** Functions that read values of whatever row type they are handed. */
const POPULATES = /^jsonb?_populate_record(?:set|_valid)?$|^populate_record$/

/** Reading a value into a row runs the checks of its columns' types; which row it is isn't followed. */
function noteRowTypes(analysis: Analysis, scope: Scope, at?: number): void {
  const columns = scope.items.flatMap((item) => item.columns)
  for (const relation of new Set(columns.map((column) => column.relation))) {
    for (const { typeOid } of relation?.columns.values() ?? []) {
      noteTypeCode(analysis, typeOid, at)
    }
  }
  if (scope.parent) noteRowTypes(analysis, scope.parent, at)
}

/** pg_settings shows each of its settings beside its name, to whom it may be shown. */
function checkSettingName(analysis: Analysis, argument: unknown, scope: Scope): void {
  if (nodeOf(argument)?.kind !== 'ColumnRef') return
  const column = plainColumn(analysis, argument, scope)
  const { schema, name } = column?.relation ?? {}
  const shown = schema === 'pg_catalog' && name === 'pg_settings'
  if (!shown || (column?.base ?? column?.name) !== 'name') noteUnknownSetting(analysis)
}

function isCount(name: readonly string[]): boolean {
  return name.at(-1) === 'count' && (name.length === 1 || name[0] === 'pg_catalog')
}

/** count(*) and count(x) reveal no value; count of an expression can be made to. */
function countsSafely(analysis: Analysis, body: Body, scope: Scope): boolean {
  const args = listOf(body.args)
  return args.every((argument) => plainColumn(analysis, argument, scope) !== null)
}

function windowDefinition(analysis: Analysis, body: Body, scope: Scope): Taint {
  const partition = taintOfValue(analysis, body.partitionClause, scope)
  const order = taintOfValue(analysis, body.orderClause, scope)
  const frame = taintOfValue(analysis, [body.startOffset, body.endOffset], scope)
  const all = union([partition, order, frame])
  analysis.findings.probe(all, 'a window', body)
  return all
}

/** EXISTS tells no value of its own; its conditions are judged where they stand. */
function subLink(analysis: Analysis, body: Body, scope: Scope): Taint {
  const outputs = outputsOf(analysis, body.subselect, scope)
  if (body.subLinkType === 'EXISTS_SUBLINK') return CLEAN
  const taint = union([outputs, taintOfValue(analysis, body.testexpr, scope)])
  return operated(analysis, body.operName, taint, locationOf(body))
}

function caseExpression(analysis: Analysis, body: Body, scope: Scope): Taint {
  const subject = taintOfValue(analysis, body.arg, scope)
  const plain = body.arg !== undefined && plainColumn(analysis, body.arg, scope) !== null
  const taints = [subject, taintOfValue(analysis, body.defresult, scope)]
  for (const item of listOf(body.args)) {
    const when = bodyOf(item, 'CaseWhen')
    if (!when) continue
    const condition = taintOfValue(analysis, when.expr, scope)
    taints.push(condition, taintOfValue(analysis, when.result, scope))
    if (body.arg === undefined) analysis.predicate(when.expr, scope, 'CASE')
    else if (!plain || !isConstant(when.expr)) {
      analysis.findings.probe(union([subject, condition]), 'CASE', when.expr)
    }
  }
  return union(taints)
}

/**
 * A computation that fails for some values and not for others tells which it met, and how the agent
 * computes what it is given says for which. A column by itself fails as its own content does.
 */
function checkFailure(analysis: Analysis, body: Body, scope: Scope): void {
  const name = namesOf(body.funcname)
  if (!canFail(name)) return
  const args = listOf(body.args)
  const computed = args.filter((argument) => plainColumn(analysis, argument, scope) === null)
  const taint = union(computed.map((argument) => taintOfValue(analysis, argument, scope)))
  analysis.findings.probe(taint, `${name.at(-1)}(), which can fail`, body)
}

function checkCast(analysis: Analysis, body: Body, type: string, taint: Taint, scope: Scope): void {
  if (!isHard(taint) || !failsOnText(type, body.arg)) return
  if (plainColumn(analysis, body.arg, scope) !== null) return
  analysis.findings.probe(taint, `a cast to ${type}, which can fail`, body)
}

function typeCast(analysis: Analysis, body: Body, scope: Scope): Taint {
  const type = namesOf(asBody(body.typeName).names).at(-1) ?? ''
  const taint = insideOf(analysis, body, scope)
  checkCast(analysis, body, type, taint, scope)
  const casts = analysis.schema.castFunctions(type)
  // A literal is read as the type itself: no cast stands between.
  const literal = ['A_Const', 'ParamRef'].includes(nodeOf(body.arg)?.kind ?? '')
  if (casts.length === 0 || literal) return taint
  const from = typesOf(analysis, body.arg, scope)
  const fitting = casts.filter((cast) => from === null || from.includes(cast.from))
  return hiddenCalls(
    analysis,
    fitting.map(({ name }) => name),
    taint,
    locationOf(body),
  )
}

/** The types that a column or a cast can have; null where that isn't known. */
function typesOf(analysis: Analysis, value: unknown, scope: Scope): readonly number[] | null {
  const cast = bodyOf(value, 'TypeCast')
  if (cast) {
    const name = namesOf(asBody(cast.typeName).names).at(-1) ?? ''
    return analysis.schema.typesNamed(name).map(({ oid }) => oid)
  }
  const column = plainColumn(analysis, value, scope)
  const own = column?.base ?? column?.name
  const known = [...(column?.relation?.columns.values() ?? [])].find(({ name }) => name === own)
  return known ? [known.typeOid] : null
}

/** Dividing by a classified value, or NULLIF of one, can be made to fail for some values only. */
function operation(analysis: Analysis, body: Body, scope: Scope): Taint {
  const left = taintOfValue(analysis, body.lexpr, scope)
  const right = taintOfValue(analysis, body.rexpr, scope)
  const operator = namesOf(body.name).at(-1)
  if (operator === '/' || operator === '%') analysis.findings.probe(right, 'a divisor', body)
  else if (canOverflow(operator, body)) {
    analysis.findings.probe(union([left, right]), 'a computation that can overflow', body)
  }
  if (body.kind === 'AEXPR_NULLIF' && !comparesPlainly(analysis, body, scope)) {
    analysis.findings.probe(union([left, right]), 'NULLIF', body)
  }
  return operated(analysis, body.name, union([left, right]), locationOf(body))
}

function operated(analysis: Analysis, name: unknown, taint: Taint, at?: number): Taint {
  const operator = namesOf(name).at(-1) ?? ''
  return hiddenCalls(analysis, analysis.schema.operatorFunctions(operator), taint, at)
}

function comparesPlainly(analysis: Analysis, body: Body, scope: Scope): boolean {
  return plainColumn(analysis, body.lexpr, scope) !== null && isConstant(body.rexpr)
}

/** AND and OR stop early: what stands behind them tells how the conditions before them came out. */
function connective(analysis: Analysis, body: Body, scope: Scope): Taint {
  for (const arg of listOf(body.args)) analysis.predicate(arg, scope, 'AND, OR or NOT')
  return insideOf(analysis, body.args, scope)
}

/** `x IS NULL` of a plain column reveals no value. */
function nullTest(analysis: Analysis, body: Body, scope: Scope): Taint {
  const taint = taintOfValue(analysis, body.arg, scope)
  return plainColumn(analysis, body.arg, scope) ? CLEAN : taint
}

/** (row).field: a field, or a function of the row where no field has that name. */
function indirection(analysis: Analysis, body: Body, scope: Scope): Taint {
  const field = rowField(body, scope)
  let taint = field
    ? columnReference(analysis, field.reference, scope)
    : taintOfValue(analysis, body.arg, scope)
  for (const step of field?.rest ?? listOf(body.indirection)) {
    const name = stringOf(step)
    taint =
      name === null
        ? union([taint, taintOfValue(analysis, step, scope)])
        : analysis.call([name], taint)
  }
  return taint
}

/** (c).email, where c is a whole row, is c.email; null for any other field of a value. */
export function rowField(
  { arg, indirection }: Body,
  scope: Scope,
): { readonly reference: Body; readonly rest: readonly unknown[] } | null {
  const fields = listOf(bodyOf(arg, 'ColumnRef')?.fields)
  const [first, ...rest] = listOf(indirection)
  const names = namesOf(fields)
  const whole = names.length > 0 && names.length === fields.length
  if (!whole || stringOf(first) === null || scope.resolve(names).kind !== 'row') return null
  return { reference: { fields: [...fields, first] }, rest }
}

/** The column that a value is, unchanged; null where it is anything else. Notes nothing. */
export function plainColumn(analysis: Analysis, value: unknown, scope: Scope): Column | null {
  const node = nodeOf(value)
  if (node?.kind === 'TypeCast') {
    return keepsValue(node.body.typeName) ? plainColumn(analysis, node.body.arg, scope) : null
  }
  if (node?.kind !== 'ColumnRef') return null
  const fields = listOf(node.body.fields)
  const names = namesOf(fields)
  if (names.length < fields.length) return null
  analysis.spend(scope.breadth())
  const found = scope.resolve(names)
  if (found.kind !== 'columns' || found.or) return null
  const [column, ...others] = found.columns
  return column?.plain && others.every((other) => alike(column, other)) ? column : null
}

/** Whichever of them it is, it tells the same kind of thing. */
function alike(one: Column, other: Column): boolean {
  if (other.relation === null && isHard(other.taint)) return false
  const classes = ({ taint }: Column) => hardSources(taint).map(({ dataClass }) => dataClass)
  return classes(one).join() === classes(other).join()
}

/** Casts to text keep the whole value; text(4) or name cut it, others change what is equal. */
function keepsValue(type: unknown): boolean {
  const body = asBody(type)
  const name = namesOf(body.names).at(-1)
  const cuts = body.typmods !== undefined || body.arrayBounds !== undefined
  return (name === 'text' || name === 'varchar') && !cuts
}

const CONSTANT_PARTS = new Set(['A_ArrayExpr', 'List', 'RowExpr', 'TypeCast', 'TypeName', 'String'])

/** Literals and parameters, alone, cast or in lists. */
export function isConstant(value: unknown): boolean {
  if (Array.isArray(value)) return value.every(isConstant)
  const node = nodeOf(value)
  if (!node) return true
  if (node.kind === 'A_Const' || node.kind === 'ParamRef' || node.kind === 'Integer') return true
  return CONSTANT_PARTS.has(node.kind) && childrenOf(node.body).every(isConstant)
}

/** Where the grammar says that a node stands. */
function locationOf(body: Body): number | undefined {
  return typeof body.location === 'number' && body.location > 0 ? body.location : undefined
}

function asBody(value: unknown): Body {
  return (value ?? {}) as Body
}
