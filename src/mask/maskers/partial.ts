import type { Masker } from '../plan.ts'
import type { Values } from '../values.ts'

const DEFAULT_KEEP = 4
const EMAIL = /^([^@\s]+)@([^@\s]+)$/
/** Numbers of cards, accounts and telephones: the groups are kept as they are. */
const DIGIT_GROUPS = /^[\d\s().+/-]+$/

/** Leaves a part; null for a type of which no part can be left. */
export function partialMasker(values: Values, keepLast: number | null): Masker | null {
  switch (values.kind) {
    case 'text': {
      const { limit } = values
      const quick = keepLast === null && values.asciiBytes
      return (cell) =>
        (quick ? partialEmail(cell, limit) : null) ??
        values.write(partialText(values.read(cell).trimEnd(), keepLast))
    }
    case 'number':
      if (!values.exact) return null
      return (cell) => {
        const value = values.read(cell)
        if (value === null || value.includes('.')) return values.redacted
        return values.write(lastDigits(value, keepLast ?? DEFAULT_KEEP))
      }
    default:
      return null
  }
}

const AT = 0x40
const STARS_AT = Buffer.from('***@')

/** What `partialText` gives for an address of plain ASCII, without making a text of it; else null. */
function partialEmail(cell: Buffer, limit: number | null): Buffer | null {
  const at = cell.indexOf(AT)
  if (at < 1 || at === cell.length - 1) return null
  for (let index = 0; index < cell.length; index++) {
    const byte = cell[index] as number
    if (byte <= 0x20 || byte >= 0x7f || (byte === AT && index !== at)) return null
  }
  const kept = at > 1 ? 1 : 0
  const length = kept + STARS_AT.length + cell.length - at - 1
  if (limit !== null && length > limit) return null
  const shown = Buffer.allocUnsafe(length)
  cell.copy(shown, 0, 0, kept)
  STARS_AT.copy(shown, kept)
  cell.copy(shown, kept + STARS_AT.length, at + 1)
  return shown
}

/** bo@x.test -> b***@x.test; 4111 1111 1111 1111 -> **** **** **** 1111; else *** and the end. */
export function partialText(text: string, keepLast: number | null): string {
  const [, local = '', domain = ''] = EMAIL.exec(text) ?? []
  if (keepLast === null && domain !== '') return `${firstOf(local)}***@${domain}`
  if (DIGIT_GROUPS.test(text) && /\d/.test(text))
    return partialDigits(text, keepLast ?? DEFAULT_KEEP)
  const characters = Array.from(text)
  const kept = Math.min(keepLast ?? DEFAULT_KEEP, Math.floor(characters.length / 2))
  return `***${kept === 0 ? '' : characters.slice(-kept).join('')}`
}

/** A local part of one character would be given away whole. */
function firstOf(local: string): string {
  const first = String.fromCodePoint(local.codePointAt(0) ?? 0)
  return first.length < local.length ? first : ''
}

function partialDigits(text: string, keepLast: number): string {
  const digits = text.replace(/\D/g, '').length
  let hidden = digits - Math.min(keepLast, Math.floor(digits / 2))
  return text.replace(/\d/g, (digit) => (hidden-- > 0 ? '*' : digit))
}

/** The last digits as a number of their own: at most half of them. */
function lastDigits(value: string, keepLast: number): bigint {
  const digits = value.replace('-', '')
  const kept = Math.min(keepLast, Math.floor(digits.length / 2))
  return kept === 0 ? 0n : BigInt(digits.slice(-kept))
}
