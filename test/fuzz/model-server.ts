import { isUtf8 } from 'node:buffer'
import { cstring, int16 } from '../../src/wire/postgres/framing.ts'
import { insist } from './clean.ts'
import type { ModelUpstream, Run } from './fuzz-case.ts'
import { type Described, dataRow, errorMessage, lettered, rowDescription } from './letters.ts'
import type { Random } from './random.ts'
import { OIDS, SECRET } from './texts.ts'
import { clientMessages, type Read } from './wellformed.ts'

class SqlError extends Error {
  readonly code: string
  constructor(code: string, message: string) {
    super(message)
    this.code = code
  }
}

interface Portal {
  readonly statements: readonly string[]
  readonly text: string
  done: boolean
}

/** Statements of the proxy's own carry this name; nobody can guess one. */
const OWN = /^countersign_[0-9a-f]{24}$/

/**
 * A PostgreSQL without data that says what runs: prepared statements, portals, cursors, COPY,
 * transactions and the skipping to Sync are as in the manual, chapter 54. It checks every byte that
 * it hears, and fails at random where a server may.
 */
export class ModelServer implements ModelUpstream {
  readonly runs: Run[] = []
  /** Texts that were prepared and not run. */
  readonly prepared: string[] = []
  readonly #random: Random
  #stream: Buffer = Buffer.alloc(0)
  #replies: Buffer[] = []
  #statements = new Map<string, string>()
  #portals = new Map<string, Portal>()
  #transaction: 'I' | 'T' | 'E' = 'I'
  #skipping = false
  #copy: { readonly extended: boolean } | null = null
  #terminated = false
  #gaveUp = false
  #turn = 0

  constructor(random: Random) {
    this.#random = random
  }

  /** What is behind the last whole message. */
  get unfinished(): Buffer {
    return this.#stream
  }

  get hasEnded(): boolean {
    return this.#terminated || this.#gaveUp
  }

  /** Takes bytes of the client and answers; throws a Finding where they aren't the protocol's. */
  hear(bytes: Buffer): Buffer {
    this.#stream = this.#stream.length === 0 ? bytes : Buffer.concat([this.#stream, bytes])
    const { messages, unfinished } = clientMessages(this.#stream)
    this.#stream = unfinished
    for (const message of messages) {
      insist(!this.#terminated, () => `${message.letter} behind Terminate`)
      if (!this.#gaveUp) this.#message(message)
    }
    const replies = Buffer.concat(this.#replies)
    this.#replies = []
    return replies
  }

  #say(letter: string, ...parts: readonly Buffer[]): void {
    this.#replies.push(lettered(letter, ...parts))
  }

  #message({ letter, body }: Read): void {
    if (letter === 'X') {
      this.#terminated = true
      return
    }
    if (this.#copy) this.#inCopy(letter)
    else if (letter === 'S') this.#sync()
    // "reads and discards messages until a Sync is reached" (section 54.2.3)
    else if (!this.#skipping) this.#request(letter, body)
  }

  #request(letter: string, body: Buffer): void {
    try {
      // Whatever it is: text that isn't UTF-8 runs nowhere.
      if ((letter === 'Q' || letter === 'P') && !isUtf8(body)) throw new SqlError('22021', 'bytes')
      if (letter === 'Q') this.#query(text(body, 0))
      else this.#extended(letter, body)
    } catch (error) {
      this.#failed(error)
      if (letter === 'Q') this.#ready()
      else this.#skipping = true
    }
  }

  #failed(error: unknown): void {
    if (!(error instanceof SqlError)) throw error
    this.#replies.push(errorMessage(error.code, error.message))
    if (this.#transaction === 'T') this.#transaction = 'E'
  }

  #ready(): void {
    if (this.#transaction === 'I') this.#portals.clear()
    this.#say('Z', Buffer.from(this.#transaction))
  }

  #sync(): void {
    this.#skipping = false
    this.#ready()
  }

  // === the extended protocol

  #extended(letter: string, body: Buffer): void {
    const name = text(body, 0)
    switch (letter) {
      case 'P':
        this.#parse(name, text(body, name.length + 1))
        break
      case 'B':
        this.#bind(name, text(body, Buffer.byteLength(name) + 1))
        break
      case 'D':
        this.#describe(body[0] === 0x53, text(body, 1))
        break
      case 'C': {
        const map = body[0] === 0x53 ? this.#statements : this.#portals
        map.delete(text(body, 1))
        this.#say('3')
        break
      }
      case 'E':
        this.#execute(name)
        break
      default: // Flush, and what belongs to a COPY that isn't there
    }
  }

  #parse(name: string, sql: string): void {
    if (name === '') this.#statements.delete('')
    const own = OWN.test(name)
    if (!own) this.prepared.push(sql)
    const statements = split(sql)
    if (statements.some((each) => each.startsWith('SELEC ') || each.startsWith('refused'))) {
      throw new SqlError('42601', 'syntax error')
    }
    if (statements.length > 1) throw new SqlError('42601', 'multiple commands')
    this.#checkTransaction(statements[0] ?? '')
    if (this.#statements.has(name)) throw new SqlError('42P05', 'already exists')
    if (!own) this.#mayFail()
    this.#statements.set(name, sql)
    this.#say('1')
  }

  #bind(portal: string, statement: string): void {
    const sql = this.#statements.get(statement)
    if (sql === undefined) throw new SqlError('26000', 'no such statement')
    const statements = split(sql)
    this.#checkTransaction(statements[0] ?? '')
    if (portal !== '' && this.#portals.has(portal)) throw new SqlError('42P03', 'already exists')
    const own = OWN.test(statement)
    this.#turn++
    if (!own) {
      for (const each of statements) this.#note(each, sql)
      this.#mayFail()
    }
    this.#portals.set(portal, { statements, text: sql, done: false })
    this.#say('2')
  }

  #describe(ofStatement: boolean, name: string): void {
    const found = ofStatement ? this.#statements.get(name) : this.#portals.get(name)
    if (found === undefined) throw new SqlError('26000', 'no such thing to describe')
    const [statement = ''] = typeof found === 'string' ? split(found) : found.statements
    if (ofStatement) this.#say('t', int16(0))
    const columns = columnsOf(this.#resolve(statement))
    this.#replies.push(columns ? rowDescription(columns) : lettered('n'))
  }

  #execute(name: string): void {
    const portal = this.#portals.get(name)
    if (!portal) throw new SqlError('34000', 'no such portal')
    const [statement] = portal.statements
    if (statement === undefined) {
      this.#say('I')
      return
    }
    this.#checkTransaction(statement)
    if (portal.done) throw new SqlError('55000', 'portal can not be run')
    if (!/^SELECT|^pg_/.test(statement)) portal.done = true
    this.#runOne(statement, portal.text, 'extended')
  }

