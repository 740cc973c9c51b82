import type { Digest } from './digest.ts'

/** One @ between a local part and a domain with a dot. */
const SHAPE = /^[^\s@]{1,64}@[^\s@.]+(?:\.[^\s@.]+)+$/
/** RFC 5321, section 4.5.3.1: of a path, 256 with its brackets. */
const LONGEST = 254
/** Nobody can be reached there (RFC 6761, section 6.4). */
const DOMAIN = '@masked.invalid'
/** 64 bits. */
const KEPT = 16

/** An address that leads nowhere; null where the text is none. The domain isn't kept either. */
export function hashedEmail(text: string, digest: Digest): string | null {
  if (text.length > LONGEST || !SHAPE.test(text)) return null
  return digest(text).slice(0, KEPT) + DOMAIN
}
