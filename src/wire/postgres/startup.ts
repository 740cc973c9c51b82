import { ProxyError } from '../../lib/errors.ts'
import type { Hello, Opening } from '../handshake.ts'
import type { ServerChannel } from '../handshake-channel.ts'
import { cstring, int32, message } from './framing.ts'
import { MessageReader } from './message-reader.ts'
import * as type from './message-types.ts'
import { splitOptions } from './startup-options.ts'
import { collectSettings } from './startup-settings.ts'

const CANCEL_REQUEST = 80877102
const SSL_REQUEST = 80877103
const GSSENC_REQUEST = 80877104
/** The server's own limit for a startup packet (MAX_STARTUP_PACKET_LENGTH). */
const MAX_STARTUP = 10_000
/** The newest version of the protocol is 3.2. */
const NEWEST_MINOR = 2
const TLS_HANDSHAKE_RECORD = 0x16
/** A secret of protocol 3.0; 3.2 allows 4 to 256 bytes (manual, section 54.2.8). */
const SHORT_SECRET = 4
const LONG_SECRET = 32

/**
 * Reads how a client begins (manual, section 54.2): TLS by request or direct, GSS refused, then
 * a cancel request or a startup message of protocol 3.0 or 3.2.
 */
export async function openPostgres(
  channel: ServerChannel,
  options: { readonly tlsRequired: boolean },
): Promise<Opening> {
  if ((await channel.peek()) === TLS_HANDSHAKE_RECORD) await directTls(channel)
  let askedForTls = channel.tls !== null
  let askedForGss = false
  for (;;) {
    const packet = await readStartupPacket(channel)
    const code = packet.uint32()
    switch (code) {
      case SSL_REQUEST:
        if (askedForTls) throw violation('a second SSLRequest')
        askedForTls = true
        await answerSslRequest(channel)
        break
      case GSSENC_REQUEST:
        if (askedForGss) throw violation('a second GSSENCRequest')
        askedForGss = true
        refuseBufferedBytes(channel)
        channel.write(Buffer.from('N'))
        break
      case CANCEL_REQUEST:
        return { kind: 'cancel', key: readCancelKey(packet) }
      default:
        if (options.tlsRequired && channel.tls === null) {
          throw new ProxyError(
            'TLS_REQUIRED',
            'this server takes TLS connections only: connect with sslmode=require',
          )
        }
        return readStartup(channel, code, packet)
    }
  }
}

/** Direct TLS must name its protocol, or another protocol's client could be led here (ALPACA). */
async function directTls(channel: ServerChannel): Promise<void> {
  if (!channel.offersTls) throw violation('direct TLS, which is not configured here')
  await channel.startTls({ alpn: 'postgresql' })
}

async function answerSslRequest(channel: ServerChannel): Promise<void> {
  // Bytes sent in clear behind the request would be taken as if TLS had protected them
  // (CVE-2021-23214).
  refuseBufferedBytes(channel)
  if (!channel.offersTls) {
    channel.write(Buffer.from('N'))
    return
  }
  channel.write(Buffer.from('S'))
  await channel.startTls({ alpn: null })
}

function refuseBufferedBytes(channel: ServerChannel): void {
  if (channel.buffered > 0) throw violation('received unencrypted data after an encryption request')
}

async function readStartupPacket(channel: ServerChannel): Promise<MessageReader> {
  const length = (await channel.read(4)).readUInt32BE(0)
  if (length < 8 || length > MAX_STARTUP) throw violation('invalid length of startup packet')
  return new MessageReader(await channel.read(length - 4))
}

function readCancelKey(packet: MessageReader): { processId: number; secret: Buffer } {
  const processId = packet.int32()
  const secret = packet.bytes(packet.remaining)
  if (secret.length < SHORT_SECRET || secret.length > 256) throw violation('invalid cancel key')
  return { processId, secret: Buffer.from(secret) }
}

function readStartup(channel: ServerChannel, version: number, packet: MessageReader): Opening {
  const major = version >>> 16
  const minor = version & 0xffff
  if (major !== 3) throw violation(`unsupported frontend protocol ${major}.${minor}`)
  const { parameters, extensions } = readParameters(packet)
  // The server names the newest minor version it speaks and the options that it doesn't know.
  if (extensions.length > 0 || minor > NEWEST_MINOR) {
    const spoken = Math.min(minor, NEWEST_MINOR)
    channel.write(negotiateProtocolVersion((3 << 16) | spoken, extensions))
  }
  return {
    kind: 'session',
    hello: readHello(parameters),
    cancelKeyLength: minor >= 2 ? LONG_SECRET : SHORT_SECRET,
  }
}

function readParameters(packet: MessageReader): {
  parameters: Map<string, string>
  extensions: string[]
} {
  const parameters = new Map<string, string>()
  const extensions: string[] = []
  for (;;) {
    const name = packet.cstring()
    if (name === '') break
    const value = packet.cstring()
    if (name.startsWith('_pq_.')) extensions.push(name)
    else if (parameters.has(name)) throw violation(`startup parameter "${name}" given twice`)
    else parameters.set(name, value)
  }
  packet.end()
  return { parameters, extensions }
}

function negotiateProtocolVersion(version: number, unknown: readonly string[]): Buffer {
  const names = unknown.map(cstring)
  return message(type.NEGOTIATE_PROTOCOL_VERSION, int32(version), int32(unknown.length), ...names)
}

function readHello(parameters: Map<string, string>): Hello {
  const user = parameters.get('user') ?? ''
  if (user === '') throw new ProxyError('STARTUP_REFUSED', 'the startup packet names no user')
  const database = parameters.get('database') || user
  const given: [string, string][] = []
  for (const [name, value] of parameters) {
    if (name === 'user' || name === 'database') continue
    if (name === 'options') given.push(...splitOptions(value))
    else given.push([name, value])
  }
  return { user, database, ...collectSettings(given) }
}

function violation(what: string): ProxyError {
  return new ProxyError('PROTOCOL_VIOLATION', what)
}
