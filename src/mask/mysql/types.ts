import type { ResultColumn } from '../plan.ts'
import { type Charset, charsetOf } from './charsets.ts'

/** What a value has to be to fit its column; `binary` is the format of prepared statements. */
export type MysqlShape = { readonly binary: boolean } & (
  | {
      readonly family: 'integer'
      /** Of its values in binary rows. */
      readonly bytes: 1 | 2 | 4 | 8
      /** Without the sign's. */
      readonly bits: number
      readonly unsigned: boolean
      /** Digits that text is filled up to with zeros. */
      readonly zerofill: number
      /** tinyint(1): what BOOLEAN is. */
      readonly boolean: boolean
    }
  | {
      readonly family: 'float' | 'double' | 'decimal'
      /** Digits before the point; null: as many as the type has room for. */
      readonly whole: number | null
      /** Digits after the point; null: as many as there are. */
      readonly scale: number | null
      readonly zerofill: number
    }
  | { readonly family: 'year' }
  /** `digits` are those of a second's fraction. */
  | { readonly family: 'date' | 'datetime'; readonly digits: number }
  | { readonly family: 'time'; readonly digits: number }
  | {
      readonly family: 'text' | 'json'
      readonly charset: Charset
      /** In characters; null: any number. */
      readonly limit: number | null
      /** CHAR: blanks at its end don't count. */
      readonly padded: boolean
    }
  | {
      readonly family: 'bytes'
      readonly limit: number | null
      /** BINARY: always as long as its limit. */
      readonly padded: boolean
    }
  /** MariaDB's, which travel as text. */
  | { readonly family: 'uuid' | 'inet4' | 'inet6'; readonly charset: Charset }
  /** ENUM and SET: their text is one of a few, or empty. */
  | { readonly family: 'choice' }
  | { readonly family: 'bit' | 'vector' /** Of every value. */; readonly bytes: number }
  | { readonly family: 'geometry' }
)

/** Manual, "Column Definition Flags". */
const UNSIGNED_FLAG = 0x20
const ZEROFILL_FLAG = 0x40
const BINARY_FLAG = 0x80
const ENUM_FLAG = 0x100
const SET_FLAG = 0x800

/** The collation of what isn't text. */
const BINARY_COLLATION = 63
/** From here on `decimals` says that the number of decimals isn't fixed: 31, 39 on MariaDB. */
const NOT_FIXED_DECIMALS = 31
const MOST_DECIMALS = 38
const MOST_SECOND_DIGITS = 6
/** The widest display width, of ZEROFILL. */
const WIDEST = 255
/** Lengths of LONGTEXT and LONGBLOB: no limit. */
const UNLIMITED = 0xffff_ffff
/** Of BINARY(n); a longer one is computed. */
const LONGEST_BINARY = 255
/** 16,383 dimensions (manual, "The VECTOR Type"), four bytes each. */
const LONGEST_VECTOR = 65_532

type Facts = NonNullable<ResultColumn['facts']>

/** The shape of a column's values; null for a type that isn't known: its values become NULL. */
export function mysqlShapeOf({ typeOid, format, facts }: ResultColumn): MysqlShape | null {
  if (!facts || (format !== 0 && format !== 1)) return null
  const binary = format === 1
  switch (typeOid) {
    case 0x01: // MYSQL_TYPE_TINY
      return integer(binary, facts, 1, 7)
    case 0x02: // MYSQL_TYPE_SHORT
      return integer(binary, facts, 2, 15)
    case 0x09: // MYSQL_TYPE_INT24
      return integer(binary, facts, 4, 23)
    case 0x03: // MYSQL_TYPE_LONG
      return integer(binary, facts, 4, 31)
    case 0x08: // MYSQL_TYPE_LONGLONG
      return integer(binary, facts, 8, 63)
    case 0x04: // MYSQL_TYPE_FLOAT
      return { family: 'float', binary, ...floating(facts) }
    case 0x05: // MYSQL_TYPE_DOUBLE
      return { family: 'double', binary, ...floating(facts) }
    case 0x00: // MYSQL_TYPE_DECIMAL
    case 0xf6: // MYSQL_TYPE_NEWDECIMAL
      return { family: 'decimal', binary, ...decimal(facts) }
    case 0x0d: // MYSQL_TYPE_YEAR
      return { family: 'year', binary }
    case 0x0a: // MYSQL_TYPE_DATE
    case 0x0e: // MYSQL_TYPE_NEWDATE
      return { family: 'date', binary, digits: 0 }
    case 0x0b: // MYSQL_TYPE_TIME
      return { family: 'time', binary, digits: secondDigits(facts) }
    case 0x07: // MYSQL_TYPE_TIMESTAMP
    case 0x0c: // MYSQL_TYPE_DATETIME
      return { family: 'datetime', binary, digits: secondDigits(facts) }
    case 0x10: // MYSQL_TYPE_BIT
      return { family: 'bit', binary, bytes: Math.min((facts.length + 7) >> 3, 8) }
    case 0xf2: // MYSQL_TYPE_VECTOR
      return { family: 'vector', binary, bytes: Math.min(facts.length, LONGEST_VECTOR) & ~3 }
    case 0xf5: // MYSQL_TYPE_JSON: its collation can say binary
      return documents(binary, facts)
    case 0xff: // MYSQL_TYPE_GEOMETRY
      return { family: 'geometry', binary }
    case 0xf7: // MYSQL_TYPE_ENUM
    case 0xf8: // MYSQL_TYPE_SET
      return { family: 'choice', binary }
    case 0xf9: // MYSQL_TYPE_TINY_BLOB
    case 0xfa: // MYSQL_TYPE_MEDIUM_BLOB
    case 0xfb: // MYSQL_TYPE_LONG_BLOB
    case 0xfc: // MYSQL_TYPE_BLOB
      return isDocument(facts) ? documents(binary, facts) : strings(binary, facts, false)
    case 0x0f: // MYSQL_TYPE_VARCHAR
    case 0xfd: // MYSQL_TYPE_VAR_STRING
      return strings(binary, facts, false)
    case 0xfe: // MYSQL_TYPE_STRING
      return fixedStrings(binary, facts)
    default:
      return null
  }
}

