import type { RowsTouched } from '../rows-touched.ts'
import { Cursor } from './cursor.ts'
import { INSERT_MODIFIERS, topLevel } from './data-statements.ts'
import type { Dialect, SessionFacts } from './dialect.ts'
import { readText } from './read-text.ts'
import { codeOf, decode, rawOf, type StatementText } from './statement-text.ts'
import type { Token } from './token.ts'

/** What means something else in another sql_mode: strings or names, escapes, OR or concatenation. */
const BY_MODE = /["\\]|\|\|/
/** They would be run for each row. */
const SLOW = /^(?:sleep|benchmark)$/i

/**
 * Reads which rows an UPDATE or DELETE touches; null where that isn't the rows of one table under one
 * condition, or where the sql_mode of whoever asks bears on it. The parts are made of tokens, so no
 * comment stands in them.
 */
export function rowsTouched(
  sql: string,
  facts: SessionFacts,
  dialect: Dialect,
): RowsTouched | null {
  if (BY_MODE.test(sql)) return null
  const read = readText(Buffer.from(sql), { ...facts, characterSet: 'utf8mb4' }, dialect)
  if (read.kind === 'opaque' || read.conditional.length > 0) return null
  const [text, ...others] = read.readings[0]?.statements ?? []
  if (!text || others.length > 0) return null
  const code = codeOf(text)
  return code.tokens.length === text.tokens.length ? partsOf(code) : null
}

function partsOf(text: StatementText): RowsTouched | null {
  const { tokens } = text
  if (tokens.some((token) => SLOW.test(token.text))) return null
  const cursor = new Cursor(text, 1)
  const verb = tokens[0]?.keyword
  cursor.skipAny(INSERT_MODIFIERS)
  if (verb === 'DELETE' ? !cursor.skip('FROM') : verb !== 'UPDATE') return null
  const table = cursor.at
  if (!cursor.name()) return null
  // An alias, or what makes it more than one table.
  if (cursor.skip('AS') || isAlias(cursor.peek())) cursor.at++
  const behind = verb === 'UPDATE' ? topLevel(tokens, 'SET', table) : cursor.at
  if (behind !== cursor.at) return null
  const returning = topLevel(tokens, 'RETURNING', behind)
  const end = returning < 0 ? tokens.length : returning
  const starts = ['WHERE', 'ORDER', 'LIMIT'].map((word) => topLevel(tokens, word, behind))
  const where = Math.min(end, ...starts.filter((at) => at >= 0))
  if (verb === 'DELETE' && where !== behind && behind !== end) return null
  const said = (from: number, to: number) => saying(text, tokens.slice(from, to))
  const before = tokens.slice(0, where).filter(isParameter).length
  const own = tokens.slice(where, end).filter(isParameter)
  return {
    from: said(table, behind),
    where: said(where, end),
    parameters: own.map((_token, at) => before + at + 1),
  }
}

const CLAUSES = new Set([
  'SET',
  'WHERE',
  'ORDER',
  'LIMIT',
  'RETURNING',
  'USING',
  'JOIN',
  'PARTITION',
])

function isAlias(token: Token | undefined): boolean {
  if (token?.kind === 'quoted') return true
  return token?.kind === 'word' && !CLAUSES.has(token.keyword)
}

function isParameter({ kind }: Token): boolean {
  return kind === 'param'
}

function saying(text: StatementText, tokens: readonly Token[]): string {
  const parts = tokens.map((token) => `${token.adjacent ? '' : ' '}${rawOf(text, token)}`)
  return decode(text, parts.join('')).trim()
}
