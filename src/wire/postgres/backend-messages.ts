import { ERRORS, ProxyError as Failure, type ProxyError } from '../../lib/errors.ts'
import type { Cell, ResultColumn } from '../columns.ts'
import type { CopyShape } from '../maskers.ts'
import type { TransactionState } from '../replies.ts'
import { cstring, int32, message } from './framing.ts'
import { MessageReader } from './message-reader.ts'
import * as type from './message-types.ts'

/** Fields of ErrorResponse and NoticeResponse by their letter (manual, section 54.8). */
export type Fields = Map<string, string>

export function decodeFields(frame: Buffer): Fields {
  const reader = new MessageReader(frame, 5)
  const fields: Fields = new Map()
  for (;;) {
    const letter = reader.uint8()
    if (letter === 0) return fields
    // A server whose messages aren't UTF-8 must not end the session: the text is shown, not parsed.
    fields.set(String.fromCharCode(letter), reader.cstringBytes().toString('utf8'))
  }
}

function encodeFields(messageType: number, fields: Fields): Buffer {
  const parts: Buffer[] = []
  for (const [letter, text] of fields) parts.push(cstring(letter + text.replaceAll('\0', '')))
  return message(messageType, ...parts, Buffer.from([0]))
}

export function encodeError(fields: Fields): Buffer {
  return encodeFields(type.ERROR_RESPONSE, fields)
}

export function encodeNotice(fields: Fields): Buffer {
  return encodeFields(type.NOTICE_RESPONSE, fields)
}

export function errorFields(error: ProxyError): Fields {
  const severity = ERRORS[error.code].fatal ? 'FATAL' : 'ERROR'
  const fields: Fields = new Map([
    ['S', severity],
    ['V', severity],
    ['C', error.sqlState],
    ['M', error.message],
  ])
  if (error.detail !== undefined) fields.set('D', error.detail)
  if (error.hint !== undefined) fields.set('H', error.hint)
  return fields
}

/** An error of the proxy's own. */
export function encodeRefusal(error: ProxyError): Buffer {
  return encodeError(errorFields(error))
}

/** A notice of the proxy's own. */
export function encodePlainNotice(text: string, detail: string): Buffer {
  const severity = 'NOTICE'
  return encodeNotice(
    new Map([
      ['S', severity],
      ['V', severity],
      ['C', '00000'],
      ['M', text],
      ['D', detail],
    ]),
  )
}

export function encodeParameterStatus(name: string, value: string): Buffer {
  return message(type.PARAMETER_STATUS, cstring(name), cstring(value))
}

export function decodeParameterStatus(frame: Buffer): { name: string; value: string } {
  const reader = new MessageReader(frame, 5)
  return { name: reader.cstring(), value: reader.cstringBytes().toString('utf8') }
}

/** Int32 process, String channel, String payload (manual, section 54.7). */
export function decodeNotification(frame: Buffer) {
  const reader = new MessageReader(frame, 5)
  const processId = reader.int32()
  const channel = reader.cstringBytes()
  const payload = reader.cstringBytes()
  reader.end()
  return { processId, channel, payload }
}

export function encodeNotification(processId: number, channel: Buffer, payload: Buffer): Buffer {
  const nul = Buffer.from([0])
  return message(type.NOTIFICATION_RESPONSE, int32(processId), channel, nul, payload, nul)
}

export function encodeBackendKeyData(processId: number, secret: Buffer): Buffer {
  return message(type.BACKEND_KEY_DATA, int32(processId), secret)
}

const STATES: Record<TransactionState, Buffer> = {
  idle: message(type.READY_FOR_QUERY, Buffer.from('I')),
  'in-transaction': message(type.READY_FOR_QUERY, Buffer.from('T')),
  failed: message(type.READY_FOR_QUERY, Buffer.from('E')),
}

export function encodeReady(state: TransactionState): Buffer {
  return STATES[state]
}

export function decodeReady(frame: Buffer): TransactionState {
  if (frame.length !== 6) throw new Failure('PROTOCOL_VIOLATION', 'ReadyForQuery is one byte long')
  const status = frame[5] as number
  if (status === 0x49) return 'idle' // 'I'
  if (status === 0x54) return 'in-transaction' // 'T'
  if (status === 0x45) return 'failed' // 'E'
  throw new Failure('PROTOCOL_VIOLATION', `unknown transaction status 0x${status.toString(16)}`)
}

export function decodeRowDescription(frame: Buffer): ResultColumn[] {
  const reader = new MessageReader(frame, 5)
  const columns: ResultColumn[] = []
  for (let count = reader.uint16(); count > 0; count--) {
    const name = reader.cstringBytes().toString('utf8')
    const tableOid = reader.uint32()
    const columnNumber = reader.int16()
    const typeOid = reader.uint32()
    reader.int16() // pg_type.typlen: the type says it already
    const typeModifier = reader.int32()
    columns.push({ name, tableOid, columnNumber, typeOid, typeModifier, format: reader.int16() })
  }
  reader.end()
  return columns
}

/** The types of a statement's parameters, as declared or as the server found them. */
export function decodeParameterDescription(frame: Buffer): number[] {
  const reader = new MessageReader(frame, 5)
  const types: number[] = []
  for (let count = reader.uint16(); count > 0; count--) types.push(reader.uint32())
  return types
}

export function decodeCopyShape(frame: Buffer): CopyShape {
  const reader = new MessageReader(frame, 5)
  const format = reader.uint8() === 0 ? 'text' : 'binary'
  return { format, columns: reader.uint16() }
}

export function decodeDataRow(frame: Buffer): Cell[] {
  const reader = new MessageReader(frame, 5)
  const cells: Cell[] = []
  for (let count = reader.uint16(); count > 0; count--) {
    const length = reader.int32()
    cells.push(length === -1 ? null : Buffer.from(reader.bytes(length)))
  }
  return cells
}

/** "INSERT 0 5" affected 5 rows; tags without a number affect none. */
export function rowsOfTag(tag: string): number {
  const last = tag.slice(tag.lastIndexOf(' ') + 1)
  return /^\d+$/.test(last) ? Number(last) : 0
}
