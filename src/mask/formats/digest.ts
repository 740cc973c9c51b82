import { createHmac } from 'node:crypto'

/** A keyed digest of a value: 32 bytes that tell nothing of it without the key. */
export type Digest = (value: string | Buffer) => Buffer

/** HMAC-SHA-256 (RFC 2104, FIPS 180-4). */
export function digestBy(key: Buffer): Digest {
  return (value) => createHmac('sha256', key).update(value).digest()
}
