import { once } from 'node:events'
import net from 'node:net'
import tls from 'node:tls'
import type { ResultColumn } from '../../src/wire/columns.ts'
import { decodeBinaryRow } from '../../src/wire/mysql/binary-row.ts'
import * as capability from '../../src/wire/mysql/capabilities.ts'
import { decodeColumn } from '../../src/wire/mysql/column-definition.ts'
import * as command from '../../src/wire/mysql/commands.ts'
import { decodeError, ERR_HEADER, type ServerError } from '../../src/wire/mysql/errors.ts'
import { decodeGreeting, type Greeting } from '../../src/wire/mysql/greeting.ts'
import {
  encodeHandshakeResponse,
  encodeSslRequest,
} from '../../src/wire/mysql/handshake-response.ts'
import { decodeOk, endsRows, type OkPacket } from '../../src/wire/mysql/ok-packet.ts'
import { MAX_PAYLOAD, message, payloadLength } from '../../src/wire/mysql/packets.ts'
import {
  CACHING_SHA2,
  cachingSha2Proof,
  NATIVE,
  nativeProof,
} from '../../src/wire/mysql/password-proofs.ts'
import { lenencBytes, PayloadReader, uint8, uint16, uint32 } from '../../src/wire/mysql/payload.ts'
import { decodeTextRow } from '../../src/wire/mysql/text-row.ts'

/** Long past anything that is waited for: a reply that never comes has to fail its own test. */
const DEADLINE_MS = 20_000
const UTF8MB4_GENERAL_CI = 45
const OK = 0x00
const AUTH_MORE_DATA = 0x01
const FULL_AUTHENTICATION = 0x04
const LOCAL_INFILE = 0xfb
const EOF = 0xfe
const SERVER_MORE_RESULTS_EXISTS = 0x0008
const SERVER_STATUS_CURSOR_EXISTS = 0x0040

const FLAGS =
  capability.CLIENT_LONG_PASSWORD |
  capability.CLIENT_LONG_FLAG |
  capability.CLIENT_CONNECT_WITH_DB |
  capability.CLIENT_PROTOCOL_41 |
  capability.CLIENT_TRANSACTIONS |
  capability.CLIENT_SECURE_CONNECTION |
  capability.CLIENT_MULTI_STATEMENTS |
  capability.CLIENT_MULTI_RESULTS |
  capability.CLIENT_PS_MULTI_RESULTS |
  capability.CLIENT_PLUGIN_AUTH |
  capability.CLIENT_CONNECT_ATTRS |
  capability.CLIENT_PLUGIN_AUTH_LENENC_CLIENT_DATA |
  capability.CLIENT_SESSION_TRACK

/** SERVER_STATUS_NO_GOOD_INDEX_USED and SERVER_STATUS_NO_INDEX_USED. */
const PLAN_FLAGS = 0x30
const STATUS_AT = 3

/**
 * An OK or EOF packet of small numbers without what it says of the plan: statistics are made anew
 * behind the server's back, so that two sessions can be told otherwise. Any other payload as it is.
 */
export function withoutPlanFlags(payload: Buffer): Buffer {
  const ends = payload[0] === 0xfe ? payload.length <= 7 : payload[0] === 0 && payload.length === 7
  if (!ends || payload.length < 5) return payload
  const copy = Buffer.from(payload)
  copy[STATUS_AT] = (copy[STATUS_AT] as number) & ~PLAN_FLAGS
  return copy
}

export interface MysqlLogin {
  readonly user: string
  readonly password: string
  readonly database?: string
  readonly collation?: number
  /** More capabilities than a plain client's. */
  readonly flags?: number
  readonly attributes?: Readonly<Record<string, string>>
  readonly plugin?: string
  /** Goes on over TLS. */
  readonly tls?: boolean
}

export type Cell = Buffer | null

/** One result of an answer: rows, or the OK packet that stands in their place. */
export interface MysqlResult {
  readonly columns: readonly ResultColumn[]
  readonly rows: readonly (readonly Cell[])[]
  readonly ok: OkPacket | null
}

