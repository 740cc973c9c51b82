import { Cursor } from './cursor.ts'
import type { Dialect } from './dialect.ts'
import type { StatementText } from './statement-text.ts'
import { isName, isOp, nameOf, type Token } from './token.ts'

/** A table that a FROM clause, or what stands for one, names. */
export interface TableRef {
  readonly schema: string | null
  readonly name: string
  readonly alias: string | null
  /** The index of its last token. */
  readonly at: number
}

export interface FromClauses {
  readonly refs: readonly TableRef[]
  /** Indexes of names that a parenthesis follows and that call nothing. */
  readonly notCalls: ReadonlySet<number>
  /** Aliases of derived tables. */
  readonly derived: ReadonlySet<string>
  /** Why a table may have been missed; null where none can have been. */
  readonly doubt: string | null
}

interface Frame {
  /** The arguments of a function: a FROM in it is none of a query, but for a SELECT before it. */
  readonly call: boolean
  /** A table, or tables, in parentheses. */
  readonly factor: boolean
  select: boolean
  inFrom: boolean
  /** A table has to come next. */
  expects: boolean
}

/** Words that no table's alias can be, for both servers reserve them where they stand for something. */
export const NO_ALIAS = new Set(
  `AS CROSS EXCEPT FETCH FOR FORCE FROM GROUP HAVING IGNORE INNER INTERSECT INTO JOIN LEFT LIMIT LOCK NATURAL
   OFFSET ON ORDER OUTER PARTITION PROCEDURE RETURNING RIGHT SELECT SET STRAIGHT_JOIN UNION UPDATE USE
   USING VALUES WHERE WINDOW WITH`
    .trim()
    .split(/\s+/),
)

const ENDS_FROM = new Set(
  'EXCEPT FETCH GROUP HAVING INTERSECT INTO LIMIT LOCK ORDER PROCEDURE SET UNION VALUES WHERE'.split(
    ' ',
  ),
)
const QUERY_WORDS = new Set(['SELECT', 'WITH', 'VALUES', 'TABLE'])
/** `EXISTS (`, `IN (`: a query may stand in them, and no function's FROM. */
const CALL_WITH_FROM = new Set(['EXTRACT', 'TRIM', 'SUBSTRING', 'SUBSTR', 'MID'])
/** MariaDB's storage engine SEQUENCE makes such tables out of nothing. */
export const SEQUENCE_TABLE = /^seq_\d+_to_\d+(_step_\d+)?$/i

/**
 * Finds every table that a statement reads from.
 *
 * @param expectsAt the index from which tables stand without FROM, as behind UPDATE; -1 for none
 */
export function fromClauses(text: StatementText, dialect: Dialect, expectsAt = -1): FromClauses {
  return new Reader(text, dialect, expectsAt).run()
}

class Reader {
  readonly #cursor: Cursor
  readonly #dialect: Dialect
  readonly #expectsAt: number
  readonly #refs: TableRef[] = []
  readonly #notCalls = new Set<number>()
  readonly #derived = new Set<string>()
  readonly #frames: Frame[] = [newFrame(false, false)]
  #doubt: string | null = null

  constructor(text: StatementText, dialect: Dialect, expectsAt: number) {
    this.#cursor = new Cursor(text)
    this.#dialect = dialect
    this.#expectsAt = expectsAt
  }

  run(): FromClauses {
    while (!this.#cursor.done) this.#step()
    return {
      refs: this.#refs,
      notCalls: this.#notCalls,
      derived: this.#derived,
      doubt: this.#doubt,
    }
  }

  get #frame(): Frame {
    return this.#frames.at(-1) as Frame
  }

