import { connect, type Socket } from 'node:net'

/** A result set of one statement, or what came instead of it. */
export interface MysqlResult {
  readonly rows: readonly (readonly (string | null)[])[]
  readonly error: { readonly code: number; readonly message: string } | null
}

const CLIENT_LONG_PASSWORD = 0x1
const CLIENT_PROTOCOL_41 = 0x200
const CLIENT_TRANSACTIONS = 0x2000
const CLIENT_SECURE_CONNECTION = 0x8000
const CLIENT_MULTI_STATEMENTS = 0x1_0000
const CLIENT_MULTI_RESULTS = 0x2_0000
const CLIENT_PLUGIN_AUTH = 0x8_0000
const SERVER_MORE_RESULTS_EXISTS = 0x8

const COM_QUERY = 0x03
const COM_RESET_CONNECTION = 0x1f
const OK = 0x00
const LOCAL_INFILE = 0xfb
const EOF = 0xfe
const ERR = 0xff

/** utf8mb4_general_ci */
const CHARACTER_SET = 45

/**
 * A client for tests that speaks the text protocol and no more, as a user without a password. It
 * sends bytes as they are given, which no driver does.
 */
export class MysqlClient {
  readonly #socket: Socket
  #buffer = Buffer.alloc(0)
  #wake: (() => void) | null = null
  #failure: Error | null = null
  #sequence = 0

  private constructor(socket: Socket) {
    this.#socket = socket
    socket.setNoDelay(true)
    socket.on('data', (bytes) => {
      this.#buffer = Buffer.concat([this.#buffer, bytes])
      this.#wake?.()
    })
    const fail = (error: Error) => {
      this.#failure ??= error
      this.#wake?.()
    }
    socket.on('error', fail)
    socket.on('close', () => fail(new Error('the server has closed the connection')))
  }

  static async open(port: number, user: string, database = ''): Promise<MysqlClient> {
    const client = new MysqlClient(connect(port, '127.0.0.1'))
    await client.#packet() // the greeting
    client.#send(loginOf(user))
    for (;;) {
      const answer = await client.#packet()
      if (answer[0] === OK) break
      if (answer[0] === ERR) throw new Error(errorOf(answer).message)
      // AuthSwitchRequest: without a password the answer is empty whatever the method is.
      client.#send(Buffer.alloc(0))
    }
    if (database !== '') await client.query(`USE \`${database}\``)
    return client
  }

  /** Every result of a text of one or more statements; the last may be an error. */
  async query(sql: string | Buffer): Promise<readonly MysqlResult[]> {
    this.#command(COM_QUERY, Buffer.isBuffer(sql) ? sql : Buffer.from(sql))
    const results: MysqlResult[] = []
    for (;;) {
      const { result, more } = await this.#result()
      results.push(result)
      if (!more) return results
    }
  }

  async reset(): Promise<void> {
    this.#command(COM_RESET_CONNECTION, Buffer.alloc(0))
    await this.#packet()
  }

  close(): void {
    this.#socket.destroy()
  }

  async #result(): Promise<{ result: MysqlResult; more: boolean }> {
    const first = await this.#packet()
    if (first[0] === ERR) return { result: { rows: [], error: errorOf(first) }, more: false }
    if (first[0] === OK) return { result: { rows: [], error: null }, more: moreAfterOk(first) }
    if (first[0] === LOCAL_INFILE) {
      this.#send(Buffer.alloc(0)) // no file
      return this.#result()
    }
    const columns = Number(lengthAt(first, 0).value)
    for (let column = 0; column <= columns; column++) await this.#packet() // and EOF
    const rows: (string | null)[][] = []
    for (;;) {
      const packet = await this.#packet()
      if (packet[0] === ERR) return { result: { rows, error: errorOf(packet) }, more: false }
      if (packet[0] === EOF && packet.length < 9) {
        const more = (packet.readUInt16LE(3) & SERVER_MORE_RESULTS_EXISTS) !== 0
        return { result: { rows, error: null }, more }
      }
      rows.push(cellsOf(packet))
    }
  }

  #command(command: number, payload: Buffer): void {
    this.#sequence = 0
    this.#send(Buffer.concat([Buffer.of(command), payload]))
  }

  #send(payload: Buffer): void {
    const header = Buffer.alloc(4)
    header.writeUIntLE(payload.length, 0, 3)
    header[3] = this.#sequence++
    this.#socket.write(Buffer.concat([header, payload]))
  }

  async #packet(): Promise<Buffer> {
    for (;;) {
      const length = this.#buffer.length < 4 ? -1 : this.#buffer.readUIntLE(0, 3)
      if (length >= 0 && this.#buffer.length >= length + 4) {
        this.#sequence = (this.#buffer[3] as number) + 1
        const payload = this.#buffer.subarray(4, length + 4)
        this.#buffer = this.#buffer.subarray(length + 4)
        return payload
      }
      if (this.#failure) throw this.#failure
      await new Promise<void>((resolve) => {
        this.#wake = resolve
      })
    }
  }
}

function loginOf(user: string): Buffer {
  const flags =
    CLIENT_LONG_PASSWORD |
    CLIENT_PROTOCOL_41 |
    CLIENT_TRANSACTIONS |
    CLIENT_SECURE_CONNECTION |
    CLIENT_MULTI_STATEMENTS |
    CLIENT_MULTI_RESULTS |
    CLIENT_PLUGIN_AUTH
  const head = Buffer.alloc(32)
  head.writeUInt32LE(flags, 0)
  head.writeUInt32LE(0x100_0000, 4)
  head[8] = CHARACTER_SET
  return Buffer.concat([head, Buffer.from(`${user}\0\0mysql_native_password\0`)])
}

function errorOf(packet: Buffer): { code: number; message: string } {
  const state = packet[3] === 0x23 ? 9 : 3
  return { code: packet.readUInt16LE(1), message: packet.toString('utf8', state) }
}

/** OK: affected rows, last id, then the status. */
function moreAfterOk(packet: Buffer): boolean {
  const rows = lengthAt(packet, 1)
  const id = lengthAt(packet, rows.end)
  return (packet.readUInt16LE(id.end) & SERVER_MORE_RESULTS_EXISTS) !== 0
}

/** A length-encoded integer. */
function lengthAt(packet: Buffer, at: number): { value: bigint; end: number } {
  const first = packet[at] as number
  if (first < 0xfb) return { value: BigInt(first), end: at + 1 }
  if (first === 0xfc) return { value: BigInt(packet.readUInt16LE(at + 1)), end: at + 3 }
  if (first === 0xfd) return { value: BigInt(packet.readUIntLE(at + 1, 3)), end: at + 4 }
  return { value: packet.readBigUInt64LE(at + 1), end: at + 9 }
}

function cellsOf(packet: Buffer): (string | null)[] {
  const cells: (string | null)[] = []
  for (let at = 0; at < packet.length; ) {
    if (packet[at] === 0xfb) {
      cells.push(null)
      at++
      continue
    }
    const { value, end } = lengthAt(packet, at)
    at = end + Number(value)
    cells.push(packet.toString('utf8', end, at))
  }
  return cells
}
