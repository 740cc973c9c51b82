import type { Lookup } from '../statement.ts'
import type { Analysis } from './analysis.ts'
import { type Constant, readConstant } from './constants.ts'
import type { SchemaColumn } from './schema.ts'
import type { StatementText } from './statement-text.ts'
import { isName, isOp, nameOf, type Token } from './token.ts'

const CONDITIONS = new Set(['WHERE', 'ON', 'HAVING'])
const BEFORE = new Set(['WHERE', 'ON', 'AND', 'OR', 'NOT', 'HAVING', 'XOR'])
const BEHIND = new Set(
  `AND OR XOR GROUP ORDER LIMIT HAVING UNION EXCEPT INTERSECT FOR LOCK INTO JOIN LEFT RIGHT INNER CROSS
   STRAIGHT_JOIN NATURAL WHERE WINDOW SET RETURNING`
    .trim()
    .split(/\s+/),
)

/**
 * The test of a column that a person would make of a value that he already has: column = constant,
 * constant = column, column IN (constants), column IS [NOT] NULL, or the contrary of one, as a whole
 * condition or a part of one with AND, OR and NOT. Null where it is anything else.
 *
 * @returns the constants
 */
export function equalityAt(
  analysis: Analysis,
  text: StatementText,
  at: number,
  clause: string,
): readonly Constant[] | null {
  if (!CONDITIONS.has(clause)) return null
  const { tokens } = text
  let start = at
  while (isOp(tokens[start - 1], '.') && isName(tokens[start - 2])) start -= 2
  const test = testBehind(analysis, text, at + 1) ?? testBefore(analysis, text, start)
  if (!test) return null
  const from = test.from ?? start
  const next = tokens[test.to ?? at + 1]
  const ends = next === undefined || isOp(next, ')') || isOp(next, '&&') || BEHIND.has(next.keyword)
  return ends && beginsCondition(tokens, from) ? test.constants : null
}

function beginsCondition(tokens: readonly Token[], start: number): boolean {
  const before = tokens[start - 1]
  if (isOp(before, '&&')) return true
  if (!isOp(before, '(')) return BEFORE.has(before?.keyword ?? '')
  // A function's arguments are no condition.
  const called = tokens[start - 2]
  return !isName(called) || BEFORE.has(called.keyword)
}

interface Test {
  /** Where the condition begins, where that isn't at the column. */
  readonly from?: number
  /** The index behind it, where that isn't behind the column. */
  readonly to?: number
  readonly constants: readonly Constant[]
}

const EQUALITIES = new Set(['=', '<=>', '<>', '!='])

function isEquality(token: Token | undefined): boolean {
  return token?.kind === 'op' && EQUALITIES.has(token.text)
}

/** = constant, <=> constant, IN (constants), IS [NOT] NULL */
function testBehind(analysis: Analysis, text: StatementText, at: number): Test | null {
  const { tokens } = text
  if (isEquality(tokens[at])) {
    if (tokens[at + 1]?.keyword === 'NULL') return { to: at + 2, constants: [] }
    const constant = readConstant(analysis, text, at + 1)
    return constant && { to: constant.end, constants: [constant] }
  }
  if (tokens[at]?.keyword === 'IS') {
    const to = tokens[at + 1]?.keyword === 'NOT' ? at + 3 : at + 2
    return tokens[to - 1]?.keyword === 'NULL' ? { to, constants: [] } : null
  }
  const list = tokens[at]?.keyword === 'NOT' ? at + 1 : at
  if (tokens[list]?.keyword !== 'IN' || !isOp(tokens[list + 1], '(')) return null
  const constants: Constant[] = []
  for (let inner = list + 2; ; inner++) {
    const constant = readConstant(analysis, text, inner)
    if (!constant) return null
    constants.push(constant)
    inner = constant.end
    if (isOp(tokens[inner], ')')) return { to: inner + 1, constants }
    if (!isOp(tokens[inner], ',')) return null
  }
}

/** constant = */
function testBefore(analysis: Analysis, text: StatementText, start: number): Test | null {
  const { tokens } = text
  if (!isEquality(tokens[start - 1])) return null
  for (const from of [start - 2, start - 3]) {
    const constant = readConstant(analysis, text, from)
    if (constant?.end === start - 1 && beginsCondition(tokens, from)) {
      return { from, constants: [constant] }
    }
  }
  return null
}

/**
 * Whether a comparison with a constant tells no more than that they are equal. A text that is
 * compared with a number becomes the number that it begins with ("Type Conversion in Expression
 * Evaluation").
 */
export function tellsEqualityOnly(
  columns: readonly SchemaColumn[],
  constants: readonly Constant[],
): boolean {
  const texts = columns.some(({ type }) => type !== undefined && !NUMERIC.test(type))
  return !texts || constants.every(({ kind }) => kind !== 'number')
}

const NUMERIC =
  /^(?:tinyint|smallint|mediumint|int|integer|bigint|decimal|numeric|float|double|real|bit|year|bool)/i

/** A column, and what it is called with its table. */
export interface NamedColumn extends SchemaColumn {
  readonly label: string
}

/** The look-up that a test of a column is, for each column that its name may mean. */
export function lookupsOf(
  token: Token,
  columns: readonly NamedColumn[],
  classes: readonly string[],
  constants: readonly Constant[],
): readonly Lookup[] {
  const values = constants.map(({ value }) => value)
  if (values.length === 0) return []
  const own = columns.flatMap(({ dataClass, label }) =>
    dataClass === null ? [] : [{ dataClass, column: label, values }],
  )
  if (own.length > 0) return own
  // A name that the statement gives may stand for any of its classified columns.
  return classes.map((dataClass) => ({ dataClass, column: nameOf(token), values }))
}
