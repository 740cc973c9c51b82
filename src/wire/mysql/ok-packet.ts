import { ProxyError } from '../../lib/errors.ts'
import { MAX_PAYLOAD } from './packets.ts'
import { lenencBytes, lenencInt, PayloadReader, uint8, uint16 } from './payload.ts'
import { SERVER_SESSION_STATE_CHANGED } from './status-flags.ts'

export const OK_HEADER = 0x00
/** Of an EOF packet, and of the OK packet that takes its place; a long row begins with it too. */
export const EOF_HEADER = 0xfe

const NOTHING = Buffer.alloc(0)

/** An OK packet's fields (manual, "Protocol::OK_Packet"). */
export interface OkPacket {
  readonly header: number
  readonly affectedRows: number
  readonly insertId: Buffer
  readonly status: number
  readonly warnings: number
  /** Text for a person: "Rows matched: 1  Changed: 1  Warnings: 0". */
  readonly info: Buffer
  /** Blocks of session tracking; empty where nothing changed. */
  readonly state: Buffer
}

/**
 * Reads an OK packet's payload, of a connection with CLIENT_SESSION_TRACK. Servers write the info
 * with its length before it, whether or not the session is tracked.
 */
export function decodeOk(payload: Buffer): OkPacket {
  const reader = new PayloadReader(payload)
  const header = reader.uint8()
  if (header !== OK_HEADER && header !== EOF_HEADER) throw violation('not an OK packet')
  const affectedRows = reader.lenencInt()
  const idFrom = reader.position
  reader.lenencInt()
  const insertId = payload.subarray(idFrom, reader.position)
  const status = reader.uint16()
  const warnings = reader.uint16()
  const info = reader.remaining > 0 ? reader.lenencBytes() : NOTHING
  const changed = (status & SERVER_SESSION_STATE_CHANGED) !== 0
  const state = changed && reader.remaining > 0 ? reader.lenencBytes() : NOTHING
  reader.end()
  return { header, affectedRows, insertId, status, warnings, info, state }
}

/** Writes a payload with other state blocks; the rest stays as it was. */
export function withState(payload: Buffer, ok: OkPacket, state: Buffer): Buffer {
  // Header and affected rows stand before the insert id.
  const head = payload.subarray(0, ok.insertId.byteOffset - payload.byteOffset)
  const changed = state.length > 0
  const status = changed ? ok.status : ok.status & ~SERVER_SESSION_STATE_CHANGED
  const parts = [head, ok.insertId, uint16(status), uint16(ok.warnings)]
  if (changed || ok.info.length > 0) parts.push(lenencBytes(ok.info))
  if (changed) parts.push(lenencBytes(state))
  return Buffer.concat(parts)
}

/** Writes the payload of an OK or EOF packet with another status; the rest stays as it was. */
export function withStatus(payload: Buffer, { ok }: Pick<Ending, 'ok'>, status: number): Buffer {
  const copy = Buffer.from(payload)
  // Behind the insert id of an OK packet, behind the warnings of an EOF packet.
  const at = ok ? ok.insertId.byteOffset - payload.byteOffset + ok.insertId.length : 3
  copy.writeUInt16LE(status, at)
  return copy
}

/** An OK packet of the proxy's own. */
export function encodeOk(status: number): Buffer {
  return Buffer.concat([uint8(OK_HEADER), lenencInt(0), lenencInt(0), uint16(status), uint16(0)])
}

/** How a result, or a list of definitions, ends. */
export interface Ending {
  readonly status: number
  readonly warnings: number
  /** Null where it is an EOF packet, which tells nothing else. */
  readonly ok: OkPacket | null
}

/** EOF packet: Int1 0xfe, Int2 warnings, Int2 status (manual, "Protocol::EOF_Packet"). */
const EOF_LENGTH = 5

/**
 * True for a packet that can't be a row. A text row that begins with 0xfe has a first value of
 * 16 MB or more, so its first packet is full.
 */
export function endsRows(type: number, payloadLength: number): boolean {
  return type === EOF_HEADER && payloadLength < MAX_PAYLOAD
}

/** Reads what ends rows: EOF, or with CLIENT_DEPRECATE_EOF an OK packet under its header. */
export function decodeEnding(payload: Buffer, deprecateEof: boolean): Ending {
  if (payload[0] !== EOF_HEADER) throw violation('rows have no end')
  if (deprecateEof) {
    const ok = decodeOk(payload)
    return { status: ok.status, warnings: ok.warnings, ok }
  }
  if (payload.length !== EOF_LENGTH) throw violation('an EOF packet is five bytes long')
  return { status: payload.readUInt16LE(3), warnings: payload.readUInt16LE(1), ok: null }
}

function violation(what: string): ProxyError {
  return new ProxyError('PROTOCOL_VIOLATION', what)
}
