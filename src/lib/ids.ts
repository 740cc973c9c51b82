import { randomBytes } from 'node:crypto'

const ALPHABET = 'abcdefghijkmnpqrstuvwxyz23456789'

/** A short random name that a person can read aloud: 12 letters and digits, 60 bits. */
export function newId(): string {
  let id = ''
  for (const byte of randomBytes(12)) id += ALPHABET[byte & 31]
  return id
}
