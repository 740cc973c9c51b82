import { isBlank, isDigit, isHexDigit, isIdentifier, opensLineComment } from './characters.ts'
import type { Dialect, LexMode } from './dialect.ts'
import { openingAt } from './executable-comment.ts'
import { endOfNumber } from './number.ts'
import type { Token, TokenKind } from './token.ts'

/** A text that the server may read in another way than this lexer, or refuses to read. */
export class LexError extends Error {}

export interface LexOptions extends LexMode {
  readonly dialect: Dialect
  /** How to read executable comments that aren't certain to run. */
  readonly doubtful: 'run' | 'skip'
}

export interface Lexed {
  readonly tokens: readonly Token[]
  /** Why the server may read the text in another way; null where it can't. */
  readonly doubt: string | null
  /** It holds executable comments of which another reading would run more or less. */
  readonly conditional: boolean
}

/** More of them are not read: each costs about a hundred bytes. */
const MAX_TOKENS = 400_000

const QUOTE = 0x27
const DOUBLE_QUOTE = 0x22
const BACKTICK = 0x60
const BACKSLASH = 0x5c
const AT = 0x40
const DOT = 0x2e
const SLASH = 0x2f
const STAR = 0x2a
const DASH = 0x2d
const DOLLAR = 0x24

/** The longest first. */
const OPERATORS = ['->>', '<=>', '->', ':=', '<=', '>=', '<>', '!=', '<<', '>>', '||', '&&']
const SINGLE_OPERATORS = new Set('()[]{},;.+-*/%^~&|<>=!:@')

/**
 * Cuts a text into tokens as the servers' own lexers do.
 *
 * @param text one character for each byte (latin1) of a character set in which no byte of a longer
 *   character is an ASCII one; without NUL
 * @throws LexError where a string, identifier or comment doesn't end, or a character has no meaning
 */
export function lex(text: string, options: LexOptions): Lexed {
  return new Lexer(text, options).run()
}

class Lexer {
  readonly #text: string
  readonly #options: LexOptions
  readonly #tokens: Token[] = []
  #at = 0
  /** Where the last token ended. */
  #last = 0
  #inComment = false
  #conditional = false
  #doubt: string | null = null

  constructor(text: string, options: LexOptions) {
    this.#text = text
    this.#options = options
  }

