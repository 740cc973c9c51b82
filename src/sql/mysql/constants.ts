import type { Lookup } from '../statement.ts'
import type { Analysis } from './analysis.ts'
import { type StatementText, stringValue } from './statement-text.ts'
import { isOp, type Token } from './token.ts'

/** A value that the text itself gives. */
export interface Constant {
  /** The index behind it. */
  readonly end: number
  readonly kind: 'string' | 'number' | 'bytes' | 'param'
  readonly value: Lookup['values'][number]
}

const TYPED = new Set(['DATE', 'TIME', 'TIMESTAMP'])

/**
 * Reads one constant: a literal, with a sign, a character set or a type before it, or a parameter.
 * Null where none stands.
 */
export function readConstant(
  { mode, parameters }: Analysis,
  text: StatementText,
  at: number,
): Constant | null {
  const escapes = !mode.noBackslashEscapes
  const token = text.tokens[at]
  const next = text.tokens[at + 1]
  if (!token) return null
  const introduces = token.kind === 'word' && token.text.startsWith('_')
  if (introduces || TYPED.has(token.keyword)) {
    return next?.kind === 'string' ? readStrings(text, at + 1, escapes) : null
  }
  if ((isOp(token, '-') || isOp(token, '+')) && next?.kind === 'number') {
    return { end: at + 2, kind: 'number', value: `${token.text}${next.text}` }
  }
  switch (token.kind) {
    case 'string':
      return readStrings(text, at, escapes)
    case 'number':
      return { end: at + 1, kind: 'number', value: token.text }
    case 'bytes':
      return { end: at + 1, kind: 'bytes', value: bytesOf(token) }
    case 'param':
      return {
        end: at + 1,
        kind: 'param',
        value: { parameter: parameters().get(token.start) ?? 0 },
      }
    default:
      return null
  }
}

/** Strings beside each other are one. */
function readStrings(text: StatementText, from: number, escapes: boolean): Constant {
  let end = from
  let value = ''
  for (let token = text.tokens[end]; token?.kind === 'string'; token = text.tokens[++end]) {
    value += stringValue(text, token, escapes)
  }
  return { end, kind: 'string', value }
}

/** x'4d' and 0x4d as the characters that they are; b'01' as it is written. */
function bytesOf({ text }: Token): string {
  const hex = /^(?:x'|0x)([0-9a-f]+)'?$/i.exec(text)?.[1]
  return hex === undefined ? text : Buffer.from(hex, 'hex').toString('utf8')
}
