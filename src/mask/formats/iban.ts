import type { Digest } from './digest.ts'

/** Country, check digits, and up to 30 of the account (ISO 13616-1); in groups of four or together. */
const SHAPE = /^[A-Z]{2}\d{2}[A-Z\d]{11,30}$/
const LONGEST = 42

/** An IBAN of the same country and shape with valid check digits; null where it is none. */
export function hashedIban(text: string, digest: Digest): string | null {
  if (text.length > LONGEST) return null
  const plain = text.replaceAll(' ', '')
  if (!SHAPE.test(plain) || remainder(plain.slice(4) + plain.slice(0, 4)) !== 1) return null
  const country = plain.slice(0, 2)
  const chance = Buffer.from(digest(plain), 'hex')
  const account = Array.from(plain.slice(4), (character, i) => another(character, chance[i] ?? 0))
  const check = 98 - remainder(`${account.join('')}${country}00`)
  const written = [...country, ...String(check).padStart(2, '0'), ...account]
  let at = 0
  return text.replace(/\S/g, () => written[at++] ?? '0')
}

/** A digit for a digit, a letter for a letter. */
function another(character: string, byte: number): string {
  return /\d/.test(character) ? String(byte % 10) : String.fromCharCode(0x41 + (byte % 26))
}

/** Modulo 97 of the number in which A stands for 10 and Z for 35 (ISO/IEC 7064, MOD 97-10). */
function remainder(text: string): number {
  let rest = 0
  for (const character of text) {
    const value = Number.parseInt(character, 36)
    rest = (rest * (value > 9 ? 100 : 10) + value) % 97
  }
  return rest
}
