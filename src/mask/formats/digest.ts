import { createHmac, hash } from 'node:crypto'

/** A keyed digest of a value: 64 hexadecimal digits that tell nothing of it without the key. */
export type Digest = (value: string | Buffer) => string

/** Bytes that SHA-256 takes at a time. */
const BLOCK = 64
/** Longer values aren't worth a room of their own. */
const ROOM = 4096

/**
 * HMAC-SHA-256 (RFC 2104): the hash of the key's outer pad and of the hash of its inner pad and the
 * value. As two hashes at once it takes a third of the time of an Hmac object.
 */
export function digestBy(key: Buffer): Digest {
  const short = key.length > BLOCK ? Buffer.from(hash('sha256', key), 'hex') : key
  const inner = Buffer.alloc(BLOCK + ROOM, 0x36)
  const outer = Buffer.alloc(BLOCK + 32, 0x5c)
  for (const [i, byte] of short.entries()) {
    inner[i] = byte ^ 0x36
    outer[i] = byte ^ 0x5c
  }
  return (value) => {
    // Of a text at most three bytes for each of its units.
    const most = typeof value === 'string' ? value.length * 3 : value.length
    if (most > ROOM) return createHmac('sha256', key).update(value).digest('hex')
    const length = typeof value === 'string' ? inner.write(value, BLOCK) : value.copy(inner, BLOCK)
    outer.write(hash('sha256', inner.subarray(0, BLOCK + length)), BLOCK, 'hex')
    return hash('sha256', outer)
  }
}
