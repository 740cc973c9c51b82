import { ProxyError } from '../../lib/errors.ts'
import type { Cell } from '../columns.ts'
import type { CellMasker } from '../maskers.ts'
import { type BinaryShape, binaryShape } from './field-types.ts'
import { lenencBytes, PayloadReader, uint8 } from './payload.ts'
import { RowAnew } from './row-anew.ts'

export const ROW_HEADER = 0x00
/** The first two bits of a row's NULL bitmap are reserved. */
export const BITMAP_OFFSET = 2

/**
 * Reads a binary row (manual, "Binary Protocol Resultset Row"): header, NULL bitmap, values by
 * type. Cells are the values without their lengths; a temporal one may be empty.
 */
export function decodeBinaryRow(payload: Buffer, types: readonly number[]): Cell[] {
  const reader = new PayloadReader(payload)
  if (reader.uint8() !== ROW_HEADER) throw violation('a binary row has another header')
  const bitmap = reader.bytes(bitmapLength(types.length))
  const cells = types.map((type, column) =>
    isNull(bitmap, column) ? null : readValue(reader, type),
  )
  reader.end()
  return cells
}

export function bitmapLength(columns: number): number {
  return (columns + BITMAP_OFFSET + 7) >> 3
}

function isNull(bitmap: Buffer, column: number): boolean {
  const bit = column + BITMAP_OFFSET
  return ((bitmap[bit >> 3] as number) & (1 << (bit & 7))) !== 0
}

export function shapeOf(type: number): BinaryShape {
  const shape = binaryShape(type)
  if (!shape) throw violation(`type 0x${type.toString(16)} is not known`)
  return shape
}

/** Reads one value of a binary row or of COM_STMT_EXECUTE. */
export function readValue(reader: PayloadReader, type: number): Cell {
  const shape = shapeOf(type)
  switch (shape.kind) {
    case 'fixed':
      return reader.bytes(shape.length)
    case 'temporal': {
      const length = reader.uint8()
      if (!shape.lengths.includes(length)) throw violation('a temporal value has no such length')
      return reader.bytes(length)
    }
    case 'lenenc':
      return reader.lenencBytes()
    case 'nothing':
      return null
  }
}

/**
 * Writes a binary row again with some of its values masked, behind `room` bytes that are left free;
 * throws where the plan doesn't fit.
 */
export function maskBinaryRow(
  payload: Buffer,
  types: readonly number[],
  maskers: readonly (CellMasker | null)[],
  room = 0,
): Buffer {
  if (types.length !== maskers.length) throw violation('a row does not fit its result')
  const reader = new PayloadReader(payload)
  if (reader.uint8() !== ROW_HEADER) throw violation('a binary row has another header')
  const bitmap = Buffer.from(reader.bytes(bitmapLength(types.length)))
  const anew = new RowAnew(payload)
  anew.replace(1, reader.position, bitmap)
  for (let column = 0; column < types.length; column++) {
    if (isNull(bitmap, column)) continue
    const type = types[column] as number
    const begin = reader.position
    const cell = readValue(reader, type)
    const masker = maskers[column] as CellMasker | null
    if (masker === null || cell === null) continue
    const shown = masker(cell)
    if (shown === null) setNull(bitmap, column)
    anew.replace(begin, reader.position, shown === null ? NOTHING : encodeValue(shown, type))
  }
  reader.end()
  return anew.written(room)
}

const NOTHING = Buffer.alloc(0)

function setNull(bitmap: Buffer, column: number): void {
  const bit = column + BITMAP_OFFSET
  bitmap[bit >> 3] = (bitmap[bit >> 3] as number) | (1 << (bit & 7))
}

/** A masker that doesn't keep the type would shift every value behind it. */
function encodeValue(cell: Buffer, type: number): Buffer {
  const shape = binaryShape(type)
  if (shape?.kind === 'lenenc') return lenencBytes(cell)
  if (shape?.kind === 'fixed' && shape.length === cell.length) return cell
  if (shape?.kind === 'temporal' && shape.lengths.includes(cell.length)) {
    return Buffer.concat([uint8(cell.length), cell])
  }
  throw new ProxyError('INTERNAL', 'a masked value does not fit its type')
}

function violation(what: string): ProxyError {
  return new ProxyError('PROTOCOL_VIOLATION', what)
}
