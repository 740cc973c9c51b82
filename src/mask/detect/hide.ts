import type { Finding } from './kinds.ts'

const STAR = 0x2a
const ZERO = 0x30
const BLANK = 0x20
const QUOTE = 0x22
const BACKSLASH = 0x5c

/**
 * The value with stars in the place of what was found, as long as before, so that it fits whatever
 * the column's limit is. A number of a document becomes a 0 and blanks: it stays a document.
 */
export function hidden(cell: Buffer, found: readonly Finding[], document: boolean): Buffer {
  const out = Buffer.from(cell)
  for (const { start, end } of found) {
    if (document && !inQuotes(cell, start)) out.fill(BLANK, start, end).fill(ZERO, start, start + 1)
    else out.fill(STAR, start, end)
  }
  return out
}

/** Whether a place in JSON lies in a string. */
function inQuotes(cell: Buffer, place: number): boolean {
  let quoted = false
  for (let at = 0; at < place; at++) {
    if (cell[at] === BACKSLASH) at++
    else if (cell[at] === QUOTE) quoted = !quoted
  }
  return quoted
}
