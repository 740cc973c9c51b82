import { assertNever } from '../../lib/assert-never.ts'
import { REDACTED } from '../maskers/redact.ts'
import { hyphenated, uuidBytes } from '../maskers/uuid.ts'
import type { ByteValues, DocumentValues, TextValues, Values } from '../values.ts'
import { dates, fixedTime, years } from './dates.ts'
import { integers, reals } from './numbers.ts'
import type { MysqlShape } from './types.ts'

/** POINT(0 0) without a reference system: its id, the byte order, the type, two doubles. */
const NULL_ISLAND = Buffer.concat([Buffer.alloc(4), Buffer.of(1, 1, 0, 0, 0), Buffer.alloc(16)])

/**
 * The values of a MySQL or MariaDB column. Cells are those of the two kinds of rows: text, or the
 * values of the binary protocol without the length that stands before them.
 */
export function mysqlValuesOf(shape: MysqlShape): Values {
  switch (shape.family) {
    case 'integer':
      return integers(shape)
    case 'float':
    case 'double':
    case 'decimal':
      return reals(shape)
    case 'date':
    case 'datetime':
      return dates(shape)
    case 'year':
      return years(shape)
    case 'time':
      return { kind: 'plain', redacted: fixedTime(shape) }
    case 'text':
      return texts(shape)
    case 'json':
      return documents(shape)
    case 'bytes':
      return bytes(shape)
    case 'uuid':
      return uuids(shape)
    case 'inet4':
      return { kind: 'plain', redacted: shape.charset.encoding.encode('0.0.0.0') }
    case 'inet6':
      return { kind: 'plain', redacted: shape.charset.encoding.encode('::') }
    case 'choice': // every ENUM and every SET has an empty value
      return { kind: 'plain', redacted: Buffer.alloc(0) }
    case 'bit':
    case 'vector':
      return { kind: 'plain', redacted: Buffer.alloc(shape.bytes) }
    case 'geometry':
      return { kind: 'plain', redacted: NULL_ISLAND }
    default:
      return assertNever(shape)
  }
}

type TextShape = Extract<MysqlShape, { family: 'text' | 'json' }>

function texts({ charset: { encoding }, limit, padded }: TextShape): TextValues {
  const write = (text: string) => encoding.encode(cut(text, limit))
  return {
    kind: 'text',
    redacted: write(REDACTED),
    limit,
    asciiBytes: encoding.asciiBytes,
    read: (cell) => encoding.decode(cell),
    content: (cell) => {
      const text = encoding.decode(cell)
      return padded ? text.replace(/ +$/, '') : text
    },
    write,
  }
}

/** To so many characters of the database's kind: code points. */
function cut(text: string, limit: number | null): string {
  if (limit === null || text.length <= limit) return text
  return Array.from(text).slice(0, limit).join('')
}

/** MySQL sends JSON in the set of the other text, and calls it binary. */
function documents({ charset: { encoding } }: TextShape): DocumentValues {
  const write = (word: string) => encoding.encode(`"${word}"`)
  return {
    kind: 'document',
    redacted: write(REDACTED),
    content: (cell) => encoding.decode(cell),
    write,
  }
}

function bytes({ limit, padded }: Extract<MysqlShape, { family: 'bytes' }>): ByteValues {
  const length = limit ?? Number.POSITIVE_INFINITY
  return {
    kind: 'bytes',
    uuid: false,
    redacted: Buffer.alloc(padded ? length : 0),
    read: (cell) => cell,
    write: (value) => {
      if (!padded || value.length >= length) return value.subarray(0, length)
      return Buffer.concat([value], length)
    },
  }
}

/** Hashed by its sixteen bytes, as PostgreSQL's is. */
function uuids({ charset: { encoding } }: Extract<MysqlShape, { charset: unknown }>): ByteValues {
  const write = (value: Buffer) => encoding.encode(hyphenated(value))
  return {
    kind: 'bytes',
    uuid: true,
    redacted: write(Buffer.alloc(16)),
    read: (cell) => uuidBytes(encoding.decode(cell)),
    write,
  }
}
