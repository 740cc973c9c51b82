import type { Finding } from './kinds.ts'

/** RFC 7468, section 3; OpenPGP's armour says BLOCK (RFC 9580, section 6.2). */
const BEGIN = /-----BEGIN ?[A-Z0-9 ]{0,30}PRIVATE KEY(?: BLOCK)?-----/g
const END = '-----END'
const DASHES = '-----'

/** From the first line to the last. A key that doesn't end goes on to the end of the text. */
export function findPrivateKeys(text: string): Finding[] {
  const found: Finding[] = []
  BEGIN.lastIndex = 0
  for (let begin = BEGIN.exec(text); begin; begin = BEGIN.exec(text)) {
    const last = text.indexOf(END, BEGIN.lastIndex)
    const close = last < 0 ? -1 : text.indexOf(DASHES, last + END.length)
    const end = close < 0 ? text.length : close + DASHES.length
    found.push({ kind: 'private-key', start: begin.index, end })
    BEGIN.lastIndex = end
  }
  return found
}
