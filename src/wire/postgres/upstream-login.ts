import sasl, { type SaslSession } from 'pg/lib/crypto/sasl.js'
import passwords from 'pg/lib/crypto/utils.js'
import { serialize } from 'pg-protocol'
import { messageOf, ProxyError } from '../../lib/errors.ts'
import type { CancelKey, Hello, UpstreamLogin, UpstreamWelcome } from '../handshake.ts'
import type { ClientChannel } from '../handshake-channel.ts'
import { decodeFields, decodeParameterStatus } from './backend-messages.ts'
import { MessageReader } from './message-reader.ts'
import * as type from './message-types.ts'

/** A server's login messages are small; more is not a PostgreSQL. */
const MAX_LOGIN_MESSAGE = 64 * 1024
/** Of triggers on login; what goes beyond is dropped. */
const MAX_NOTICES = 100

/** Of SCRAM; a server's own default is 4096 (scram_iterations). */
const MAX_ROUNDS = 1_000_000

/**
 * Settings that decide how the server reads statements: pinned when the session starts, so that
 * neither the role's nor the database's own settings make it read other text than we do.
 */
const PINNED = { client_encoding: 'UTF8', standard_conforming_strings: 'on' } as const

/**
 * Logs in to an upstream with its own credentials: TLS by sslmode, then SCRAM (PLUS over TLS),
 * md5 or a password, whichever it asks for. Errors never quote the upstream's user or password.
 */
export async function logInToPostgres(
  channel: ClientChannel,
  login: UpstreamLogin,
  hello: Hello,
): Promise<UpstreamWelcome> {
  await startUpstreamTls(channel, login)
  channel.write(
    serialize.startup({
      user: login.user,
      database: login.database,
      ...Object.fromEntries(hello.settings),
      ...PINNED,
    }),
  )
  await authenticate(channel, login)
  return readWelcome(channel)
}

/** SSLRequest and TLS as the upstream's sslmode says (manual, section 54.2.10). */
export async function startUpstreamTls(
  channel: ClientChannel,
  login: UpstreamLogin,
): Promise<void> {
  if (login.tls === 'disable') return
  channel.write(serialize.requestSsl())
  const answer = (await channel.read(1)).toString('latin1')
  if (answer === 'S') {
    if (channel.buffered > 0) throw unavailable('it sent bytes in clear behind its answer to TLS')
    await channel.startTls()
  } else if (answer !== 'N') throw unavailable('it does not answer as a PostgreSQL server')
  else if (login.tls === 'require') throw unavailable('it offers no TLS and sslmode asks for it')
}

interface Message {
  readonly type: number
  readonly frame: Buffer
}

async function readMessage(channel: ClientChannel): Promise<Message> {
  const header = await channel.read(5)
  const length = header.readUInt32BE(1)
  if (length < 4 || length > MAX_LOGIN_MESSAGE)
    throw unavailable('a login message has no sane length')
  const frame = Buffer.concat([header, await channel.read(length - 4)])
  if (frame[0] === type.ERROR_RESPONSE) throw refusedByUpstream(frame)
  return { type: frame[0] as number, frame }
}

async function authenticate(channel: ClientChannel, login: UpstreamLogin): Promise<void> {
  let session: SaslSession | null = null
  const peer = peerOf(channel, login)
  for (;;) {
    const { type: messageType, frame } = await readMessage(channel)
    if (messageType === type.NOTICE_RESPONSE) continue
    if (messageType === type.NEGOTIATE_PROTOCOL_VERSION) continue
    if (messageType !== type.AUTHENTICATION) throw unavailable('it left the login unfinished')
    const body = new MessageReader(frame, 5)
    const step = body.int32()
    if (step === 0) return
    if (step === 3) {
      if (channel.tls === null && !login.local)
        throw unavailable('it asks for the password in clear')
      channel.write(serialize.password(login.password))
    } else if (step === 5) {
      const salt = body.bytes(4)
      const hash = await passwords.postgresMd5PasswordHash(login.user, login.password, salt)
      channel.write(serialize.password(hash))
    } else if (step === 10) {
      session = startSasl(body, peer)
      channel.write(serialize.sendSASLInitialResponseMessage(session.mechanism, session.response))
    } else if (step === 11 && session) {
      const challenge = rest(body)
      checkRounds(challenge)
      await guard(() =>
        sasl.continueSession(session as SaslSession, login.password, challenge, peer),
      )
      channel.write(serialize.sendSCRAMClientFinalMessage(session.response))
    } else if (step === 12 && session) {
      await guard(() => sasl.finalizeSession(session as SaslSession, rest(body)))
    } else throw unavailable(`it asks for authentication ${step}, which is not supported`)
  }
}

