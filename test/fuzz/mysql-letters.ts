import * as command from '../../src/wire/mysql/commands.ts'
import { message } from '../../src/wire/mysql/packets.ts'
import { lenencBytes, lenencInt, uint8, uint16, uint32 } from '../../src/wire/mysql/payload.ts'
import { type Bound, executeBody } from '../support/e2e-mysql-raw.ts'
import type { Random } from './random.ts'

/** SERVER_STATUS_AUTOCOMMIT and the other flags that a model server sets. */
export const STATUS = {
  inTransaction: 0x0001,
  autocommit: 0x0002,
  moreResults: 0x0008,
  cursor: 0x0040,
  lastRow: 0x0080,
  tracked: 0x4000,
} as const

const LONG = 0x03
const VAR_STRING = 0xfd

// === what servers say, without headers

export function okPayload(status: number = STATUS.autocommit, header = 0): Buffer {
  return Buffer.concat([uint8(header), lenencInt(0), lenencInt(0), uint16(status), uint16(0)])
}

export function errPayload(number: number, state: string, text: string): Buffer {
  return Buffer.concat([uint8(0xff), uint16(number), Buffer.from(`#${state}${text}`)])
}

export function eofPayload(status: number): Buffer {
  return Buffer.concat([uint8(0xfe), uint16(0), uint16(status)])
}

export interface ModelColumn {
  readonly table: string
  readonly name: string
}

/** An int where it is called n, else a string of utf8mb4. */
export function columnPayload({ table, name }: ModelColumn): Buffer {
  const number = name === 'n'
  const [schema, origin] = table === '' ? ['', ''] : ['shop', name]
  return Buffer.concat([
    ...['def', schema, table, table, name, origin].map((text) => lenencBytes(Buffer.from(text))),
    lenencInt(0x0c),
    uint16(number ? 63 : 45),
    uint32(number ? 11 : 80),
    uint8(number ? LONG : VAR_STRING),
    uint16(0),
    uint8(0),
    uint16(0),
  ])
}

export type ModelCell = string | null

export function textRow(cells: readonly ModelCell[]): Buffer {
  return Buffer.concat(
    cells.map((cell) => (cell === null ? uint8(0xfb) : lenencBytes(Buffer.from(cell)))),
  )
}

/** Binary rows of the same columns: a number where the column is one. */
export function binaryRow(cells: readonly ModelCell[], columns: readonly ModelColumn[]): Buffer {
  const bitmap = Buffer.alloc((cells.length + 9) >> 3)
  const values = cells.map((cell, index) => {
    const bit = index + 2
    if (cell === null) {
      bitmap[bit >> 3] = (bitmap[bit >> 3] as number) | (1 << (bit & 7))
      return Buffer.alloc(0)
    }
    return columns[index]?.name === 'n' ? uint32(Number(cell)) : lenencBytes(Buffer.from(cell))
  })
  return Buffer.concat([uint8(0), bitmap, ...values])
}

/** A payload for each packet of one result. */
export function resultPayloads(options: {
  readonly columns: readonly ModelColumn[]
  readonly rows: readonly (readonly ModelCell[])[]
  readonly status: number
  readonly binary: boolean
  readonly deprecateEof: boolean
}): Buffer[] {
  const { columns, rows, status, binary, deprecateEof } = options
  return [
    lenencInt(columns.length),
    ...columns.map(columnPayload),
    ...(deprecateEof ? [] : [eofPayload(status & ~STATUS.moreResults)]),
    ...rows.map((cells) => (binary ? binaryRow(cells, columns) : textRow(cells))),
    deprecateEof ? okPayload(status, 0xfe) : eofPayload(status),
  ]
}

/** Int1 0, Int4 id, Int2 columns, Int2 parameters, Int1 filler, Int2 warnings; then definitions. */
export function preparedPayloads(
  id: number,
  parameters: number,
  columns: readonly ModelColumn[],
  deprecateEof: boolean,
): Buffer[] {
  const head = [uint8(0), uint32(id), uint16(columns.length), uint16(parameters)]
  const end = deprecateEof ? [] : [eofPayload(STATUS.autocommit)]
  const marks = Array.from({ length: parameters }, () => columnPayload({ table: '', name: '?' }))
  return [
    Buffer.concat([...head, uint8(0), uint16(0)]),
    ...(parameters > 0 ? [...marks, ...end] : []),
    ...(columns.length > 0 ? [...columns.map(columnPayload), ...end] : []),
  ]
}

/** Packets of one answer, numbered from the command's own. */
export function answer(payloads: readonly Buffer[], first = 1): Buffer[] {
  return payloads.map((payload, index) => message((first + index) & 0xff, payload))
}

// === what clients say

export function say(code: number, ...parts: readonly Buffer[]): Buffer {
  return message(0, uint8(code), ...parts)
}

export const query = (sql: string) => say(command.COM_QUERY, Buffer.from(sql))
export const prepare = (sql: string) => say(command.COM_STMT_PREPARE, Buffer.from(sql))
export const close = (id: number) => say(command.COM_STMT_CLOSE, uint32(id))
export const reset = (id: number) => say(command.COM_STMT_RESET, uint32(id))
export const execute = (id: number, values: readonly Bound[], cursor = false, types = true) =>
  say(command.COM_STMT_EXECUTE, executeBody(id, values, { cursor, types }))
export const fetchRows = (id: number, rows: number) =>
  say(command.COM_STMT_FETCH, uint32(id), uint32(rows))
export const longData = (id: number, parameter: number, data: Buffer) =>
  say(command.COM_STMT_SEND_LONG_DATA, uint32(id), uint16(parameter), data)

const IDS = [0, 1, 2, 3, 0xffffffff]
const VALUES: readonly Bound[] = [null, 1, 'x', Buffer.from('y'), 2n]

/** Any command at all. */
export function anyCommand(random: Random, texts: readonly string[]): Buffer {
  const id = random.pick(IDS)
  switch (random.below(16)) {
    case 0:
    case 1:
    case 2:
      return query(random.pick(texts))
    case 3:
    case 4:
      return prepare(random.pick(texts))
    case 5:
    case 6:
      return execute(
        id,
        Array.from({ length: random.below(3) }, () => random.pick(VALUES)),
        random.oneIn(3),
        !random.oneIn(4),
      )
    case 7:
      return fetchRows(id, random.below(3))
    case 8:
      return random.oneIn(2) ? close(id) : reset(id)
    case 9:
      return longData(id, random.below(2), random.bytes(random.below(40)))
    case 10:
      return say(command.COM_INIT_DB, Buffer.from(random.pick(['shop', 'other', '', 'é'])))
    case 11:
      return say(command.COM_FIELD_LIST, Buffer.from('open_t\0'))
    case 12:
      return say(random.pick([command.COM_PING, command.COM_STATISTICS]))
    case 13:
      return say(command.COM_SET_OPTION, uint16(random.below(3)))
    case 14:
      return say(command.COM_RESET_CONNECTION)
    default:
      return say(random.below(256), random.bytes(random.below(12)))
  }
}
