import { ProxyError } from '../../lib/errors.ts'
import { copyBytes, growthOf } from '../cell-writers.ts'
import {
  type Cell,
  type CellMasker,
  type CellWriter,
  NOT_WRITTEN,
  WRITTEN_NULL,
} from '../protocol.ts'
import { RowArea } from '../row-area.ts'
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
  const growth = growthOf(maskers)
  if (growth !== null && area.holds(room + payload.length + growth)) {
    const written = writeStraight(payload, maskers, growth, room)
    if (written !== null) return written
  }
  return writeByCells(payload, maskers, room)
}

const area = new RowArea()

/** By maskers that write into the row as it is made; null where one can't, or a length is long. */
function writeStraight(
  payload: Buffer,
  maskers: readonly (CellMasker | null)[],
  growth: number,
  room: number,
): Buffer | null {
  const out = area.open(room + payload.length + growth)
  let to = area.at + room
  // What comes before it has been written.
  let from = 0
  let at = 0
  for (let column = 0; column < maskers.length; column++) {
    const begin = at
    at = endOfCell(payload, begin)
    const masker = maskers[column] as CellMasker | null
    const first = payload[begin] as number
    if (masker === null || first === NULL_CELL) continue
    if (first > NULL_CELL) return null
    to = copyBytes(payload, from, begin, out, to)
    const end = (masker.writer as CellWriter).write(payload, begin + 1, at, out, to + 1)
    const length = end - to - 1
    if (end === NOT_WRITTEN || length >= NULL_CELL) return null
    out[to] = end === WRITTEN_NULL ? NULL_CELL : length
    to = end === WRITTEN_NULL ? to + 1 : end
    from = at
  }
  if (at !== payload.length) throw misfit()
  return area.close(copyBytes(payload, from, payload.length, out, to))
}

function writeByCells(
  payload: Buffer,
  maskers: readonly (CellMasker | null)[],
  room: number,
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
