import type { Cell } from '../columns.ts'
import { type CellMasker, type CellWriter, NOT_WRITTEN, WRITTEN_NULL } from '../maskers.ts'
import type { RowLayout } from '../row-masking.ts'
import type { RowRun } from '../row-run.ts'
import { misfit, packetRows } from './packet-rows.ts'
import { HEADER, headed } from './packets.ts'
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

/** Packets, each of them a text row. */
export const textRows: RowLayout = {
  ...packetRows,
  writeStraight,
  writeByCells: (row, maskers) =>
    headed(maskTextRow(row.subarray(HEADER), maskers, HEADER), row[3] as number),
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
    const begin = at
    at = endOfCell(rows, begin, end)
    const masker = maskers[column] as CellMasker | null
    const first = rows[begin] as number
    if (masker === null || first === NULL_CELL) continue
    if (first > NULL_CELL) return false
    const to = run.keep(begin)
    const shown = (masker.writer as CellWriter).write(rows, begin + 1, at, run.out, to + 1)
    const length = shown - to - 1
    if (shown === NOT_WRITTEN || length >= NULL_CELL) return false
    run.out[to] = shown === WRITTEN_NULL ? NULL_CELL : length
    run.replaced(at, shown === WRITTEN_NULL ? to + 1 : shown)
  }
  if (at !== end) throw misfit()
  return true
}

/**
 * The payload of a text row with some of its values masked, behind `room` bytes that are left free.
 * Throws where it isn't a row of as many values as there are maskers.
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
    at = endOfCell(payload, begin, payload.length)
    if (masker === null || payload[begin] === NULL_CELL) continue
    const cell = masker(payload.subarray(begin + lenencSize(payload[begin] as number), at))
    anew.replace(begin, at, cell === null ? NULL : lenencBytes(cell))
  }
  if (at !== payload.length) throw misfit()
  return anew.written(room)
}

const NULL = Buffer.of(NULL_CELL)

/** Of the cell that begins there, in a row that ends at `end`. */
function endOfCell(bytes: Buffer, begin: number, end: number): number {
  if (begin >= end) throw misfit()
  const first = bytes[begin] as number
  if (first === NULL_CELL) return begin + 1
  // Buffer's own reads check what has been checked here, at twice the cost of a row.
  if (first < NULL_CELL) {
    if (begin + 1 + first > end) throw misfit()
    return begin + 1 + first
  }
  const reader = new PayloadReader(bytes.subarray(0, end), begin)
  reader.lenencBytes()
  return reader.position
}

/** Bytes of a length that begins with this one. */
function lenencSize(first: number): number {
  if (first < NULL_CELL) return 1
  return first === 0xfc ? 3 : first === 0xfd ? 4 : 9
}
