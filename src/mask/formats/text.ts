import { hyphenated, uuidBytes } from '../maskers/uuid.ts'
import { hashedCard } from './card.ts'
import { dateText, readDate } from './dates.ts'
import type { Digest } from './digest.ts'
import { hashedEmail } from './email.ts'
import { hashedIban } from './iban.ts'
import { hashedPhone } from './phone.ts'
import { hashedUuid } from './uuid.ts'

/** Longer texts have none of these forms. */
const LONGEST = 254
const UUID = /^[\da-f]{8}(?:-[\da-f]{4}){3}-[\da-f]{12}$/i

/**
 * What the hash of a text is where the text itself says what it is: an address for an e-mail
 * address, a card's number for a card's, and so on for uuid, date, IBAN and telephone; null for any
 * other. It depends on the text and the key alone, so equal texts stay equal wherever they stand.
 */
export function hashedInForm(
  text: string,
  digest: Digest,
  hashedDay: (day: number) => number,
): string | null {
  if (text.length > LONGEST) return null
  if (text.includes('@')) return hashedEmail(text, digest)
  if (UUID.test(text)) {
    const bytes = uuidBytes(text)
    return bytes && hyphenated(hashedUuid(bytes, digest))
  }
  const day = readDate(text)
  if (day !== null) return dateText(hashedDay(day))
  return hashedIban(text, digest) ?? hashedCard(text, digest) ?? hashedPhone(text, digest)
}
