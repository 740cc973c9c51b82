import { randomBytes } from 'node:crypto'
import { ProxyError } from '../../lib/errors.ts'
import type { Opening, OpenOptions } from '../handshake.ts'
import type { ServerChannel } from '../handshake-channel.ts'
import * as capability from './capabilities.ts'
import { characterSetOf, UTF8MB4_GENERAL_CI } from './collations.ts'
import { readConnectAttributes } from './connect-attributes.ts'
import { encodeGreeting, SCRAMBLE_LENGTH } from './greeting.ts'
import { HandshakePackets } from './handshake-packets.ts'
import {
  capabilitiesOf,
  decodeHandshakeResponse,
  type HandshakeResponse,
  SSL_REQUEST_LENGTH,
} from './handshake-response.ts'
import { CACHING_SHA2 } from './password-proofs.ts'

/** An agent's handshake from its greeting to its first command. */
export interface AgentHandshake {
  readonly packets: HandshakePackets
  readonly scramble: Buffer
  readonly nativePassword: boolean
  /** Null until it has been read. */
  response: HandshakeResponse | null
}

/** The server speaks first in this protocol, so a channel has a past before anybody is named. */
const handshakes = new WeakMap<ServerChannel, AgentHandshake>()

/** Undefined where the channel was never greeted. */
export function findHandshake(channel: ServerChannel): AgentHandshake | undefined {
  return handshakes.get(channel)
}

/** Its client is let in: what was said on the way needn't be kept as long as the session. */
export function forgetHandshake(channel: ServerChannel): void {
  handshakes.delete(channel)
}

/** Throws where the channel was never greeted. */
export function handshakeOf(channel: ServerChannel): AgentHandshake {
  const handshake = findHandshake(channel)
  if (!handshake) throw new ProxyError('INTERNAL', 'a client that was not greeted')
  return handshake
}

/**
 * Greets a client as the database behind the proxy would and reads its answer (manual,
 * "Connection Phase"): over TLS where it asks for it.
 */
export async function openMysql(channel: ServerChannel, options: OpenOptions): Promise<Opening> {
  const { greeting } = options
  if (!greeting) {
    throw new ProxyError('UPSTREAM_UNAVAILABLE', 'no database has been reached yet')
  }
  const packets = new HandshakePackets(channel)
  const scramble = newScramble()
  const nativePassword = options.nativePassword ?? false
  const handshake: AgentHandshake = { packets, scramble, nativePassword, response: null }
  handshakes.set(channel, handshake)
  const offersTls = channel.offersTls ? capability.CLIENT_SSL : 0
  const capabilities = (capability.OFFERED | offersTls) >>> 0
  const collation = characterSetOf(greeting.collation) ? greeting.collation : UTF8MB4_GENERAL_CI
  packets.write(
    encodeGreeting({ ...greeting, collation, capabilities, scramble, plugin: CACHING_SHA2 }),
  )
  const response = decodeHandshakeResponse(
    await readResponse(channel, packets, options.tlsRequired),
    capabilities,
  )
  handshake.response = response
  return openingOf(response, capability.agreedWithClient(capabilities, response.asked), collation)
}

/** Servers take neither NUL, which would end it, nor '$', which separates the parts of a digest. */
function newScramble(): Buffer {
  const scramble = randomBytes(SCRAMBLE_LENGTH)
  for (let index = 0; index < scramble.length; index++) {
    const byte = (scramble[index] as number) & 0x7f
    scramble[index] = byte === 0 || byte === 0x24 ? byte + 1 : byte
  }
  return scramble
}

async function readResponse(
  channel: ServerChannel,
  packets: HandshakePackets,
  tlsRequired: boolean,
): Promise<Buffer> {
  const first = await packets.read()
  const asksTls = (capabilitiesOf(first) & capability.CLIENT_SSL) !== 0
  if (asksTls && first.length === SSL_REQUEST_LENGTH) {
    if (!channel.offersTls) throw violation('an SSLRequest, and TLS was not offered')
    // Clients send their ClientHello in the same segment. What has come already goes to TLS, so
    // nothing that was sent in clear is taken for protected.
    await channel.startTls({ alpn: null })
    const second = await packets.read()
    if (second.length <= SSL_REQUEST_LENGTH) throw violation('a second SSLRequest')
    return second
  }
  if (tlsRequired) {
    throw new ProxyError(
      'TLS_REQUIRED',
      'Connections using insecure transport are prohibited here: connect with TLS (ssl-mode=REQUIRED).',
    )
  }
  return first
}

function openingOf(response: HandshakeResponse, agreed: number, greeted: number): Opening {
  if (response.user === '') throw new ProxyError('STARTUP_REFUSED', 'the client names no user')
  // 0 leaves the choice to the server.
  const collation = response.collation === 0 ? greeted : response.collation
  if (characterSetOf(collation) === null) {
    throw new ProxyError(
      'STARTUP_REFUSED',
      `the connection's character set (collation ${collation}) is not accepted: use utf8mb4`,
    )
  }
  return {
    kind: 'session',
    hello: {
      user: response.user,
      database: response.database,
      ...readConnectAttributes(response.attributes),
      agreement: { capabilities: agreed, collation },
    },
    cancelKeyLength: 0,
  }
}

function violation(what: string): ProxyError {
  return new ProxyError('PROTOCOL_VIOLATION', what)
}
