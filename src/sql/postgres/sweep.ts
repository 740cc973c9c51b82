import type { Analysis } from './analysis.ts'
import { type Body, childrenOf, listOf, literalOf, namesOf, nodeOf } from './ast.ts'
import { calleeOf, knownUse, noteCall, noteUnknownSetting } from './calls.ts'
import { isConstant } from './expressions.ts'
import { noteImplicitCasts } from './implicit-casts.ts'
import { checkSetting } from './set-effects.ts'
import { holdsAnyText, isSecretSetting } from './settings.ts'
import { noteTypeCode } from './type-code.ts'

/** The kinds of node that queries are made of. One that isn't here is one that nobody has judged. */
const KNOWN_KINDS = new Set(
  `SelectStmt InsertStmt UpdateStmt DeleteStmt MergeStmt A_Const A_Expr A_Indirection A_Indices
   A_ArrayExpr A_Star Alias BitString BoolExpr Boolean BooleanTest CTECycleClause CTESearchClause
   CaseExpr CaseWhen CoalesceExpr CollateClause ColumnDef ColumnRef CommonTableExpr CurrentOfExpr
   DefElem Float FuncCall GroupingFunc GroupingSet IndexElem InferClause Integer IntoClause
   JoinExpr JsonAggConstructor JsonArgument JsonArrayAgg JsonArrayConstructor
   JsonArrayQueryConstructor JsonBehavior JsonFormat JsonFuncExpr JsonIsPredicate JsonKeyValue
   JsonObjectAgg JsonObjectConstructor JsonOutput JsonParseExpr JsonReturning JsonScalarExpr
   JsonSerializeExpr JsonTable JsonTableColumn JsonTablePathSpec JsonValueExpr List LockingClause
   MergeSupportFunc MergeWhenClause MinMaxExpr MultiAssignRef NamedArgExpr NullTest
   OnConflictClause ParamRef RangeFunction RangeSubselect RangeTableFunc RangeTableFuncCol
   RangeTableSample RangeVar ResTarget ReturningClause ReturningOption RoleSpec RowExpr
   SQLValueFunction SetToDefault SortBy String SubLink TypeCast TypeName WindowDef WithClause
   XmlExpr XmlSerialize ExecuteStmt`.split(/\s+/),
)

/**
 * Walks a whole statement and notes what holds wherever it stands: functions that do more than
 * compute, casts and operators that run code of the user's own, kinds of node nobody has judged.
 */
export function sweep(analysis: Analysis, statement: unknown, strict: boolean): void {
  const waiting: unknown[] = [statement]
  while (waiting.length > 0) {
    const value = waiting.pop()
    const node = nodeOf(value)
    if (node) checkNode(analysis, node.kind, node.body, strict)
    else if (value !== null && typeof value === 'object') checkStruct(analysis, value as Body)
    for (const child of childrenOf(node ? node.body : value)) {
      if (child !== null && typeof child === 'object') waiting.push(child)
    }
  }
}

function checkNode(analysis: Analysis, kind: string, body: Body, strict: boolean): void {
  if (strict && !KNOWN_KINDS.has(kind)) {
    analysis.findings.effect('opaque', `holds ${kind}, which isn't known here`)
    analysis.findings.classified = true
  }
  if (kind === 'FuncCall') checkCall(analysis, body)
  else if (kind === 'A_Expr') checkOperator(analysis, body.name, placeIn(body))
  else if (kind === 'SubLink') checkOperator(analysis, body.operName, placeIn(body))
  else if (kind === 'SortBy') checkOperator(analysis, body.useOp, placeIn(body))
  else if (kind === 'TypeName') checkType(analysis, body)
}

/** TypeName stands without its wrapper where the grammar allows nothing else. */
function checkStruct(analysis: Analysis, body: Body): void {
  if (Array.isArray(body.names)) checkType(analysis, body)
}

/** An operator of the user's own is a call of the function behind it. */
function checkOperator(analysis: Analysis, name: unknown, at?: number): void {
  const names = namesOf(name)
  const functions = analysis.schema.operatorFunctions(names.at(-1) ?? '')
  for (const fn of functions) noteCall(analysis, fn, at)
  if (names.length < 2 || names.at(-2) === 'pg_catalog' || functions.length > 0) return
  const reason = `uses the operator ${names.join('.')}, which isn't known`
  analysis.findings.effect('opaque', reason, at)
}