/** All that the server says to one command. */
export interface MysqlAnswer {
  readonly payloads: readonly Buffer[]
  readonly results: readonly MysqlResult[]
  readonly error: ServerError | null
}

export interface Prepared {
  readonly id: number
  readonly parameters: number
  readonly error: ServerError | null
  readonly payloads: readonly Buffer[]
}

/** What a client binds: with a type of the protocol, or one that fits. */
export type Bound = null | string | number | bigint | Buffer | { type: number; bytes: Buffer }

/** A login that was refused, as the server says it. */
export class Refused extends Error {
  readonly error: ServerError

  constructor(error: ServerError) {
    super(error.message)
    this.error = error
  }
}

/** A MySQL client that says exactly what it is told to and keeps every byte of the answers. */
export class MysqlRaw {
  #socket: net.Socket
  #bytes = Buffer.alloc(0)
  #ended = false
  #wake: (() => void) | null = null
  #sequence = 0
  #deprecateEof = false
  greeting!: Greeting
  /** Payloads of the handshake that came before it was over. */
  readonly handshake: Buffer[] = []
  /** Types of the columns of an open cursor's rows, by statement. */
  readonly #cursors = new Map<number, readonly number[]>()

  private constructor(socket: net.Socket) {
    this.#socket = socket
    this.#listen()
  }

  /** Connects; nothing is read or said. */
  static async connect(port: number): Promise<MysqlRaw> {
    const socket = net.connect({ port, host: '127.0.0.1', noDelay: true })
    await once(socket, 'connect')
    return new MysqlRaw(socket)
  }

  /** Connects and logs in. Rejects with Refused. */
  static async login(port: number, login: MysqlLogin): Promise<MysqlRaw> {
    const client = await MysqlRaw.connect(port)
    try {
      await client.greeted()
      await client.authenticate(login)
      return client
    } catch (error) {
      client.destroy()
      throw error
    }
  }

  /** Reads the greeting. Rejects with Refused where there is an error in its place. */
  async greeted(): Promise<Greeting> {
    const payload = await this.packet()
    if (payload[0] === ERR_HEADER) throw new Refused(decodeError(payload))
    this.greeting = decodeGreeting(payload)
    return this.greeting
  }

  async authenticate(login: MysqlLogin): Promise<void> {
    const { user, password, database = '', collation = UTF8MB4_GENERAL_CI, plugin } = login
    const { scramble } = this.greeting
    const flags = (FLAGS | (login.flags ?? 0)) >>> 0
    this.#deprecateEof =
      (flags & this.greeting.capabilities & capability.CLIENT_DEPRECATE_EOF) !== 0
    const capabilities = (login.tls ? flags | capability.CLIENT_SSL : flags) >>> 0
    if (login.tls) {
      this.packetOut(encodeSslRequest(capabilities, collation))
      await this.secure()
    }
    const method = plugin ?? CACHING_SHA2
    this.packetOut(
      encodeHandshakeResponse({
        capabilities,
        collation,
        user,
        authResponse: proofOf(method, password, scramble),
        database,
        plugin: method,
        attributes: new Map(Object.entries(login.attributes ?? {})),
      }),
    )
    for (;;) {
      const payload = await this.packet()
      this.handshake.push(payload)
      if (payload[0] === OK) return
      if (payload[0] === ERR_HEADER) throw new Refused(decodeError(payload))
      if (payload[0] === EOF) this.#switched(payload, password)
      else if (payload[0] === AUTH_MORE_DATA && payload[1] === FULL_AUTHENTICATION) {
        this.packetOut(Buffer.from(`${login.tls ? password : ''}\0`))
      }
    }
  }

