import { createHash, createHmac, randomBytes, timingSafeEqual } from 'node:crypto'
import { signatureAlgorithmHashFromCertificate } from 'pg/lib/crypto/cert-signatures.js'
import { ProxyError } from '../../lib/errors.ts'
import type { ServerChannel } from '../handshake-channel.ts'
import { strictUtf8 } from '../strict-utf8.ts'
import type { AgentVerifier, LoginProof, ScramVerifier } from '../verifiers.ts'
import { provenBy } from '../whole-secret.ts'
import { cstring, int32, message } from './framing.ts'
import { MessageReader } from './message-reader.ts'
import * as type from './message-types.ts'

const AUTH_OK = 0
const AUTH_SASL = 10
const AUTH_SASL_CONTINUE = 11
const AUTH_SASL_FINAL = 12
const SCRAM = 'SCRAM-SHA-256'
const SCRAM_PLUS = 'SCRAM-SHA-256-PLUS'
/** A SASL message has no reason to be longer. */
const MAX_SASL = 4096

/**
 * The server's side of SCRAM-SHA-256 (RFC 5802, RFC 7677), with tls-server-end-point channel
 * binding (RFC 5929) over TLS. Needs only stored verifiers; the client is told that it talks to us
 * by the one that it has proved. Every failure is the same LOGIN_FAILED, found after the same work,
 * so that an unknown agent looks like a wrong password.
 */
export async function authenticateByScram(
  channel: ServerChannel,
  verifier: AgentVerifier,
): Promise<LoginProof> {
  const binds = channel.tls?.certificate != null
  const mechanisms = binds ? [SCRAM_PLUS, SCRAM] : [SCRAM]
  channel.write(
    message(type.AUTHENTICATION, int32(AUTH_SASL), ...mechanisms.map(cstring), Buffer.from([0])),
  )
  const first = readClientFirst(await readPasswordMessage(channel), mechanisms)
  checkBindingFlag(first, binds)
  const nonce = first.nonce + randomBytes(18).toString('base64')
  const serverFirst = `r=${nonce},s=${verifier.salt.toString('base64')},i=${verifier.iterations}`
  channel.write(sasl(AUTH_SASL_CONTINUE, serverFirst))
  const final = readClientFinal(await readPasswordMessage(channel))
  const expectedBinding = bindingOf(first, channel)
  const authMessage = `${first.bare},${serverFirst},${final.withoutProof}`
  const proven = provenBy(verifier, (secret) => provesPassword(secret, authMessage, final.proof))
  const sameBinding = safeEqual(Buffer.from(final.binding, 'base64'), expectedBinding)
  if (!proven || !sameBinding || final.nonce !== nonce) throw loginFailed()
  const signature = hmac(proven.serverKey, authMessage).toString('base64')
  channel.write(
    Buffer.concat([
      sasl(AUTH_SASL_FINAL, `v=${signature}`),
      message(type.AUTHENTICATION, int32(AUTH_OK)),
    ]),
  )
  return { kind: 'secret', storedKey: proven.storedKey }
}

interface ClientFirst {
  readonly mechanism: string
  /** "n,,", "y,," or "p=tls-server-end-point,,". */
  readonly gs2Header: string
  readonly bare: string
  readonly nonce: string
}

function readClientFirst(body: MessageReader, mechanisms: readonly string[]): ClientFirst {
  const mechanism = body.cstring()
  if (!mechanisms.includes(mechanism)) throw violation(`unknown SASL mechanism "${mechanism}"`)
  const length = body.int32()
  const text = strictUtf8(body.bytes(length))
  body.end()
  // The authorization identity and the user name are not used: the startup packet has the name.
  const match =
    /^((?:n|y|p=[A-Za-z0-9.-]+),[^,]*,)(n=[^,]*,r=([\x21-\x2b\x2d-\x7e]+)(?:,.*)?)$/.exec(text)
  if (!match) throw violation('malformed SCRAM client-first-message')
  return {
    mechanism,
    gs2Header: match[1] as string,
    bare: match[2] as string,
    nonce: match[3] as string,
  }
}

