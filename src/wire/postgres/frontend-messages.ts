import { ProxyError } from '../../lib/errors.ts'
import type { Cell } from '../columns.ts'
import type { Parameter, Request } from '../requests.ts'
import { cstring, int16, int32, message, serverName } from './framing.ts'
import { MessageReader } from './message-reader.ts'
import * as type from './message-types.ts'

/** Decodes one message of the frontend (manual, section 54.7). The list is closed: others end the session. */
export function decodeRequest(messageType: number, frame: Buffer): Request {
  const reader = new MessageReader(frame, 5)
  switch (messageType) {
    case type.QUERY: {
      const sql = reader.cstringBytes()
      reader.end()
      return { kind: 'query', sql }
    }
    case type.PARSE:
      return decodeParse(reader)
    case type.BIND:
      return decodeBind(reader)
    case type.EXECUTE: {
      const portal = serverName(reader.cstring())
      const maxRows = reader.int32()
      reader.end()
      return { kind: 'execute', portal, maxRows }
    }
    case type.DESCRIBE:
    case type.CLOSE: {
      const target = decodeTarget(reader.uint8())
      const name = serverName(reader.cstring())
      reader.end()
      return { kind: messageType === type.DESCRIBE ? 'describe' : 'close', target, name }
    }
    case type.SYNC:
      reader.end()
      return { kind: 'sync' }
    case type.FLUSH:
      reader.end()
      return { kind: 'flush' }
    case type.COPY_DATA:
      return { kind: 'copy-data' }
    case type.COPY_FAIL:
      reader.cstringBytes()
      reader.end()
      return { kind: 'copy-end' }
    case type.COPY_DONE:
      reader.end()
      return { kind: 'copy-end' }
    case type.TERMINATE:
      return { kind: 'terminate' }
    case type.FUNCTION_CALL:
      // The server reads its arguments; none of it goes further than the server.
      return { kind: 'function-call', oid: reader.uint32() }
    default:
      throw new ProxyError(
        'PROTOCOL_VIOLATION',
        `unknown frontend message type 0x${messageType.toString(16)}`,
      )
  }
}

function decodeTarget(code: number): 'statement' | 'portal' {
  if (code === 0x53) return 'statement' // 'S'
  if (code === 0x50) return 'portal' // 'P'
  throw new ProxyError('PROTOCOL_VIOLATION', `unknown target 0x${code.toString(16)}`)
}

function decodeParse(reader: MessageReader): Request {
  const statement = serverName(reader.cstring())
  const sql = reader.cstringBytes()
  const parameterTypes: number[] = []
  for (let count = reader.uint16(); count > 0; count--) parameterTypes.push(reader.uint32())
  reader.end()
  return { kind: 'prepare', statement, sql, parameterTypes }
}

/** Bind carries the portal first, then the statement. */
function decodeBind(reader: MessageReader): Request {
  const portal = serverName(reader.cstring())
  const statement = serverName(reader.cstring())
  const formats = decodeFormats(reader)
  const count = reader.uint16()
  if (formats.length > 1 && formats.length !== count) {
    throw new ProxyError('PROTOCOL_VIOLATION', 'Bind has formats for another count of parameters')
  }
  const parameters: Parameter[] = []
  for (let index = 0; index < count; index++) {
    const format = formats.length === 1 ? formats[0] : formats[index]
    parameters.push({ typeOid: 0, format: format ?? 0, value: decodeValue(reader) })
  }
  const resultFormats = decodeFormats(reader)
  reader.end()
  return { kind: 'bind', portal, statement, parameters, resultFormats }
}

function decodeFormats(reader: MessageReader): number[] {
  const formats: number[] = []
  for (let count = reader.uint16(); count > 0; count--) {
    const format = reader.int16()
    if (format !== 0 && format !== 1) {
      throw new ProxyError('PROTOCOL_VIOLATION', `unknown format code ${format}`)
    }
    formats.push(format)
  }
  return formats
}

function decodeValue(reader: MessageReader): Cell {
  const length = reader.int32()
  if (length === -1) return null
  return reader.bytes(length)
}

export function encodeParse(statement: string, sql: Buffer): Buffer {
  return message(type.PARSE, cstring(statement), sql, Buffer.from([0]), int16(0))
}

/** Binds an unparametrised statement; all results as text. */
export function encodeBind(portal: string, statement: string): Buffer {
  return message(type.BIND, cstring(portal), cstring(statement), int16(0), int16(0), int16(0))
}

export function encodeExecute(portal: string): Buffer {
  return message(type.EXECUTE, cstring(portal), int32(0))
}

export function encodeDescribePortal(portal: string): Buffer {
  return message(type.DESCRIBE, Buffer.from('P'), cstring(portal))
}

export function encodeDescribeStatement(statement: string): Buffer {
  return message(type.DESCRIBE, Buffer.from('S'), cstring(statement))
}

export function encodeCloseStatement(statement: string): Buffer {
  return message(type.CLOSE, Buffer.from('S'), cstring(statement))
}

export function encodeClosePortal(portal: string): Buffer {
  return message(type.CLOSE, Buffer.from('P'), cstring(portal))
}

/** Frees the name that a Bind (of a statement) or an Execute (of a portal) uses, byte for byte. */
export function encodeCloseOfNamed(frame: Buffer): Buffer {
  const reader = new MessageReader(frame, 5)
  const portal = reader.cstringBytes()
  const isBind = frame[0] === type.BIND
  const name = isBind ? reader.cstringBytes() : portal
  return message(type.CLOSE, Buffer.from(isBind ? 'S' : 'P'), name, Buffer.from([0]))
}

export const SYNC_MESSAGE = message(type.SYNC)
export const FLUSH_MESSAGE = message(type.FLUSH)