  /** AuthSwitchRequest: another plugin, with a scramble of its own. */
  #switched(payload: Buffer, password: string): void {
    const reader = new PayloadReader(payload, 1)
    const plugin = reader.cstringBytes().toString('latin1')
    this.packetOut(proofOf(plugin, password, reader.rest().subarray(0, 20)))
  }

  #listen(): void {
    const wake = () => {
      this.#wake?.()
      this.#wake = null
    }
    this.#socket.on('data', (chunk) => {
      this.#bytes = this.#bytes.length === 0 ? chunk : Buffer.concat([this.#bytes, chunk])
      wake()
    })
    this.#socket.on('error', () => {})
    this.#socket.on('close', () => {
      this.#ended = true
      wake()
    })
  }

  /** Runs TLS from here on. */
  async secure(): Promise<void> {
    this.#socket.removeAllListeners()
    const secured = tls.connect({ socket: this.#socket, rejectUnauthorized: false })
    secured.on('error', () => {})
    await Promise.race([
      once(secured, 'secureConnect'),
      once(secured, 'close').then(() => {
        throw new Error('TLS was refused')
      }),
    ])
    this.#socket = secured
    this.#listen()
  }

  get ended(): boolean {
    return this.#ended
  }

  destroy(): void {
    this.#socket.destroy()
  }

  pause(): void {
    this.#socket.pause()
  }

  resume(): void {
    this.#socket.resume()
  }

  /** Sends bytes as they are. */
  send(...parts: readonly Buffer[]): void {
    this.#socket.write(Buffer.concat(parts))
  }

  /** Sends one packet with the sequence id that is next. */
  packetOut(...parts: readonly Buffer[]): void {
    const bytes = message(this.#sequence, ...parts)
    this.#sequence = (this.#sequence + Math.ceil((bytes.length - 4) / MAX_PAYLOAD || 1)) & 0xff
    this.#socket.write(bytes)
  }

  /** A command without waiting for its answer. */
  say(code: number, ...parts: readonly Buffer[]): void {
    this.#sequence = 0
    this.packetOut(uint8(code), ...parts)
  }

  async #more(wanted: string): Promise<void> {
    let timer: NodeJS.Timeout | undefined
    const late = new Promise<never>((_resolve, reject) => {
      timer = setTimeout(() => reject(new Error(`waited for ${wanted}`)), DEADLINE_MS)
    })
    const more = new Promise<void>((resolve) => {
      this.#wake = resolve
    })
    await Promise.race([more, late]).finally(() => clearTimeout(timer))
  }

  /** Resolves once the other end has closed. */
  async closed(): Promise<void> {
    while (!this.#ended) await this.#more('the end')
  }

  /** All that has come when `words` have, the connection has ended, or `ms` are over. */
  async heard(words: string, ms: number): Promise<Buffer> {
    const until = performance.now() + ms
    while (!this.#bytes.includes(words) && !this.#ended && performance.now() < until) {
      await new Promise<void>((resolve) => {
        this.#wake = resolve
        setTimeout(resolve, ms).unref()
      })
    }
    return this.#bytes
  }

  /** The payload of the next message, of one packet or more. Rejects where the connection ends. */
  async packet(): Promise<Buffer> {
    const parts: Buffer[] = []
    for (;;) {
      const header = await this.#read(4)
      const length = payloadLength(header, 0)
      this.#sequence = ((header[3] as number) + 1) & 0xff
      parts.push(await this.#read(length))
      if (length < MAX_PAYLOAD)
        return parts.length === 1 ? (parts[0] as Buffer) : Buffer.concat(parts)
    }
  }

  async #read(count: number): Promise<Buffer> {
    while (this.#bytes.length < count) {
      if (this.#ended) throw new Error('the connection has ended')
      await this.#more(`${count} bytes`)
    }
    const taken = this.#bytes.subarray(0, count)
    this.#bytes = this.#bytes.subarray(count)
    return taken
  }

  /** True where nothing is unread. */
  get quiet(): boolean {
    return this.#bytes.length === 0
  }

  // === commands

  async query(sql: string | Buffer): Promise<MysqlAnswer> {
    this.say(command.COM_QUERY, Buffer.from(sql))
    return this.answer(false)
  }

  /** A command that OK or an error answers. */
  async command(code: number, ...parts: readonly Buffer[]): Promise<MysqlAnswer> {
    this.say(code, ...parts)
    return this.answer(false)
  }

  async prepare(sql: string | Buffer): Promise<Prepared> {
    this.say(command.COM_STMT_PREPARE, Buffer.from(sql))
    return this.prepared()
  }

  /** The answer to a COM_STMT_PREPARE. */
  async prepared(): Promise<Prepared> {
    const first = await this.packet()
    const payloads = [first]
    if (first[0] === ERR_HEADER) {
      return { id: 0, parameters: 0, error: decodeError(first), payloads }
    }
    const reader = new PayloadReader(first, 1)
    const id = reader.uint32()
    const columns = reader.uint16()
    const parameters = reader.uint16()
    for (const count of [parameters, columns]) {
      const packets = count === 0 ? 0 : count + (this.#deprecateEof ? 0 : 1)
      for (let index = 0; index < packets; index++) payloads.push(await this.packet())
    }
    return { id, parameters, error: null, payloads }
  }

  /** Runs a prepared statement; `cursor` leaves its rows for fetch(). */
  async execute(
    id: number,
    values: readonly Bound[] = [],
    options: { readonly cursor?: boolean; readonly types?: boolean } = {},
  ): Promise<MysqlAnswer> {
    this.say(command.COM_STMT_EXECUTE, executeBody(id, values, options))
    return this.answer(true, id)
  }

  async fetch(id: number, rows: number): Promise<MysqlAnswer> {
    this.say(command.COM_STMT_FETCH, uint32(id), uint32(rows))
    const payloads: Buffer[] = []
    const cells: Cell[][] = []
    const types = this.#cursors.get(id) ?? []
    for (;;) {
      const payload = await this.packet()
      payloads.push(payload)
      if (payload[0] === ERR_HEADER) return { payloads, results: [], error: decodeError(payload) }
      if (endsRows(payload[0] ?? -1, payload.length)) {
        return { payloads, results: [{ columns: [], rows: cells, ok: null }], error: null }
      }
      cells.push(decodeBinaryRow(payload, types))
    }
  }

  /** The answer to a COM_FIELD_LIST, which has no count of its columns. */
  async fieldList(table: string): Promise<Buffer[]> {
    this.say(command.COM_FIELD_LIST, Buffer.from(`${table}\0`))
    for (const payloads: Buffer[] = []; ; ) {
      const payload = await this.packet()
      payloads.push(payload)
      if (payload[0] === ERR_HEADER || endsRows(payload[0] ?? -1, payload.length)) return payloads
    }
  }

  sendLongData(id: number, parameter: number, data: Buffer): void {
    this.say(command.COM_STMT_SEND_LONG_DATA, uint32(id), uint16(parameter), data)
  }

  /** Prepares, runs and frees. */
  async run(sql: string, values: readonly Bound[] = []): Promise<MysqlAnswer> {
    const { id, error, payloads } = await this.prepare(sql)
    if (error) return { payloads, results: [], error }
    const answer = await this.execute(id, values)
    this.say(command.COM_STMT_CLOSE, uint32(id))
    return { ...answer, payloads: [...payloads, ...answer.payloads] }
  }

  /** Everything up to the last result, or the error. */
  async answer(binary: boolean, statement = 0): Promise<MysqlAnswer> {
    const payloads: Buffer[] = []
    const next = async () => {
      const payload = await this.packet()
      payloads.push(payload)
      return payload
    }
    const results: MysqlResult[] = []
    for (;;) {
      const first = await next()
      if (first[0] === ERR_HEADER) return { payloads, results, error: decodeError(first) }
      // What answers COM_SET_OPTION.
      if (first[0] === EOF && first.length === 5) return { payloads, results, error: null }
      if (first[0] === LOCAL_INFILE) {
        this.packetOut(Buffer.alloc(0))
        continue
      }
      if (first[0] === OK) {
        const ok = decodeOk(first)
        results.push({ columns: [], rows: [], ok })
        if ((ok.status & SERVER_MORE_RESULTS_EXISTS) === 0)
          return { payloads, results, error: null }
        continue
      }
      const count = new PayloadReader(first).lenencInt()
      const columns: ResultColumn[] = []
      while (columns.length < count) columns.push(columnIn(await next(), binary))
      const types = columns.map(({ typeOid }) => typeOid)
      let status = 0
      if (!this.#deprecateEof) {
        // Servers that open a cursor can fail between its columns and their end.
        const end = await next()
        if (end[0] === ERR_HEADER) return { payloads, results, error: decodeError(end) }
        status = statusOf(end, false)
      }
      const rows: Cell[][] = []
      if ((status & SERVER_STATUS_CURSOR_EXISTS) === 0) {
        for (;;) {
          const payload = await next()
          if (payload[0] === ERR_HEADER) {
            results.push({ columns, rows, ok: null })
            return { payloads, results, error: decodeError(payload) }
          }
          if (endsRows(payload[0] ?? -1, payload.length)) {
            status = statusOf(payload, this.#deprecateEof)
            break
          }
          rows.push(binary ? decodeBinaryRow(payload, types) : decodeTextRow(payload, count))
        }
      }
      if ((status & SERVER_STATUS_CURSOR_EXISTS) !== 0) this.#cursors.set(statement, types)
      results.push({ columns, rows, ok: null })
      if ((status & SERVER_MORE_RESULTS_EXISTS) === 0) return { payloads, results, error: null }
    }
  }
}

/** Definitions come in the character set of results, which can be UTF-16. */
function columnIn(payload: Buffer, binary: boolean): ResultColumn {
  try {
    return decodeColumn(payload, binary)
  } catch {
    const name = payload.toString('utf16le')
    return { name, tableOid: 0, columnNumber: 0, typeOid: 0xfd, typeModifier: -1, format: 0 }
  }
}

function statusOf(payload: Buffer, deprecateEof: boolean): number {
  return deprecateEof ? decodeOk(payload).status : payload.readUInt16LE(3)
}

function proofOf(plugin: string, password: string, scramble: Buffer): Buffer {
  if (plugin === NATIVE) return nativeProof(password, scramble)
  return cachingSha2Proof(password, scramble)
}

/** Int4 statement, Int1 flags, Int4 iterations, then NULL bitmap, types and values. */
export function executeBody(
  id: number,
  values: readonly Bound[],
  { cursor = false, types = true }: { readonly cursor?: boolean; readonly types?: boolean } = {},
): Buffer {
  const head = [uint32(id), uint8(cursor ? 1 : 0), uint32(1)]
  if (values.length === 0) return Buffer.concat(head)
  const bitmap = Buffer.alloc((values.length + 7) >> 3)
  const bound = values.map((value, index) => {
    if (value === null) bitmap[index >> 3] = (bitmap[index >> 3] as number) | (1 << (index & 7))
    return encodeBound(value)
  })
  return Buffer.concat([
    ...head,
    bitmap,
    uint8(types ? 1 : 0),
    ...(types ? bound.map(({ type }) => uint16(type)) : []),
    ...bound.map(({ bytes }) => bytes),
  ])
}

/** MYSQL_TYPE_NULL, _LONGLONG, _VAR_STRING, _BLOB */
function encodeBound(value: Bound): { type: number; bytes: Buffer } {
  if (value === null) return { type: 0x06, bytes: Buffer.alloc(0) }
  if (typeof value === 'number' || typeof value === 'bigint') {
    const bytes = Buffer.alloc(8)
    bytes.writeBigInt64LE(BigInt(value))
    return { type: 0x08, bytes }
  }
  if (typeof value === 'string') return { type: 0xfd, bytes: lenencBytes(Buffer.from(value)) }
  if (Buffer.isBuffer(value)) return { type: 0xfc, bytes: lenencBytes(value) }
  return value
}

/** Everything that was said, one character a byte. */
export function textIn(payloads: readonly Buffer[]): string {
  return payloads.map((payload) => payload.toString('latin1')).join('\n')
}

/** All cells of an answer, as texts. */
export function valuesIn({ results }: MysqlAnswer): (string | null | undefined)[] {
  return results.flatMap(({ rows }) => rows.flat().map((cell) => cell?.toString('utf8')))
}
