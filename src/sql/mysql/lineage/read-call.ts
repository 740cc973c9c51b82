import { readOrder, readOver } from './read-window.ts'
import type { Reading } from './reading.ts'
import type { Expression } from './tree.ts'

/** Functions whose first argument is a word: a unit of time, or a kind of date. */
const WORD_FIRST = new Set(['EXTRACT', 'TIMESTAMPADD', 'TIMESTAMPDIFF', 'GET_FORMAT'])
const FIRST_WORD =
  /^(?:SQL_TSI_)?(?:FRAC_SECOND|MICROSECOND|SECOND|MINUTE|HOUR|DAY|WEEK|MONTH|QUARTER|YEAR|DATE|TIME|DATETIME|TIMESTAMP|[A-Z]+_(?:MICROSECOND|SECOND|MINUTE|HOUR|MONTH))$/
const SIDES = ['LEADING', 'TRAILING', 'BOTH']
/** Functions whose arguments may say their type: those of MariaDB's dynamic columns do beside CAST. */
const TYPED = new Set(['CAST', 'COLUMN_GET', 'COLUMN_CREATE', 'COLUMN_ADD'])
/** Functions of which FROM and FOR part the arguments. */
const PARTED = new Set(['EXTRACT', 'TRIM', 'SUBSTRING', 'SUBSTR', 'MID'])

/**
 * name(arguments) [OVER ...]; the parenthesis comes next.
 *
 * @param word the name in capitals, '' where it can be no keyword
 */
export function readCall(reading: Reading, names: readonly string[], word: string): Expression {
  const { cursor } = reading
  const end = reading.closing(cursor.at)
  cursor.at++
  const args = new Arguments(reading, word, end).read()
  reading.expect(')')
  // percentile_cont(0.5) WITHIN GROUP (ORDER BY value)
  if (cursor.skip('WITHIN', 'GROUP')) {
    reading.expect('(')
    reading.expect('ORDER')
    reading.expect('BY')
    args.push(...readOrder(reading))
    reading.expect(')')
  }
  return { kind: 'call', names, args, window: readOver(reading) }
}

class Arguments {
  readonly #reading: Reading
  readonly #word: string
  readonly #end: number
  readonly #args: Expression[] = []

  constructor(reading: Reading, word: string, end: number) {
    this.#reading = reading
    this.#word = word
    this.#end = end
  }

  read(): Expression[] {
    const { cursor } = this.#reading
    if (cursor.op('*') && cursor.at + 1 === this.#end) cursor.at++
    this.#opening()
    while (cursor.at < this.#end) {
      if (!this.#partedBy('FROM')) this.#args.push(this.#reading.expression())
      this.#behind()
    }
    return this.#args
  }

  #opening(): void {
    const { cursor } = this.#reading
    if (WORD_FIRST.has(this.#word)) {
      if (!FIRST_WORD.test(cursor.word())) throw this.#reading.unfollowed()
      cursor.at++
      if (this.#word !== 'EXTRACT') this.#reading.expect(',')
    } else if (this.#word === 'TRIM') SIDES.some((side) => cursor.skip(side))
    else if (!cursor.skip('ALL') && !cursor.skip('DISTINCT')) cursor.skip('DISTINCTROW')
  }

  #partedBy(word: string): boolean {
    return PARTED.has(this.#word) && this.#reading.cursor.sees(word)
  }

  /** What stands behind an argument. */
  #behind(): void {
    const { cursor } = this.#reading
    if (cursor.at === this.#end) return
    if (cursor.skipOp(',')) {
      if (this.#word === 'CONVERT') this.#type()
    } else if (this.#partedBy('FROM') || this.#partedBy('FOR')) cursor.at++
    else if (TYPED.has(this.#word) && cursor.sees('AS')) {
      this.#type()
      cursor.skipOp(',')
    } else if (cursor.skip('USING')) {
      cursor.at++
      if (cursor.at !== this.#end) throw this.#reading.unfollowed()
    } else this.#order()
  }

  /** [ORDER BY ...] [SEPARATOR 'text'] [LIMIT ...] of an aggregate */
  #order(): void {
    const { cursor } = this.#reading
    const start = cursor.at
    if (cursor.skip('ORDER', 'BY')) this.#args.push(...readOrder(this.#reading))
    if (cursor.skip('SEPARATOR')) cursor.at++
    if (cursor.sees('LIMIT')) this.#constants()
    if (cursor.at === start || cursor.at !== this.#end) throw this.#reading.unfollowed()
  }

  #constants(): void {
    const { cursor } = this.#reading
    for (cursor.at++; cursor.at < this.#end; cursor.at++) {
      const { kind } = cursor.peek() ?? {}
      const plain = kind === 'number' || kind === 'param' || cursor.op(',') || cursor.sees('OFFSET')
      if (!plain) throw this.#reading.unfollowed()
    }
  }

  /** A type holds words and numbers, and goes to the next comma outside its parentheses. */
  #type(): void {
    const { tokens } = this.#reading.cursor
    let depth = 0
    let at = this.#reading.cursor.at
    for (; at < this.#end; at++) {
      const { kind, text } = tokens[at] ?? {}
      if (text === ',' && depth === 0) break
      if (text === '(') depth++
      if (text === ')') depth--
      const plain =
        kind === 'word' || kind === 'number' || text === '(' || text === ')' || text === ','
      if (!plain || tokens[at]?.keyword === 'SELECT') throw this.#reading.unfollowed()
    }
    this.#reading.passTo(at)
  }
}
