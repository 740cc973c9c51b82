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

/** Byte1 type, Int32 length, Int16 count of the columns (manual, section 54.7, DataRow). */
const HEADER = 7
/** Int32 before each value; -1 is NULL. */
const LENGTH = 4

const area = new RowArea()

/**
 * Writes a DataRow again with some of its cells masked. Throws where the row hasn't as many
 * columns as the plan: then the plan is for another result, and nothing of it may leave.
 */
export function maskDataRow(frame: Buffer, maskers: readonly (CellMasker | null)[]): Buffer {
  if (frame.length < HEADER || readUint16(frame, 5) !== maskers.length) throw misfit()
  const growth = growthOf(maskers)
  if (growth !== null && area.holds(frame.length + growth)) {
    const written = writeStraight(frame, maskers, growth)
    if (written !== null) return written
  }
  return writeByCells(frame, maskers)
}

/** By maskers that write into the row as it is made; null where one of them can't. */
function writeStraight(
  frame: Buffer,
  maskers: readonly (CellMasker | null)[],
  growth: number,
): Buffer | null {
  const out = area.open(frame.length + growth)
  const begin = area.at
  let to = begin
  // What comes before it has been written.
  let from = 0
  let at = HEADER
  for (let column = 0; column < maskers.length; column++) {
    if (at + LENGTH > frame.length) throw misfit()
    const length = readInt32(frame, at)
    const start = at + LENGTH
    at = length < 0 ? start : start + length
    if (length < -1 || at > frame.length) throw misfit()
    const masker = maskers[column] as CellMasker | null
    if (masker === null || length < 0) continue
    to = copyBytes(frame, from, start, out, to)
    const end = (masker.writer as CellWriter).write(frame, start, at, out, to)
    if (end === NOT_WRITTEN) return null
    writeInt32(out, to - LENGTH, end === WRITTEN_NULL ? -1 : end - to)
    if (end !== WRITTEN_NULL) to = end
    from = at
  }
  if (at !== frame.length) throw misfit()
  to = copyBytes(frame, from, frame.length, out, to)
  writeInt32(out, begin + 1, to - begin - 1)
  return area.close(to)
}

function writeByCells(frame: Buffer, maskers: readonly (CellMasker | null)[]): Buffer {
  // Where each masked value begins in the frame, and what is shown in its place.
  const starts: number[] = []
  const shown: Cell[] = []
  let grown = 0
  let at = HEADER
  for (const masker of maskers) {
    if (at + LENGTH > frame.length) throw misfit()
    const length = readInt32(frame, at)
    const start = at + LENGTH
    at = length < 0 ? start : start + length
    if (length < -1 || at > frame.length) throw misfit()
    if (masker === null || length < 0) continue
    const cell = masker(frame.subarray(start, at))
    starts.push(start)
    shown.push(cell)
    grown += (cell === null ? 0 : cell.length) - length
  }
  if (at !== frame.length) throw misfit()
  return writeAnew(frame, starts, shown, frame.length + grown)
}

/** Copies what stands between the masked values, and writes those. */
function writeAnew(
  frame: Buffer,
  starts: readonly number[],
  shown: readonly Cell[],
  length: number,
): Buffer {
  const out = area.take(length)
  let from = 0
  let to = 0
  for (let index = 0; index < starts.length; index++) {
    const start = starts[index] as number
    const cell = shown[index] as Cell
    to += frame.copy(out, to, from, start)
    writeInt32(out, to - LENGTH, cell === null ? -1 : cell.length)
    if (cell !== null) to += cell.copy(out, to)
    from = start + readInt32(frame, start - LENGTH)
  }
  frame.copy(out, to, from)
  writeInt32(out, 1, length - 1)
  return out
}

// Buffer's own reads and writes check what has been checked here, at twice the cost of a row.

function readUint16(bytes: Buffer, at: number): number {
  return ((bytes[at] as number) << 8) | (bytes[at + 1] as number)
}

function readInt32(bytes: Buffer, at: number): number {
  return (
    ((bytes[at] as number) << 24) |
    ((bytes[at + 1] as number) << 16) |
    ((bytes[at + 2] as number) << 8) |
    (bytes[at + 3] as number)
  )
}

function writeInt32(bytes: Buffer, at: number, value: number): void {
  bytes[at] = value >> 24
  bytes[at + 1] = value >> 16
  bytes[at + 2] = value >> 8
  bytes[at + 3] = value
}

function misfit(): ProxyError {
  return new ProxyError('PROTOCOL_VIOLATION', 'a row does not fit the description of its result')
}
