import { ProxyError } from '../../lib/errors.ts'
import type { ServerChannel } from '../handshake-channel.ts'
import { strictUtf8 } from '../strict-utf8.ts'
import type { AgentVerifier, LoginProof } from '../verifiers.ts'
import { provenWhole } from '../whole-secret.ts'
import { int32, message } from './framing.ts'
import { MessageReader } from './message-reader.ts'
import * as type from './message-types.ts'
import { authenticateByScram } from './scram-server.ts'

const AUTH_OK = 0
const AUTH_CLEARTEXT_PASSWORD = 3
/** A token, its NUL and the length itself. */
const MAX_PASSWORD = 16 * 1024 + 1 + 4

/**
 * Proves who a client is: by SCRAM, or where the agent may have a token by asking for it whole
 * (AuthenticationCleartextPassword; manual, section 54.2.3), which is done inside TLS only. A name
 * that nobody has is asked as one with a secret.
 */
export async function authenticateAgent(
  channel: ServerChannel,
  verifier: AgentVerifier,
): Promise<LoginProof> {
  if (!verifier.accepts) return authenticateByScram(channel, verifier)
  if (channel.tls !== null) return authenticateWhole(channel, verifier)
  return authenticateByScram(channel, verifier).catch((error: unknown) => {
    if (error instanceof ProxyError && error.code === 'LOGIN_FAILED') throw needsTls(error)
    throw error
  })
}

/** Lets in a client that has nothing more to prove. */
export function admitAgent(channel: ServerChannel): void {
  channel.write(message(type.AUTHENTICATION, int32(AUTH_OK)))
}

async function authenticateWhole(
  channel: ServerChannel,
  verifier: AgentVerifier,
): Promise<LoginProof> {
  channel.write(message(type.AUTHENTICATION, int32(AUTH_CLEARTEXT_PASSWORD)))
  const proof = await provenWhole(verifier, await readPassword(channel))
  if (!proof) throw new ProxyError('LOGIN_FAILED', 'password authentication failed')
  admitAgent(channel)
  return proof
}

async function readPassword(channel: ServerChannel): Promise<string> {
  const header = await channel.read(5)
  const length = header.readUInt32BE(1)
  if (header[0] !== type.PASSWORD) throw violation('expected a password')
  if (length < 5 || length > MAX_PASSWORD) throw violation('invalid length of a password')
  const body = new MessageReader(await channel.read(length - 4))
  const bytes = body.bytes(length - 5)
  if (body.bytes(1)[0] !== 0 || bytes.includes(0)) throw violation('malformed password')
  return strictUtf8(bytes)
}

/** The secret, if it has one, was asked for as ever and was wrong. */
function needsTls(cause: ProxyError): ProxyError {
  const why = 'this is no secret of the agent, and a token is taken inside TLS only'
  return new ProxyError('TLS_REQUIRED', `${why}: connect with sslmode=require`, { cause })
}

function violation(what: string): ProxyError {
  return new ProxyError('PROTOCOL_VIOLATION', what)
}
