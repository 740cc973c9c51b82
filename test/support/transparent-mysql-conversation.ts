import * as capability from '../../src/wire/mysql/capabilities.ts'
import * as command from '../../src/wire/mysql/commands.ts'
import { uint8, uint16, uint32 } from '../../src/wire/mysql/payload.ts'
import { type Bound, executeBody } from './e2e-mysql-raw.ts'
import { type Cut, FIRST } from './transparent-conversation.ts'

/** How the answer to a command is laid out, so that a reader knows when it has all of it. */
export type Answer =
  /** OK, ERR or results with text rows. */
  | 'text'
  /** OK, with what has become of several variables of the session. */
  | 'tracked'
  /** As 'text', with binary rows. */
  | 'binary'
  /** The same where a cursor is asked for: it may hold the rows back. */
  | 'cursor'
  | 'prepared'
  /** Rows of an open cursor, up to their end. */
  | 'fetched'
  /** Column definitions, up to their end. */
  | 'fields'
  /** One packet. */
  | 'one'
  /** One packet of figures, which differ from moment to moment. */
  | 'figures'
  | 'nothing'
  /** Whatever comes until the other end closes. */
  | 'end'

/** The ids that the server gave to statements, by the names that a conversation has for them. */
export type Ids = ReadonlyMap<string, number>

export interface Command {
  /** The payload, first byte included; null where its statement could not be prepared. */
  readonly bytes: (ids: Ids) => Buffer | null
  readonly answer: Answer
  /** Of a prepared statement: its name in the conversation. */
  readonly name?: string
}

/** One exchange: commands sent together, then all of their answers. */
export interface MysqlStep {
  readonly session: string
  readonly commands: readonly Command[]
  readonly cut: Cut
}

export interface MysqlConversation {
  readonly name: string
  readonly steps: readonly MysqlStep[]
  /** Capability flags that the client asks for; PLAIN where nothing else is said. */
  readonly flags?: number
  /** The collation's id in the handshake; utf8mb4_general_ci where nothing else is said. */
  readonly collation?: number
}

const BASIC =
  capability.CLIENT_LONG_PASSWORD |
  capability.CLIENT_LONG_FLAG |
  capability.CLIENT_CONNECT_WITH_DB |
  capability.CLIENT_PROTOCOL_41 |
  capability.CLIENT_TRANSACTIONS |
  capability.CLIENT_SECURE_CONNECTION |
  capability.CLIENT_PLUGIN_AUTH |
  capability.CLIENT_CONNECT_ATTRS |
  capability.CLIENT_PLUGIN_AUTH_LENENC_CLIENT_DATA

/** What most clients of today ask for. */
export const PLAIN =
  BASIC |
  capability.CLIENT_MULTI_STATEMENTS |
  capability.CLIENT_MULTI_RESULTS |
  capability.CLIENT_PS_MULTI_RESULTS
/** A client that asks for next to nothing. */
export const SPARE = BASIC
export const MODERN = PLAIN | capability.CLIENT_SESSION_TRACK | capability.CLIENT_DEPRECATE_EOF

function step(...commands: readonly Command[]): MysqlStep {
  return { session: FIRST, commands, cut: 'whole' }
}

function plain(code: number, answer: Answer, ...parts: readonly Buffer[]): Command {
  const bytes = Buffer.concat([uint8(code), ...parts])
  return { bytes: () => bytes, answer }
}

// === commands

export function text(sql: string | Buffer, answer: Answer = 'text'): Command {
  return plain(command.COM_QUERY, answer, Buffer.from(sql))
}

export function prepare(name: string, sql: string | Buffer): Command {
  return { ...plain(command.COM_STMT_PREPARE, 'prepared', Buffer.from(sql)), name }
}

/** A statement by its name in the conversation, or by a number. */
export type Statement = string | number

export interface ExecuteOptions {
  readonly cursor?: boolean
  /** Types left out: those of the execution before. */
  readonly types?: boolean
}

export function execute(
  statement: Statement,
  values: readonly Bound[] = [],
  options: ExecuteOptions = {},
): Command {
  return {
    bytes: (ids) => {
      const id = idOf(ids, statement)
      if (id === undefined) return null
      return Buffer.concat([uint8(command.COM_STMT_EXECUTE), executeBody(id, values, options)])
    },
    answer: options.cursor ? 'cursor' : 'binary',
  }
}

export function fetchRows(statement: Statement, rows: number): Command {
  return onStatement(command.COM_STMT_FETCH, 'fetched', statement, uint32(rows))
}

export function longData(statement: Statement, parameter: number, data: Buffer): Command {
  const code = command.COM_STMT_SEND_LONG_DATA
  return onStatement(code, 'nothing', statement, uint16(parameter), data)
}

export function resetStatement(statement: Statement): Command {
  return onStatement(command.COM_STMT_RESET, 'one', statement)
}

export function closeStatement(statement: Statement): Command {
  return onStatement(command.COM_STMT_CLOSE, 'nothing', statement)
}

function onStatement(
  code: number,
  answer: Answer,
  statement: Statement,
  ...parts: readonly Buffer[]
): Command {
  return {
    bytes: (ids) => {
      const id = idOf(ids, statement)
      return id === undefined ? null : Buffer.concat([uint8(code), uint32(id), ...parts])
    },
    answer,
  }
}

function idOf(ids: Ids, statement: Statement): number | undefined {
  return typeof statement === 'number' ? statement : ids.get(statement)
}

export const PING = plain(command.COM_PING, 'one')
export const STATISTICS = plain(command.COM_STATISTICS, 'figures')
export const RESET_CONNECTION = plain(command.COM_RESET_CONNECTION, 'one')

export function initDb(name: string | Buffer): Command {
  return plain(command.COM_INIT_DB, 'one', Buffer.from(name))
}

export function setOption(option: number): Command {
  return plain(command.COM_SET_OPTION, 'one', uint16(option))
}

export function fieldList(table: string, pattern = ''): Command {
  const code = command.COM_FIELD_LIST
  return plain(code, 'fields', Buffer.from(`${table}\0`), Buffer.from(pattern))
}

// === steps

/** Sends commands with one write, and reads all of their answers. */
export function send(...commands: readonly Command[]): MysqlStep {
  return step(...commands)
}

/** Each a command by itself. */
export function each(...commands: readonly Command[]): MysqlStep[] {
  return commands.map((one) => step(one))
}

export function queries(...texts: readonly (string | Buffer)[]): MysqlStep[] {
  return texts.map((sql) => step(text(sql)))
}

let names = 0

/** A statement's whole life: prepared, executed, closed. */
export function prepared(sql: string | Buffer, ...values: readonly Bound[]): MysqlStep[] {
  const name = `statement ${++names}`
  return each(prepare(name, sql), execute(name, values), closeStatement(name))
}

/** As text, then prepared: rows in both formats. */
export function both(...texts: readonly string[]): MysqlStep[] {
  return texts.flatMap((sql) => [...queries(sql), ...prepared(sql)])
}

export function by(session: string, ...steps: readonly MysqlStep[]): MysqlStep[] {
  return steps.map((one) => ({ ...one, session }))
}

export function cutUp(cut: Cut, ...steps: readonly MysqlStep[]): MysqlStep[] {
  return steps.map((one) => ({ ...one, cut }))
}
