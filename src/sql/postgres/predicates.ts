import type { Analysis } from './analysis.ts'
import { anyNode, type Body, childrenOf, listOf, literalOf, namesOf, nodeOf } from './ast.ts'
import { isConstant, plainColumn } from './expressions.ts'
import type { Scope } from './scope.ts'
import { type Column, hardSources, isHard } from './taint.ts'

/** Kinds of comparison that ask whether two values are equal, and no more. */
const EQUALITIES = new Set([
  'AEXPR_OP',
  'AEXPR_OP_ANY',
  'AEXPR_OP_ALL',
  'AEXPR_IN',
  'AEXPR_DISTINCT',
  'AEXPR_NOT_DISTINCT',
])
const EQUAL = new Set(['=', '<>'])

/**
 * A condition may ask of a classified column whether it is NULL, or equal to a constant, or, in a
 * join, to a column of the same class. Anything else can be used to guess values bit by bit.
 */
export function checkPredicate(
  analysis: Analysis,
  value: unknown,
  scope: Scope,
  where: string,
): void {
  const node = nodeOf(value)
  if (node?.kind === 'BoolExpr') {
    for (const arg of listOf(node.body.args)) checkPredicate(analysis, arg, scope, where)
    return
  }
  if (node?.kind === 'BooleanTest') {
    checkPredicate(analysis, node.body.arg, scope, where)
    return
  }
  const taint = analysis.value(value, scope)
  if (node?.kind === 'A_Expr' && isSafeEquality(analysis, node.body, scope)) return
  if (node?.kind === 'SubLink' && isSafeMembership(analysis, node.body, scope)) return
  analysis.findings.probe(taint, where, value)
}

function isSafeEquality(analysis: Analysis, body: Body, scope: Scope): boolean {
  const operator = namesOf(body.name).at(-1) ?? ''
  if (!EQUALITIES.has(String(body.kind)) || !EQUAL.has(operator)) return false
  const left = plainColumn(analysis, body.lexpr, scope)
  const right = plainColumn(analysis, body.rexpr, scope)
  if (left && right) return sameClass(left, right)
  if (left) return isLookup(analysis, left, body.rexpr)
  return right !== null && isLookup(analysis, right, body.lexpr)
}

/** A column compared with what the agent brings: known by its values, so that they can be counted. */
function isLookup(analysis: Analysis, column: Column, value: unknown): boolean {
  if (!isConstant(value)) return false
  // What a function was given may be somebody's data.
  if (isHard(analysis.parameters) && anyNode(value, ({ kind }) => kind === 'ParamRef')) return false
  const values = valuesIn(value)
  for (const { dataClass, label } of hardSources(column.taint)) {
    if (dataClass === null || values.length === 0) continue
    const schema = column.relation ? `${column.relation.schema}.` : ''
    analysis.findings.lookup({ dataClass, column: `${schema}${label}`, values })
  }
  return true
}

/** The texts of the constants, and the numbers of the parameters, of a value of constants. */
function valuesIn(value: unknown): readonly (string | { readonly parameter: number })[] {
  const node = nodeOf(value)
  if (node?.kind === 'ParamRef') return [{ parameter: Number(node.body.number ?? 0) }]
  const literal = node?.kind === 'A_Const' ? literalOf(value) : undefined
  if (literal !== undefined) return literal === null ? [] : [literal]
  if (node?.kind === 'TypeCast') return valuesIn(node.body.arg)
  return childrenOf(node ? node.body : value).flatMap(valuesIn)
}

/** email IN (SELECT email FROM ...): a join of columns of one class. */
function isSafeMembership(analysis: Analysis, body: Body, scope: Scope): boolean {
  if (body.subLinkType !== 'ANY_SUBLINK' || body.operName !== undefined) return false
  const left = plainColumn(analysis, body.testexpr, scope)
  const [right, ...others] = analysis.query(body.subselect, scope).columns
  return left !== null && right !== undefined && others.length === 0 && sameClass(left, right)
}

/** Whether comparing two columns tells only what a foreign key between them would. */
export function sameClass(left: Column, right: Column): boolean {
  if (!isHard(left.taint) && !isHard(right.taint)) return true
  if (!left.plain || !right.plain) return false
  const classes = new Set(
    [...hardSources(left.taint), ...hardSources(right.taint)].map((source) => source.dataClass),
  )
  return isHard(left.taint) && isHard(right.taint) && classes.size === 1 && !classes.has(null)
}
