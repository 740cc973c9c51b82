/**
 * Classes of bytes, as the servers' lexers have them: strings/ctype and sql_lex in both. Bytes above
 * 0x7f are parts of characters in UTF-8, which make identifiers.
 */
const DIGIT = 1
const LETTER = 2
const BLANK = 4
const HEX = 8

const classes = new Uint8Array(256)
const mark = (from: number, to: number, bits: number) => {
  for (let code = from; code <= to; code++) classes[code] = (classes[code] as number) | bits
}
mark(0x30, 0x39, DIGIT | HEX)
mark(0x41, 0x5a, LETTER)
mark(0x61, 0x7a, LETTER)
mark(0x41, 0x46, HEX)
mark(0x61, 0x66, HEX)
mark(0x09, 0x0d, BLANK)
mark(0x20, 0x20, BLANK)
mark(0x24, 0x24, LETTER) // $
mark(0x5f, 0x5f, LETTER) // _
mark(0x80, 0xff, LETTER)

const has = (code: number, bits: number) => ((classes[code] as number) & bits) !== 0

/** NaN, the end of the text, is in no class. */
export const isDigit = (code: number): boolean => has(code, DIGIT)
export const isHexDigit = (code: number): boolean => has(code, HEX)
export const isBlank = (code: number): boolean => has(code, BLANK)
/** May stand in an identifier without quotes. */
export const isIdentifier = (code: number): boolean => has(code, LETTER | DIGIT)
/** Makes `--` the start of a comment: a blank, a control character or the end of the text. */
export const opensLineComment = (code: number): boolean =>
  Number.isNaN(code) || code <= 0x20 || code === 0x7f
