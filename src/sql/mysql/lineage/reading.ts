import { Cursor, closingsOf } from '../cursor.ts'
import type { Dialect } from '../dialect.ts'
import type { StatementText } from '../statement-text.ts'
import { isName, isOp, nameOf, type Token } from '../token.ts'
import type { Expression, From, Query, SelectItem } from './tree.ts'

/** What lineage doesn't follow. Every column is masked then. */
export class Unfollowed extends Error {}

/** Queries, parentheses and calls in one another. */
const MAX_DEPTH = 60
const QUERY_WORDS = new Set(['SELECT', 'WITH', 'VALUES', 'TABLE'])
const BEHIND_QUERY = new Set(['UNION', 'INTERSECT', 'EXCEPT', 'ORDER', 'LIMIT'])

/** The reading of one query from left to right; `query` and the others read what comes next. */
export class Reading {
  readonly cursor: Cursor
  readonly dialect: Dialect
  /** Where tables are named: the indexes of their last tokens. */
  readonly tables = new Set<number>()
  /** Where conditions and orders stand, which were not read: from an index to another. */
  readonly passed: (readonly [from: number, to: number])[] = []
  readonly closings: ReadonlyMap<number, number>
  readonly #readers: Readers
  #depth = 0

  constructor(text: StatementText, dialect: Dialect, readers: Readers) {
    this.cursor = new Cursor(text)
    this.dialect = dialect
    this.closings = closingsOf(text.tokens)
    this.#readers = readers
  }

  query(): Query {
    return this.#nested(() => this.#readers.query(this))
  }

  expression(): Expression {
    return this.#nested(() => this.#readers.expression(this))
  }

  items(): readonly SelectItem[] {
    return this.#readers.items(this)
  }

  from(): From | null {
    return this.#nested(() => this.#readers.from(this))
  }

  /** Goes past a token that has to stand there. */
  expect(what: string): void {
    if (this.cursor.skipOp(what) || this.cursor.skip(what)) return
    throw this.unfollowed()
  }

  name(): string {
    const token = this.cursor.peek()
    if (!isName(token)) throw this.unfollowed()
    this.cursor.at++
    return nameOf(token)
  }

  /** (name, name, ...); none where no parenthesis opens. */
  names(): readonly string[] {
    const names: string[] = []
    if (!this.cursor.skipOp('(')) return names
    do names.push(this.name())
    while (this.cursor.skipOp(','))
    this.expect(')')
    return names
  }

  /** expression, expression, ... */
  expressions(): readonly Expression[] {
    const found: Expression[] = []
    do found.push(this.expression())
    while (this.cursor.skipOp(','))
    return found
  }

  /** Goes to an index without a look at what it passes, but for what sets a variable. */
  passTo(index: number): void {
    const { cursor } = this
    for (let at = cursor.at; at < index; at++) {
      if (isOp(cursor.tokens[at], ':=')) throw this.unfollowed()
    }
    this.passed.push([cursor.at, index])
    cursor.at = index
  }

  /** The index of what closes the parenthesis at an index. */
  closing(open: number): number {
    const at = this.closings.get(open)
    if (at === undefined || at >= this.cursor.tokens.length) throw this.unfollowed()
    return at
  }

  /** Whether a query stands in the parenthesis at an index, and not a value or a table. */
  opensQuery(at: number): boolean {
    const { tokens } = this.cursor
    if (!isOp(tokens[at], '(')) return false
    if (QUERY_WORDS.has(tokens[at + 1]?.keyword ?? '')) return true
    if (!this.#nested(() => this.opensQuery(at + 1))) return false
    const behind: Token | undefined = tokens[this.closing(at + 1) + 1]
    return isOp(behind, ')') || BEHIND_QUERY.has(behind?.keyword ?? '')
  }

  unfollowed(): Unfollowed {
    const { cursor } = this
    return new Unfollowed(`what stands at token ${cursor.at} of a query is not followed`)
  }

  #nested<T>(read: () => T): T {
    if (++this.#depth > MAX_DEPTH) throw new Unfollowed('it is too deep')
    try {
      return read()
    } finally {
      this.#depth--
    }
  }
}

/** What reads the parts of a query, each of which may hold the others. */
export interface Readers {
  query(reading: Reading): Query
  expression(reading: Reading): Expression
  items(reading: Reading): readonly SelectItem[]
  from(reading: Reading): From | null
}
