import { hash } from 'node:crypto'
import type { CopyOut } from '../statement.ts'
import type { Body } from './ast.ts'
import { copyOutOf } from './copy-out.ts'
import { fingerprintOf } from './fingerprints.ts'
import type { PgQuery, ScanToken } from './pg-query.ts'
import { plainScan } from './plain-scan.ts'

/** One statement as the grammar reads it. */
export interface ReadStatement {
  readonly node: Body
  /** Its own text, without blanks round it. */
  readonly sql: string
  /** Where that begins in the whole text, in UTF-8 bytes. */
  readonly start: number
  /** SHA-256 (hex) over its tokens; comments and blanks don't count. */
  readonly tokens: string
  readonly fingerprint: string
  /** Where its string constants stand in `sql`: UTF-8 byte offsets, start and end alternating. */
  readonly strings: readonly number[]
  /** Its text with "?" for every constant and a blank for every comment. */
  readonly withoutLiterals: string
  /** Of COPY ... TO STDOUT. */
  readonly copy: CopyOut | undefined
}

export interface ReadText {
  readonly statements: readonly ReadStatement[]
  /** True where a backslash before a quote of a plain '...' constant could move its end. */
  readonly ambiguous: boolean
}

/** Statements of one text that are judged; a text of more is opaque. */
const MAX_STATEMENTS = 1000

/** The text was read in order, and holds more statements than are judged together. */
export class TooManyStatementsError extends Error {
  constructor() {
    super(`it holds more than ${MAX_STATEMENTS} statements`)
  }
}

const COMMENTS = new Set(['SQL_COMMENT', 'C_COMMENT'])
const BACKSLASH = 0x5c
const QUOTE = 0x27

/** Reads a text of any number of statements. Throws SqlSyntaxError; `bytes` is `sql` in UTF-8. */
export function readText(grammar: PgQuery, sql: string, bytes: Buffer): ReadText {
  const raw = grammar.parse(sql)
  if (raw.length === 0) return { statements: [], ambiguous: false }
  if (raw.length > MAX_STATEMENTS) throw new TooManyStatementsError()
  const tokens = plainScan(bytes) ?? withoutComments(grammar.scan(sql))
  const ambiguous = tokens.some((token) => isAmbiguous(token, bytes))
  let at = 0
  const statements = raw.map((statement) => {
    const start = statement.stmt_location ?? 0
    const end = statement.stmt_len ? start + statement.stmt_len : bytes.length
    while ((tokens[at]?.start ?? bytes.length) < start) at++
    const first = at
    while ((tokens[at]?.end ?? bytes.length + 1) <= end) at++
    return readStatement(grammar, statement.stmt, tokens.slice(first, at), bytes)
  })
  return { statements, ambiguous }
}

function withoutComments(tokens: readonly ScanToken[]): readonly ScanToken[] {
  return tokens.filter((token) => !COMMENTS.has(token.tokenName))
}

function readStatement(
  grammar: PgQuery,
  node: Body,
  tokens: readonly ScanToken[],
  bytes: Buffer,
): ReadStatement {
  const first = tokens[0]
  const last = tokens.at(-1)
  if (!first || !last) throw new Error('a statement without tokens')
  const sql = bytes.toString('utf8', first.start, last.end)
  const strings: number[] = []
  for (const token of tokens) {
    if (holdsText(token)) strings.push(token.start - first.start, token.end - first.start)
  }
  const shape = withoutLiterals(tokens, bytes)
  return {
    node,
    sql,
    start: first.start,
    tokens: digestOf(tokens, bytes),
    fingerprint: fingerprintOf(grammar, node, sql, shape),
    strings,
    withoutLiterals: shape,
    copy: copyOutOf(node, tokens, bytes),
  }
}

/** Each token is followed by a NUL, which no text holds. */
function digestOf(tokens: readonly ScanToken[], bytes: Buffer): string {
  let length = tokens.length
  for (const { start, end } of tokens) length += end - start
  const joined = Buffer.alloc(length)
  let at = 0
  for (const { start, end } of tokens) at += bytes.copy(joined, at, start, end) + 1
  return hash('sha256', joined, 'hex')
}

const CONSTANTS = new Set(['SCONST', 'USCONST', 'ICONST', 'FCONST'])

/** The grammar gives no name to bit strings: b'...' and x'...'. */
function isConstant({ tokenName, start, end }: ScanToken, bytes: Buffer): boolean {
  if (CONSTANTS.has(tokenName)) return true
  if (end - start < 3 || bytes[start + 1] !== QUOTE) return false
  const letter = (bytes[start] as number) | 0x20
  return letter === 0x62 || letter === 0x78 // b, x
}

function withoutLiterals(tokens: readonly ScanToken[], bytes: Buffer): string {
  let text = ''
  let at = tokens[0]?.start ?? 0
  for (const token of tokens) {
    const { start, end } = token
    if (start > at) text += blanks(bytes.toString('utf8', at, start))
    text += isConstant(token, bytes) ? '?' : bytes.toString('utf8', start, end)
    at = end
  }
  return text
}

/** What stands between two tokens: blanks as they are, a comment as one. */
function blanks(gap: string): string {
  return gap === ' ' || /^\s*$/.test(gap) ? gap : ' '
}

function holdsText(token: ScanToken): boolean {
  return token.tokenName === 'SCONST' || token.tokenName === 'USCONST'
}

/**
 * With standard_conforming_strings off, `'a\'` doesn't end where the grammar ends it. Only a quote
 * behind an odd number of backslashes makes that difference; the setting itself is pinned.
 */
function isAmbiguous(token: ScanToken, bytes: Buffer): boolean {
  if (bytes[token.start] !== QUOTE) return false
  let backslashes = 0
  for (let at = token.start + 1; at < token.end; at++) {
    if (bytes[at] === QUOTE && backslashes % 2 === 1) return true
    backslashes = bytes[at] === BACKSLASH ? backslashes + 1 : 0
  }
  return false
}
