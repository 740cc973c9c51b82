import { isName, nameOf } from '../token.ts'
import { readCall } from './read-call.ts'
import type { Reading } from './reading.ts'
import type { Expression } from './tree.ts'

const CONSTANT: Expression = { kind: 'constant' }
const LITERALS = new Set(['string', 'number', 'bytes'])
const CONSTANT_WORDS = new Set(['NULL', 'TRUE', 'FALSE'])
/** Functions that need no parentheses, whose words both servers reserve. */
const NOW = new Set(
  `CURRENT_DATE CURRENT_TIME CURRENT_TIMESTAMP CURRENT_USER LOCALTIME LOCALTIMESTAMP UTC_DATE UTC_TIME
   UTC_TIMESTAMP`
    .trim()
    .split(/\s+/),
)
/** Character sets that both servers have: `_name 'text'` would be a column and its alias else. */
const INTRODUCERS = new Set(['_UTF8', '_UTF8MB3', '_UTF8MB4', '_LATIN1', '_BINARY', '_ASCII'])
const TYPED = new Set(['DATE', 'TIME', 'TIMESTAMP'])
/** No column, unless it stands in backquotes. */
const NO_COLUMN = new Set(
  `ALL AND ANALYZE AS ASC BETWEEN BY COLLATE CROSS DEFAULT DESC DISTINCT DIV ELSE END EXCEPT FETCH FOR FROM GROUP
   HAVING IN INNER INTERSECT INTO IS JOIN LEFT LIKE LIMIT LOCK MATCH NATURAL NOT ON OR ORDER OUTER OVER
   PARTITION PROCEDURE REGEXP RETURNING RIGHT RLIKE SELECT SET STRAIGHT_JOIN TABLE THEN UNION USING VALUES
   WHEN WHERE WINDOW WITH XOR`
    .trim()
    .split(/\s+/),
)
/** Functions for all that. */
const CALLED = new Set(['DEFAULT', 'LEFT', 'MATCH', 'RIGHT', 'VALUES'])
const UNIT =
  /^(?:MICROSECOND|SECOND|MINUTE|HOUR|DAY|WEEK|MONTH|QUARTER|YEAR|(?:SECOND|MINUTE|HOUR|DAY)_MICROSECOND|(?:MINUTE|HOUR|DAY)_SECOND|(?:HOUR|DAY)_MINUTE|DAY_HOUR|YEAR_MONTH)$/

export function isUnit(word: string): boolean {
  return UNIT.test(word)
}

/** One value, without the operators round it. */
export function readTerm(reading: Reading): Expression {
  const { cursor } = reading
  const token = cursor.peek()
  if (!token) throw reading.unfollowed()
  if (LITERALS.has(token.kind)) return readLiteral(reading)
  if (token.kind === 'variable') return readVariable(reading)
  if (token.kind === 'param') {
    cursor.at++
    return { kind: 'parameter' }
  }
  if (isName(token)) return readWord(reading)
  if (cursor.op('(')) return readParens(reading)
  if (cursor.skipOp('@@')) {
    reading.name()
    if (cursor.skipOp('.')) reading.name()
    return { kind: 'unknown', what: 'a system variable' }
  }
  if (cursor.skipOp('\\N')) return CONSTANT
  throw reading.unfollowed()
}

/** Strings beside each other are one. */
function readLiteral({ cursor }: Reading): Expression {
  const { kind } = cursor.peek() ?? {}
  cursor.at++
  if (kind === 'string') while (cursor.peek()?.kind === 'string') cursor.at++
  return CONSTANT
}

/** @v, whatever it holds; @v := value is the value, and takes all that stands behind it. */
function readVariable(reading: Reading): Expression {
  const { cursor } = reading
  cursor.at++
  if (cursor.skipOp(':=')) return { kind: 'mixed', parts: [reading.expression()] }
  return { kind: 'unknown', what: 'a user variable' }
}

/** (query), (value), or the values of a row. */
function readParens(reading: Reading): Expression {
  const { cursor } = reading
  const isQuery = reading.opensQuery(cursor.at)
  cursor.at++
  const value: Expression = isQuery
    ? { kind: 'query', query: reading.query(), exists: false }
    : oneOf(reading.expressions())
  reading.expect(')')
  return value
}

function oneOf(parts: readonly Expression[]): Expression {
  const [only, ...others] = parts
  return only && others.length === 0 ? only : { kind: 'mixed', parts }
}

function readWord(reading: Reading): Expression {
  const { cursor } = reading
  const word = cursor.word()
  const next = cursor.peek(1)
  const opens = cursor.op('(', 1)
  if (word === 'CASE') return readCase(reading)
  if (word === 'INTERVAL') return readInterval(reading)
  if (word === 'EXISTS' && opens) return readExists(reading)
  if (CONSTANT_WORDS.has(word) || (NOW.has(word) && !opens)) {
    cursor.at++
    return CONSTANT
  }
  const introduces = INTRODUCERS.has(word) && (next?.kind === 'string' || next?.kind === 'bytes')
  if (introduces || (TYPED.has(word) && next?.kind === 'string')) {
    cursor.at++
    return readLiteral(reading)
  }
  // MariaDB: NEXT VALUE FOR sequence
  if ((word === 'NEXT' || word === 'PREVIOUS') && cursor.word(1) === 'VALUE') {
    throw reading.unfollowed()
  }
  if (NO_COLUMN.has(word) && !(opens && CALLED.has(word))) throw reading.unfollowed()
  return readNames(reading)
}

/** column, table.column, schema.table.column, or a call. */
function readNames(reading: Reading): Expression {
  const { cursor } = reading
  const first = cursor.peek()
  const names = [reading.name()]
  while (cursor.op('.') && isName(cursor.peek(1)) && names.length < 3) {
    cursor.at++
    names.push(reading.name())
  }
  if (cursor.op('.')) throw reading.unfollowed()
  if (!cursor.op('(')) return { kind: 'column', names }
  if (names.length > 2) throw reading.unfollowed()
  const word = names.length === 1 && first?.kind === 'word' ? nameOf(first).toUpperCase() : ''
  return readCall(reading, names, word)
}

/** EXISTS (query) */
function readExists(reading: Reading): Expression {
  const { cursor } = reading
  if (!reading.opensQuery(cursor.at + 1)) throw reading.unfollowed()
  cursor.at += 2
  const query = reading.query()
  reading.expect(')')
  return { kind: 'query', query, exists: true }
}

/** CASE [value] WHEN value THEN value ... [ELSE value] END: conditions tell as much as results. */
function readCase(reading: Reading): Expression {
  const { cursor } = reading
  const parts: Expression[] = []
  reading.expect('CASE')
  if (!cursor.sees('WHEN')) parts.push(reading.expression())
  while (cursor.skip('WHEN')) {
    parts.push(reading.expression())
    reading.expect('THEN')
    parts.push(reading.expression())
  }
  if (cursor.skip('ELSE')) parts.push(reading.expression())
  reading.expect('END')
  return { kind: 'mixed', parts }
}

/** INTERVAL value unit, or the function INTERVAL(value, value, ...). */
function readInterval(reading: Reading): Expression {
  const { cursor } = reading
  if (cursor.op('(', 1)) {
    const behind = cursor.tokens[reading.closing(cursor.at + 1) + 1]
    if (!isUnit(behind?.keyword ?? '')) return readNames(reading)
  }
  cursor.at++
  const value = reading.expression()
  if (!isUnit(cursor.word())) throw reading.unfollowed()
  cursor.at++
  return { kind: 'mixed', parts: [value] }
}