  run(): Lexed {
    while (this.#at < this.#text.length) this.#step()
    if (this.#inComment) throw new LexError('an executable comment has no end')
    return { tokens: this.#tokens, doubt: this.#doubt, conditional: this.#conditional }
  }

  #code(ahead = 0): number {
    return this.#text.charCodeAt(this.#at + ahead)
  }

  #step(): void {
    const code = this.#code()
    if (isBlank(code)) this.#at++
    else if (code === 0x23) this.#lineComment()
    else if (code === DASH && this.#code(1) === DASH && opensLineComment(this.#code(2)))
      this.#lineComment()
    else if (code === SLASH && this.#code(1) === STAR) this.#comment()
    else if (this.#inComment && code === STAR && this.#code(1) === SLASH) this.#endComment()
    else this.#token(code)
  }

  /** To the end of the line; a carriage return is a part of it. */
  #lineComment(): void {
    const end = this.#text.indexOf('\n', this.#at)
    this.#at = end < 0 ? this.#text.length : end + 1
  }

  #comment(): void {
    const opening = openingAt(this.#text, this.#at, this.#options.dialect)
    if (opening) this.#executable(opening.runs, opening.length)
    else if (this.#code(2) === 0x2b) this.#hint()
    else this.#at = this.#endOf(this.#at + 2)
  }

  #executable(runs: 'yes' | 'no' | 'doubtful', length: number): void {
    if (runs === 'doubtful') this.#doubts("whether a comment's text is run isn't certain")
    if (runs !== 'yes') this.#conditional = true
    if (this.#inComment) this.#doubts('executable comments stand in one another')
    if (runs === 'yes' || this.#options.doubtful === 'run') {
      this.#push('comment-start', this.#at, this.#at + length, '')
      this.#inComment = true
      return
    }
    const end = this.#endOf(this.#at + length)
    if (this.#text.slice(this.#at + length, end).includes('/*')) {
      this.#doubts('a comment stands in a comment that is skipped')
    }
    this.#push('skipped', this.#at, end, this.#text.slice(this.#at, end))
  }

  #endComment(): void {
    this.#push('comment-end', this.#at, this.#at + 2, '')
    this.#inComment = false
  }

  /** A hint's own scanner knows quotes, the one that looks for its end doesn't. */
  #hint(): void {
    const end = this.#endOf(this.#at + 3)
    const content = this.#text.slice(this.#at + 3, end - 2)
    if (!hasClosedQuotes(content)) this.#doubts('a quote is open at the end of a hint')
    this.#push('hint', this.#at, end, content)
  }

  #endOf(from: number): number {
    const close = this.#text.indexOf('*/', from)
    if (close < 0) throw new LexError('a comment has no end')
    return close + 2
  }

  #token(code: number): void {
    const { ansiQuotes } = this.#options
    if (code === QUOTE) this.#string(this.#at, QUOTE)
    else if (code === DOUBLE_QUOTE && !ansiQuotes) this.#string(this.#at, DOUBLE_QUOTE)
    else if (code === DOUBLE_QUOTE || code === BACKTICK) this.#quoted(this.#at, code, 'quoted')
    else if (isDigit(code) || (code === DOT && this.#startsFraction())) this.#number()
    else if (isIdentifier(code)) this.#word(code)
    else if (code === AT) this.#variable()
    else if (code === 0x3f) this.#push('param', this.#at, this.#at + 1, '?')
    else if (code === BACKSLASH && this.#code(1) === 0x4e)
      this.#take('op', 2) // \N
    else this.#operator()
  }

  /** A dot behind a name is a separator, even in front of a digit. */
  #startsFraction(): boolean {
    return isDigit(this.#code(1)) && !(this.#isAdjacent() && this.#lastNames())
  }

  #lastNames(): boolean {
    const last = this.#tokens.at(-1)
    return last !== undefined && (last.kind === 'word' || last.kind === 'quoted')
  }

  #isAdjacent(): boolean {
    return this.#last === this.#at && this.#tokens.length > 0
  }

  /** A name right behind a dot is a name whatever its letters are. */
  #afterDot(): boolean {
    const last = this.#tokens.at(-1)
    return this.#isAdjacent() && last?.kind === 'op' && last.text === '.'
  }

  #string(start: number, quote: number): void {
    const { noBackslashEscapes } = this.#options
    this.#at++
    for (;;) {
      const code = this.#code()
      if (Number.isNaN(code)) throw new LexError('a string has no end')
      if (code === BACKSLASH && !noBackslashEscapes) {
        this.#at += 2
      } else if (code === quote && this.#code(1) === quote) {
        this.#at += 2
      } else if (code === quote) {
        break
      } else {
        this.#at++
      }
    }
    if (this.#at > this.#text.length) throw new LexError('a string has no end')
    this.#push('string', start, this.#at + 1, '')
  }

  #quoted(start: number, quote: number, kind: TokenKind): void {
    const mark = String.fromCharCode(quote)
    let end = this.#at + 1
    for (;;) {
      end = this.#text.indexOf(mark, end)
      if (end < 0) throw new LexError('a quoted name has no end')
      if (this.#text.charCodeAt(end + 1) !== quote) break
      end += 2
    }
    const name = this.#text.slice(this.#at + 1, end).replaceAll(mark + mark, mark)
    this.#push(kind, start, end + 1, name)
  }

  #number(): void {
    if (this.#afterDot()) {
      this.#word(this.#code())
      return
    }
    const found = endOfNumber(this.#text, this.#at)
    if (found.kind === 'name') this.#word(this.#code())
    else if (found.kind === 'doubtful')
      throw new LexError('a number has an exponent without digits')
    else this.#push(found.kind, this.#at, found.end, this.#text.slice(this.#at, found.end))
  }

