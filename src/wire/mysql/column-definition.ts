import { ProxyError } from '../../lib/errors.ts'
import type { ResultColumn } from '../columns.ts'
import { lenencBytes, NULL_CELL, PayloadReader } from './payload.ts'

/** Length of the fields of fixed length, which stands before them. */
const FIXED_FIELDS = 0x0c

/**
 * Reads a column definition (manual, "Protocol::ColumnDefinition41"). `binary`: its rows are of a
 * prepared statement. Trailing bytes (a default value of COM_FIELD_LIST) are answered too.
 */
export function decodeColumn(payload: Buffer, binary: boolean): ResultColumn {
  return read(payload, binary).column
}

function read(payload: Buffer, binary: boolean): { column: ResultColumn; end: number } {
  const reader = new PayloadReader(payload)
  const decode = decoderFor(reader.lenencBytes())
  const text = () => decode(reader.lenencBytes())
  const [schema, tableAlias, table, name, column] = [text(), text(), text(), text(), text()]
  if (reader.lenencInt() !== FIXED_FIELDS) throw violation('a column definition has other fields')
  const charset = reader.uint16()
  const length = reader.uint32()
  const typeOid = reader.uint8()
  const flags = reader.uint16()
  const decimals = reader.uint8()
  reader.skip(2)
  const origin = { schema, tableAlias, table, column }
  const facts = { charset, flags, decimals, length }
  return {
    column: {
      name,
      tableOid: 0,
      columnNumber: 0,
      typeOid,
      typeModifier: -1,
      format: binary ? 1 : 0,
      origin,
      facts,
    },
    end: reader.position,
  }
}

const CATALOG = 'def'

type Decode = (bytes: Buffer) => string

const utf8: Decode = (bytes) => bytes.toString('utf8')
const utf16le: Decode = (bytes) => bytes.toString('utf16le')
const utf16be: Decode = (bytes) =>
  Buffer.from(bytes.subarray(0, bytes.length & ~1))
    .swap16()
    .toString('utf16le')
const utf32be: Decode = (bytes) => {
  let text = ''
  for (let at = 0; at + 4 <= bytes.length; at += 4) {
    const point = bytes.readUInt32BE(at)
    text += point <= 0x10ffff ? String.fromCodePoint(point) : '\ufffd'
  }
  return text
}

/**
 * Definitions are written in character_set_results. All but these agree on ASCII; the catalog, which
 * is always the same word, tells which it is.
 */
function decoderFor(catalog: Buffer): Decode {
  const decode = [utf8, utf16be, utf16le, utf32be].find((each) => each(catalog) === CATALOG)
  if (!decode) throw violation('a column definition has another catalog than "def"')
  return decode
}

/** The same under another name, of letters of ASCII; its table's alias is as foreign as its own. */
export function withName(payload: Buffer, name: string): Buffer {
  const reader = new PayloadReader(payload)
  const catalog = reader.lenencBytes()
  decoderFor(catalog)
  const [schema, , table] = [reader.lenencBytes(), reader.lenencBytes(), reader.lenencBytes()]
  reader.lenencBytes()
  reader.lenencBytes()
  const parts = [catalog, schema, table, table, spelled(name, catalog), Buffer.alloc(0)]
  return Buffer.concat([...parts.map(lenencBytes), reader.rest()])
}

/** ASCII in the character set of the catalog's name, which tells how wide a character is. */
function spelled(name: string, catalog: Buffer): Buffer {
  const width = catalog.length / CATALOG.length
  const place = catalog.indexOf(CATALOG.charCodeAt(0))
  const bytes = Buffer.alloc(name.length * width)
  for (let at = 0; at < name.length; at++) bytes[at * width + place] = name.charCodeAt(at)
  return bytes
}

/** A definition of COM_FIELD_LIST without its default value, which can be anything. */
export function withoutDefault(payload: Buffer): Buffer {
  const { end } = read(payload, false)
  return end === payload.length
    ? payload
    : Buffer.concat([payload.subarray(0, end), Buffer.from([NULL_CELL])])
}

function violation(what: string): ProxyError {
  return new ProxyError('PROTOCOL_VIOLATION', what)
}
