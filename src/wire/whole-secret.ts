import { createHash, randomBytes, timingSafeEqual } from 'node:crypto'
import type { AgentVerifier, LoginProof, SecretVerifier } from './verifiers.ts'

const DIGEST_BYTES = 32

/** SHA256(SHA256(secret)): what is kept of a secret for the case that it is given whole. */
export function doubleSha256(secret: string): Buffer {
  const once = createHash('sha256').update(secret, 'utf8').digest()
  return createHash('sha256').update(once).digest()
}

export function sameBytes(a: Buffer, b: Buffer): boolean {
  return a.length === b.length && timingSafeEqual(a, b)
}

/** The first secret that passes; two are tried whatever the agent has and whichever it is. */
export function provenBy<V extends SecretVerifier>(
  verifier: V & { readonly second?: SecretVerifier },
  proves: (secret: SecretVerifier) => boolean,
): SecretVerifier | null {
  const first = proves(verifier)
  const second = proves(verifier.second ?? verifier)
  if (first) return verifier
  return second && verifier.second ? verifier.second : null
}

/**
 * Judges what a client has given whole, inside TLS: one of the agent's secrets, or a token. Null
 * where it is neither; throws as AgentVerifier.accepts does.
 */
export async function provenWhole(
  verifier: AgentVerifier,
  given: string,
): Promise<LoginProof | null> {
  const digest = doubleSha256(given)
  const secret = provenBy(verifier, (one) =>
    sameBytes(digest, one.doubleSha256 ?? randomBytes(DIGEST_BYTES)),
  )
  if (secret) return { kind: 'secret', storedKey: secret.storedKey }
  return (await verifier.accepts?.(given)) ?? null
}
