import { isDigit, isHexDigit, isIdentifier } from './characters.ts'

/** What begins with a digit, or with a dot and one. */
export type NumberEnd =
  | { readonly kind: 'number' | 'bytes'; readonly end: number }
  /** A name that begins with digits, such as 1st. */
  | { readonly kind: 'name' }
  /** An exponent without digits, such as 1.e: servers of different age lose or refuse it. */
  | { readonly kind: 'doubtful' }

const DOT = 0x2e
const NAME: NumberEnd = { kind: 'name' }
const DOUBTFUL: NumberEnd = { kind: 'doubtful' }

/** Reads a number as the states MY_LEX_NUMBER_IDENT to MY_LEX_REAL of the servers' lexers do. */
export function endOfNumber(text: string, start: number): NumberEnd {
  const code = (at: number) => text.charCodeAt(at)
  const prefixed = endOfPrefixed(text, start)
  if (prefixed !== null) return prefixed
  let at = start
  while (isDigit(code(at))) at++
  if (code(at) === DOT) return endOfReal(text, at + 1)
  if (!isIdentifier(code(at))) return { kind: 'number', end: at }
  const exponent = endOfExponent(text, at)
  return exponent > 0 ? { kind: 'number', end: exponent } : NAME
}

/** 0x4d and 0b01, with a small letter. */
function endOfPrefixed(text: string, start: number): NumberEnd | null {
  if (text.charCodeAt(start) !== 0x30) return null
  const letter = text.charCodeAt(start + 1)
  if (letter !== 0x78 && letter !== 0x62) return null
  const fits = letter === 0x78 ? isHexDigit : (code: number) => code === 0x30 || code === 0x31
  let at = start + 2
  while (fits(text.charCodeAt(at))) at++
  const whole = at > start + 2 && !isIdentifier(text.charCodeAt(at))
  return whole ? { kind: 'bytes', end: at } : NAME
}

function endOfReal(text: string, from: number): NumberEnd {
  let at = from
  while (isDigit(text.charCodeAt(at))) at++
  if ((text.charCodeAt(at) | 0x20) !== 0x65) return { kind: 'number', end: at }
  const exponent = endOfExponent(text, at)
  return exponent > 0 ? { kind: 'number', end: exponent } : DOUBTFUL
}

/** Behind e, a sign or none, and digits; -1 where there is none at `at`. */
function endOfExponent(text: string, at: number): number {
  if ((text.charCodeAt(at) | 0x20) !== 0x65) return -1
  const sign = text.charCodeAt(at + 1)
  let end = at + (sign === 0x2b || sign === 0x2d ? 2 : 1)
  if (!isDigit(text.charCodeAt(end))) return -1
  while (isDigit(text.charCodeAt(end))) end++
  return end
}
