import { ProxyError } from '../../lib/errors.ts'
import type { CommandRequest, Request } from '../requests.ts'
import { strictUtf8 } from '../strict-utf8.ts'
import * as command from './commands.ts'
import { opensCursor } from './execute-parameters.ts'
import { outOfOrder, packetsIn, payloadOf } from './packets.ts'
import { PayloadReader } from './payload.ts'
import {
  Execution,
  type LongData,
  type PreparedStatement,
  type PreparedStatements,
} from './prepared-statements.ts'

/** What a MySQL client asks. */
export type MysqlRequest =
  | Extract<Request, { kind: 'query' | 'prepare' | 'terminate' }>
  | CommandRequest

/** Reads a client's commands in their order: ids, types and values sent ahead carry over. */
export class Requests {
  readonly #statements: PreparedStatements
  readonly #maxMessage: number
  readonly #executions = new WeakMap<MysqlRequest, Execution>()
  readonly #closed = new WeakMap<MysqlRequest, PreparedStatement>()
  /** The sequence id of the answer to each command that has none yet, in order. */
  readonly #unanswered: number[] = []

  constructor(statements: PreparedStatements, maxMessage: number) {
    this.#statements = statements
    this.#maxMessage = maxMessage
  }

  /** True where the client waits for an answer that nobody has begun. */
  get anyUnanswered(): boolean {
    return this.#unanswered.length > 0
  }

  /** Takes the oldest command that waits: the sequence id of its answer. */
  takeUnanswered(): number | undefined {
    return this.#unanswered.shift()
  }

  /** Undefined for a statement that nobody knows. */
  executionOf(request: MysqlRequest): Execution | undefined {
    return this.#executions.get(request)
  }

  /** The statement that a COM_STMT_CLOSE names, and not one that was asked for behind it. */
  closedBy(request: MysqlRequest): PreparedStatement | undefined {
    return this.#closed.get(request)
  }

  /** Decodes one command; throws PROTOCOL_VIOLATION. */
  decode(frame: Buffer): MysqlRequest {
    // "The sequence-id is ... reset to 0 when a new command begins."
    if (frame[3] !== 0) throw outOfOrder()
    const payload = payloadOf(frame)
    if (payload.length === 0) throw new ProxyError('PROTOCOL_VIOLATION', 'an empty command')
    // Before it is read: whoever can't be followed is told so in place of an answer.
    if (!SILENT.has(payload[0] as number)) this.#unanswered.push(packetsIn(frame) & 0xff)
    return this.#decode(payload, frame)
  }

  #decode(payload: Buffer, frame: Buffer): MysqlRequest {
    const reader = new PayloadReader(payload, 1)
    const code = payload[0] as number
    switch (code) {
      case command.COM_QUIT:
        return { kind: 'terminate' }
      case command.COM_QUERY:
        return { kind: 'query', sql: reader.rest() }
      case command.COM_INIT_DB:
        return { kind: 'use', database: schemaName(reader.rest()) }
      case command.COM_PING:
        return { kind: 'ping' }
      case command.COM_STATISTICS:
        return { kind: 'statistics' }
      case command.COM_RESET_CONNECTION:
        return { kind: 'reset-connection' }
      case command.COM_FIELD_LIST:
        return { kind: 'field-list', table: reader.cstring() }
      case command.COM_PROCESS_KILL:
        return { kind: 'kill', connectionId: whole(reader, reader.uint32()) }
      case command.COM_SET_OPTION:
        return { kind: 'multi-statements', on: readOption(reader) }
      case command.COM_STMT_PREPARE: {
        const sql = reader.rest()
        return {
          kind: 'prepare',
          statement: `${this.#statements.add().id}`,
          sql,
          parameterTypes: [],
        }
      }
      case command.COM_STMT_EXECUTE:
        return this.#execute(payload, reader)
      case command.COM_STMT_SEND_LONG_DATA:
        return this.#longData(frame, reader)
      case command.COM_STMT_FETCH: {
        const statement = this.#statementName(reader)
        return { kind: 'fetch', statement, maxRows: whole(reader, reader.uint32()) }
      }
      case command.COM_STMT_RESET: {
        const statement = whole(reader, this.#statementName(reader))
        this.#statements.named(statement)?.takeLongData()
        return { kind: 'reset', statement }
      }
      case command.COM_STMT_CLOSE:
        return this.#close(whole(reader, this.#statementName(reader)))
      default:
        return refused(code)
    }
  }

  #statementName(reader: PayloadReader): string {
    return `${this.#statements.resolve(reader.uint32())}`
  }

  /** The values that were sent ahead belong to this execution, whatever becomes of it. */
  #execute(payload: Buffer, reader: PayloadReader): MysqlRequest {
    const statement = this.#statementName(reader)
    const cursor = opensCursor(payload)
    const known = this.#statements.named(statement)
    if (!known) return { kind: 'run', statement, parameters: () => [], cursor }
    const execution = new Execution(known, payload, known.takeLongData().map(readLongData))
    known.read(execution)
    const parameters = () => execution.parameters
    const request: MysqlRequest = { kind: 'run', statement, parameters, cursor }
    this.#executions.set(request, execution)
    return request
  }

  #close(statement: string): MysqlRequest {
    const request: MysqlRequest = { kind: 'free', statement }
    const known = this.#statements.named(statement)
    if (known) this.#closed.set(request, known)
    return request
  }

  #longData(frame: Buffer, reader: PayloadReader): MysqlRequest {
    const statement = this.#statementName(reader)
    reader.uint16()
    this.#statements.named(statement)?.keepLongData(frame, this.#maxMessage)
    return { kind: 'long-data', statement }
  }
}

/** Int4 statement, Int2 parameter, data. */
function readLongData(frame: Buffer): LongData {
  const reader = new PayloadReader(payloadOf(frame), 5)
  return { frame, parameter: reader.uint16(), data: reader.rest() }
}

/** Commands that a server doesn't answer. */
const SILENT: ReadonlySet<number> = new Set([
  command.COM_QUIT,
  command.COM_STMT_CLOSE,
  command.COM_STMT_SEND_LONG_DATA,
])

function readOption(reader: PayloadReader): boolean {
  const option = whole(reader, reader.uint16())
  // MYSQL_OPTION_MULTI_STATEMENTS_ON, _OFF
  if (option > 1) throw new ProxyError('PROTOCOL_VIOLATION', `unknown option ${option}`)
  return option === 0
}

/** Some clients end the name of a schema as a C string. Within one a server stops at a NUL. */
function schemaName(bytes: Buffer): string {
  const name = strictUtf8(bytes.at(-1) === 0 ? bytes.subarray(0, -1) : bytes)
  if (name.includes('\0')) throw new ProxyError('PROTOCOL_VIOLATION', 'a schema with a NUL')
  return name
}

function whole<T>(reader: PayloadReader, value: T): T {
  reader.end()
  return value
}

function refused(code: number): MysqlRequest {
  const name = command.REFUSED.get(code) ?? `command 0x${code.toString(16)}`
  const error = new ProxyError('FEATURE_REFUSED', `${name} is not served here`)
  return { kind: 'refused', command: name, error }
}
