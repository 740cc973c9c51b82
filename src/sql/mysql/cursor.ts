import type { StatementText } from './statement-text.ts'
import { isName, isOp, nameOf, type Token } from './token.ts'

/** A name of one or two parts. */
export interface QualifiedName {
  readonly schema: string | null
  readonly name: string
  /** The index of its last token. */
  readonly last: number
}

/** Reads the code of a statement from left to right. */
export class Cursor {
  readonly text: StatementText
  at: number

  constructor(text: StatementText, at = 0) {
    this.text = text
    this.at = at
  }

  get tokens(): readonly Token[] {
    return this.text.tokens
  }

  get done(): boolean {
    return this.at >= this.tokens.length
  }

  peek(ahead = 0): Token | undefined {
    return this.tokens[this.at + ahead]
  }

  /** The word that stands there, in capitals; '' where none does. */
  word(ahead = 0): string {
    return this.peek(ahead)?.keyword ?? ''
  }

  /** Whether these words come next. */
  sees(...words: readonly string[]): boolean {
    return words.every((word, index) => this.word(index) === word)
  }

  /** Goes past these words if they come next. */
  skip(...words: readonly string[]): boolean {
    if (!this.sees(...words)) return false
    this.at += words.length
    return true
  }

  /** Goes past any number of these words, in any order. */
  skipAny(words: ReadonlySet<string>): void {
    while (words.has(this.word())) this.at++
  }

  op(text: string, ahead = 0): boolean {
    return isOp(this.peek(ahead), text)
  }

  skipOp(text: string): boolean {
    if (!this.op(text)) return false
    this.at++
    return true
  }

  /** name or schema.name; null, without a step, where none stands. */
  name(): QualifiedName | null {
    // MariaDB reads ".name" as a name of the default schema.
    const leading = this.op('.') && isName(this.peek(1)) ? 1 : 0
    const first = this.peek(leading)
    if (!isName(first)) return null
    const second = this.peek(leading + 2)
    if (this.op('.', leading + 1) && isName(second)) {
      this.at += leading + 3
      return { schema: nameOf(first), name: nameOf(second), last: this.at - 1 }
    }
    this.at += leading + 1
    return { schema: null, name: nameOf(first), last: this.at - 1 }
  }

  /** Goes past a parenthesis and all in it, where one stands. */
  skipParens(): boolean {
    if (!this.op('(')) return false
    this.at = closingOf(this.tokens, this.at) + 1
    return true
  }
}

/** The index of what closes the parenthesis at `open`; the number of tokens where nothing does. */
export function closingOf(tokens: readonly Token[], open: number): number {
  let depth = 0
  for (let at = open; at < tokens.length; at++) {
    if (isOp(tokens[at], '(')) depth++
    else if (isOp(tokens[at], ')') && --depth === 0) return at
  }
  return tokens.length
}

/** For each parenthesis that opens, the index of what closes it; the number of tokens where nothing does. */
export function closingsOf(tokens: readonly Token[]): ReadonlyMap<number, number> {
  const closings = new Map<number, number>()
  const open: number[] = []
  for (const [at, token] of tokens.entries()) {
    if (isOp(token, '(')) open.push(at)
    else if (isOp(token, ')')) {
      const start = open.pop()
      if (start !== undefined) closings.set(start, at)
    }
  }
  for (const at of open) closings.set(at, tokens.length)
  return closings
}
