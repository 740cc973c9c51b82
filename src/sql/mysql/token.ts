/**
 * What a token is. `skipped` is the text of an executable comment that this server doesn't run, and
 * `comment-end` the end of one that it does run: they bear on what a statement is, not on what it does.
 */
export type TokenKind =
  | 'word'
  | 'quoted'
  | 'string'
  | 'number'
  | 'bytes'
  | 'param'
  | 'variable'
  | 'op'
  | 'hint'
  | 'skipped'
  | 'comment-start'
  | 'comment-end'

export interface Token {
  readonly kind: TokenKind
  /** Bytes from the start of the text. */
  readonly start: number
  readonly end: number
  /**
   * What it says: the operator itself, the name of an identifier or a user variable, the content of
   * a string, a hint or a comment; one character for each byte.
   */
  readonly text: string
  /** In capitals where it may be a keyword; '' where it can only be a name or isn't a word. */
  readonly keyword: string
  /** No blank or comment stands before it. */
  readonly adjacent: boolean
}

/** A token that can name something. */
export type NameToken = Token & { readonly kind: 'word' | 'quoted' }

export function isName(token: Token | undefined): token is NameToken {
  return token !== undefined && (token.kind === 'word' || token.kind === 'quoted')
}

export function isOp(token: Token | undefined, text: string): boolean {
  return token !== undefined && token.kind === 'op' && token.text === text
}

/** Whether a star stands for columns: t.*, or where no value stands before it. */
export function isStar(tokens: readonly Token[], at: number): boolean {
  if (!isOp(tokens[at], '*')) return false
  const before = tokens[at - 1]
  return isOp(before, '.') || isOp(before, ',') || SELECTS.test(before?.keyword ?? '')
}

const SELECTS =
  /^(?:SELECT|ALL|DISTINCT|DISTINCTROW|HIGH_PRIORITY|STRAIGHT_JOIN|RETURNING|SQL_\w+)$/

/** Whether the server reads the token as a part of the statement. */
export function isCode(token: Token): boolean {
  const { kind } = token
  return kind !== 'hint' && kind !== 'skipped' && kind !== 'comment-start' && kind !== 'comment-end'
}

/** The name that an identifier or a user variable gives, decoded. */
export function nameOf(token: Token): string {
  const { text } = token
  // biome-ignore lint/suspicious/noControlCharactersInRegex: every byte of ASCII
  return /^[\x00-\x7f]*$/.test(text) ? text : Buffer.from(text, 'latin1').toString('utf8')
}
