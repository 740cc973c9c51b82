import { anyNode, type Body, bodyOf, listOf, namesOf, nodeOf } from './ast.ts'

/**
 * Whether a condition holds for every row: none at all, one that folds to true, or one that looks at
 * no row, so that it takes all of them or none. Any other that can't be folded counts as one that
 * selects.
 */
export function isAlwaysTrue(where: unknown): boolean {
  if (where === undefined) return true
  const folded = fold(where)
  if (folded !== null) return folded
  const bool = bodyOf(where, 'BoolExpr')
  if (bool?.boolop === 'AND_EXPR') return listOf(bool.args).every(isAlwaysTrue)
  if (bool?.boolop === 'OR_EXPR') return listOf(bool.args).some(isAlwaysTrue)
  return !anyNode(where, ({ kind }) => LOOKS_AT_ROWS.has(kind))
}

/** A parameter may be given so that it selects: `$1 IS NULL OR id = $1` is no condition of its own. */
const LOOKS_AT_ROWS = new Set(['ColumnRef', 'ParamRef', 'RangeVar', 'CurrentOfExpr'])

function fold(value: unknown): boolean | null {
  const node = nodeOf(value)
  if (!node) return null
  const { kind, body } = node
  if (kind === 'A_Const') return foldConstant(body)
  if (kind === 'TypeCast') return fold(body.arg)
  if (kind === 'BoolExpr') return foldBoolean(body)
  if (kind === 'BooleanTest') return foldTest(body)
  if (kind === 'NullTest') return foldNullTest(body)
  if (kind === 'A_Expr') return foldComparison(body)
  if (kind === 'SubLink') return foldExists(body)
  return null
}

const TRUE_WORDS = new Set(['t', 'tr', 'tru', 'true', 'y', 'ye', 'yes', 'on', '1'])
const FALSE_WORDS = new Set(['f', 'fa', 'fal', 'fals', 'false', 'n', 'no', 'of', 'off', '0'])

function foldConstant(body: Body): boolean | null {
  const { boolval, sval, ival } = body as { boolval?: Body; sval?: Body; ival?: Body }
  if (boolval) return boolval.boolval === true
  if (ival) return Number(ival.ival ?? 0) !== 0
  const word = String(sval?.sval ?? '')
    .trim()
    .toLowerCase()
  if (TRUE_WORDS.has(word)) return true
  return FALSE_WORDS.has(word) ? false : null
}

function foldBoolean(body: Body): boolean | null {
  const args = listOf(body.args)
  const parts = args.map(fold)
  if (body.boolop === 'NOT_EXPR') return parts[0] === null ? null : !parts[0]
  if (body.boolop === 'AND_EXPR') {
    if (parts.includes(false)) return false
    return parts.every((part) => part === true) ? true : null
  }
  if (parts.includes(true) || coversEverything(args)) return true
  return parts.every((part) => part === false) ? false : null
}

/** x IS NULL OR x IS NOT NULL; x OR NOT x is left, it may be NULL. */
function coversEverything(args: readonly unknown[]): boolean {
  const tests = args.flatMap((arg) => {
    const test = bodyOf(arg, 'NullTest')
    return test ? [test] : []
  })
  return tests.some((one) =>
    tests.some((other) => one.nulltesttype !== other.nulltesttype && alike(one.arg, other.arg)),
  )
}

function foldTest(body: Body): boolean | null {
  const arg = fold(body.arg)
  if (arg === null) return null
  switch (body.booltesttype) {
    case 'IS_TRUE':
    case 'IS_NOT_FALSE':
      return arg
    case 'IS_FALSE':
    case 'IS_NOT_TRUE':
      return !arg
    default:
      return body.booltesttype === 'IS_NOT_UNKNOWN'
  }
}

function foldNullTest(body: Body): boolean | null {
  const constant = bodyOf(body.arg, 'A_Const')
  if (constant) return (constant.isnull === true) === (body.nulltesttype === 'IS_NULL')
  const system = namesOf(bodyOf(body.arg, 'ColumnRef')?.fields).at(-1)
  const neverNull = system === 'ctid' || system === 'tableoid' || system === 'xmin'
  return neverNull ? body.nulltesttype === 'IS_NOT_NULL' : null
}

