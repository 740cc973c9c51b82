import type { TypeShape } from '../types.ts'
import { writeNumeric } from './numeric-binary.ts'
import { hyphenated } from './uuid.ts'

/** Cuts a text to what the column's type holds; char(n) is always as long as it says. */
export function writeText(text: string, shape: TypeShape): Buffer {
  const { maxLength, family } = shape
  if (maxLength === null) return Buffer.from(text, 'utf8')
  const characters = Array.from(text)
  const cut = characters.length > maxLength ? characters.slice(0, maxLength).join('') : text
  const blanks = family === 'bpchar' ? maxLength - characters.length : 0
  return Buffer.from(blanks > 0 ? cut + ' '.repeat(blanks) : cut, 'utf8')
}

/** A whole number in the format of its type; the caller keeps it within the type's range. */
export function writeNumber(value: bigint, shape: TypeShape): Buffer {
  if (!shape.binary) return Buffer.from(numberText(value, shape), 'latin1')
  switch (shape.family) {
    case 'int2':
      return sized(2, (cell) => cell.writeInt16BE(Number(value)))
    case 'int4':
      return sized(4, (cell) => cell.writeInt32BE(Number(value)))
    case 'float4':
      return sized(4, (cell) => cell.writeFloatBE(Number(value)))
    case 'float8':
      return sized(8, (cell) => cell.writeDoubleBE(Number(value)))
    case 'numeric':
      return writeNumeric(value, displayScale(shape))
    default:
      return sized(8, (cell) => cell.writeBigInt64BE(value))
  }
}

function sized(bytes: number, write: (cell: Buffer) => void): Buffer {
  const cell = Buffer.alloc(bytes)
  write(cell)
  return cell
}

function numberText(value: bigint, shape: TypeShape): string {
  const scale = displayScale(shape)
  return scale > 0 ? `${value}.${'0'.repeat(scale)}` : String(value)
}

function displayScale(shape: TypeShape): number {
  return Math.max(shape.numeric?.scale ?? 0, 0)
}

export function writeUuid(bytes: Buffer, shape: TypeShape): Buffer {
  return shape.binary ? bytes : Buffer.from(hyphenated(bytes), 'latin1')
}

export function writeBytea(bytes: Buffer, shape: TypeShape): Buffer {
  return shape.binary ? bytes : Buffer.from(`\\x${bytes.toString('hex')}`, 'latin1')
}

/** jsonb in binary is a version, 1, and the text (jsonb_send). */
export function writeJson(text: string, shape: TypeShape): Buffer {
  const versioned = shape.binary && shape.family === 'jsonb'
  return Buffer.from(versioned ? `\x01${text}` : text, 'utf8')
}
