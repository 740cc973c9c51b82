import { createHmac } from 'node:crypto'
import type { Masker } from '../plan.ts'
import type { TypeShape } from '../types.ts'
import { normalise, readNumeric } from './numeric-binary.ts'
import { readBytea, readFloat, readInteger, readUuid } from './read-value.ts'
import { writeBytea, writeJson, writeNumber, writeText, writeUuid } from './write-value.ts'

/** Bits that a number of each type has room for without a sign. */
const INTEGER_BITS = { int2: 15n, int4: 31n, int8: 63n, float4: 24n, float8: 53n } as const

/** Digits of a numeric without declared precision. */
const NUMERIC_DIGITS = 15

/**
 * A keyed hash in the column's own type: equal values stay equal, in text and binary alike, so that
 * joining and grouping outside the database still works. Null for a type that has no room for one.
 */
export function hashMasker(shape: TypeShape, key: Buffer, redacted: Buffer): Masker | null {
  const digest = (value: string | Buffer) => createHmac('sha256', key).update(value).digest()
  switch (shape.family) {
    case 'text':
    case 'bpchar':
      return (cell) => writeText(digest(withoutPadding(cell, shape)).toString('hex', 0, 16), shape)
    case 'int2':
    case 'int4':
    case 'int8':
      return whole((cell) => readInteger(cell, shape), INTEGER_BITS[shape.family])
    case 'float4':
    case 'float8':
      return whole((cell) => readFloat(cell, shape), INTEGER_BITS[shape.family])
    case 'numeric':
      return numeric()
    case 'bytea':
      return from(readBytea, (value) => writeBytea(digest(value).subarray(0, 16), shape))
    case 'uuid':
      return from(readUuid, (value) => writeUuid(digest(value).subarray(0, 16), shape))
    case 'json':
    case 'jsonb':
      return (cell) => writeJson(`"${digest(jsonText(cell, shape)).toString('hex', 0, 16)}"`, shape)
    default:
      return null
  }

  function from(
    read: (cell: Buffer, shape: TypeShape) => Buffer | null,
    write: (value: Buffer) => Buffer,
  ): Masker {
    return (cell) => {
      const value = read(cell, shape)
      return value === null ? redacted : write(value)
    }
  }

  function whole(read: (cell: Buffer) => string | null, bits: bigint): Masker {
    return (cell) => {
      const value = read(cell)
      if (value === null) return redacted
      return writeNumber(digest(value).readBigUInt64BE() & ((1n << bits) - 1n), shape)
    }
  }

  function numeric(): Masker | null {
    const { precision, scale } = shape.numeric ?? { precision: NUMERIC_DIGITS, scale: 0 }
    const digits = Math.min(precision - scale, NUMERIC_DIGITS)
    if (scale < 0 || digits < 1) return null
    return (cell) => {
      const value = shape.binary ? readNumeric(cell) : normalise(cell.toString('latin1'))
      if (value === null) return redacted
      return writeNumber(digest(value).readBigUInt64BE() % 10n ** BigInt(digits), shape)
    }
  }
}

/** char(n) is padded with blanks that don't count. */
function withoutPadding(cell: Buffer, shape: TypeShape): Buffer | string {
  return shape.family === 'bpchar' ? cell.toString('utf8').replace(/ +$/, '') : cell
}

/** In binary, jsonb has a version before its text. */
function jsonText(cell: Buffer, shape: TypeShape): Buffer {
  return shape.binary && shape.family === 'jsonb' ? cell.subarray(1) : cell
}
