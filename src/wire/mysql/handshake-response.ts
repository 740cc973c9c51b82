import { ProxyError } from '../../lib/errors.ts'
import * as capability from './capabilities.ts'
import { encodeConnectAttributes } from './connect-attributes.ts'
import { cstring, lenencBytes, PayloadReader, uint8, uint32 } from './payload.ts'

/** Capabilities, longest packet, collation, reserved bytes: all of an SSLRequest. */
export const SSL_REQUEST_LENGTH = 32
/** Nineteen, and four in which MariaDB's clients put capabilities that aren't offered here. */
const RESERVED = 23
/** What the proxy says it takes; the server's own limit bears. */
const MAX_PACKET = 0x40000000
const MAX_USER = 255
const MAX_DATABASE = 255

/** A client's answer to the greeting (manual, "Protocol::HandshakeResponse41"). */
export interface HandshakeResponse {
  /** All that the client says it has, offered or not. */
  readonly asked: number
  readonly collation: number
  readonly user: string
  readonly authResponse: Buffer
  readonly database: string
  /** Null for a client without CLIENT_PLUGIN_AUTH: it knows mysql_native_password alone. */
  readonly plugin: string | null
  readonly attributes: Buffer
}

/** The capabilities that an SSLRequest or a response begins with. */
export function capabilitiesOf(payload: Buffer): number {
  // A response of protocol 3.20 has two bytes there, and is refused by the second half of these.
  const asked = new PayloadReader(payload).uint32()
  if ((asked & capability.CLIENT_PROTOCOL_41) === 0) {
    throw new ProxyError('STARTUP_REFUSED', 'clients older than MySQL 4.1 are not served')
  }
  return asked
}

/**
 * Reads the response. Which fields it has depends on the flags that both ends have: `offered` is
 * what the greeting said, for clients set flags that weren't offered.
 */
export function decodeHandshakeResponse(payload: Buffer, offered: number): HandshakeResponse {
  const asked = capabilitiesOf(payload)
  const agreed = capability.agreedWithClient(offered, asked)
  const has = (flag: number) => (agreed & flag) !== 0
  const reader = new PayloadReader(payload, 4)
  reader.uint32()
  const collation = reader.uint8()
  reader.skip(RESERVED)
  const user = reader.cstring()
  if (Buffer.byteLength(user) > MAX_USER) throw violation('the name of the user is too long')
  const authResponse = readAuthResponse(reader, has)
  const database = has(capability.CLIENT_CONNECT_WITH_DB) ? reader.cstring() : ''
  if (Buffer.byteLength(database) > MAX_DATABASE) throw violation('the database is too long')
  const plugin = has(capability.CLIENT_PLUGIN_AUTH) ? readPlugin(reader) : null
  const attributes = readAttributes(reader, has)
  // Clients with zstd write its level, whether or not it was offered.
  if ((asked & capability.CLIENT_ZSTD_COMPRESSION_ALGORITHM) !== 0 && reader.remaining === 1) {
    reader.skip(1)
  }
  reader.end()
  return { asked, collation, user, authResponse, database, plugin, attributes }
}

function readAuthResponse(reader: PayloadReader, has: (flag: number) => boolean): Buffer {
  if (has(capability.CLIENT_PLUGIN_AUTH_LENENC_CLIENT_DATA)) return reader.lenencBytes()
  if (has(capability.CLIENT_SECURE_CONNECTION)) return reader.bytes(reader.uint8())
  return reader.cstringBytes()
}

/** Where the field is left out the server takes the default plugin's name. */
function readPlugin(reader: PayloadReader): string {
  if (reader.remaining === 0) return ''
  const name = reader.cstringBytes().toString('latin1')
  if (!/^[a-z0-9_]{0,64}$/i.test(name)) throw violation('no plugin has such a name')
  return name
}

function readAttributes(reader: PayloadReader, has: (flag: number) => boolean): Buffer {
  if (!has(capability.CLIENT_CONNECT_ATTRS) || reader.remaining === 0) return Buffer.alloc(0)
  return reader.lenencBytes()
}

/** SSLRequest: the beginning of the response, alone. */
export function encodeSslRequest(capabilities: number, collation: number): Buffer {
  return Buffer.concat([
    uint32(capabilities),
    uint32(MAX_PACKET),
    uint8(collation),
    Buffer.alloc(RESERVED),
  ])
}

/** The proxy's own response to a database. */
export function encodeHandshakeResponse(response: {
  readonly capabilities: number
  readonly collation: number
  readonly user: string
  readonly authResponse: Buffer
  readonly database: string
  readonly plugin: string
  readonly attributes: ReadonlyMap<string, string>
}): Buffer {
  return Buffer.concat([
    encodeSslRequest(response.capabilities, response.collation),
    cstring(response.user),
    lenencBytes(response.authResponse),
    cstring(response.database),
    cstring(response.plugin),
    encodeConnectAttributes(response.attributes),
  ])
}

function violation(what: string): ProxyError {
  return new ProxyError('PROTOCOL_VIOLATION', what)
}
