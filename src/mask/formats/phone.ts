import type { Digest } from './digest.ts'
import { digitsOf, withDigits } from './digits.ts'

const SHAPE = /^\+?[\d ().\-/]+$/
/** With the plus of E.164 seven digits are enough; without it shorter ones are other numbers. */
const FEWEST_WITH_PLUS = 7
const FEWEST = 10
/** E.164, section 6. */
const MOST = 15
/** Longer only by marks that nobody writes. */
const LONGEST = 32

/** Other digits in the shape of the same telephone number; null where it isn't one. */
export function hashedPhone(text: string, digest: Digest): string | null {
  if (text.length > LONGEST || !SHAPE.test(text)) return null
  const digits = text.replace(/\D/g, '')
  const fewest = text.startsWith('+') ? FEWEST_WITH_PLUS : FEWEST
  if (digits.length < fewest || digits.length > MOST) return null
  const zeros = /^0{0,2}/.exec(digits)?.[0].length ?? 0
  return withDigits(text, digitsOf(digest(digits), digits.length, zeros))
}