  #step(): void {
    const cursor = this.#cursor
    const frame = this.#frame
    if (cursor.at === this.#expectsAt) {
      frame.inFrom = true
      frame.expects = true
    }
    const token = cursor.peek() as Token
    if (isOp(token, '(')) this.#open()
    else if (isOp(token, ')')) this.#close()
    else if (frame.expects) this.#factor(token)
    else {
      if (isOp(token, ',') && frame.inFrom) frame.expects = true
      else if (token.keyword !== '') this.#keyword(token.keyword)
      cursor.at++
    }
  }

  #open(): void {
    const cursor = this.#cursor
    const frame = this.#frame
    const before = cursor.peek(-1)
    const query = QUERY_WORDS.has(cursor.word(1))
    if (frame.expects) {
      frame.expects = false
      const inner = newFrame(false, true)
      inner.inFrom = !query
      inner.expects = !query
      this.#frames.push(inner)
    } else {
      this.#frames.push(newFrame(CALL_WITH_FROM.has(before?.keyword ?? ''), false))
    }
    cursor.at++
  }

  #close(): void {
    const closed = this.#frames.length > 1 ? this.#frames.pop() : undefined
    if (!closed) this.#doubts('parentheses do not match')
    if (closed?.expects) this.#doubts('a table is missing')
    this.#cursor.at++
    if (!closed?.factor) return
    const alias = this.#alias()
    if (alias !== null) this.#derived.add(alias.toLowerCase())
  }

  #keyword(word: string): void {
    const frame = this.#frame
    const { at } = this.#cursor
    const before = this.#cursor.peek(-1)?.keyword ?? ''
    if (word === 'SELECT') {
      frame.select = true
      frame.inFrom = false
    } else if (word === 'FROM') {
      if (frame.call && !frame.select) return
      frame.inFrom = true
      frame.expects = true
    } else if (word === 'TABLE' && isName(this.#cursor.tokens[at + 1])) {
      frame.expects = true
    } else if (frame.inFrom && (word === 'JOIN' || word === 'STRAIGHT_JOIN')) {
      // USE INDEX FOR JOIN (name) is a hint.
      frame.expects = before !== 'FOR'
    } else if (ENDS_FROM.has(word) && before !== 'FOR') {
      frame.inFrom = false
    } else if (word === 'RETURNING' && this.#dialect.flavour === 'mariadb') {
      frame.inFrom = false
    } else if (word === 'ON' && this.#cursor.sees('ON', 'DUPLICATE', 'KEY', 'UPDATE')) {
      frame.inFrom = false
    } else if (word === 'FOR' && before !== 'INDEX' && before !== 'KEY') {
      const next = this.#cursor.word(1)
      if (next === 'UPDATE' || next === 'SHARE') frame.inFrom = false
    }
  }

  /** What stands where a table has to. */
  #factor(token: Token): void {
    const cursor = this.#cursor
    const frame = this.#frame
    if (token.keyword === 'LATERAL' && isOp(cursor.peek(1), '(')) {
      cursor.at++
      return
    }
    if (isOp(token, '{') && cursor.word(1) === 'OJ') {
      cursor.at += 2
      return
    }
    frame.expects = false
    // DELETE FROM t: ONLY and modifiers aren't tables.
    const name = cursor.name()
    if (name === null) {
      this.#doubts('what stands where a table has to is not understood')
      cursor.at++
      return
    }
    if (cursor.op('(')) this.#tableFunction(name.last)
    else if (cursor.sees('AS') && isOp(cursor.peek(1), '('))
      return // a window's definition
    else this.#table(name, token)
  }

  /** JSON_TABLE(...) AS x and the like. */
  #tableFunction(at: number): void {
    if (this.#cursor.tokens[at]?.keyword === '') this.#doubts('a table function is not known')
    this.#frames.push(newFrame(true, true))
    this.#cursor.at++
  }

  #table(name: { schema: string | null; name: string; last: number }, first: Token): void {
    const { last: at } = name
    const cursor = this.#cursor
    // DELETE t.* FROM t
    if (cursor.op('.') && isOp(cursor.peek(1), '*')) cursor.at += 2
    if (cursor.skip('PARTITION')) cursor.skipParens()
    const alias = this.#alias()
    if (name.schema === null && first.keyword === 'DUAL') return
    if (SEQUENCE_TABLE.test(name.name)) return
    this.#refs.push({ schema: name.schema, name: name.name, alias, at })
  }

  #alias(): string | null {
    const cursor = this.#cursor
    const said = cursor.skip('AS')
    const token = cursor.peek()
    if (token?.kind === 'string' && said) {
      cursor.at++
      return null
    }
    if (!isName(token) || (!said && NO_ALIAS.has(token.keyword))) return null
    if (isOp(cursor.peek(1), '(')) this.#notCalls.add(cursor.at)
    cursor.at++
    return nameOf(token)
  }

  #doubts(reason: string): void {
    this.#doubt ??= reason
  }
}

function newFrame(call: boolean, factor: boolean): Frame {
  return { call, factor, select: false, inFrom: false, expects: false }
}
