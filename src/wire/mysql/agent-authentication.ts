import { randomBytes } from 'node:crypto'
import { ProxyError } from '../../lib/errors.ts'
import type { ServerChannel } from '../handshake-channel.ts'
import type { AgentVerifier } from '../protocol.ts'
import { strictUtf8 } from '../reader.ts'
import { type AgentHandshake, handshakeOf } from './agent-handshake.ts'
import type { HandshakeResponse } from './handshake-response.ts'
import {
  CACHING_SHA2,
  CACHING_SHA2_PROOF,
  doubleSha256,
  NATIVE,
  NATIVE_PROOF,
  provesCachingSha2,
  provesNative,
  sameBytes,
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
 * LOGIN_FAILED after the same steps, so that an unknown agent looks like a wrong password.
 */
export async function authenticateAgent(
  channel: ServerChannel,
  verifier: AgentVerifier,
): Promise<void> {
  const handshake = handshakeOf(channel)
  const { response } = handshake
  if (!response) throw new ProxyError('INTERNAL', 'a client that has not answered the greeting')
  const native = handshake.nativePassword && channel.tls !== null
  const begins = response.plugin ?? NATIVE
  if (begins === NATIVE && native && provesByNative(handshake, response, verifier)) return
  if (response.plugin === null) throw native ? loginFailed() : tooOld()
  const proof = await cachingSha2ProofOf(handshake, response)
  const stored = verifier.doubleSha256 ?? nothingStored()
  const proven = provesCachingSha2(stored, handshake.scramble, proof)
  if (proven && verifier.doubleSha256) {
    handshake.packets.write(uint8(AUTH_MORE_DATA), uint8(FAST_AUTH_SUCCESS))
    return
  }
  if (channel.tls === null || proof.length !== CACHING_SHA2_PROOF) throw loginFailed()
  if (!(await provesBySecret(handshake, verifier, stored))) throw loginFailed()
}

/** Digests that no secret has, for an agent that has none. */
function nothingStored(): Buffer {
  return randomBytes(CACHING_SHA2_PROOF)
}

function provesByNative(
  { scramble }: AgentHandshake,
  { authResponse }: HandshakeResponse,
  { doubleSha1 }: AgentVerifier,
): boolean {
  const stored = doubleSha1 ?? randomBytes(NATIVE_PROOF)
  return provesNative(stored, scramble, authResponse) && doubleSha1 !== undefined
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
async function provesBySecret(
  { packets }: AgentHandshake,
  verifier: AgentVerifier,
  stored: Buffer,
): Promise<boolean> {
  packets.write(uint8(AUTH_MORE_DATA), uint8(PERFORM_FULL_AUTHENTICATION))
  const given = await packets.read(MAX_SECRET)
  if (given.at(-1) !== 0) return false
  const secret = textOf(given.subarray(0, -1))
  const same = sameBytes(doubleSha256(secret), stored) && verifier.doubleSha256 !== undefined
  if (same) return true
  return (await verifier.accepts?.(secret)) ?? false
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

/** It can't be asked to use another plugin, and its own isn't taken. */
function tooOld(): ProxyError {
  return new ProxyError(
    'STARTUP_REFUSED',
    'Client does not support authentication protocol requested by server; consider upgrading MySQL client',
  )
}
