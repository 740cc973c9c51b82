import { ProxyError } from '../../lib/errors.ts'
import type { Cell, CellMasker } from '../protocol.ts'
import { lenencBytes, NULL_CELL, PayloadReader } from './payload.ts'
import { RowAnew } from './row-anew.ts'

/** Reads a text row (manual, "Protocol::ResultsetRow"): each value with its length, 0xfb is NULL. */
export function decodeTextRow(payload: Buffer, columns: number): Cell[] {
  const reader = new PayloadReader(payload)
  const cells: Cell[] = []
  for (let column = 0; column < columns; column++) {
    if (reader.remaining > 0 && payload[reader.position] === NULL_CELL) {
      reader.skip(1)
      cells.push(null)
    } else cells.push(reader.lenencBytes())
  }
  reader.end()
  return cells
}

/**
 * Writes a text row again with some of its values masked, behind `room` bytes that are left free.
 * Throws where the row hasn't as many values as the plan: then the plan is for another result, and
 * nothing of it may leave.
 */
export function maskTextRow(
  payload: Buffer,
  maskers: readonly (CellMasker | null)[],
  room = 0,
): Buffer {
  const anew = new RowAnew(payload)
  let at = 0
  for (const masker of maskers) {
    const begin = at
    at = endOfCell(payload, begin)
    if (masker === null || payload[begin] === NULL_CELL) continue
    const cell = masker(payload.subarray(begin + lenencSize(payload[begin] as number), at))
    anew.replace(begin, at, cell === null ? NULL : lenencBytes(cell))
  }
  if (at !== payload.length) throw misfit()
  return anew.written(room)
}

const NULL = Buffer.of(NULL_CELL)

function endOfCell(payload: Buffer, begin: number): number {
  if (begin >= payload.length) throw misfit()
  const first = payload[begin] as number
  if (first === NULL_CELL) return begin + 1
  // Buffer's own reads check what has been checked here, at twice the cost of a row.
  if (first < NULL_CELL) {
    if (begin + 1 + first > payload.length) throw misfit()
    return begin + 1 + first
  }
  const reader = new PayloadReader(payload, begin)
  reader.lenencBytes()
  return reader.position
}

/** Bytes of a length that begins with this one. */
function lenencSize(first: number): number {
  if (first < NULL_CELL) return 1
  return first === 0xfc ? 3 : first === 0xfd ? 4 : 9
}

function misfit(): ProxyError {
  return new ProxyError('PROTOCOL_VIOLATION', 'a row does not fit the description of its result')
}