function integer(binary: boolean, facts: Facts, bytes: 1 | 2 | 4 | 8, bits: number): MysqlShape {
  const unsigned = (facts.flags & UNSIGNED_FLAG) !== 0
  const boolean = bytes === 1 && facts.length === 1
  return { family: 'integer', binary, bytes, bits, unsigned, zerofill: zerofill(facts), boolean }
}

function zerofill({ flags, length }: Facts): number {
  return (flags & ZEROFILL_FLAG) === 0 ? 0 : Math.min(length, WIDEST)
}

/** FLOAT(M, D) has M - D digits before its point; FLOAT any. */
function floating(facts: Facts) {
  const { decimals, length } = facts
  if (decimals >= NOT_FIXED_DECIMALS) {
    return { whole: null, scale: null, zerofill: zerofill(facts) }
  }
  return { whole: Math.max(length - decimals, 0), scale: decimals, zerofill: zerofill(facts) }
}

/** The length of DECIMAL(P, S) is P, and one each for a point and a sign. */
function decimal(facts: Facts) {
  const { decimals, length, flags } = facts
  const scale = decimals > MOST_DECIMALS ? 0 : decimals
  const sign = (flags & UNSIGNED_FLAG) === 0 ? 1 : 0
  const whole = Math.max(length - scale - sign - (scale > 0 ? 1 : 0), 0)
  return { whole, scale, zerofill: zerofill(facts) }
}

function secondDigits({ decimals }: Facts): number {
  return decimals > MOST_SECOND_DIGITS ? 0 : decimals
}

/** MariaDB's JSON is LONGTEXT with a binary collation, and nothing tells the two apart. */
function isDocument({ charset, flags, length }: Facts): boolean {
  return charset !== BINARY_COLLATION && (flags & BINARY_FLAG) !== 0 && length === UNLIMITED
}

function documents(binary: boolean, { charset }: Facts): MysqlShape {
  const family = 'json'
  return { family, binary, charset: charsetOf(charset), limit: null, padded: false }
}

/** Where results aren't converted (character_set_results is binary) text is bytes too. */
function strings(binary: boolean, { charset, length }: Facts, padded: boolean): MysqlShape {
  const limited = length < UNLIMITED
  if (charset === BINARY_COLLATION) {
    return { family: 'bytes', binary, limit: limited ? length : null, padded }
  }
  const set = charsetOf(charset)
  const limit = limited ? Math.floor(length / set.maxBytes) : null
  return { family: 'text', binary, charset: set, limit, padded }
}

/** Characters of MariaDB's types that travel as text, which alone of all text are unsigned. */
const NAMED_LENGTHS: Readonly<Record<number, 'uuid' | 'inet4' | 'inet6'>> = {
  15: 'inet4',
  36: 'uuid',
  39: 'inet6',
}

function fixedStrings(binary: boolean, facts: Facts): MysqlShape {
  const { charset, flags, length } = facts
  if ((flags & (ENUM_FLAG | SET_FLAG)) !== 0) return { family: 'choice', binary }
  const set = charsetOf(charset)
  const named = NAMED_LENGTHS[length / set.maxBytes]
  if ((flags & UNSIGNED_FLAG) !== 0 && named) return { family: named, binary, charset: set }
  const isBinary = charset === BINARY_COLLATION
  const filled = isBinary && (flags & BINARY_FLAG) !== 0 && length <= LONGEST_BINARY
  return strings(binary, facts, isBinary ? filled : true)
}
