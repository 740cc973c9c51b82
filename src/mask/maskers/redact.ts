import { assertNever } from '../../lib/assert-never.ts'
import type { TypeShape } from '../types.ts'
import { writeBytea, writeJson, writeNumber, writeText, writeUuid } from './write-value.ts'

/** Stands for every text that is masked whole. */
export const REDACTED = '[redacted]'

/**
 * The value that stands for every value of a type: it tells that there is one, and nothing else.
 * Times count from 2000-01-01, so eight zero bytes are its midnight in binary.
 */
export function redactedValue(shape: TypeShape): Buffer {
  const time = (text: string, bytes: number) =>
    shape.binary ? Buffer.alloc(bytes) : Buffer.from(text, 'latin1')
  switch (shape.family) {
    case 'bool':
      return time('f', 1)
    case 'int2':
    case 'int4':
    case 'int8':
    case 'float4':
    case 'float8':
    case 'numeric':
      return writeNumber(0n, shape)
    case 'text':
    case 'bpchar':
      return writeText(REDACTED, shape)
    case 'char':
      return Buffer.from('*')
    case 'bytea':
      return writeBytea(Buffer.alloc(0), shape)
    case 'date':
      return time('2000-01-01', 4)
    case 'time':
      return time('00:00:00', 8)
    case 'timetz':
      return time('00:00:00+00', 12)
    case 'timestamp':
      return time('2000-01-01 00:00:00', 8)
    case 'timestamptz':
      return time('2000-01-01 00:00:00+00', 8)
    case 'interval':
      return time('00:00:00', 16)
    case 'uuid':
      return writeUuid(Buffer.alloc(16), shape)
    case 'json':
    case 'jsonb':
      return writeJson(`"${REDACTED}"`, shape)
    case 'xml':
      return Buffer.from(REDACTED)
    case 'bit':
      return zeroBits(shape)
    case 'fixed': {
      const [text, hex] = shape.fixed ?? ['', '']
      return shape.binary ? Buffer.from(hex, 'hex') : Buffer.from(text, 'latin1')
    }
    case 'array':
    case 'composite':
      throw new Error('what stands for an array or a composite is not one value')
    default:
      return assertNever(shape.family)
  }
}

/** In binary a count of bits and the bits (varbit_send). */
function zeroBits({ bits = 0, binary }: TypeShape): Buffer {
  if (!binary) return Buffer.from('0'.repeat(bits), 'latin1')
  const cell = Buffer.alloc(4 + Math.ceil(bits / 8))
  cell.writeInt32BE(bits)
  return cell
}
