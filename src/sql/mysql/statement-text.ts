import { hash } from 'node:crypto'
import { isCode, type Token } from './token.ts'

/** A statement's text, cut into tokens; a part of one where it stands inside another. */
export interface StatementText {
  /** The whole text, one character for each byte. */
  readonly source: string
  readonly tokens: readonly Token[]
  /** What the bytes are. */
  readonly encoding: 'utf8' | 'latin1'
}

/** The text that a view of bytes stands for. */
export function decode({ encoding }: StatementText, bytes: string): string {
  return encoding === 'latin1' ? bytes : Buffer.from(bytes, 'latin1').toString('utf8')
}

export function rawOf({ source }: StatementText, token: Token): string {
  return source.slice(token.start, token.end)
}

const LITERALS = new Set(['string', 'number', 'bytes'])

/**
 * SHA-256 (hex) over the tokens. Comments and blanks don't count, but for one that parts a name from
 * a parenthesis, a dot or a number, for there it bears on what is meant.
 */
export function tokensOf(text: StatementText): string {
  const parts = text.tokens.map((token) => {
    const glued = token.adjacent && (token.text === '(' || token.text === '.')
    return `${glued ? '\u0001' : ''}${rawOf(text, token)}`
  })
  return hash('sha256', Buffer.from(parts.join('\0'), 'latin1'), 'hex')
}

/** The tokens with "?" for every constant, a blank between two where one or a comment stood. */
export function withoutLiterals(text: StatementText): string {
  let shape = ''
  for (const token of text.tokens) {
    const gap = shape === '' || token.adjacent ? '' : ' '
    shape += gap + (LITERALS.has(token.kind) ? '?' : rawOf(text, token))
  }
  return decode(text, shape)
}

export function fingerprintOf(text: StatementText): string {
  const parts = text.tokens.map((token) => (LITERALS.has(token.kind) ? '?' : rawOf(text, token)))
  return hash('sha256', Buffer.from(parts.join(' '), 'latin1'), 'hex').slice(0, 16)
}

/** A statement's own text, without blanks round it. */
export function sqlOf(text: StatementText): string {
  const { source, tokens } = text
  return decode(text, source.slice(tokens[0]?.start ?? 0, tokens.at(-1)?.end ?? 0))
}

/** Where a token stands in a statement's own text, in UTF-16 code units from 0. */
export function whereIn(text: StatementText, token: Token): number {
  const start = text.tokens[0]?.start ?? 0
  return decode(text, text.source.slice(start, token.start)).length
}

/** The tokens that the server reads as code. */
export function codeOf(text: StatementText): StatementText {
  return text.tokens.every(isCode) ? text : { ...text, tokens: text.tokens.filter(isCode) }
}

/** What a string token says, its escapes and doubled quotes resolved (Manual, "String Literals"). */
export function stringValue(text: StatementText, token: Token, escapes: boolean): string {
  const raw = rawOf(text, token).replace(/^[nN]/, '')
  const quote = raw[0] ?? ''
  const doubled = new RegExp(escapes ? `\\\\([^])|${quote}${quote}` : `${quote}${quote}`, 'g')
  return decode(text, raw.slice(1, -1)).replace(doubled, (_whole, escaped: string | undefined) => {
    return escaped === undefined ? quote : (ESCAPED[escaped] ?? escaped)
  })
}

const ESCAPED: Readonly<Record<string, string>> = {
  '0': '\0',
  b: '\b',
  n: '\n',
  r: '\r',
  t: '\t',
  Z: '\u001a',
}