  // === the simple protocol

  #query(sql: string): void {
    this.#statements.delete('')
    this.#portals.delete('')
    this.#turn++
    try {
      const statements = split(sql)
      if (statements.some((each) => each.startsWith('SELEC ')))
        throw new SqlError('42601', 'syntax')
      if (statements.length === 0) this.#say('I')
      for (const statement of statements) {
        this.#note(statement, sql)
        this.#checkTransaction(statement)
        this.#mayFail()
        const columns = columnsOf(this.#resolve(statement))
        if (columns) this.#replies.push(rowDescription(columns))
        this.#runOne(statement, sql, 'simple')
        if (this.#copy) return
      }
    } catch (error) {
      this.#failed(error)
    }
    this.#ready()
  }

  #checkTransaction(statement: string): void {
    if (this.#transaction === 'E' && !/^(COMMIT|ROLLBACK)/.test(statement)) {
      throw new SqlError('25P02', 'current transaction is aborted')
    }
  }

  #mayFail(): void {
    if (this.#random.oneIn(12)) throw new SqlError('22012', 'division by zero')
  }

  /** What a name stands for at this moment. */
  #resolve(statement: string): string {
    const [verb = '', name = ''] = statement.split(' ')
    if (verb === 'EXECUTE') {
      const sql = this.#statements.get(name)
      if (sql === undefined) throw new SqlError('26000', 'no such statement')
      return split(sql)[0] ?? ''
    }
    if (verb === 'FETCH') {
      const portal = this.#portals.get(name)
      if (!portal) throw new SqlError('34000', 'no such cursor')
      return portal.statements[0] ?? ''
    }
    return statement
  }

  /** Before anything can fail: whoever lets it come this far has let it run. */
  #note(statement: string, sql: string): void {
    let resolved = statement
    try {
      resolved = this.#resolve(statement)
    } catch (error) {
      if (!(error instanceof SqlError)) throw error
    }
    this.runs.push({ resolved, text: sql, turn: this.#turn })
  }

  #runOne(statement: string, sql: string, how: 'simple' | 'extended'): void {
    if (statement.startsWith('pg_')) {
      this.#answerOwn()
      return
    }
    const resolved = this.#resolve(statement)
    const [verb = '', name = ''] = statement.split(' ')
    const inner = / (?:AS|FOR) (SELECT .*)$/.exec(statement)?.[1] ?? ''
    switch (verb) {
      case 'PREPARE':
        if (this.#statements.has(name)) throw new SqlError('42P05', 'already exists')
        this.#statements.set(name, inner)
        break
      case 'DECLARE':
        if (this.#transaction === 'I') throw new SqlError('25P01', 'no transaction')
        if (this.#portals.has(name)) throw new SqlError('42P03', 'already exists')
        this.#portals.set(name, { statements: [inner], text: sql, done: false })
        break
      case 'CLOSE':
        if (name === 'ALL') this.#portals.clear()
        else if (!this.#portals.delete(name)) throw new SqlError('34000', 'no such cursor')
        break
      case 'DEALLOCATE':
        if (name === 'ALL') this.#statements.clear()
        else if (!this.#statements.delete(name)) throw new SqlError('26000', 'no such statement')
        break
      case 'DISCARD':
        if (this.#transaction !== 'I') throw new SqlError('25001', 'in a transaction')
        this.#statements.clear()
        this.#portals.clear()
        break
      case 'BEGIN':
        this.#transaction = 'T'
        break
      case 'COMMIT':
      case 'ROLLBACK':
        this.#transaction = 'I'
        this.#portals.clear()
        break
      case 'COPY':
        if (!Object.hasOwn(OIDS, name)) throw new SqlError('42P01', 'no such table')
        if (statement.includes('FROM STDIN')) {
          this.#copy = { extended: how === 'extended' }
          this.#say('G', Buffer.from([0]), int16(1), int16(0))
          return
        }
        this.#say('H', Buffer.from([0]), int16(2), int16(0), int16(0))
        this.#say('d', Buffer.from(`1\t${statement.includes('people_t') ? SECRET : 'x'}\n`))
        this.#say('c')
        break
      default:
        this.#rows(resolved)
    }
    this.#say('C', cstring(verb))
  }

  #rows(statement: string): void {
    const columns = columnsOf(statement)
    for (let count = columns ? this.#random.below(3) : 0; count > 0; count--) {
      this.#replies.push(dataRow((columns ?? []).map(({ name }) => (name === 'n' ? '1' : SECRET))))
    }
  }

  /** What the proxy asks about names, on this session. */
  #answerOwn(): void {
    this.#replies.push(dataRow(['{"context": true}']))
    this.#say('C', cstring('SELECT 1'))
  }

  // === COPY

  #inCopy(letter: string): void {
    const copy = this.#copy
    if (!copy) return
    switch (letter) {
      case 'd':
        if (this.#random.oneIn(4)) this.#endCopy(new SqlError('22P02', 'not a number'))
        break
      case 'c':
        this.#endCopy(null)
        break
      case 'f':
        this.#endCopy(new SqlError('57014', 'COPY failed'))
        break
      // "Flush and Sync messages ... in COPY-in mode are ignored" (section 54.2.6)
      case 'H':
      case 'S':
        break
      // Its body isn't even read: the server ends the session.
      default:
        this.#replies.push(errorMessage('08P01', 'unexpected message in COPY', 'FATAL'))
        this.#gaveUp = true
    }
  }

  #endCopy(error: SqlError | null): void {
    const extended = this.#copy?.extended === true
    this.#copy = null
    if (error) this.#failed(error)
    else this.#say('C', cstring('COPY 1'))
    if (!extended) this.#ready()
    else if (error) this.#skipping = true
  }
}

function text(body: Buffer, at: number): string {
  return body.subarray(at, body.indexOf(0, at)).toString('utf8')
}

/** Good enough for the texts that are sent: none has a semicolon or a comment within a constant. */
function split(sql: string): string[] {
  if (/^SELECT pg_catalog\.json_build_array/.test(sql)) return ['pg_context']
  return sql
    .replace(/--.*$/gm, '')
    .split(';')
    .map((statement) => statement.trim())
    .filter((statement) => statement !== '')
}

function columnsOf(statement: string): readonly Described[] | null {
  if (statement === 'pg_context') {
    return [{ name: 'context', tableOid: 0, columnNumber: 0, typeOid: 25 }]
  }
  const [, list = '', table = ''] = /^SELECT (.*) FROM "?(\w+)/.exec(statement) ?? []
  const oid = OIDS[table as keyof typeof OIDS]
  if (oid === undefined) return null
  return list
    .replace('*', 'n, secret')
    .split(', ')
    .map((name) => ({
      name,
      tableOid: oid,
      columnNumber: name === 'n' ? 1 : 2,
      typeOid: name === 'n' ? 23 : 25,
    }))
}