/** RFC 5802, section 6: which gs2 flags are honest answers to what was offered. */
function checkBindingFlag(first: ClientFirst, binds: boolean): void {
  const bound = first.gs2Header.startsWith('p=')
  if (first.mechanism === SCRAM_PLUS) {
    if (!first.gs2Header.startsWith('p=tls-server-end-point,')) {
      throw violation('SCRAM-SHA-256-PLUS needs tls-server-end-point channel binding')
    }
  } else if (bound) throw violation('channel binding without SCRAM-SHA-256-PLUS')
  // "y" means: the client could bind but believes that we can't. Where we offered it, somebody
  // between us took the offer away.
  else if (binds && first.gs2Header.startsWith('y')) {
    throw violation('SCRAM channel binding negotiation was tampered with')
  }
}

function readClientFinal(body: MessageReader): {
  withoutProof: string
  binding: string
  nonce: string
  proof: Buffer
} {
  const text = strictUtf8(body.bytes(body.remaining))
  const match = /^(c=([A-Za-z0-9+/=]+),r=([^,]+)(?:,.*)?),p=([A-Za-z0-9+/=]+)$/.exec(text)
  if (!match) throw violation('malformed SCRAM client-final-message')
  return {
    withoutProof: match[1] as string,
    binding: match[2] as string,
    nonce: match[3] as string,
    proof: Buffer.from(match[4] as string, 'base64'),
  }
}

function bindingOf(first: ClientFirst, channel: ServerChannel): Buffer {
  const header = Buffer.from(first.gs2Header, 'utf8')
  const certificate = channel.tls?.certificate
  if (first.mechanism !== SCRAM_PLUS || !certificate) return header
  return Buffer.concat([header, endPointHash(certificate)])
}

/** RFC 5929, section 4.1: the certificate's own hash, with SHA-256 in place of MD5 and SHA-1. */
export function endPointHash(certificate: Buffer): Buffer {
  const named = signatureAlgorithmHashFromCertificate(certificate).toLowerCase().replace('-', '')
  const algorithm = named === 'md5' || named === 'sha1' ? 'sha256' : named
  return createHash(algorithm).update(certificate).digest()
}

function provesPassword(verifier: ScramVerifier, authMessage: string, proof: Buffer): boolean {
  const signature = hmac(verifier.storedKey, authMessage)
  const clientKey = Buffer.alloc(signature.length)
  for (let index = 0; index < signature.length; index++) {
    clientKey[index] = (signature[index] as number) ^ (proof[index] ?? 0)
  }
  const storedKey = createHash('sha256').update(clientKey).digest()
  return timingSafeEqual(storedKey, verifier.storedKey) && proof.length === signature.length
}

async function readPasswordMessage(channel: ServerChannel): Promise<MessageReader> {
  const header = await channel.read(5)
  const length = header.readUInt32BE(1)
  if (header[0] !== type.PASSWORD) throw violation('expected a SASL response')
  if (length < 4 || length > MAX_SASL) throw violation('invalid length of a SASL response')
  return new MessageReader(await channel.read(length - 4))
}

function sasl(step: number, text: string): Buffer {
  return message(type.AUTHENTICATION, int32(step), Buffer.from(text, 'utf8'))
}

function hmac(key: Buffer, text: string): Buffer {
  return createHmac('sha256', key).update(text).digest()
}

function safeEqual(a: Buffer, b: Buffer): boolean {
  return a.length === b.length && timingSafeEqual(a, b)
}

function loginFailed(): ProxyError {
  return new ProxyError('LOGIN_FAILED', 'password authentication failed')
}

function violation(what: string): ProxyError {
  return new ProxyError('PROTOCOL_VIOLATION', what)
}