  #word(code: number): void {
    const start = this.#at
    if (this.#code(1) === QUOTE && !this.#afterDot()) {
      const letter = code | 0x20
      if (letter === 0x78 || letter === 0x62) {
        this.#byteString(letter === 0x78)
        return
      }
      if (letter === 0x6e) {
        this.#at++
        this.#string(start, QUOTE)
        return
      }
    }
    if (code === DOLLAR && this.#mayQuote() && !this.#afterDot()) {
      throw new LexError('a word begins with a dollar sign')
    }
    let end = start + 1
    while (isIdentifier(this.#text.charCodeAt(end))) end++
    const word = this.#text.slice(start, end)
    const qualifies =
      this.#text.charCodeAt(end) === DOT && isIdentifier(this.#text.charCodeAt(end + 1))
    const keyword = qualifies || this.#afterDot() ? '' : word.toUpperCase()
    this.#push('word', start, end, word, keyword)
  }

  /**
   * MySQL 9 reads $tag$ ... $tag$ as a string. Its command line asks SELECT $$ when it connects:
   * with nothing behind, that is a name or else an error.
   */
  #mayQuote(): boolean {
    return this.#options.dialect.flavour === 'mysql' && this.#text.slice(this.#at) !== '$$'
  }

  /** x'4d' and b'01' */
  #byteString(hex: boolean): void {
    let end = this.#at + 2
    const fits = hex ? isHexDigit : (code: number) => code === 0x30 || code === 0x31
    while (fits(this.#text.charCodeAt(end))) end++
    if (this.#text.charCodeAt(end) !== QUOTE)
      throw new LexError('a byte string holds other characters')
    this.#push('bytes', this.#at, end + 1, this.#text.slice(this.#at, end + 1))
  }

  /** @name, @'name', @@name; a lone @ stands between a user and a host. */
  #variable(): void {
    const start = this.#at
    const next = this.#code(1)
    if (next === AT) {
      this.#take('op', 2)
      return
    }
    this.#at++
    if (next === BACKTICK || (next === DOUBLE_QUOTE && this.#options.ansiQuotes)) {
      this.#quoted(start, next, 'variable')
    } else if (next === QUOTE || next === DOUBLE_QUOTE) {
      this.#quotedVariable(start, next)
    } else {
      let end = this.#at
      while (isHostName(this.#text.charCodeAt(end))) end++
      if (this.#text.charCodeAt(end) >= 0x80) throw new LexError('a variable is named beyond ASCII')
      this.#push('variable', start, end, this.#text.slice(start + 1, end))
    }
  }

  #quotedVariable(start: number, quote: number): void {
    this.#string(start, quote)
    const string = this.#tokens.pop() as Token
    const name = this.#text.slice(start + 2, string.end - 1)
    this.#tokens.push({ ...string, kind: 'variable', text: name })
  }

  #operator(): void {
    const three = this.#text.slice(this.#at, this.#at + 3)
    for (const operator of OPERATORS) {
      if (three.startsWith(operator)) {
        this.#take('op', operator.length)
        return
      }
    }
    if (!SINGLE_OPERATORS.has(three[0] ?? '')) throw new LexError('a character has no meaning')
    if (three[0] === ';' && this.#inComment) {
      this.#doubts('a statement ends inside an executable comment')
    }
    this.#take('op', 1)
  }

  #take(kind: TokenKind, length: number): void {
    this.#push(kind, this.#at, this.#at + length, this.#text.slice(this.#at, this.#at + length))
  }

  #push(kind: TokenKind, start: number, end: number, text: string, keyword = ''): void {
    if (this.#tokens.length >= MAX_TOKENS) throw new LexError('it holds too many tokens')
    this.#tokens.push({
      kind,
      start,
      end,
      text,
      keyword,
      adjacent: start === this.#last && start > 0,
    })
    this.#at = end
    this.#last = end
  }

  #doubts(reason: string): void {
    this.#doubt ??= reason
  }
}

/** my_isalnum, dot, underscore and dollar sign. */
function isHostName(code: number): boolean {
  return code === DOT || (code < 0x80 && isIdentifier(code))
}

function hasClosedQuotes(content: string): boolean {
  let open = 0
  for (let at = 0; at < content.length; at++) {
    const code = content.charCodeAt(at)
    if (code !== QUOTE && code !== DOUBLE_QUOTE && code !== BACKTICK) continue
    if (open === 0) open = code
    else if (open === code) open = 0
  }
  return open === 0
}
