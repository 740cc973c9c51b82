import { COM_QUERY, COM_STMT_EXECUTE, COM_STMT_PREPARE } from '../../src/wire/mysql/commands.ts'
import { message } from '../../src/wire/mysql/packets.ts'
import { lenencBytes, uint8, uint16, uint32 } from '../../src/wire/mysql/payload.ts'

/** Messages of the protocol as a client or a server writes them, put together by hand. */

const UTF8MB4 = 45
const LONG = 0x03
export const VAR_STRING = 0xfd
const AUTOCOMMIT = 2

const named = (text: string) => lenencBytes(Buffer.from(text))

export const query = (sql: string) => message(0, uint8(COM_QUERY), Buffer.from(sql))
export const prepare = (sql: string) => message(0, uint8(COM_STMT_PREPARE), Buffer.from(sql))

/** Of the first statement, with one whole number. */
export const execution = (value: number) =>
  message(
    0,
    ...[uint8(COM_STMT_EXECUTE), uint32(1), uint8(0), uint32(1), uint8(0), uint8(1)],
    ...[uint16(LONG), uint32(value)],
  )

/** COM_STMT_PREPARE_OK with one parameter and the columns c1, c2 ... */
export function prepared(columns: number): Buffer {
  const head = [uint8(0), uint32(1), uint16(columns), uint16(1), uint8(0), uint16(0)]
  return numbered([
    Buffer.concat(head),
    definition('?', ''),
    eof,
    ...definitions(columns, 'ten'),
    eof,
  ])
}

/** A result of one row. */
export function result(columns: number, table: string, row: Buffer): Buffer {
  return numbered([uint8(columns), ...definitions(columns, table), eof, row, eof])
}

export const textRow = (cells: readonly string[]) => Buffer.concat(cells.map(named))

/** Header, NULL bitmap, texts. */
export function binaryRow(cells: readonly string[]): Buffer {
  return Buffer.concat([uint8(0), Buffer.alloc((cells.length + 9) >> 3), textRow(cells)])
}

const eof = Buffer.concat([uint8(0xfe), uint16(0), uint16(AUTOCOMMIT)])

function numbered(payloads: readonly Buffer[]): Buffer {
  return Buffer.concat(payloads.map((payload, index) => message(index + 1, payload)))
}

function definitions(columns: number, table: string): Buffer[] {
  return Array.from({ length: columns }, (_, index) => definition(`c${index + 1}`, table))
}

/** Column Definition 41. */
function definition(name: string, table: string): Buffer {
  const schema = table === '' ? '' : 'shop'
  const column = table === '' ? '' : name
  const names = ['def', schema, table, table, name, column].map(named)
  const facts = [uint8(0x0c), uint16(UTF8MB4), uint32(160), uint8(VAR_STRING), uint16(0), uint8(0)]
  return Buffer.concat([...names, ...facts, uint16(0)])
}