/** 1 = 1, 'a' <> 'b', id = id. The last misses rows whose id is NULL, and is still meant for all. */
function foldComparison(body: Body): boolean | null {
  const operator = namesOf(body.name).at(-1)
  const left = constantOf(body.lexpr)
  const right = constantOf(body.rexpr)
  if (operator === '~' || operator === '~*')
    return right !== null && ANY_TEXT.test(right) ? true : null
  if (body.kind === 'AEXPR_LIKE' || body.kind === 'AEXPR_ILIKE') return matchesAll(operator, right)
  if (left !== null && right !== null) return compare(operator, left, right)
  const reflexive = operator === '=' || operator === '>=' || operator === '<='
  const ofScalars = body.kind === 'AEXPR_OP' || body.kind === 'AEXPR_NOT_DISTINCT'
  if (reflexive && ofScalars && alike(body.lexpr, body.rexpr)) return true
  return null
}

/** Regular expressions that every text matches. */
const ANY_TEXT = /^(?:\^?|\$|\^?(?:\.\*\??)+\$?)$/

/** LIKE '%' */
function matchesAll(operator: string | undefined, pattern: string | null): boolean | null {
  return pattern !== null && /^%+$/.test(pattern) && !operator?.startsWith('!') ? true : null
}

function compare(operator: string | undefined, left: string, right: string): boolean | null {
  const numbers = [Number(left), Number(right)] as const
  const numeric = numbers.every((number) => Number.isFinite(number))
  const order = numeric ? Math.sign(numbers[0] - numbers[1]) : left === right ? 0 : null
  switch (operator) {
    case '=':
      return order === null ? false : order === 0
    case '<>':
    case '!=':
      return order === null ? true : order !== 0
    case '<':
      return order === null ? null : order < 0
    case '<=':
      return order === null ? null : order <= 0
    case '>':
      return order === null ? null : order > 0
    case '>=':
      return order === null ? null : order >= 0
    default:
      return null
  }
}

/** A literal's text with the number 2 and '2' alike; sums and the like of literals too. */
function constantOf(value: unknown): string | null {
  const node = nodeOf(value)
  if (node?.kind === 'TypeCast') return constantOf(node.body.arg)
  if (node?.kind === 'A_Expr') return arithmetic(node.body)
  if (node?.kind !== 'A_Const' || node.body.isnull === true) return null
  const { sval, ival, fval, boolval } = node.body as Record<string, Body | undefined>
  if (sval) return String(sval.sval ?? '')
  if (ival) return String(ival.ival ?? 0)
  if (fval) return String(fval.fval ?? 0)
  return boolval ? String(boolval.boolval === true) : null
}

function arithmetic(body: Body): string | null {
  const left = constantOf(body.lexpr)
  const right = constantOf(body.rexpr)
  if (left === null || right === null) return null
  const [a, b] = [Number(left), Number(right)]
  switch (namesOf(body.name).at(-1)) {
    case '+':
      return String(a + b)
    case '-':
      return String(a - b)
    case '*':
      return String(a * b)
    case '||':
      return left + right
    default:
      return null
  }
}

/** EXISTS (SELECT 1): a subquery without FROM and WHERE has a row. */
function foldExists(body: Body): boolean | null {
  if (body.subLinkType !== 'EXISTS_SUBLINK') return null
  const select = bodyOf(body.subselect, 'SelectStmt')
  const certain =
    select !== null &&
    select.op === 'SETOP_NONE' &&
    ['fromClause', 'whereClause', 'havingClause', 'limitCount', 'limitOffset', 'groupClause'].every(
      (clause) => select[clause] === undefined,
    )
  return certain ? true : null
}

/** The same expression, wherever it stands. */
function alike(left: unknown, right: unknown): boolean {
  if (left === undefined || right === undefined) return false
  const text = (value: unknown) =>
    JSON.stringify(value, (key, part) => (key === 'location' ? undefined : part))
  const node = nodeOf(left)
  return node?.kind === 'ColumnRef' && text(left) === text(right)
}
