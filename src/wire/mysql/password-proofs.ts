import { createHash } from 'node:crypto'
import { doubleSha256, sameBytes } from '../whole-secret.ts'

export { doubleSha256 }

export const CACHING_SHA2 = 'caching_sha2_password'
export const NATIVE = 'mysql_native_password'
export const CACHING_SHA2_PROOF = 32
export const NATIVE_PROOF = 20

const sha256 = (...parts: readonly Buffer[]) => digest('sha256', parts)
const sha1 = (...parts: readonly Buffer[]) => digest('sha1', parts)

function digest(algorithm: string, parts: readonly Buffer[]): Buffer {
  const hash = createHash(algorithm)
  for (const part of parts) hash.update(part)
  return hash.digest()
}

/** What a server with mysql_native_password keeps. */
export function doubleSha1(secret: string): Buffer {
  return sha1(sha1(Buffer.from(secret, 'utf8')))
}

/** XOR(SHA256(password), SHA256(SHA256(SHA256(password)), scramble)); empty without a password. */
export function cachingSha2Proof(password: string, scramble: Buffer): Buffer {
  if (password === '') return Buffer.alloc(0)
  const once = sha256(Buffer.from(password, 'utf8'))
  return xor(once, sha256(sha256(once), scramble))
}

/** XOR(SHA1(password), SHA1(scramble, SHA1(SHA1(password)))); empty without a password. */
export function nativeProof(password: string, scramble: Buffer): Buffer {
  if (password === '') return Buffer.alloc(0)
  const once = sha1(Buffer.from(password, 'utf8'))
  return xor(once, sha1(scramble, sha1(once)))
}

/** True where the proof was made with the secret whose double digest this is. */
export function provesCachingSha2(stored: Buffer, scramble: Buffer, proof: Buffer): boolean {
  return proves(stored, proof, sha256(stored, scramble), sha256)
}

export function provesNative(stored: Buffer, scramble: Buffer, proof: Buffer): boolean {
  return proves(stored, proof, sha1(scramble, stored), sha1)
}

/** The same work whatever the proof is. */
function proves(
  stored: Buffer,
  proof: Buffer,
  cover: Buffer,
  hash: (bytes: Buffer) => Buffer,
): boolean {
  const once = xor(cover, proof)
  return sameBytes(hash(once), stored) && proof.length === cover.length
}

/** As long as `a`; where `b` is shorter it counts as zero. */
export function xor(a: Buffer, b: Buffer): Buffer {
  const out = Buffer.alloc(a.length)
  for (let index = 0; index < a.length; index++) {
    out[index] = (a[index] as number) ^ (b[index] ?? 0)
  }
  return out
}
