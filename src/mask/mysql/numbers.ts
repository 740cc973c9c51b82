import { normalise } from '../maskers/numeric-binary.ts'
import type { NumberValues, PlainValues } from '../values.ts'
import type { MysqlShape } from './types.ts'

type IntegerShape = Extract<MysqlShape, { family: 'integer' }>
type RealShape = Extract<MysqlShape, { family: 'float' | 'double' | 'decimal' }>

/** Bits of a whole number that each keeps exactly. */
const FLOAT_BITS = { float: 24n, double: 53n } as const
/** So many digits a hash has in a decimal number. */
const HASH_DIGITS = 15
/** FLT_DIG: what a server writes of a FLOAT in text. */
const FLOAT_DIGITS = 6

export function integers(shape: IntegerShape): NumberValues | PlainValues {
  const redacted = writeInteger(0n, shape)
  if (shape.boolean) return { kind: 'plain', redacted }
  return {
    kind: 'number',
    redacted,
    // The same for signed and unsigned, so that what was equal stays equal between them.
    room: 1n << BigInt(shape.bits),
    exact: true,
    read: (cell) => (shape.binary ? binaryInteger(cell, shape) : textInteger(cell)),
    write: (value) => writeInteger(value, shape),
  }
}

function textInteger(cell: Buffer): string | null {
  const text = cell.toString('latin1')
  return /^-?\d{1,255}$/.test(text) ? String(BigInt(text)) : null
}

function binaryInteger(cell: Buffer, { bytes, unsigned }: IntegerShape): string | null {
  if (cell.length !== bytes) return null
  if (bytes === 8) return String(unsigned ? cell.readBigUInt64LE() : cell.readBigInt64LE())
  return String(unsigned ? cell.readUIntLE(0, bytes) : cell.readIntLE(0, bytes))
}

function writeInteger(value: bigint, { binary, bytes, zerofill }: IntegerShape): Buffer {
  if (!binary) return Buffer.from(String(value).padStart(zerofill, '0'), 'latin1')
  const cell = Buffer.alloc(8)
  cell.writeBigUInt64LE(value)
  return cell.subarray(0, bytes)
}

/** DECIMAL is text in both formats; floating point is read as the server writes it in text. */
export function reals(shape: RealShape): NumberValues {
  const { family, whole, scale } = shape
  const digits = whole === null ? null : 10n ** BigInt(Math.min(whole, HASH_DIGITS))
  const bits = family === 'decimal' ? null : 1n << FLOAT_BITS[family]
  const room = bits !== null && (digits === null || bits < digits) ? bits : (digits ?? 1n)
  return {
    kind: 'number',
    redacted: writeReal(0n, shape),
    room: room > 1n ? room : null,
    exact: family === 'decimal',
    read: (cell) => {
      if (family === 'decimal') return normalise(cell.toString('latin1'))
      const value = shape.binary ? binaryFloat(cell, family) : textFloat(cell)
      return value === null ? null : oneSpelling(value, family, scale)
    },
    write: (value) => writeReal(value, shape),
  }
}

function binaryFloat(cell: Buffer, family: 'float' | 'double'): number | null {
  if (family === 'float') return cell.length === 4 ? cell.readFloatLE() : null
  return cell.length === 8 ? cell.readDoubleLE() : null
}

function textFloat(cell: Buffer): number | null {
  const text = cell.toString('latin1')
  return /^-?[\d.]+(e[+-]?\d+)?$/i.test(text) && text.length <= 400 ? Number(text) : null
}

/** One spelling for a value in both formats, though text shows less of it. */
function oneSpelling(value: number, family: 'float' | 'double', scale: number | null): string {
  if (!Number.isFinite(value)) return 'infinite'
  if (scale !== null) return String(Number(value.toFixed(scale)))
  return String(family === 'float' ? Number(sixDigits(value)) : value)
}

/** Half goes to the even digit, as in the servers; toPrecision goes away from zero. */
function sixDigits(value: number): string {
  const rounded = value.toPrecision(FLOAT_DIGITS)
  const exact = value.toExponential(100 - 1).split('e')
  const digits = (exact[0] ?? '').replace(/[-.]/g, '')
  const isHalf = /^50*$/.test(digits.slice(FLOAT_DIGITS))
  if (!isHalf || Number(digits[FLOAT_DIGITS - 1]) % 2 === 1) return rounded
  const kept = `${digits[0]}.${digits.slice(1, FLOAT_DIGITS)}`
  return `${value < 0 ? '-' : ''}${kept}e${exact[1]}`
}

function writeReal(value: bigint, { family, binary, scale, zerofill }: RealShape): Buffer {
  if (binary && family !== 'decimal') {
    const cell = Buffer.alloc(family === 'float' ? 4 : 8)
    if (family === 'float') cell.writeFloatLE(Number(value))
    else cell.writeDoubleLE(Number(value))
    return cell
  }
  const text = scale ? `${value}.${'0'.repeat(scale)}` : String(value)
  return Buffer.from(text.padStart(zerofill, '0'), 'latin1')
}
