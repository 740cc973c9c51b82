import { dayHash } from '../formats/days.ts'
import { type Digest, digestBy } from '../formats/digest.ts'
import { hashedInForm } from '../formats/text.ts'
import { hashedUuid } from '../formats/uuid.ts'
import type { Masker } from '../plan.ts'
import type { DateValues, TextValues, Values } from '../values.ts'

/** Hexadecimal digits of the digest that a text, a document or a string of bytes is given. */
const KEPT = 32

/**
 * A keyed hash in the column's own type: equal values stay equal, in text and binary alike and from
 * one kind of database to the other, so that joining and grouping outside still works. Null for a
 * type that has no room for one.
 */
export function hashMasker(values: Values, key: Buffer): Masker | null {
  const digest = digestBy(key)
  switch (values.kind) {
    case 'text':
      return textHash(values, digest, dayHash(key))
    case 'document':
      return (cell) => values.write(digest(values.content(cell)).slice(0, KEPT))
    case 'bytes':
      return (cell) => {
        const value = values.read(cell)
        if (value === null) return values.redacted
        if (values.uuid) return values.write(hashedUuid(value, digest))
        return values.write(Buffer.from(digest(value).slice(0, KEPT), 'hex'))
      }
    case 'number': {
      const { room } = values
      if (room === null) return null
      return (cell) => {
        const value = values.read(cell)
        return value === null ? values.redacted : values.write(hashedNumber(value, room, digest))
      }
    }
    case 'date':
      return dateHash(values, digest, dayHash(key))
    default:
      return null
  }
}

function textHash(values: TextValues, digest: Digest, hashedDay: (day: number) => number): Masker {
  const { limit } = values
  return (cell) => {
    const content = values.content(cell)
    const text = typeof content === 'string' ? content : content.toString('utf8')
    const shown = hashedInForm(text, digest, hashedDay)
    const fits = shown !== null && (limit === null || shown.length <= limit)
    return values.write(fits ? shown : digest(content).slice(0, KEPT))
  }
}

/** The first whole number that an int4 doesn't hold. */
const INT4 = 1n << 31n

/**
 * A whole number that an int4 holds gets the hash that it has there, also in wider types, so that
 * they can be joined; what is larger gets one that no int4 holds.
 */
function hashedNumber(value: string, room: bigint, digest: Digest): bigint {
  const chance = chanceOf(digest(value))
  if (room <= INT4) return chance % room
  const small = /^-?\d{1,10}$/.test(value) && BigInt(value) < INT4 && BigInt(value) >= -INT4
  return small ? chance % INT4 : INT4 + (chance % (room - INT4))
}

/** The first 64 bits. */
function chanceOf(digest: string): bigint {
  return BigInt(`0x${digest.slice(0, 16)}`)
}

/** Seconds of 1970-01-02 to 2037-12-31, which TIMESTAMP of MySQL holds in every time zone. */
const FIRST_SECOND = 86_400
const SECONDS = 2_145_744_000 - FIRST_SECOND

function dateHash(
  values: DateValues,
  digest: Digest,
  hashedDay: (day: number) => number,
): Masker | null {
  if (values.unit === 'year') return null
  return (cell) => {
    const moment = values.moment(cell)
    if (moment === null) return values.redacted
    if (values.unit === 'day') return values.at(hashedDay(Number(moment)))
    const chance = chanceOf(digest(`${moment} µs`))
    return values.at(FIRST_SECOND + Number(chance % BigInt(SECONDS)))
  }
}
