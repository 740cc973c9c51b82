import { ProxyError } from '../../lib/errors.ts'
import type { CancelKey, Hello, UpstreamLogin, UpstreamWelcome } from '../handshake.ts'
import type { ClientChannel } from '../handshake-channel.ts'
import * as capability from './capabilities.ts'
import { UTF8MB4_GENERAL_CI } from './collations.ts'
import { COM_QUERY, COM_QUIT } from './commands.ts'
import { decodeError, ERR_HEADER } from './errors.ts'
import { decodeGreeting, type Greeting } from './greeting.ts'
import { HandshakePackets } from './handshake-packets.ts'
import { encodeHandshakeResponse, encodeSslRequest } from './handshake-response.ts'
import { decodeOk } from './ok-packet.ts'
import { uint8 } from './payload.ts'
import { authenticateUpstream, firstProof, unavailable } from './upstream-authentication.ts'
import { setUpSession } from './upstream-session.ts'

/** What a session on the proxy's own behalf has. */
const OWN_CAPABILITIES = capability.CLIENT_DEPRECATE_EOF

/**
 * Logs in to a database with its own credentials and the flags that were agreed with the client:
 * they change what statements mean. Errors never quote the database's user or password.
 */
export async function logInToMysql(
  channel: ClientChannel,
  login: UpstreamLogin,
  hello: Hello,
): Promise<UpstreamWelcome> {
  const { packets, greeting, capabilities } = await logIn(channel, login, hello)
  const session = await setUpSession(packets, capabilities)
  return {
    notices: [],
    settings: session.settings,
    cancelKey: { processId: greeting.connectionId, secret: Buffer.alloc(0) },
    mysql: {
      serverVersion: greeting.serverVersion,
      collation: greeting.collation,
      connectionId: greeting.connectionId,
      status: session.status,
      tracked: session.tracked,
      tracksSchema: session.tracksSchema,
      capabilities,
    },
  }
}

interface LoggedIn {
  readonly packets: HandshakePackets
  readonly greeting: Greeting
  readonly capabilities: number
}

async function logIn(
  channel: ClientChannel,
  login: UpstreamLogin,
  hello: Hello | null,
): Promise<LoggedIn> {
  const packets = new HandshakePackets(channel)
  const greeting = readGreeting(await packets.read())
  const capabilities = capability.askedOfServer(hello?.agreement?.capabilities ?? OWN_CAPABILITIES)
  const missing = capability.missingAt(greeting.capabilities, capabilities)
  if (missing !== 0) {
    throw unavailable(`it lacks capabilities 0x${missing.toString(16)}: it is too old`)
  }
  const collation = hello?.agreement?.collation ?? UTF8MB4_GENERAL_CI
  const secured = await startTls(channel, packets, login, {
    server: greeting.capabilities,
    capabilities,
    collation,
  })
  const { plugin, proof } = firstProof(greeting, login)
  packets.write(
    encodeHandshakeResponse({
      capabilities: secured,
      collation,
      user: login.user,
      authResponse: proof,
      database: login.database,
      plugin,
      attributes: attributesOf(hello),
    }),
  )
  await authenticateUpstream(channel, packets, login, { plugin, scramble: greeting.scramble })
  return { packets, greeting, capabilities }
}

function readGreeting(payload: Buffer): Greeting {
  if (payload[0] === ERR_HEADER) {
    throw unavailable(`it refused the connection (error ${decodeError(payload).number})`)
  }
  return decodeGreeting(payload)
}

function attributesOf(hello: Hello | null): Map<string, string> {
  const attributes = new Map([['_client_name', 'countersign']])
  const program = hello?.settings.get('application_name')
  if (program !== undefined) attributes.set('program_name', program)
  return attributes
}

/** SSLRequest and TLS as the upstream's sslmode says; answers the flags of the response. */
async function startTls(
  channel: ClientChannel,
  packets: HandshakePackets,
  login: UpstreamLogin,
  flags: { readonly server: number; readonly capabilities: number; readonly collation: number },
): Promise<number> {
  if (login.tls === 'disable') return flags.capabilities
  if ((flags.server & capability.CLIENT_SSL) === 0) {
    if (login.tls === 'require') throw unavailable('it offers no TLS and sslmode asks for it')
    return flags.capabilities
  }
  const secured = (flags.capabilities | capability.CLIENT_SSL) >>> 0
  packets.write(encodeSslRequest(secured, flags.collation))
  if (channel.buffered > 0) throw unavailable('it sent bytes in clear before TLS')
  await channel.startTls()
  return secured
}

/** Asks on a connection of its own that a statement be ended; the session stays. */
export async function cancelMysql(
  channel: ClientChannel,
  login: UpstreamLogin,
  key: CancelKey,
): Promise<void> {
  const { packets } = await logIn(channel, login, null)
  packets.restart()
  packets.write(uint8(COM_QUERY), Buffer.from(`KILL QUERY ${key.processId >>> 0}`, 'latin1'))
  const answer = await packets.read()
  packets.restart()
  packets.write(uint8(COM_QUIT))
  // ER_NO_SUCH_THREAD: it has ended by itself.
  if (answer[0] !== ERR_HEADER) decodeOk(answer)
  else if (decodeError(answer).number !== 1094) {
    throw new ProxyError('UPSTREAM_UNAVAILABLE', 'the database refused the cancel')
  }
}
