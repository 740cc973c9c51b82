import { CLIENT_DEPRECATE_EOF } from '../../src/wire/mysql/capabilities.ts'
import * as command from '../../src/wire/mysql/commands.ts'
import { message, payloadLength } from '../../src/wire/mysql/packets.ts'
import { lenencBytes, uint8 } from '../../src/wire/mysql/payload.ts'
import { insist } from './clean.ts'
import type { ModelUpstream, Run } from './fuzz-case.ts'
import {
  binaryRow,
  columnPayload,
  eofPayload,
  errPayload,
  type ModelCell,
  type ModelColumn,
  okPayload,
  preparedPayloads,
  resultPayloads,
  STATUS,
} from './mysql-letters.ts'
import type { Random } from './random.ts'
import { SECRET } from './texts.ts'

class SqlError extends Error {
  readonly number: number
  constructor(number: number, text: string) {
    super(text)
    this.number = number
  }
}

interface Prepared {
  readonly sql: string
  readonly parameters: number
  /** The types of its parameters have been told. */
  typed: boolean
  /** Rows of an open cursor. */
  cursor: ModelCell[][] | null
}

interface Result {
  readonly columns: readonly ModelColumn[]
  readonly rows: ModelCell[][]
}

/** Ids are counted from here, so that they differ from the proxy's own. */
const FIRST_ID = 101
const SYNTAX = 1064
const UNKNOWN = 1243

/**
 * A MySQL without data that says what runs: statements, cursors, transactions and errors are as in
 * the manual, "Client/Server Protocol". It checks every packet that it hears, and fails at random
 * where a server may.
 */
export class MysqlModelServer implements ModelUpstream {
  readonly runs: Run[] = []
  readonly prepared: string[] = []
  readonly #random: Random
  readonly #deprecateEof: boolean
  readonly #truthful: boolean
  #stream: Buffer = Buffer.alloc(0)
  #replies: Buffer[] = []
  readonly #statements = new Map<number, Prepared>()
  readonly #named = new Map<string, string>()
  #lastId = FIRST_ID
  #inTransaction = false
  #quit = false
  #turn = 0
  /** The next sequence id. */
  #sequence = 1

  /** `truthful`: what it answers arrives as it is, so its ids come back as they were given. */
  constructor(random: Random, capabilities: number, truthful: boolean) {
    this.#random = random
    this.#truthful = truthful
    this.#deprecateEof = (capabilities & CLIENT_DEPRECATE_EOF) !== 0
  }

  get unfinished(): Buffer {
    return this.#stream
  }

  get hasEnded(): boolean {
    return this.#quit
  }

