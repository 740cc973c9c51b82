import { isName } from '../token.ts'
import { readItems } from './read-items.ts'
import { readWindows } from './read-window.ts'
import type { Reading } from './reading.ts'
import type { Branch, CommonQuery, Expression, Query, Select } from './tree.ts'

const COMBINES = new Set(['UNION', 'INTERSECT', 'EXCEPT'])
/** Clauses that choose, sort and lock rows: what stands in them doesn't come out. */
const PASSED = new Set(['WHERE', 'GROUP', 'HAVING', 'ORDER', 'LIMIT', 'FETCH'])
const OPTIONS = new Set([
  'ALL',
  'DISTINCT',
  'DISTINCTROW',
  'HIGH_PRIORITY',
  'STRAIGHT_JOIN',
  'SQL_SMALL_RESULT',
  'SQL_BIG_RESULT',
  'SQL_BUFFER_RESULT',
  'SQL_CALC_FOUND_ROWS',
  'SQL_NO_CACHE',
])

/** [WITH ...] SELECT ... [UNION ...] [ORDER BY ...], up to a parenthesis that closes or the end. */
export function readQuery(reading: Reading): Query {
  const { cursor } = reading
  const common = cursor.skip('WITH')
  const recursive = common && cursor.skip('RECURSIVE')
  const commons = common ? readCommons(reading) : []
  const branches = [readBranch(reading)]
  readTail(reading)
  while (COMBINES.has(cursor.word())) {
    cursor.at++
    if (!cursor.skip('ALL')) cursor.skip('DISTINCT')
    branches.push(readBranch(reading))
    readTail(reading)
  }
  return { recursive, with: commons, branches }
}

function readCommons(reading: Reading): readonly CommonQuery[] {
  const { cursor } = reading
  const found: CommonQuery[] = []
  do {
    const name = reading.name()
    const columns = reading.names()
    reading.expect('AS')
    reading.expect('(')
    found.push({ name, columns, query: reading.query() })
    reading.expect(')')
  } while (cursor.skipOp(','))
  return found
}

function readBranch(reading: Reading): Branch {
  const { cursor } = reading
  if (cursor.skipOp('(')) {
    const query = reading.query()
    reading.expect(')')
    return { kind: 'query', query }
  }
  if (cursor.skip('SELECT')) return readSelect(reading)
  if (cursor.skip('VALUES')) return readValues(reading)
  if (!cursor.skip('TABLE')) throw reading.unfollowed()
  const name = cursor.name()
  if (!name) throw reading.unfollowed()
  reading.tables.add(name.last)
  const from = { kind: 'table', schema: name.schema, name: name.name, alias: null } as const
  return { kind: 'select', items: [{ kind: 'star', names: [] }], from, windows: [] }
}

function readSelect(reading: Reading): Select {
  const { cursor, dialect } = reading
  for (;;) {
    // MySQL 8 has no cache of queries, and reads its word as a column.
    const cache = dialect.flavour === 'mariadb' && cursor.sees('SQL_CACHE')
    if (!cache && !OPTIONS.has(cursor.word())) break
    cursor.at++
  }
  const items = readItems(reading)
  const from = cursor.skip('FROM') ? reading.from() : null
  return { kind: 'select', items, from, windows: readTail(reading) }
}

/** MySQL: VALUES ROW(1, 2), ROW(3, 4); MariaDB: VALUES (1, 2), (3, 4). */
function readValues(reading: Reading): Branch {
  const { cursor } = reading
  const rows: (readonly Expression[])[] = []
  do {
    cursor.skip('ROW')
    reading.expect('(')
    rows.push(reading.expressions())
    reading.expect(')')
  } while (cursor.skipOp(','))
  return { kind: 'values', rows }
}

/** Conditions, orders and limits; returns what windows are made of. */
function readTail(reading: Reading): readonly Expression[] {
  const { cursor } = reading
  const windows: Expression[] = []
  for (;;) {
    const word = cursor.word()
    if (cursor.done || cursor.op(')') || COMBINES.has(word)) return windows
    if (word === 'WINDOW') windows.push(...readWindows(reading))
    else if (PASSED.has(word) || locks(reading)) reading.passTo(endOfPassed(reading))
    else throw reading.unfollowed()
  }
}

/** FOR UPDATE, FOR SHARE, LOCK IN SHARE MODE; FOR SYSTEM_TIME is none, and more tables may follow. */
function locks({ cursor }: Reading): boolean {
  return ['UPDATE', 'SHARE'].some((kind) => cursor.sees('FOR', kind)) || cursor.sees('LOCK', 'IN')
}

/** The index of what ends the clauses that aren't read. */
function endOfPassed(reading: Reading): number {
  const { tokens, at: from } = reading.cursor
  for (let at = from; at < tokens.length; at++) {
    const word = tokens[at]?.keyword ?? ''
    if (reading.closings.has(at)) at = reading.closing(at)
    else if (tokens[at]?.text === ')' && tokens[at]?.kind === 'op') return at
    else if (COMBINES.has(word)) return at
    else if (word === 'INTO' || word === 'PROCEDURE') throw reading.unfollowed()
    else if (word === 'WINDOW' && isName(tokens[at + 1]) && tokens[at + 2]?.keyword === 'AS') {
      return at
    }
  }
  return tokens.length
}
