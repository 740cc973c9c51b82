import { createHash } from 'node:crypto'
import net from 'node:net'
import type { Path } from './systems.ts'

/*
 * A client that costs next to nothing: it hops from packet to packet and reads no row. Manual:
 * "Client/Server Protocol", protocol 41 without CLIENT_DEPRECATE_EOF, without TLS.
 */

const CLIENT_LONG_PASSWORD = 0x1
const CLIENT_CONNECT_WITH_DB = 0x8
const CLIENT_PROTOCOL_41 = 0x200
const CLIENT_TRANSACTIONS = 0x2000
const CLIENT_SECURE_CONNECTION = 0x8000
const CLIENT_PLUGIN_AUTH = 0x8_0000
const FLAGS =
  CLIENT_LONG_PASSWORD |
  CLIENT_CONNECT_WITH_DB |
  CLIENT_PROTOCOL_41 |
  CLIENT_TRANSACTIONS |
  CLIENT_SECURE_CONNECTION |
  CLIENT_PLUGIN_AUTH

const COM_QUIT = 0x01
const COM_QUERY = 0x03
const COM_STMT_PREPARE = 0x16
const COM_STMT_EXECUTE = 0x17
const MYSQL_TYPE_LONG = 0x03
const OK = 0x00
const AUTH_MORE_DATA = 0x01
const EOF = 0xfe
const ERR = 0xff
const HEADER = 4
/** utf8mb4_general_ci */
const COLLATION = 45
const PLUGIN = 'caching_sha2_password'
const NONCE = 20

/** How far an answer has come. */
type Phase = 'first' | 'columns' | 'rows' | 'prepared'

/** One connection; one command at a time. */
export class BenchClient {
  readonly #socket: net.Socket
  #rest: Buffer = Buffer.alloc(0)
  /** Bytes of the current packet that are still to come and needn't be looked at. */
  #skip = 0
  #phase: Phase = 'first'
  #left = 0
  #bytes = 0
  #settle: { resolve(bytes: number): void; reject(error: Error): void } | null = null

  private constructor(socket: net.Socket) {
    this.#socket = socket
  }

