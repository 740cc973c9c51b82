/** Types of columns and parameters, named as in the manual ("enum_field_types"). */
export const MYSQL_TYPE_DECIMAL = 0x00
export const MYSQL_TYPE_TINY = 0x01
export const MYSQL_TYPE_SHORT = 0x02
export const MYSQL_TYPE_LONG = 0x03
export const MYSQL_TYPE_FLOAT = 0x04
export const MYSQL_TYPE_DOUBLE = 0x05
export const MYSQL_TYPE_NULL = 0x06
export const MYSQL_TYPE_TIMESTAMP = 0x07
export const MYSQL_TYPE_LONGLONG = 0x08
export const MYSQL_TYPE_INT24 = 0x09
export const MYSQL_TYPE_DATE = 0x0a
export const MYSQL_TYPE_TIME = 0x0b
export const MYSQL_TYPE_DATETIME = 0x0c
export const MYSQL_TYPE_YEAR = 0x0d
export const MYSQL_TYPE_NEWDATE = 0x0e
export const MYSQL_TYPE_VARCHAR = 0x0f
export const MYSQL_TYPE_BIT = 0x10
export const MYSQL_TYPE_VECTOR = 0xf2
export const MYSQL_TYPE_JSON = 0xf5
export const MYSQL_TYPE_NEWDECIMAL = 0xf6
export const MYSQL_TYPE_ENUM = 0xf7
export const MYSQL_TYPE_SET = 0xf8
export const MYSQL_TYPE_TINY_BLOB = 0xf9
export const MYSQL_TYPE_MEDIUM_BLOB = 0xfa
export const MYSQL_TYPE_LONG_BLOB = 0xfb
export const MYSQL_TYPE_BLOB = 0xfc
export const MYSQL_TYPE_VAR_STRING = 0xfd
export const MYSQL_TYPE_STRING = 0xfe
export const MYSQL_TYPE_GEOMETRY = 0xff

/** How a value of a type travels in a binary row and as a parameter. */
export type BinaryShape =
  | { readonly kind: 'fixed'; readonly length: number }
  /** A length of one byte, one of those listed. */
  | { readonly kind: 'temporal'; readonly lengths: readonly number[] }
  | { readonly kind: 'lenenc' }
  | { readonly kind: 'nothing' }

const fixed = (length: number): BinaryShape => ({ kind: 'fixed', length })
const DATETIME: BinaryShape = { kind: 'temporal', lengths: [0, 4, 7, 11] }
const TIME: BinaryShape = { kind: 'temporal', lengths: [0, 8, 12] }
const LENENC: BinaryShape = { kind: 'lenenc' }

/** Manual, "Binary Protocol Value". */
const SHAPES: ReadonlyMap<number, BinaryShape> = new Map([
  [MYSQL_TYPE_TINY, fixed(1)],
  [MYSQL_TYPE_SHORT, fixed(2)],
  [MYSQL_TYPE_YEAR, fixed(2)],
  [MYSQL_TYPE_LONG, fixed(4)],
  [MYSQL_TYPE_INT24, fixed(4)],
  [MYSQL_TYPE_LONGLONG, fixed(8)],
  [MYSQL_TYPE_FLOAT, fixed(4)],
  [MYSQL_TYPE_DOUBLE, fixed(8)],
  [MYSQL_TYPE_NULL, { kind: 'nothing' }],
  [MYSQL_TYPE_DATE, DATETIME],
  [MYSQL_TYPE_NEWDATE, DATETIME],
  [MYSQL_TYPE_DATETIME, DATETIME],
  [MYSQL_TYPE_TIMESTAMP, DATETIME],
  [MYSQL_TYPE_TIME, TIME],
  [MYSQL_TYPE_DECIMAL, LENENC],
  [MYSQL_TYPE_NEWDECIMAL, LENENC],
  [MYSQL_TYPE_VARCHAR, LENENC],
  [MYSQL_TYPE_BIT, LENENC],
  [MYSQL_TYPE_VECTOR, LENENC],
  [MYSQL_TYPE_JSON, LENENC],
  [MYSQL_TYPE_ENUM, LENENC],
  [MYSQL_TYPE_SET, LENENC],
  [MYSQL_TYPE_TINY_BLOB, LENENC],
  [MYSQL_TYPE_MEDIUM_BLOB, LENENC],
  [MYSQL_TYPE_LONG_BLOB, LENENC],
  [MYSQL_TYPE_BLOB, LENENC],
  [MYSQL_TYPE_VAR_STRING, LENENC],
  [MYSQL_TYPE_STRING, LENENC],
  [MYSQL_TYPE_GEOMETRY, LENENC],
])

/** Undefined for a type that isn't known: what follows it can't be read. */
export function binaryShape(type: number): BinaryShape | undefined {
  return SHAPES.get(type)
}
