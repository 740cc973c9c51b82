import type { Digest } from './digest.ts'

/** A uuid of version 4 (RFC 9562, section 5.4): 122 bits of the digest. */
export function hashedUuid(bytes: Buffer, digest: Digest): Buffer {
  const uuid = Buffer.from(digest(bytes).slice(0, 32), 'hex')
  uuid[6] = ((uuid[6] as number) & 0x0f) | 0x40
  uuid[8] = ((uuid[8] as number) & 0x3f) | 0x80
  return uuid
}
