import { createCipheriv, createHmac } from 'node:crypto'

const DAY_MS = 86_400_000
/** 1000-01-01 to 9999-12-31, what every database's date holds; days from 1970-01-01. */
const FIRST = Math.round(new Date(0).setUTCFullYear(1000, 0, 1) / DAY_MS)
const LAST = Math.round(new Date(0).setUTCFullYear(9999, 11, 31) / DAY_MS)
const COUNT = LAST - FIRST + 1

/** 2^22 is the smallest even power of two that holds all days. */
const HALF_BITS = 11
const HALF = 1 << HALF_BITS
const ROUNDS = 10

/** One set of tables for each key, however many columns are masked by it. */
const known = new WeakMap<Buffer, Uint16Array>()

/**
 * Another day for each day: no two days get the same one. A Feistel network of ten rounds over 22
 * bits, walked on until it comes back among the days (cycle walking, NIST SP 800-38G). Its round
 * functions are tables that the key fills.
 */
export function dayHash(key: Buffer): (day: number) => number {
  return (day) => {
    let tables = known.get(key)
    if (!tables) {
      tables = tablesOf(key)
      known.set(key, tables)
    }
    // Days before and behind share those of the others: the odds of a collision are 1 to 3 million.
    let place = (((day - FIRST) % COUNT) + COUNT) % COUNT
    do place = permuted(place, tables)
    while (place >= COUNT)
    return FIRST + place
  }
}

function permuted(place: number, tables: Uint16Array): number {
  let left = place >> HALF_BITS
  let right = place & (HALF - 1)
  for (let round = 0; round < ROUNDS; round++) {
    const next = left ^ ((tables[round * HALF + right] as number) & (HALF - 1))
    left = right
    right = next
  }
  return (left << HALF_BITS) | right
}

/** The bytes of a stream cipher under a key of its own. */
function tablesOf(key: Buffer): Uint16Array {
  const own = createHmac('sha256', key).update('countersign: days').digest()
  const stream = createCipheriv('aes-256-ctr', own, Buffer.alloc(16))
  const bytes = stream.update(Buffer.alloc(ROUNDS * HALF * 2))
  return Uint16Array.from({ length: ROUNDS * HALF }, (_, i) => bytes.readUInt16BE(i * 2))
}
