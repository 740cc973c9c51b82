import { isName } from '../token.ts'
import type { Reading } from './reading.ts'
import type { Expression } from './tree.ts'

const FRAMES = new Set(['ROWS', 'RANGE', 'GROUPS'])

/** WINDOW name AS (...), ... */
export function readWindows(reading: Reading): readonly Expression[] {
  const { cursor } = reading
  const windows: Expression[] = []
  reading.expect('WINDOW')
  do {
    reading.name()
    reading.expect('AS')
    windows.push(readWindow(reading, false))
  } while (cursor.skipOp(','))
  return windows
}

/** ([name] [PARTITION BY ...] [ORDER BY ...] [ROWS ...]); `uses`: it isn't itself in WINDOW. */
function readWindow(reading: Reading, uses: boolean): Expression {
  const { cursor } = reading
  const end = reading.closing(cursor.at)
  reading.expect('(')
  const parts: Expression[] = []
  if (isName(cursor.peek()) && !BEGINS.has(cursor.word())) {
    cursor.at++
    if (uses) parts.push({ kind: 'named-window' })
  }
  if (cursor.skip('PARTITION', 'BY')) parts.push(...reading.expressions())
  if (cursor.skip('ORDER', 'BY')) parts.push(...readOrder(reading))
  // What a frame says are constants.
  if (FRAMES.has(cursor.word())) reading.passTo(end)
  reading.expect(')')
  return { kind: 'mixed', parts }
}

const BEGINS = new Set(['PARTITION', 'ORDER', ...FRAMES])

/** expression [ASC | DESC], ... */
export function readOrder(reading: Reading): readonly Expression[] {
  const { cursor } = reading
  const parts: Expression[] = []
  do {
    parts.push(reading.expression())
    if (!cursor.skip('ASC')) cursor.skip('DESC')
  } while (cursor.skipOp(','))
  return parts
}

/** [FROM FIRST] [RESPECT NULLS] OVER name, or OVER (...); null where it isn't there. */
export function readOver(reading: Reading): Expression | null {
  const { cursor } = reading
  const start = cursor.at
  if (!cursor.skip('FROM', 'FIRST')) cursor.skip('FROM', 'LAST')
  if (!cursor.skip('RESPECT', 'NULLS')) cursor.skip('IGNORE', 'NULLS')
  if (!cursor.skip('OVER')) {
    cursor.at = start
    return null
  }
  if (cursor.op('(')) return readWindow(reading, true)
  reading.name()
  return { kind: 'named-window' }
}
