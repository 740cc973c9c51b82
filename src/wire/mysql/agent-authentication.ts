import { randomBytes } from 'node:crypto'
import { ProxyError } from '../../lib/errors.ts'
import type { ServerChannel } from '../handshake-channel.ts'
import { strictUtf8 } from '../strict-utf8.ts'
import type { AgentVerifier, LoginProof, SecretVerifier } from '../verifiers.ts'
import { provenBy, provenWhole } from '../whole-secret.ts'
import { type AgentHandshake, handshakeOf } from './agent-handshake.ts'
import type { HandshakeResponse } from './handshake-response.ts'
import {
  CACHING_SHA2,
  CACHING_SHA2_PROOF,
  NATIVE,
  NATIVE_PROOF,
  provesCachingSha2,
  provesNative,
} from './password-proofs.ts'
import { cstring, uint8 } from './payload.ts'

const AUTH_SWITCH = 0xfe
const AUTH_MORE_DATA = 0x01
const FAST_AUTH_SUCCESS = 0x03
const PERFORM_FULL_AUTHENTICATION = 0x04
/** A secret given whole can be a token. */
const MAX_SECRET = 16 * 1024

/**
 * Proves who a client is, from stored digests alone: caching_sha2_password's fast path, then the
 * secret itself where TLS protects it; never the exchange of an RSA key. Every failure is the same
 * LOGIN_FAILED after the same steps, so that an unknown agent looks like a wrong password. Two
 * secrets are tried whatever the agent has.
 */
export async function authenticateAgent(
  channel: ServerChannel,
  verifier: AgentVerifier,
): Promise<LoginProof> {
  const handshake = handshakeOf(channel)
  const { response } = handshake
  if (!response) throw new ProxyError('INTERNAL', 'a client that has not answered the greeting')
  const native = handshake.nativePassword && channel.tls !== null
  const begins = response.plugin ?? NATIVE
  if (begins === NATIVE && native) {
    const proven = byNative(handshake, response, verifier)
    if (proven) return bySecret(proven)
  }
  if (response.plugin === null) throw native ? loginFailed() : tooOld()
  const proof = await cachingSha2ProofOf(handshake, response)
  const proven = provenBy(verifier, ({ doubleSha256 }) => {
    const stored = doubleSha256 ?? randomBytes(CACHING_SHA2_PROOF)
    return provesCachingSha2(stored, handshake.scramble, proof) && doubleSha256 !== undefined
  })
  if (proven) {
    handshake.packets.write(uint8(AUTH_MORE_DATA), uint8(FAST_AUTH_SUCCESS))
    return bySecret(proven)
  }
  if (channel.tls === null) throw verifier.accepts ? needsTls() : loginFailed()
  if (proof.length !== CACHING_SHA2_PROOF) throw loginFailed()
  const whole = await provenInside(handshake, verifier)
  if (!whole) throw loginFailed()
  return whole
}

function bySecret({ storedKey }: SecretVerifier): LoginProof {
  return { kind: 'secret', storedKey }
}

function byNative(
  { scramble }: AgentHandshake,
  { authResponse }: HandshakeResponse,
  verifier: AgentVerifier,
): SecretVerifier | null {
  return provenBy(verifier, ({ doubleSha1 }) => {
    const stored = doubleSha1 ?? randomBytes(NATIVE_PROOF)
    return provesNative(stored, scramble, authResponse) && doubleSha1 !== undefined
  })
}

/** Clients that begin with another plugin are asked to use this one. */
async function cachingSha2ProofOf(
  { packets, scramble }: AgentHandshake,
  { plugin, authResponse }: HandshakeResponse,
): Promise<Buffer> {
  if (plugin === CACHING_SHA2) return authResponse
  packets.write(uint8(AUTH_SWITCH), cstring(CACHING_SHA2), scramble, uint8(0))
  return packets.read(MAX_SECRET)
}

/** "perform full authentication": inside TLS the client sends its password, with a NUL behind it. */
async function provenInside(
  { packets }: AgentHandshake,
  verifier: AgentVerifier,
): Promise<LoginProof | null> {
  packets.write(uint8(AUTH_MORE_DATA), uint8(PERFORM_FULL_AUTHENTICATION))
  const given = await packets.read(MAX_SECRET + 1)
  if (given.at(-1) !== 0) return null
  return provenWhole(verifier, textOf(given.subarray(0, -1)))
}

/** What isn't UTF-8 is nobody's secret. */
function textOf(bytes: Buffer): string {
  try {
    return strictUtf8(bytes)
  } catch {
    return ''
  }
}

function loginFailed(): ProxyError {
  return new ProxyError('LOGIN_FAILED', 'password authentication failed')
}

/** The secret, if it has one, was asked for as ever and was wrong. */
function needsTls(): ProxyError {
  const why = 'this is no secret of the agent, and a token is taken inside TLS only'
  return new ProxyError('TLS_REQUIRED', `${why}: connect with ssl-mode=REQUIRED`)
}

/** Lets in a client that has nothing more to prove. */
export function admitAgent(channel: ServerChannel): void {
  const { packets, response } = handshakeOf(channel)
  // Without a password an OK comes alone; after a proof by this plugin it says first that it counts.
  const proved = response?.plugin === CACHING_SHA2 && response.authResponse.length > 0
  if (proved) packets.write(uint8(AUTH_MORE_DATA), uint8(FAST_AUTH_SUCCESS))
}

/** It can't be asked to use another plugin, and its own isn't taken. */
function tooOld(): ProxyError {
  return new ProxyError(
    'STARTUP_REFUSED',
    'Client does not support authentication protocol requested by server; consider upgrading MySQL client',
  )
}
