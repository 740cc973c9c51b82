import type { Analysis } from './analysis.ts'
import { Cursor } from './cursor.ts'
import { checkQuery } from './query.ts'
import { codeOf, type StatementText } from './statement-text.ts'
import { judge } from './statements.ts'
import { isOp } from './token.ts'

/** Words behind which a statement of a stored program begins. */
const OPENERS = new Set(['BEGIN', 'LOOP', 'REPEAT', 'ELSE', 'THEN', 'DO'])
/** Statements that only steer. */
const STEERING = new Set([
  'LEAVE',
  'ITERATE',
  'OPEN',
  'CLOSE',
  'FETCH',
  'END',
  'RETURN',
  'UNTIL',
  'ELSEIF',
  'WHEN',
])

/** Notes what the statements of a stored program, or of a block, do, whichever of them run. */
export function judgeProgram(analysis: Analysis, program: StatementText): void {
  const text = codeOf(program)
  const cursor = new Cursor(text)
  while (!cursor.done) step(analysis, cursor)
}

/** One statement, or the head of one that holds others. */
function step(analysis: Analysis, cursor: Cursor): void {
  if (cursor.skipOp(';')) return
  if (isOp(cursor.peek(1), ':') && cursor.peek()?.kind === 'word') {
    cursor.at += 2
    return
  }
  const word = cursor.word()
  if (word === 'BEGIN' && cursor.sees('BEGIN', 'NOT', 'ATOMIC')) cursor.at += 3
  else if (OPENERS.has(word) && !(word === 'DO' && isExpression(cursor)) && !isCall(cursor))
    cursor.at++
  else if (word === 'IF' || word === 'WHILE' || word === 'CASE' || word === 'FOR') {
    expression(analysis, cursor, HEAD_ENDS)
  } else if (word === 'DECLARE') declare(analysis, cursor)
  else if (word === 'WHEN' || word === 'ELSEIF' || word === 'UNTIL')
    expression(analysis, cursor, HEAD_ENDS)
  else if (STEERING.has(word)) expression(analysis, cursor, NO_ENDS)
  else statement(analysis, cursor)
}

const HEAD_ENDS = new Set(['THEN', 'DO', 'WHEN', 'END'])
const NO_ENDS: ReadonlySet<string> = new Set()

/** REPEAT('x', 3) is a function where REPEAT alone begins a loop. */
function isCall(cursor: Cursor): boolean {
  return cursor.op('(', 1) && cursor.word() === 'REPEAT'
}

/** DO f(x) computes; the DO of WHILE ... DO is passed by expression(). */
function isExpression(cursor: Cursor): boolean {
  const before = cursor.peek(-1)
  return before === undefined || isOp(before, ';') || OPENERS.has(before.keyword)
}

/** Up to a semicolon or one of the words, outside parentheses and CASE ... END. */
function expression(analysis: Analysis, cursor: Cursor, ends: ReadonlySet<string>): void {
  const start = cursor.at++
  let depth = 0
  for (; !cursor.done; cursor.at++) {
    if (cursor.op('(')) depth++
    if (cursor.op(')')) depth--
    if (depth === 0 && (cursor.op(';') || ends.has(cursor.word()))) break
  }
  checkQuery(analysis, { ...cursor.text, tokens: cursor.tokens.slice(start, cursor.at) })
  if (ends.has(cursor.word()) && cursor.word() !== 'WHEN') cursor.at++
}

/** Variables with defaults, conditions, cursors with a query, handlers with a statement. */
function declare(analysis: Analysis, cursor: Cursor): void {
  const start = cursor.at
  while (!cursor.done && !cursor.op(';') && !cursor.sees('HANDLER')) cursor.at++
  if (!cursor.sees('HANDLER')) {
    checkQuery(analysis, { ...cursor.text, tokens: cursor.tokens.slice(start, cursor.at) })
    return
  }
  // HANDLER FOR condition, condition, ... statement
  cursor.at += 2
  do condition(cursor)
  while (cursor.skipOp(','))
}

function condition(cursor: Cursor): void {
  if (cursor.skip('NOT')) cursor.at++
  else if (cursor.skip('SQLSTATE')) {
    cursor.skip('VALUE')
    cursor.at++
  } else cursor.at++
}

/** An SQL statement up to its semicolon. */
function statement(analysis: Analysis, cursor: Cursor): void {
  const start = cursor.at
  while (!cursor.done && !cursor.op(';')) cursor.at++
  judge(analysis, { ...cursor.text, tokens: cursor.tokens.slice(start, cursor.at) })
}
