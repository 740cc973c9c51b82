import { ProxyError } from '../../lib/errors.ts'
import type { Cell } from '../columns.ts'
import { type CellMasker, type CellWriter, NOT_WRITTEN, WRITTEN_NULL } from '../maskers.ts'
import { rowArea } from '../row-area.ts'
import type { RowLayout } from '../row-masking.ts'
import type { RowRun } from '../row-run.ts'

/** Byte1 type, Int32 length, Int16 count of the columns (manual, section 54.7, DataRow). */
const HEADER = 7
/** Int32 before each value; -1 is NULL. */
const LENGTH = 4

/** Rows as DataRow messages. */
export const dataRows: RowLayout = {
  endOf,
  writeStraight,
  setLength: (out, begin, length) => writeInt32(out, begin + 1, length - 1),
  writeByCells,
}

/** The framer has cut them: of the last one all is there. */
function endOf(rows: Buffer, at: number, maskers: readonly (CellMasker | null)[]): number {
  if (at + HEADER > rows.length) throw misfit()
  const end = at + 1 + readInt32(rows, at + 1)
  const whole = end >= at + HEADER && end <= rows.length
  if (!whole || readUint16(rows, at + 5) !== maskers.length) throw misfit()
  return end
}

function writeStraight(
  run: RowRun,
  rows: Buffer,
  row: number,
  end: number,
  maskers: readonly (CellMasker | null)[],
): boolean {
  let at = row + HEADER
  for (let column = 0; column < maskers.length; column++) {
    if (at + LENGTH > end) throw misfit()
    const length = readInt32(rows, at)
    const start = at + LENGTH
    at = length < 0 ? start : start + length
    if (length < -1 || at > end) throw misfit()
    const masker = maskers[column] as CellMasker | null
    if (masker === null || length < 0) continue
    const to = run.keep(start)
    const shown = (masker.writer as CellWriter).write(rows, start, at, run.out, to)
    if (shown === NOT_WRITTEN) return false
    writeInt32(run.out, to - LENGTH, shown === WRITTEN_NULL ? -1 : shown - to)
    run.replaced(at, shown === WRITTEN_NULL ? to : shown)
  }
  if (at !== end) throw misfit()
  return true
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
  const out = rowArea.take(length)
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
