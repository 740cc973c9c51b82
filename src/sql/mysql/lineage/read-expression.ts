import { readTerm } from './read-term.ts'
import type { Reading } from './reading.ts'
import type { Expression } from './tree.ts'

const INFIX = new Set('+ - * / % ^ | & << >> = <=> <> != < > <= >= -> ->>'.split(' '))
const INFIX_WORDS = new Set(['LIKE', 'REGEXP', 'RLIKE', 'DIV', 'MOD', 'IN', 'BETWEEN', 'ESCAPE'])
const NEGATED_WORDS = new Set(['LIKE', 'REGEXP', 'RLIKE', 'IN', 'BETWEEN'])
const CONNECTIVES = new Set(['AND', 'OR', 'XOR'])
const QUANTIFIERS = new Set(['ALL', 'ANY', 'SOME'])
const TRUTH = new Set(['TRUE', 'FALSE', 'UNKNOWN'])

/**
 * Values with operators between them, up to what can't go on: a comma, a parenthesis that closes, a
 * clause's word, or a name where an operator would have to stand.
 */
export function readExpression(reading: Reading): Expression {
  return new ExpressionReader(reading).run()
}

class ExpressionReader {
  readonly #reading: Reading
  readonly #parts: Expression[] = []
  /** An operator stands somewhere. */
  #operated = false
  /** What IS NULL looks at begins at this part, and has an operator in it. */
  #testedFrom = 0
  #testedOperated = false

  constructor(reading: Reading) {
    this.#reading = reading
  }

  run(): Expression {
    do {
      while (this.#prefix());
      this.#parts.push(readTerm(this.#reading))
      while (this.#postfix());
    } while (this.#infix())
    const [only, ...others] = this.#parts
    if (only && others.length === 0 && !this.#operated) return only
    return { kind: 'mixed', parts: this.#parts }
  }

  #operate(): true {
    this.#operated = true
    this.#testedOperated = true
    return true
  }

  /** What binds less than IS NULL begins anew what that looks at. */
  #connect(): true {
    this.#operated = true
    this.#testedFrom = this.#parts.length
    this.#testedOperated = false
    return true
  }

  #prefix(): boolean {
    const { cursor } = this.#reading
    if (cursor.skip('NOT')) return this.#connect()
    const marks = ['-', '+', '~', '!'].some((mark) => cursor.skipOp(mark))
    if (marks || cursor.skip('BINARY')) return this.#operate()
    if (cursor.sees('ROW') && cursor.op('(', 1)) {
      cursor.at++
      return this.#operate()
    }
    return false
  }

  /** IS ..., COLLATE name */
  #postfix(): boolean {
    const { cursor } = this.#reading
    if (cursor.skip('COLLATE')) {
      cursor.at++
      return this.#operate()
    }
    if (!cursor.skip('IS')) return false
    cursor.skip('NOT')
    const word = cursor.word()
    cursor.at++
    if (TRUTH.has(word)) return this.#operate()
    if (word !== 'NULL') throw this.#reading.unfollowed()
    const tested = this.#parts.slice(this.#testedFrom)
    const [value] = tested
    if (value && tested.length === 1 && !this.#testedOperated) {
      this.#parts[this.#testedFrom] = { kind: 'is-null', value }
    }
    return this.#operate()
  }

  #infix(): boolean {
    const { cursor } = this.#reading
    const word = cursor.word()
    if (CONNECTIVES.has(word) || cursor.op('&&') || cursor.op('||')) {
      cursor.at++
      return this.#connect()
    }
    const token = cursor.peek()
    if (token?.kind === 'op' && INFIX.has(token.text)) {
      cursor.at++
      if (QUANTIFIERS.has(cursor.word()) && cursor.op('(', 1)) cursor.at++
      return this.#operate()
    }
    if (INFIX_WORDS.has(word)) cursor.at++
    else if (word === 'NOT' && NEGATED_WORDS.has(cursor.word(1))) cursor.at += 2
    else if (cursor.sees('SOUNDS', 'LIKE')) cursor.at += 2
    else if (cursor.sees('MEMBER', 'OF') && cursor.op('(', 2)) cursor.at += 2
    else return this.#against()
    return this.#operate()
  }

  /** MATCH (...) AGAINST ('words' IN BOOLEAN MODE): no operator, and what it is for goes on. */
  #against(): boolean {
    const { cursor } = this.#reading
    if (!cursor.sees('AGAINST') || !cursor.op('(', 1)) return false
    const end = this.#reading.closing(cursor.at + 1)
    cursor.at += 2
    this.#parts.push(readTerm(this.#reading))
    if (cursor.sees('IN') || cursor.sees('WITH')) this.#reading.passTo(end)
    this.#reading.expect(')')
    this.#operate()
    return this.#infix()
  }
}