  hear(bytes: Buffer): Buffer {
    this.#stream = Buffer.concat([this.#stream, bytes])
    while (this.#stream.length >= 4) {
      const end = 4 + payloadLength(this.#stream, 0)
      if (this.#stream.length < end) break
      insist(this.#stream[3] === 0, () => 'a command with another sequence id than 0')
      insist(!this.#quit, () => 'a command behind COM_QUIT')
      insist(end > 4, () => 'an empty command')
      const payload = this.#stream.subarray(4, end)
      this.#stream = this.#stream.subarray(end)
      this.#command(payload)
    }
    const replies = Buffer.concat(this.#replies)
    this.#replies = []
    return replies
  }

  #say(...payloads: readonly Buffer[]): void {
    for (const payload of payloads) this.#replies.push(message(this.#sequence++ & 0xff, payload))
  }

  get #status(): number {
    return STATUS.autocommit | (this.#inTransaction ? STATUS.inTransaction : 0)
  }

  #command(payload: Buffer): void {
    this.#sequence = 1
    try {
      this.#do(payload[0] as number, payload)
    } catch (error) {
      if (!(error instanceof SqlError)) throw error
      this.#say(errPayload(error.number, '42000', error.message))
    }
  }

  #do(code: number, payload: Buffer): void {
    const text = payload.toString('utf8', 1)
    switch (code) {
      case command.COM_QUIT:
        this.#quit = true
        break
      case command.COM_QUERY:
        this.#query(text)
        break
      case command.COM_STMT_PREPARE:
        this.#prepare(text)
        break
      case command.COM_STMT_EXECUTE:
        this.#execute(payload)
        break
      case command.COM_STMT_FETCH:
        this.#fetch(payload)
        break
      case command.COM_STMT_RESET:
        this.#statement(payload).cursor = null
        this.#say(okPayload(this.#status))
        break
      case command.COM_STMT_CLOSE:
        this.#knows(this.#statements.delete(payload.readUInt32LE(1)), 'closed')
        break
      case command.COM_STMT_SEND_LONG_DATA:
        this.#knows(this.#statements.has(payload.readUInt32LE(1)), 'given data')
        break
      case command.COM_INIT_DB:
        if (text !== 'shop') throw new SqlError(1049, 'Unknown database')
        this.#say(inSchema(this.#status))
        break
      case command.COM_FIELD_LIST:
        this.#say(columnPayload({ table: 'open_t', name: 'n' }), this.#end())
        break
      case command.COM_STATISTICS:
        this.#say(Buffer.from('Uptime: 1'))
        break
      case command.COM_SET_OPTION:
        this.#say(this.#end())
        break
      case command.COM_RESET_CONNECTION:
        this.#statements.clear()
        this.#named.clear()
        this.#inTransaction = false
        this.#say(okPayload(this.#status))
        break
      case command.COM_PING:
        this.#say(okPayload(this.#status))
        break
      default:
        insist(false, () => `command 0x${code.toString(16)} was passed on`)
    }
  }

  #end(status = this.#status): Buffer {
    return this.#deprecateEof ? okPayload(status, 0xfe) : eofPayload(status)
  }

  // === texts

  #query(sql: string): void {
    if (this.#ownQuestion(sql)) return
    this.#turn++
    const statements = split(sql)
    if (statements.length === 0) throw new SqlError(1065, 'Query was empty')
    for (const [index, statement] of statements.entries()) {
      if (!WELL_FORMED.test(statement)) throw new SqlError(SYNTAX, 'syntax error')
      const resolved = this.#note(statement, sql)
      this.#mayFail(resolved)
      const more = index < statements.length - 1 ? STATUS.moreResults : 0
      this.#run(statement)
      const result = this.#resultOf(resolved)
      const status = this.#status | more
      if (!result) this.#say(okPayload(status))
      else {
        const deprecateEof = this.#deprecateEof
        this.#say(...resultPayloads({ ...result, status, binary: false, deprecateEof }))
      }
    }
  }

  /** What the proxy asks on this session by itself. */
  #ownQuestion(sql: string): boolean {
    if (sql.startsWith('SET SESSION session_track_schema')) {
      this.#say(okPayload(this.#status))
      return true
    }
    const facts = sql.startsWith('SELECT @@session_track_system_variables')
    if (!facts && !sql.startsWith('SELECT COALESCE(')) return false
    const columns = sql.split(', @@').map((_, index) => ({ table: '', name: `c${index}` }))
    const cells = facts
      ? ['autocommit', 'ON', 'shop', '1', ...Array(4).fill('utf8mb4')]
      : ['context']
    const names = facts ? [...columns, { table: '', name: 'schema' }] : columns.slice(0, 1)
    const row = names.map((_, index) => cells[index] ?? '')
    this.#say(
      ...resultPayloads({
        columns: names,
        rows: [row],
        status: this.#status,
        binary: false,
        deprecateEof: this.#deprecateEof,
      }),
    )
    return true
  }

  /** Before anything can fail: whoever lets it come this far has let it run. */
  #note(statement: string, text: string): string {
    const [, name = ''] = /^EXECUTE (\w+)/.exec(statement) ?? []
    const [, inner] = /^EXECUTE IMMEDIATE '(.*)'/.exec(statement) ?? []
    const resolved = inner ?? (name === '' ? statement : (this.#named.get(name) ?? statement))
    this.runs.push({ resolved, text, turn: this.#turn })
    return resolved
  }

  #run(statement: string): void {
    const [verb = ''] = statement.split(' ')
    const [, name = '', inner = ''] = /^PREPARE (\w+) FROM '(.*)'/.exec(statement) ?? []
    switch (verb) {
      case 'PREPARE':
        this.#named.set(name, inner)
        break
      case 'EXECUTE':
        if (/^EXECUTE \w$/.test(statement) && !this.#named.has(statement.slice(8))) {
          throw new SqlError(UNKNOWN, 'Unknown prepared statement handler')
        }
        break
      case 'BEGIN':
        this.#inTransaction = true
        break
      case 'COMMIT':
      case 'ROLLBACK':
        this.#inTransaction = false
        break
      default:
    }
  }

  /** An error's text quotes what it is about. */
  #mayFail(statement: string): void {
    if (this.#random.oneIn(12)) {
      const quoted = statement.includes('people_t') ? SECRET : 'something'
      throw new SqlError(1690, `value is out of range in '${quoted}'`)
    }
  }

  #resultOf(statement: string): Result | null {
    const columns = columnsOf(statement)
    if (!columns) return null
    const cells = columns.map(({ name }) => (/^\d+$/.test(name) ? name : cellOf(statement, name)))
    const rows = Array.from({ length: this.#random.below(4) }, () => [...cells])
    return { columns, rows }
  }

  // === prepared statements

  #prepare(sql: string): void {
    this.prepared.push(sql)
    const statements = split(sql)
    if (statements.length !== 1 || !WELL_FORMED.test(statements[0] ?? '')) {
      throw new SqlError(SYNTAX, 'syntax error')
    }
    if (this.#random.oneIn(12)) throw new SqlError(1146, 'no such table')
    const id = this.#lastId++
    const parameters = sql.split('?').length - 1
    this.#statements.set(id, { sql, parameters, typed: parameters === 0, cursor: null })
    const columns = columnsOf(statements[0] ?? '') ?? []
    this.#say(...preparedPayloads(id, parameters, columns, this.#deprecateEof))
  }

  #knows(known: boolean, what: string): void {
    insist(known || !this.#truthful, () => `an unknown id is ${what}`)
  }

  #statement(payload: Buffer): Prepared {
    const statement = this.#statements.get(payload.readUInt32LE(1))
    this.#knows(statement !== undefined, 'used')
    if (!statement) throw new SqlError(UNKNOWN, 'Unknown prepared statement handler')
    return statement
  }

  #execute(payload: Buffer): void {
    const statement = this.#statement(payload)
    const { sql, parameters } = statement
    const bound = parameters > 0 ? payload[10 + ((parameters + 7) >> 3)] : 1
    insist(statement.typed || bound === 1, () => 'values without types')
    statement.typed = true
    statement.cursor = null
    this.#turn++
    const [text = ''] = split(sql)
    const resolved = this.#note(text, sql)
    this.#mayFail(resolved)
    this.#run(text)
    const result = this.#resultOf(resolved)
    if (!result) {
      this.#say(okPayload(this.#status))
      return
    }
    const opens = payload[5] !== 0
    const status = this.#status | (opens ? STATUS.cursor : 0)
    if (opens) statement.cursor = result.rows
    const rows = opens ? [] : result.rows
    const whole = resultPayloads({
      columns: result.columns,
      rows,
      status,
      binary: true,
      deprecateEof: this.#deprecateEof,
    })
    // Of an opened cursor the end of its columns is the end of all.
    this.#say(...(opens && !this.#deprecateEof ? whole.slice(0, -1) : whole))
  }

  #fetch(payload: Buffer): void {
    const statement = this.#statement(payload)
    if (!statement.cursor) throw new SqlError(1421, 'has no open cursor')
    const columns = columnsOf(split(statement.sql)[0] ?? '') ?? []
    const rows = statement.cursor.splice(0, payload.readUInt32LE(5))
    this.#say(...rows.map((cells) => binaryRow(cells, columns)))
    const last = statement.cursor.length === 0
    if (last) statement.cursor = null
    this.#say(this.#end(this.#status | (last ? STATUS.lastRow : STATUS.cursor)))
  }
}

