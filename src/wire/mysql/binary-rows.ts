import { type CellMasker, type CellWriter, NOT_WRITTEN, WRITTEN_NULL } from '../maskers.ts'
import type { RowLayout } from '../row-masking.ts'
import type { RowRun } from '../row-run.ts'
import { BITMAP_OFFSET, bitmapLength, maskBinaryRow, ROW_HEADER, shapeOf } from './binary-row.ts'
import type { BinaryShape } from './field-types.ts'
import { misfit, packetRows } from './packet-rows.ts'
import { HEADER, headed } from './packets.ts'
import { NULL_CELL, PayloadReader } from './payload.ts'

/** Packets, each of them a binary row of columns of these types. */
export function binaryRows(types: readonly number[]): RowLayout {
  const shapes = types.map(shapeOf)
  return {
    ...packetRows,
    writeStraight: (run, rows, at, end, maskers) =>
      writeStraight(run, rows, at, end, { shapes, maskers }),
    writeByCells: (row, maskers) =>
      headed(maskBinaryRow(row.subarray(HEADER), types, maskers, HEADER), row[3] as number),
  }
}

interface Columns {
  readonly shapes: readonly BinaryShape[]
  readonly maskers: readonly (CellMasker | null)[]
}

function writeStraight(
  run: RowRun,
  rows: Buffer,
  row: number,
  end: number,
  { shapes, maskers }: Columns,
): boolean {
  const bitmap = HEADER + 1
  let at = row + bitmap + bitmapLength(shapes.length)
  const fits = at <= end && rows[row + HEADER] === ROW_HEADER && shapes.length === maskers.length
  if (!fits) throw misfit()
  for (let column = 0; column < shapes.length; column++) {
    const byte = bitmap + ((column + BITMAP_OFFSET) >> 3)
    const bit = 1 << ((column + BITMAP_OFFSET) & 7)
    const shape = shapes[column] as BinaryShape
    if (((rows[row + byte] as number) & bit) !== 0 || shape.kind === 'nothing') continue
    const begin = at
    at = endOfValue(rows, begin, end, shape)
    const masker = maskers[column] as CellMasker | null
    if (masker === null) continue
    // Behind the length that it begins with.
    const prefix = shape.kind === 'fixed' ? 0 : 1
    if (prefix === 1 && (rows[begin] as number) >= NULL_CELL) return false
    const to = run.keep(begin)
    const writer = masker.writer as CellWriter
    const shown = writer.write(rows, begin + prefix, at, run.out, to + prefix)
    if (shown === WRITTEN_NULL) {
      const nulls = run.begin + byte
      run.out[nulls] = (run.out[nulls] as number) | bit
      run.replaced(at, to)
      continue
    }
    const length = shown - to - prefix
    if (shown === NOT_WRITTEN || !isLengthOf(shape, length)) return false
    if (prefix === 1) run.out[to] = length
    run.replaced(at, shown)
  }
  if (at !== end) throw misfit()
  return true
}

function endOfValue(rows: Buffer, begin: number, end: number, shape: BinaryShape): number {
  let next = begin
  if (shape.kind === 'fixed') next += shape.length
  else {
    const first = begin < end ? (rows[begin] as number) : 0
    if (shape.kind === 'lenenc' && first >= NULL_CELL) return endOfLong(rows, begin, end)
    if (shape.kind === 'temporal' && !shape.lengths.includes(first)) throw misfit()
    next += 1 + first
  }
  if (next > end) throw misfit()
  return next
}

function endOfLong(rows: Buffer, begin: number, end: number): number {
  const reader = new PayloadReader(rows.subarray(0, end), begin)
  reader.lenencBytes()
  return reader.position
}

/** A masker that doesn't keep the type would shift every value behind it. */
function isLengthOf(shape: BinaryShape, length: number): boolean {
  if (shape.kind === 'fixed') return length === shape.length
  return shape.kind === 'temporal' ? shape.lengths.includes(length) : length < NULL_CELL
}
