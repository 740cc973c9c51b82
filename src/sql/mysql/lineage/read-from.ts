import type { Cursor } from '../cursor.ts'
import { NO_ALIAS } from '../from-clauses.ts'
import { isName, isOp, nameOf } from '../token.ts'
import type { Reading } from './reading.ts'
import type { From } from './tree.ts'

const ENDS_CONDITION = new Set(
  `CROSS EXCEPT FETCH FOR FULL GROUP HAVING INNER INTERSECT INTO JOIN LEFT LIMIT LOCK NATURAL ON ORDER
   PROCEDURE RIGHT STRAIGHT_JOIN UNION USING WHERE WINDOW`
    .trim()
    .split(/\s+/),
)

/** What stands behind FROM; null for DUAL. */
export function readFrom(reading: Reading): From | null {
  const { cursor } = reading
  const dual = cursor.sees('DUAL') && !isOp(cursor.peek(1), '.')
  if (dual) {
    cursor.at++
    return null
  }
  let from = readJoins(reading)
  while (cursor.skipOp(',')) {
    from = { kind: 'join', left: from, right: readJoins(reading), side: 'inner', shared: null }
  }
  return from
}

function readJoins(reading: Reading): From {
  let left = readFactor(reading)
  for (;;) {
    const join = readJoinWords(reading)
    if (!join) return left
    const right = readFactor(reading)
    const shared = join.natural ? 'natural' : readCondition(reading)
    left = { kind: 'join', left, right, side: join.side, shared }
  }
}

interface JoinWords {
  readonly natural: boolean
  readonly side: 'inner' | 'left' | 'right'
}

/** [NATURAL] [INNER | CROSS | LEFT [OUTER] | RIGHT [OUTER]] JOIN; null where none of them stands. */
function readJoinWords(reading: Reading): JoinWords | null {
  const { cursor } = reading
  const natural = cursor.skip('NATURAL')
  if (!natural && cursor.skip('STRAIGHT_JOIN')) return { natural, side: 'inner' }
  const left = cursor.skip('LEFT')
  const right = !left && cursor.skip('RIGHT')
  const outer = (left || right) && cursor.skip('OUTER')
  const inner = !left && !right && (cursor.skip('INNER') || cursor.skip('CROSS'))
  if (cursor.skip('JOIN')) return { natural, side: left ? 'left' : right ? 'right' : 'inner' }
  if (natural || left || right || outer || inner) throw reading.unfollowed()
  return null
}

/** ON condition, which isn't read, or USING (names). */
function readCondition(reading: Reading): readonly string[] | null {
  const { cursor } = reading
  if (cursor.skip('USING')) return reading.names()
  if (!cursor.skip('ON')) return null
  let at = cursor.at
  for (; at < cursor.tokens.length; at++) {
    const token = cursor.tokens[at]
    if (reading.closings.has(at)) at = reading.closing(at)
    else if (isOp(token, ')') || isOp(token, ',')) break
    else if (ENDS_CONDITION.has(token?.keyword ?? '') && !isSideCall(cursor, at)) break
  }
  reading.passTo(at)
  return null
}

/** LEFT(x, 1) and RIGHT(x, 1) are functions. */
function isSideCall({ tokens }: Cursor, at: number): boolean {
  const word = tokens[at]?.keyword
  return (word === 'LEFT' || word === 'RIGHT') && isOp(tokens[at + 1], '(')
}

function readFactor(reading: Reading): From {
  const { cursor } = reading
  const lateral = cursor.sees('LATERAL') && isOp(cursor.peek(1), '(')
  if (lateral) cursor.at++
  if (reading.opensQuery(cursor.at)) return readDerived(reading, lateral)
  if (!lateral && cursor.skipOp('(')) {
    const from = reading.from()
    reading.expect(')')
    if (from === null) throw reading.unfollowed()
    return from
  }
  const name = lateral ? null : cursor.name()
  if (!name || cursor.op('(')) throw reading.unfollowed()
  reading.tables.add(name.last)
  if (cursor.skip('PARTITION')) skipParens(reading)
  const alias = readAlias(reading)
  skipHints(reading)
  return { kind: 'table', schema: name.schema, name: name.name, alias }
}

/** (query) AS alias (columns) */
function readDerived(reading: Reading, lateral: boolean): From {
  reading.expect('(')
  const query = reading.query()
  reading.expect(')')
  const alias = readAlias(reading)
  if (alias === null) throw reading.unfollowed()
  return { kind: 'derived', query, alias, columns: reading.names(), lateral }
}

function readAlias(reading: Reading): string | null {
  const { cursor } = reading
  const said = cursor.skip('AS')
  const token = cursor.peek()
  if (!isName(token) || (!said && NO_ALIAS.has(token.keyword))) {
    if (said) throw reading.unfollowed()
    return null
  }
  cursor.at++
  return nameOf(token)
}

/** USE, FORCE or IGNORE INDEX [FOR ...] (names) */
function skipHints(reading: Reading): void {
  const { cursor } = reading
  while (cursor.sees('USE') || cursor.sees('FORCE') || cursor.sees('IGNORE')) {
    cursor.at++
    if (!cursor.skip('INDEX')) reading.expect('KEY')
    if (cursor.skip('FOR') && !cursor.skip('JOIN')) {
      cursor.at++
      reading.expect('BY')
    }
    skipParens(reading)
  }
}

function skipParens(reading: Reading): void {
  const { cursor } = reading
  if (!cursor.op('(')) throw reading.unfollowed()
  cursor.at = reading.closing(cursor.at) + 1
}
