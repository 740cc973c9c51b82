import type { Parameter } from '../wire/requests.ts'
import type { ValueTypes } from './services.ts'
import { shownText } from './shown-text.ts'

/** A parameter's type: the protocol's type byte, and a second one that says `unsigned`. */
const UNSIGNED = 0x8000

type Show = (value: Buffer, unsigned: boolean) => string

interface KnownType {
  readonly name: string
  readonly show: Show
}

/** Values of the binary protocol by their types (manual, "Binary Protocol Value"). */
const TYPES: ReadonlyMap<number, KnownType> = new Map<number, KnownType>([
  [0x00, { name: 'decimal', show: text }],
  [0x01, { name: 'tinyint', show: (value, unsigned) => integer(value, 1, unsigned) }],
  [0x02, { name: 'smallint', show: (value, unsigned) => integer(value, 2, unsigned) }],
  [0x03, { name: 'int', show: (value, unsigned) => integer(value, 4, unsigned) }],
  [0x04, { name: 'float', show: (value) => String(value.readFloatLE(0)) }],
  [0x05, { name: 'double', show: (value) => String(value.readDoubleLE(0)) }],
  [0x07, { name: 'timestamp', show: dateTime }],
  [0x08, { name: 'bigint', show: (value, unsigned) => integer(value, 8, unsigned) }],
  [0x09, { name: 'mediumint', show: (value, unsigned) => integer(value, 4, unsigned) }],
  [0x0a, { name: 'date', show: dateTime }],
  [0x0b, { name: 'time', show: time }],
  [0x0c, { name: 'datetime', show: dateTime }],
  [0x0d, { name: 'year', show: (value) => integer(value, 2, true) }],
  [0x0f, { name: 'varchar', show: text }],
  [0x10, { name: 'bit', show: hexadecimal }],
  [0xf2, { name: 'vector', show: hexadecimal }],
  [0xf5, { name: 'json', show: text }],
  [0xf6, { name: 'decimal', show: text }],
  [0xf7, { name: 'enum', show: text }],
  [0xf8, { name: 'set', show: text }],
  [0xf9, { name: 'tinyblob', show: bytes }],
  [0xfa, { name: 'mediumblob', show: bytes }],
  [0xfb, { name: 'longblob', show: bytes }],
  [0xfc, { name: 'blob', show: bytes }],
  [0xfd, { name: 'varchar', show: text }],
  [0xfe, { name: 'char', show: text }],
  [0xff, { name: 'geometry', show: hexadecimal }],
])

/** Values that a MySQL client binds; no type of this server runs code of the user's own. */
export const mysqlValues: ValueTypes = {
  name: (typeOid) => nameOf(typeOid),
  runsCode: () => false,
  show: ({ typeOid, value }: Parameter) => {
    const type = nameOf(typeOid)
    if (value === null) return { type, value: null }
    const known = TYPES.get(typeOid & 0xff)
    const unsigned = (typeOid & UNSIGNED) !== 0
    return { type, value: shownText(known ? known.show(value, unsigned) : hexadecimal(value)) }
  },
}

function nameOf(typeOid: number): string {
  const known = TYPES.get(typeOid & 0xff)
  const name = known?.name ?? `type ${typeOid & 0xff}`
  return (typeOid & UNSIGNED) === 0 ? name : `${name} unsigned`
}

/** A value that was sent ahead has no fixed length. */
function integer(value: Buffer, length: number, unsigned: boolean): string {
  if (value.length !== length) return hexadecimal(value)
  if (length === 8) return String(unsigned ? value.readBigUInt64LE() : value.readBigInt64LE())
  return String(unsigned ? value.readUIntLE(0, length) : value.readIntLE(0, length))
}

function text(value: Buffer): string {
  return value.toString('utf8')
}

/** Drivers bind texts as blobs too: shown as a text where it is one. */
function bytes(value: Buffer): string {
  const asText = value.toString('utf8')
  return Buffer.from(asText, 'utf8').equals(value) ? asText : hexadecimal(value)
}

function hexadecimal(value: Buffer): string {
  return `0x${value.toString('hex')}`
}

/** Int2 year, Int1 month, day, hour, minute, second, Int4 microseconds; shorter where they are 0. */
function dateTime(value: Buffer): string {
  if (![0, 4, 7, 11].includes(value.length)) return hexadecimal(value)
  const at = (index: number) => String(value[index] ?? 0).padStart(2, '0')
  const year = value.length === 0 ? 0 : value.readUInt16LE(0)
  const date = `${String(year).padStart(4, '0')}-${at(2)}-${at(3)}`
  if (value.length <= 4) return date
  return `${date} ${at(4)}:${at(5)}:${at(6)}${fraction(value, 7)}`
}

/** Int1 negative, Int4 days, Int1 hours, minutes, seconds, Int4 microseconds. */
function time(value: Buffer): string {
  if (value.length === 0) return '00:00:00'
  if (value.length !== 8 && value.length !== 12) return hexadecimal(value)
  const hours = value.readUInt32LE(1) * 24 + (value[5] ?? 0)
  const parts = [hours, value[6] ?? 0, value[7] ?? 0].map((part) => String(part).padStart(2, '0'))
  return `${value[0] === 0 ? '' : '-'}${parts.join(':')}${fraction(value, 8)}`
}

function fraction(value: Buffer, at: number): string {
  if (value.length < at + 4) return ''
  return `.${String(value.readUInt32LE(at)).padStart(6, '0')}`
}
