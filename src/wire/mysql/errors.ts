import { type ErrorCode, ProxyError } from '../../lib/errors.ts'
import { message } from './packets.ts'
import { PayloadReader, uint16 } from './payload.ts'

export const ERR_HEADER = 0xff

/** An ERR packet's fields (manual, "Protocol::ERR_Packet"). */
export interface ServerError {
  readonly number: number
  /** Five characters; HY000 where the packet has none. */
  readonly sqlState: string
  readonly message: string
}

interface Wording {
  readonly number: number
  readonly sqlState: string
  /** True where the text begins with the code that a PostgreSQL client would get. */
  readonly coded?: true
}

/** What a MySQL client is told for each of the proxy's errors. */
const WORDINGS: Readonly<Record<ErrorCode, Wording>> = {
  // ER_MALFORMED_PACKET
  PROTOCOL_VIOLATION: { number: 1835, sqlState: 'HY000' },
  // ER_NOT_SUPPORTED_YET
  FEATURE_REFUSED: { number: 1235, sqlState: '42000' },
  // ER_NOT_SUPPORTED_AUTH_MODE
  STARTUP_REFUSED: { number: 1251, sqlState: '08004' },
  // ER_ACCESS_DENIED_ERROR
  LOGIN_FAILED: { number: 1045, sqlState: '28000' },
  // ER_NET_READ_INTERRUPTED
  LOGIN_TIMEOUT: { number: 1159, sqlState: '08S01' },
  // ER_UNKNOWN_ERROR
  IDENTITY_UNAVAILABLE: { number: 1105, sqlState: 'HY000' },
  // ER_SECURE_TRANSPORT_REQUIRED
  TLS_REQUIRED: { number: 3159, sqlState: 'HY000' },
  // ER_BAD_DB_ERROR
  UNKNOWN_DATABASE: { number: 1049, sqlState: '42000' },
  // ER_CON_COUNT_ERROR
  TOO_MANY_CONNECTIONS: { number: 1040, sqlState: '08004' },
  // ER_SERVER_SHUTDOWN
  UPSTREAM_UNAVAILABLE: { number: 1053, sqlState: '08S01' },
  // ER_CLIENT_INTERACTION_TIMEOUT
  IDLE_TIMEOUT: { number: 4031, sqlState: 'HY000' },
  SHUTDOWN: { number: 1053, sqlState: '08S01' },
  // ER_SIGNAL_EXCEPTION
  APPROVAL_NEEDED: { number: 1644, sqlState: '45000', coded: true },
  APPROVAL_PENDING: { number: 1644, sqlState: '45000', coded: true },
  APPROVAL_EXPIRED: { number: 1644, sqlState: '45000', coded: true },
  // ER_UNKNOWN_ERROR
  GATE_UNAVAILABLE: { number: 1105, sqlState: 'HY000', coded: true },
  // ER_TABLEACCESS_DENIED_ERROR
  APPROVAL_REJECTED: { number: 1142, sqlState: '42000', coded: true },
  STATEMENT_DENIED: { number: 1142, sqlState: '42000', coded: true },
  TRANSACTION_FAILED: { number: 1105, sqlState: 'HY000' },
  // ER_PARSE_ERROR
  SYNTAX_ERROR: { number: 1064, sqlState: '42000' },
  // ER_UNKNOWN_STMT_HANDLER
  UNKNOWN_STATEMENT: { number: 1243, sqlState: 'HY000' },
  UNKNOWN_PORTAL: { number: 1243, sqlState: 'HY000' },
  // ER_NO_SUCH_THREAD
  UNKNOWN_CONNECTION: { number: 1094, sqlState: 'HY000' },
  // ER_QUERY_INTERRUPTED
  CANCELLED: { number: 1317, sqlState: '70100', coded: true },
  // Mostly ER_LOCK_DEADLOCK's kin; the text is the server's.
  COMMIT_FAILED: { number: 1180, sqlState: 'HY000' },
  AUDIT_UNAVAILABLE: { number: 1105, sqlState: 'HY000', coded: true },
  CONFIG_INVALID: { number: 1105, sqlState: 'HY000' },
  INTERNAL: { number: 1105, sqlState: 'HY000' },
}

/** MYSQL_ERRMSG_SIZE is 512; clients of today take more, and ours names an address. */
const MAX_MESSAGE = 4_000

/** An error of the proxy's own, as a MySQL client reads it. */
export function wordingOf(error: ProxyError): ServerError {
  const { number, sqlState, coded } = WORDINGS[error.code]
  const { message: text } = error
  return { number, sqlState, message: coded ? `${error.sqlState}: ${text}` : text }
}

/** An ERR packet's payload. */
export function errorPayload({ number, sqlState, message: text }: ServerError): Buffer {
  return Buffer.concat([
    Buffer.from([ERR_HEADER]),
    uint16(number),
    Buffer.from(`#${stateOf(sqlState)}`, 'latin1'),
    Buffer.from(text.replaceAll('\0', '').slice(0, MAX_MESSAGE), 'utf8'),
  ])
}

/** The same in place of a greeting: what a client can do isn't known, so it has no state. */
export function earlyErrorPayload({ number, message: text }: ServerError): Buffer {
  return Buffer.concat([Buffer.from([ERR_HEADER]), uint16(number), Buffer.from(text, 'utf8')])
}

export function encodeRefusal(error: ProxyError, sequence: number): Buffer {
  return message(sequence, errorPayload(wordingOf(error)))
}

/** A progress report of MariaDB: it has the header of an error. */
const PROGRESS = 0xffff

/** Reads an ERR packet's payload; throws PROTOCOL_VIOLATION. */
export function decodeError(payload: Buffer): ServerError {
  const reader = new PayloadReader(payload)
  if (reader.uint8() !== ERR_HEADER) throw new ProxyError('PROTOCOL_VIOLATION', 'not an error')
  const number = reader.uint16()
  if (number === PROGRESS) {
    throw new ProxyError('PROTOCOL_VIOLATION', 'a progress report that nobody asked for')
  }
  let sqlState = 'HY000'
  // An error before the handshake is over has no state.
  if (payload[reader.position] === 0x23 && reader.remaining >= 6) {
    reader.skip(1)
    sqlState = stateOf(reader.bytes(5).toString('latin1'))
  }
  return { number, sqlState, message: reader.rest().toString('utf8') }
}

function stateOf(text: string): string {
  return /^[0-9A-Z]{5}$/.test(text) ? text : 'HY000'
}