function placeIn(body: Body): number | undefined {
  return typeof body.location === 'number' && body.location > 0 ? body.location : undefined
}

function checkType(analysis: Analysis, body: Body): void {
  checkTypeName(analysis, namesOf(body.names), placeIn(body))
}

/** A type's name before an argument is a cast too: watched('x') is 'x'::watched. */
function checkTypeName(analysis: Analysis, names: readonly string[], at?: number): void {
  const name = names.at(-1)
  if (name === undefined || names.at(-2) === 'pg_catalog') return
  for (const { oid } of analysis.schema.typesNamed(name, names.at(-2))) {
    noteTypeCode(analysis, oid, at)
  }
}

function checkCall(analysis: Analysis, body: Body): void {
  const name = namesOf(body.funcname)
  const last = name.at(-1) ?? ''
  const at = placeIn(body)
  noteCall(analysis, name, at)
  checkArguments(analysis, last, listOf(body.args), at)
  checkTypeName(analysis, name, at)
  const callee = calleeOf(analysis.schema, name)
  noteImplicitCasts(
    analysis,
    callee.own.map(({ resultType }) => resultType),
    at,
  )
  const known = callee.builtin || callee.own.length > 0
  if (!known) checkUnknown(analysis, name, body, knownUse(callee, last))
}

/** A name that no function has, on one argument, is a column of it: email(c) is c.email. */
function checkUnknown(
  analysis: Analysis,
  name: readonly string[],
  body: Body,
  use: { readonly effects: readonly unknown[] } | undefined,
): void {
  const { findings } = analysis
  const shown = name.join('.')
  findings.unknown.add(`${shown}()`)
  findings.functions.add(shown)
  if (use !== undefined) return
  const args = listOf(body.args)
  const isColumn = name.length === 1 && args.length === 1 && !body.over && !body.agg_star
  if (!isColumn) findings.effect('opaque', `${shown}() isn't known`, placeIn(body))
}

function checkArguments(
  analysis: Analysis,
  name: string,
  args: readonly unknown[],
  at?: number,
): void {
  const { findings } = analysis
  if (name === 'set_config') checkSetConfig(analysis, args, at)
  else if (name === 'current_setting') checkCurrentSetting(analysis, args, at)
  else if (name === 'pg_input_is_valid' || name === 'pg_input_error_info') {
    checkInputType(analysis, args[1])
  } else if (name === 'pg_notify' && !isConstant(args[1])) {
    findings.effect('export', 'pg_notify() sends what it computes to other sessions', at)
  } else if (name === 'ts_rewrite' && args.length < 3) {
    findings.effect('opaque', 'ts_rewrite() runs SQL that stands in a string', at)
  }
}

function checkSetConfig(analysis: Analysis, args: readonly unknown[], at?: number): void {
  const name = literalOf(args[0])
  const value = literalOf(args[1])
  if (typeof name !== 'string' || !isConstant(args[1])) {
    analysis.findings.effect('opaque', 'set_config() sets what it computes', at)
  } else checkSetting(analysis, name, value === undefined ? null : [value ?? ''], at)
}

/** pg_input_is_valid('x', 'some_type') reads a value of that type, and so runs its checks. */
function checkInputType(analysis: Analysis, type: unknown): void {
  const text = literalOf(type)
  const words =
    typeof text === 'string' ? (text.match(/"(?:[^"]|"")+"|[^\s".()[\],]+/g) ?? []) : null
  if (words === null) {
    analysis.findings.effect('opaque', 'reads a value of a type that is computed')
    return
  }
  for (const word of words) {
    const quoted = word.startsWith('"')
    checkTypeName(analysis, [quoted ? word.slice(1, -1).replaceAll('""', '"') : word.toLowerCase()])
  }
}

function checkCurrentSetting(analysis: Analysis, args: readonly unknown[], at?: number): void {
  const name = literalOf(args[0])
  analysis.findings.usesKept ||= typeof name !== 'string' || holdsAnyText(name)
  if (typeof name !== 'string') {
    // Of a column, its place in FROM decides: see checkSettingName.
    if (nodeOf(args[0])?.kind !== 'ColumnRef') noteUnknownSetting(analysis, at)
  } else if (isSecretSetting(name)) {
    analysis.findings.effect('export', `reads ${name}, which may hold a secret`, at)
  }
}
