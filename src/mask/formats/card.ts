import type { Digest } from './digest.ts'
import { digitsOf, withDigits } from './digits.ts'

/** 12 to 19 digits (ISO/IEC 7812-1), all together or in groups with one kind of mark between. */
const GROUPED = /^\d{1,19}(?:([ -])\d{1,19}(?:\1\d{1,19})*)?$/
const FEWEST = 12
const MOST = 19

/** A card number with the same count of digits and a valid check digit; null where it is none. */
export function hashedCard(text: string, digest: Digest): string | null {
  if (text.length > 2 * MOST || !GROUPED.test(text)) return null
  const digits = text.replace(/\D/g, '')
  if (digits.length < FEWEST || digits.length > MOST || !passesLuhn(digits)) return null
  const payload = digitsOf(digest(digits), digits.length - 1)
  return withDigits(text, payload + luhnDigit(payload))
}

/** Luhn's check (ISO/IEC 7812-1, annex B) of a number with its check digit. */
export function passesLuhn(digits: string): boolean {
  return luhnDigit(digits.slice(0, -1)) === Number(digits.at(-1))
}

/** The digit that goes behind these: every second one, from the last on, counts double. */
function luhnDigit(payload: string): number {
  let sum = 0
  for (let i = 0; i < payload.length; i++) {
    const digit = payload.charCodeAt(payload.length - 1 - i) - 0x30
    const counted = i % 2 === 0 ? digit * 2 : digit
    sum += counted > 9 ? counted - 9 : counted
  }
  return (10 - (sum % 10)) % 10
}