function startSasl(body: MessageReader, peer: ReturnType<typeof peerOf>): SaslSession {
  const mechanisms: string[] = []
  for (let name = body.cstring(); name !== ''; name = body.cstring()) mechanisms.push(name)
  const binding = peer && mechanisms.includes('SCRAM-SHA-256-PLUS') ? peer : null
  try {
    return sasl.startSession(mechanisms, binding)
  } catch (error) {
    throw unavailable(messageOf(error), error)
  }
}

/** Whoever answers chooses how long the password is hashed: not for minutes. */
function checkRounds(challenge: string): void {
  const [, rounds = ''] = /,i=(\d+)/.exec(challenge) ?? []
  if (Number(rounds) > MAX_ROUNDS) throw unavailable(`it asks for ${rounds} rounds of SCRAM`)
}

function peerOf(channel: ClientChannel, login: UpstreamLogin) {
  const certificate = channel.tls?.certificate
  return certificate && login.channelBinding
    ? { getPeerCertificate: () => ({ raw: certificate }) }
    : null
}

async function guard(step: () => Promise<void> | void): Promise<void> {
  try {
    await step()
  } catch (error) {
    throw unavailable(messageOf(error), error)
  }
}

function rest(body: MessageReader): string {
  return body.bytes(body.remaining).toString('utf8')
}

async function readWelcome(channel: ClientChannel): Promise<UpstreamWelcome> {
  const settings = new Map<string, string>()
  const notices: ReadonlyMap<string, string>[] = []
  let cancelKey: CancelKey = { processId: 0, secret: Buffer.alloc(4) }
  for (;;) {
    const { type: messageType, frame } = await readMessage(channel)
    if (messageType === type.PARAMETER_STATUS) {
      const { name, value } = decodeParameterStatus(frame)
      settings.set(name, value)
    } else if (messageType === type.BACKEND_KEY_DATA) {
      const body = new MessageReader(frame, 5)
      cancelKey = { processId: body.int32(), secret: Buffer.from(body.bytes(body.remaining)) }
    } else if (messageType === type.NOTICE_RESPONSE) {
      if (notices.length < MAX_NOTICES) notices.push(decodeFields(frame))
    } else if (messageType === type.READY_FOR_QUERY) break
  }
  checkPinned(settings)
  return { settings, notices, cancelKey }
}

function checkPinned(settings: ReadonlyMap<string, string>): void {
  for (const [name, wanted] of Object.entries(PINNED)) {
    const value = settings.get(name)
    if (value !== wanted) throw unavailable(`${name} is "${value}" there and must be ${wanted}`)
  }
}

/** The server's words stay out of the client's sight: they can name the upstream's role. */
function refusedByUpstream(frame: Buffer): ProxyError {
  const fields = decodeFields(frame)
  const state = fields.get('C') ?? 'unknown'
  // Settings of the agent's own choosing: the server's complaint is about them.
  if (state.startsWith('22')) {
    return new ProxyError('STARTUP_REFUSED', fields.get('M') ?? 'the server refused a setting')
  }
  return unavailable(`it refused the login (SQLSTATE ${state})`)
}

function unavailable(why: string, cause?: unknown): ProxyError {
  return new ProxyError('UPSTREAM_UNAVAILABLE', `the database can't be reached: ${why}`, { cause })
}
