import { copyBytes, withWriter } from '../../wire/cell-writers.ts'
import { type CellWriter, NOT_WRITTEN } from '../../wire/maskers.ts'
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
      const whole: Masker = (cell) =>
        values.write(partialText(values.read(cell).trimEnd(), keepLast))
      const quick = keepLast === null && values.asciiBytes
      return quick ? withEmailWriter(whole, limit) : whole
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
const STAR = 0x2a
/** *** in the place of nothing. */
const GROWTH = 3

/** What `whole` gives for an address of plain ASCII, without making a text of it. */
function withEmailWriter(whole: Masker, limit: number | null): Masker {
  const longest = limit ?? Number.POSITIVE_INFINITY
  const write: CellWriter['write'] = (from, start, end, out, at) => {
    const sign = signOf(from, start, end)
    if (sign < 0) return NOT_WRITTEN
    const kept = sign > start + 1 ? 1 : 0
    if (kept + GROWTH + end - sign > longest) return NOT_WRITTEN
    let to = at
    if (kept === 1) out[to++] = from[start] as number
    out[to++] = STAR
    out[to++] = STAR
    out[to++] = STAR
    return copyBytes(from, sign, end, out, to)
  }
  const masker: Masker = (cell) => {
    const shown = Buffer.allocUnsafe(cell.length + GROWTH)
    const end = write(cell, 0, cell.length, shown, 0)
    return end === NOT_WRITTEN ? whole(cell) : shown.subarray(0, end)
  }
  return withWriter(masker, { growth: GROWTH, write })
}

/** Where the one @ stands between two parts of visible ASCII; -1 where it isn't so. */
function signOf(from: Buffer, start: number, end: number): number {
  let sign = -1
  for (let index = start; index < end; index++) {
    const byte = from[index] as number
    if (byte <= 0x20 || byte >= 0x7f) return -1
    if (byte !== AT) continue
    if (sign >= 0) return -1
    sign = index
  }
  return sign > start && sign < end - 1 ? sign : -1
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