  static async connect({ host, port, user, password }: Path): Promise<BenchClient> {
    const socket = net.connect(port, host)
    socket.setNoDelay(true)
    const packets = new LoginPackets(socket)
    const greeting = await packets.next()
    socket.write(packet(1, response(user, password, nonceOf(greeting))))
    for (let sequence = 3; ; sequence += 2) {
      const answer = await packets.next()
      if (answer[0] === OK) break
      if (answer[0] === ERR) throw new Error(answer.toString('latin1', 3))
      // AuthSwitchRequest: method NUL nonce NUL; without a password the answer is empty.
      if (answer[0] === EOF) {
        const nonce = answer.subarray(answer.indexOf(0) + 1).subarray(0, NONCE)
        socket.write(packet(sequence, proof(password, nonce)))
      } else if (answer[0] !== AUTH_MORE_DATA) throw new Error('an answer that is not known')
    }
    packets.stop()
    const client = new BenchClient(socket)
    socket.on('data', (chunk) => client.#take(chunk))
    socket.on('close', () => client.#settle?.reject(new Error('the connection closed')))
    socket.on('error', () => {})
    return client
  }

  /** Runs a text; resolves with the size of the answer in bytes. */
  query(sql: string): Promise<number> {
    return this.send(queryFrame(sql))
  }

  /** Prepares a text of one parameter; returns what executes it with a whole number. */
  async prepare(sql: string): Promise<(value: number) => Promise<number>> {
    await this.send(command(COM_STMT_PREPARE, Buffer.from(sql)), 'prepared')
    const id = this.#statement
    return (value) => this.send(executeFrame(id, value))
  }

  #statement = 0

  /** Sends a whole packet and waits for the end of its answer. */
  send(frame: Buffer, phase: Phase = 'first'): Promise<number> {
    this.#phase = phase
    this.#bytes = 0
    this.#socket.write(frame)
    return new Promise((resolve, reject) => {
      this.#settle = { resolve, reject }
    })
  }

  end(): void {
    this.#socket.end(command(COM_QUIT, Buffer.alloc(0)))
  }

  #take(chunk: Buffer): void {
    this.#bytes += chunk.length
    if (chunk.length <= this.#skip) {
      this.#skip -= chunk.length
      return
    }
    const fresh = this.#skip > 0 ? chunk.subarray(this.#skip) : chunk
    const data = this.#rest.length > 0 ? Buffer.concat([this.#rest, fresh]) : fresh
    this.#skip = 0
    let at = 0
    while (data.length - at > HEADER) {
      const length = data.readUIntLE(at, 3)
      const code = data[at + HEADER] as number
      const short = length < 64 || code === ERR
      if (short && data.length - at < HEADER + length) break
      this.#packet(code, short ? data.subarray(at + HEADER, at + HEADER + length) : null, length)
      at += HEADER + length
    }
    if (at >= data.length) {
      this.#skip = at - data.length
      this.#rest = EMPTY
    } else this.#rest = Buffer.from(data.subarray(at))
  }

  /** `payload` is there where it is short. */
  #packet(code: number, payload: Buffer | null, length: number): void {
    if (code === ERR) {
      this.#done(new Error(payload?.toString('latin1', 3) ?? 'a long error'))
      return
    }
    switch (this.#phase) {
      case 'first':
        if (code === OK) this.#done(null)
        else {
          this.#left = code + 1
          this.#phase = 'columns'
        }
        break
      case 'columns':
        if (--this.#left === 0) this.#phase = 'rows'
        break
      case 'rows':
        if (code === EOF && length < 9) this.#done(null)
        break
      case 'prepared':
        this.#prepared(payload)
        break
    }
  }

  /** COM_STMT_PREPARE_OK, then each list that isn't empty with an EOF behind it. */
  #prepared(payload: Buffer | null): void {
    if (this.#left === 0 && payload) {
      this.#statement = payload.readUInt32LE(1)
      const lists = [payload.readUInt16LE(5), payload.readUInt16LE(7)].filter((count) => count > 0)
      this.#left = lists.reduce((sum, count) => sum + count + 1, 0)
    } else this.#left--
    if (this.#left === 0) this.#done(null)
  }

  #done(error: Error | null): void {
    const settle = this.#settle
    this.#settle = null
    this.#left = 0
    if (error) settle?.reject(error)
    else settle?.resolve(this.#bytes)
  }
}

const EMPTY = Buffer.alloc(0)

export function queryFrame(sql: string): Buffer {
  return command(COM_QUERY, Buffer.from(sql))
}

/** Int4 statement, Int1 flags, Int4 iterations, NULL bitmap, new types, type, value. */
export function executeFrame(statement: number, value: number): Buffer {
  const body = Buffer.alloc(17)
  body.writeUInt32LE(statement, 0)
  body.writeUInt32LE(1, 5)
  body[10] = 1
  body.writeUInt16LE(MYSQL_TYPE_LONG, 11)
  body.writeInt32LE(value, 13)
  return command(COM_STMT_EXECUTE, body)
}

function command(code: number, body: Buffer): Buffer {
  return packet(0, Buffer.concat([Buffer.of(code), body]))
}

function packet(sequence: number, payload: Buffer): Buffer {
  const header = Buffer.alloc(HEADER)
  header.writeUIntLE(payload.length, 0, 3)
  header[3] = sequence
  return Buffer.concat([header, payload])
}

function response(user: string, password: string, nonce: Buffer): Buffer {
  const head = Buffer.alloc(32)
  head.writeUInt32LE(FLAGS, 0)
  head.writeUInt32LE(0x100_0000, 4)
  head[8] = COLLATION
  const answer = proof(password, nonce)
  const parts = [`${user}\0`, Buffer.of(answer.length), answer, `shop\0${PLUGIN}\0`]
  return Buffer.concat([head, ...parts.map((part) => Buffer.from(part as string))])
}

/** Version NUL, Int4 id, 8 bytes of the nonce, filler, ..., 12 more from 27 bytes behind the id. */
function nonceOf(greeting: Buffer): Buffer {
  const at = greeting.indexOf(0, 1) + 5
  return Buffer.concat([greeting.subarray(at, at + 8), greeting.subarray(at + 27, at + 39)])
}

/** caching_sha2_password: SHA256(password) XOR SHA256(SHA256(SHA256(password)) + nonce). */
function proof(password: string, nonce: Buffer): Buffer {
  if (password === '') return EMPTY
  const sha = (...parts: readonly (Buffer | string)[]) =>
    parts.reduce((hash, part) => hash.update(part), createHash('sha256')).digest()
  const once = sha(password)
  const mixed = sha(sha(once), nonce)
  return once.map((byte, index) => byte ^ (mixed[index] as number)) as Buffer
}

/** The packets of a login, one by one. */
class LoginPackets {
  readonly #socket: net.Socket
  #buffer: Buffer = EMPTY
  #wake: (() => void) | null = null
  #failure: Error | null = null

  constructor(socket: net.Socket) {
    this.#socket = socket
    socket.on('data', (chunk) => {
      this.#buffer = Buffer.concat([this.#buffer, chunk])
      this.#wake?.()
    })
    socket.once('close', () => {
      this.#failure = new Error('the connection closed at login')
      this.#wake?.()
    })
    socket.on('error', () => {})
  }

  async next(): Promise<Buffer> {
    for (;;) {
      const length = this.#buffer.length < HEADER ? -1 : this.#buffer.readUIntLE(0, 3)
      if (length >= 0 && this.#buffer.length >= length + HEADER) {
        const payload = this.#buffer.subarray(HEADER, HEADER + length)
        this.#buffer = this.#buffer.subarray(HEADER + length)
        return payload
      }
      if (this.#failure) throw this.#failure
      await new Promise<void>((resolve) => {
        this.#wake = resolve
      })
    }
  }

  stop(): void {
    this.#socket.removeAllListeners('data')
    this.#socket.removeAllListeners('close')
  }
}
