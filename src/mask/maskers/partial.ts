import type { Masker } from '../plan.ts'
import type { TypeShape } from '../types.ts'
import { normalise, readNumeric } from './numeric-binary.ts'
import { readInteger } from './read-value.ts'
import { writeNumber, writeText } from './write-value.ts'

const DEFAULT_KEEP = 4
const EMAIL = /^([^@\s]+)@([^@\s]+)$/
/** Numbers of cards, accounts and telephones: the groups are kept as they are. */
const DIGIT_GROUPS = /^[\d\s().+/-]+$/

/** Leaves a part; null for a type of which no part can be left. */
export function partialMasker(
  shape: TypeShape,
  keepLast: number | null,
  redacted: Buffer,
): Masker | null {
  switch (shape.family) {
    case 'text':
    case 'bpchar':
      return (cell) => writeText(partialText(cell.toString('utf8').trimEnd(), keepLast), shape)
    case 'int2':
    case 'int4':
    case 'int8':
    case 'numeric':
      return (cell) => {
        const value = wholeNumber(cell, shape)
        if (value === null) return redacted
        return writeNumber(lastDigits(value, keepLast ?? DEFAULT_KEEP), shape)
      }
    default:
      return null
  }
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
  const characters = Array.from(local)
  return characters.length > 1 ? (characters[0] ?? '') : ''
}

function partialDigits(text: string, keepLast: number): string {
  const digits = text.replace(/\D/g, '').length
  let hidden = digits - Math.min(keepLast, Math.floor(digits / 2))
  return text.replace(/\d/g, (digit) => (hidden-- > 0 ? '*' : digit))
}

function wholeNumber(cell: Buffer, shape: TypeShape): string | null {
  if (shape.family !== 'numeric') return readInteger(cell, shape)
  const value = shape.binary ? readNumeric(cell) : normalise(cell.toString('latin1'))
  return value === null || value.includes('.') ? null : value
}

/** The last digits as a number of their own: at most half of them. */
function lastDigits(value: string, keepLast: number): bigint {
  const digits = value.replace('-', '')
  const kept = Math.min(keepLast, Math.floor(digits.length / 2))
  return kept === 0 ? 0n : BigInt(digits.slice(-kept))
}
