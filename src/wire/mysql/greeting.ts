import { ProxyError } from '../../lib/errors.ts'
import type { ServerGreeting } from '../handshake.ts'
import { cstring, PayloadReader, uint8, uint16, uint32 } from './payload.ts'

const PROTOCOL_VERSION = 10
export const SCRAMBLE_LENGTH = 20
/** The first part of the scramble stands before the capabilities, the rest behind them. */
const FIRST_PART = 8
const RESERVED = 10

export interface Greeting extends ServerGreeting {
  readonly capabilities: number
  readonly scramble: Buffer
  readonly plugin: string
}

/** The payload of Protocol::HandshakeV10. */
export function encodeGreeting(greeting: Greeting): Buffer {
  const { capabilities, scramble } = greeting
  return Buffer.concat([
    uint8(PROTOCOL_VERSION),
    cstring(greeting.serverVersion),
    uint32(greeting.connectionId),
    scramble.subarray(0, FIRST_PART),
    uint8(0),
    uint16(capabilities),
    uint8(greeting.collation),
    uint16(greeting.status),
    uint16(capabilities >>> 16),
    uint8(SCRAMBLE_LENGTH + 1),
    Buffer.alloc(RESERVED),
    scramble.subarray(FIRST_PART),
    uint8(0),
    cstring(greeting.plugin),
  ])
}

/** Reads the greeting's payload; throws PROTOCOL_VIOLATION where it isn't of protocol 10. */
export function decodeGreeting(payload: Buffer): Greeting {
  const reader = new PayloadReader(payload)
  const version = reader.uint8()
  if (version !== PROTOCOL_VERSION) throw violation(`it speaks protocol ${version}, not 10`)
  const serverVersion = reader.cstringBytes().toString('latin1')
  const connectionId = reader.uint32()
  const first = reader.bytes(FIRST_PART)
  reader.skip(1)
  const lower = reader.uint16()
  const collation = reader.uint8()
  const status = reader.uint16()
  const capabilities = ((reader.uint16() << 16) | lower) >>> 0
  const length = reader.uint8()
  reader.skip(RESERVED)
  if (length !== SCRAMBLE_LENGTH + 1) throw violation('its scramble has another length than 20')
  const scramble = Buffer.concat([first, reader.bytes(SCRAMBLE_LENGTH - FIRST_PART)])
  reader.skip(1)
  // "Due to Bug#59453 the auth-plugin-name is missing the terminating NUL" in old servers.
  const rest = reader.rest()
  const end = rest.indexOf(0)
  const plugin = rest.subarray(0, end < 0 ? rest.length : end).toString('latin1')
  return { serverVersion, connectionId, collation, status, capabilities, scramble, plugin }
}

/** MariaDB names itself: "5.5.5-10.11.6-MariaDB" up to 10.11, "11.8.6-MariaDB" since. */
export function isMariaDb(serverVersion: string): boolean {
  return /mariadb/i.test(serverVersion)
}

function violation(what: string): ProxyError {
  return new ProxyError('PROTOCOL_VIOLATION', what)
}