function cellOf(statement: string, column: string): string {
  if (column === 'n') return '1'
  return statement.includes('people_t') ? SECRET : 'plain'
}

/** OK, and that the session is in the schema `shop`. */
function inSchema(status: number): Buffer {
  const schema = lenencBytes(lenencBytes(Buffer.from('shop')))
  return Buffer.concat([
    okPayload(status | STATUS.tracked),
    lenencBytes(Buffer.alloc(0)),
    lenencBytes(Buffer.concat([uint8(1), schema])),
  ])
}

/** The grammar of the texts that are sent, one statement each. */
const WELL_FORMED =
  /^(?:SELECT (?:n|secret|\d+)(?:, (?:n|secret|\d+))* FROM \w+_t(?: WHERE n = (?:\?|\d+))?|TABLE \w+_t|INSERT INTO \w+_t VALUES \(\d+\)|UPDATE \w+_t SET n = (?:\?|\d+) WHERE n = \d+|DELETE FROM \w+_t WHERE n = \d+|BEGIN|COMMIT|ROLLBACK|PREPARE \w+ FROM '[^']*'|EXECUTE \w+|EXECUTE IMMEDIATE '[^']*'|DEALLOCATE PREPARE \w+|USE \w+|KILL \d+|SET NAMES \w+|DO 0)$/

/** Good enough for the texts that are sent: none has a semicolon or a comment within a constant. */
function split(sql: string): string[] {
  return sql
    .replace(/\/\*(!\d*)?([\s\S]*?)\*\//g, (_all, mark?: string, inner = '') =>
      mark === undefined || mark === '!99999' ? ' ' : ` ${inner} `,
    )
    .replace(/--.*$/gm, '')
    .split(';')
    .map((statement) => statement.trim().replace(/\s+/g, ' '))
    .filter((statement) => statement !== '')
}

function columnsOf(statement: string): readonly ModelColumn[] | null {
  if (statement.startsWith('TABLE ')) {
    return ['n', 'secret'].map((name) => ({ table: statement.slice(6), name }))
  }
  const [, list = '', table = ''] = /^SELECT (.*) FROM (\w+)/.exec(statement) ?? []
  if (!/^(?:open|held|denied|people)_t$/.test(table)) return null
  return list
    .split(', ')
    .map((name) => (/^\d+$/.test(name) ? { table: '', name } : { table, name }))
}
