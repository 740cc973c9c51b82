import type { ScanToken } from './pg-query.ts'

/*
 * The grammar's own scanner answers in JSON and takes as long as all the rest of reading a text.
 * Most texts hold nothing that could be cut in two ways; those are cut here, after the rules of the
 * manual's section 4.1 (scan.l). Whatever else a text holds - comments, backslashes, dollar quotes,
 * prefixed or continued strings, signs of which the rules are finer - it is left to the grammar.
 */

const BLANK = 1
const LETTER = 2
const DIGIT = 3
/** A token by itself, whatever follows. */
const SINGLE = 4
/** Part of an operator. */
const OPERATOR = 5
const COLON = 6
const QUOTE = 7
const DOUBLE_QUOTE = 8
const DOLLAR = 9
const DOT = 10

/** By byte; 0 is what isn't cut here. */
const KINDS = new Uint8Array(256)
function mark(kind: number, characters: string): void {
  for (const character of characters) KINDS[character.charCodeAt(0)] = kind
}
mark(BLANK, ' \t\n\r')
mark(LETTER, 'abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ_')
mark(DIGIT, '0123456789')
mark(SINGLE, '()[],;')
mark(OPERATOR, '~!@#^&|`?+-*/%<>=')
mark(COLON, ':')
mark(QUOTE, "'")
mark(DOUBLE_QUOTE, '"')
mark(DOLLAR, '$')
mark(DOT, '.')

const [MINUS, PLUS, STAR, SLASH, AMPERSAND, EQUALS, BACKSLASH] = Buffer.from('-+*/&=\\')

/**
 * The tokens of a text that `parse` has accepted, or null where the grammar's scanner has to tell.
 * Offsets are bytes; constants are named as the grammar names them, other tokens aren't.
 */
export function plainScan(bytes: Buffer): ScanToken[] | null {
  if (bytes.includes(BACKSLASH as number)) return null
  const tokens: ScanToken[] = []
  let start = 0
  let lastWasString = false
  while (start < bytes.length) {
    const kind = KINDS[bytes[start] as number]
    if (kind === BLANK) {
      start++
      continue
    }
    // Strings on two lines are one constant.
    if (kind === QUOTE && lastWasString) return null
    const end = endOf(kind, bytes, start)
    if (end < 0) return null
    lastWasString = kind === QUOTE
    tokens.push({ start, end, tokenName: nameOf(kind, bytes, start, end) })
    start = end
  }
  return tokens
}

/** Where the token ends that begins at `start`; -1 where that isn't plain. */
function endOf(kind: number | undefined, bytes: Buffer, start: number): number {
  switch (kind) {
    case LETTER:
      return endOfWord(bytes, start)
    case DIGIT:
      return endOfNumber(bytes, start)
    case SINGLE:
      return start + 1
    case OPERATOR:
      return endOfOperator(bytes, start)
    case COLON:
      return endOfColons(bytes, start)
    case QUOTE:
    case DOUBLE_QUOTE:
      return endOfQuoted(bytes, start)
    case DOLLAR: {
      const end = skip(DIGIT, bytes, start + 1)
      return end === start + 1 || isWordPart(bytes[end]) ? -1 : end
    }
    case DOT:
      // ".." is a token of its own, ".5" a number.
      return kindAt(bytes, start + 1) === DOT || kindAt(bytes, start + 1) === DIGIT ? -1 : start + 1
    default:
      return -1
  }
}

function nameOf(kind: number | undefined, bytes: Buffer, start: number, end: number): string {
  if (kind === QUOTE) return 'SCONST'
  if (kind !== DIGIT) return ''
  return bytes.subarray(start, end).includes(0x2e) ? 'FCONST' : 'ICONST'
}

/** A quote right behind a word makes it a prefix: E'...', U&"...". */
function endOfWord(bytes: Buffer, start: number): number {
  let end = start + 1
  while (isWordPart(bytes[end])) end++
  if (end < bytes.length && (bytes[end] as number) >= 0x80) return -1
  const next = kindAt(bytes, end)
  return next === QUOTE || next === DOUBLE_QUOTE ? -1 : end
}

/** Digits, and perhaps a point and digits; 1e5, 0x1f and 1_000 are left to the grammar. */
function endOfNumber(bytes: Buffer, start: number): number {
  let end = skip(DIGIT, bytes, start)
  if (kindAt(bytes, end) === DOT) {
    const fraction = skip(DIGIT, bytes, end + 1)
    if (fraction === end + 1) return -1
    end = fraction
  }
  const next = bytes[end]
  return isWordPart(next) || kindAt(bytes, end) === DOT || (next ?? 0) >= 0x80 ? -1 : end
}

/**
 * An operator is as long as can be, but where a comment begins in it, and it may end in + or - only
 * under conditions.
 */
function endOfOperator(bytes: Buffer, start: number): number {
  const end = skip(OPERATOR, bytes, start)
  for (let at = start; at < end - 1; at++) {
    const [here, next] = [bytes[at], bytes[at + 1]]
    if ((here === MINUS && next === MINUS) || (here === SLASH && next === STAR)) return -1
  }
  const last = bytes[end - 1]
  if (end - start > 1 && (last === PLUS || last === MINUS)) return -1
  const next = kindAt(bytes, end)
  if (last === AMPERSAND && (next === QUOTE || next === DOUBLE_QUOTE)) return -1
  return end
}

/** ":", "::" or ":=". */
function endOfColons(bytes: Buffer, start: number): number {
  if (bytes[start + 1] === EQUALS) return kindAt(bytes, start + 2) === OPERATOR ? -1 : start + 2
  if (kindAt(bytes, start + 1) !== COLON) return start + 1
  const third = kindAt(bytes, start + 2)
  return third === COLON || bytes[start + 2] === EQUALS ? -1 : start + 2
}

/** A doubled quote stands for one. */
function endOfQuoted(bytes: Buffer, start: number): number {
  const quote = bytes[start] as number
  for (let at = bytes.indexOf(quote, start + 1); at >= 0; at = bytes.indexOf(quote, at + 2)) {
    if (bytes[at + 1] !== quote) return at + 1
  }
  return -1
}

function skip(kind: number, bytes: Buffer, from: number): number {
  let at = from
  while (at < bytes.length && KINDS[bytes[at] as number] === kind) at++
  return at
}

function kindAt(bytes: Buffer, at: number): number {
  return at < bytes.length ? (KINDS[bytes[at] as number] as number) : 0
}

function isWordPart(byte: number | undefined): boolean {
  if (byte === undefined) return false
  const kind = KINDS[byte]
  return kind === LETTER || kind === DIGIT || kind === DOLLAR
}
