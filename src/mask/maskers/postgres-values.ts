import type { ArrayShape, TypeShape } from '../types.ts'
import type { NumberValues, TextValues, Values } from '../values.ts'
import { binaryArrays } from './binary-arrays.ts'
import { compositeValues } from './composites.ts'
import { normalise, readNumeric } from './numeric-binary.ts'
import { dateValues } from './postgres-dates.ts'
import { readBytea, readFloat, readInteger, readUuid } from './read-value.ts'
import { redactedValue } from './redact.ts'
import { textArrays } from './text-arrays.ts'
import { writeBytea, writeJson, writeNumber, writeText, writeUuid } from './write-value.ts'

/** Bits that a number of each type has room for without a sign. */
const BITS = { int2: 15n, int4: 31n, int8: 63n, float4: 24n, float8: 53n } as const

/** Digits of a numeric without declared precision. */
const NUMERIC_DIGITS = 15

/** The values of a PostgreSQL type, as its two formats have them. */
export function valuesOf(shape: TypeShape): Values {
  if (shape.family === 'composite') return compositeValues(shape.binary)
  if (shape.array) return arrays(shape.array, shape.binary)
  const redacted = redactedValue(shape)
  switch (shape.family) {
    case 'text':
    case 'bpchar':
      return texts(shape, redacted)
    case 'int2':
    case 'int4':
    case 'int8':
      return numbers(shape, redacted, true, 1n << BITS[shape.family], readInteger)
    case 'float4':
    case 'float8':
      return numbers(shape, redacted, false, 1n << BITS[shape.family], readFloat)
    case 'numeric':
      return numbers(shape, redacted, true, numericRoom(shape), readDecimal)
    case 'bytea':
      return bytes(shape, redacted, readBytea, writeBytea)
    case 'uuid':
      return bytes(shape, redacted, readUuid, writeUuid)
    case 'json':
    case 'jsonb':
      return {
        kind: 'document',
        redacted,
        content: (cell) => jsonText(cell, shape),
        write: (word) => writeJson(`"${word}"`, shape),
      }
    case 'xml':
      return {
        kind: 'document',
        redacted,
        content: (cell) => cell,
        write: (word) => Buffer.from(word, 'utf8'),
      }
    case 'date':
      return dateValues(shape, '', redacted)
    case 'timestamp':
      return dateValues(shape, '', redacted)
    case 'timestamptz':
      return dateValues(shape, '+00', redacted)
    default:
      return { kind: 'plain', redacted }
  }
}

function arrays(array: ArrayShape, binary: boolean): Values {
  const elements = array.element && valuesOf(array.element)
  return binary ? binaryArrays(array.elementOid, elements) : textArrays(array.delimiter, elements)
}

function texts(shape: TypeShape, redacted: Buffer): TextValues {
  return {
    kind: 'text',
    redacted,
    limit: shape.maxLength,
    // char(n) has its padding, which is to be written again.
    asciiBytes: shape.family === 'text',
    read: (cell) => cell.toString('utf8'),
    content: (cell) => withoutPadding(cell, shape),
    write: (text) => writeText(text, shape),
  }
}

function numbers(
  shape: TypeShape,
  redacted: Buffer,
  exact: boolean,
  room: bigint | null,
  read: (cell: Buffer, shape: TypeShape) => string | null,
): NumberValues {
  return {
    kind: 'number',
    redacted,
    room,
    exact,
    read: (cell) => read(cell, shape),
    write: (value) => writeNumber(value, shape),
  }
}

function bytes(
  shape: TypeShape,
  redacted: Buffer,
  read: (cell: Buffer, shape: TypeShape) => Buffer | null,
  write: (value: Buffer, shape: TypeShape) => Buffer,
): Values {
  return {
    kind: 'bytes',
    redacted,
    uuid: shape.family === 'uuid',
    read: (cell) => read(cell, shape),
    write: (value) => write(value, shape),
  }
}

function numericRoom(shape: TypeShape): bigint | null {
  const { precision, scale } = shape.numeric ?? { precision: NUMERIC_DIGITS, scale: 0 }
  const digits = Math.min(precision - scale, NUMERIC_DIGITS)
  return scale < 0 || digits < 1 ? null : 10n ** BigInt(digits)
}

function readDecimal(cell: Buffer, shape: TypeShape): string | null {
  return shape.binary ? readNumeric(cell) : normalise(cell.toString('latin1'))
}

/** char(n) is padded with blanks that don't count. */
function withoutPadding(cell: Buffer, shape: TypeShape): Buffer | string {
  return shape.family === 'bpchar' ? cell.toString('utf8').replace(/ +$/, '') : cell
}

/** In binary, jsonb has a version before its text. */
function jsonText(cell: Buffer, shape: TypeShape): Buffer {
  return shape.binary && shape.family === 'jsonb' ? cell.subarray(1) : cell
}
