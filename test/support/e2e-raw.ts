import { once } from 'node:events'
import net from 'node:net'
import tls from 'node:tls'
import sasl from 'pg/lib/crypto/sasl.js'
import { serialize } from 'pg-protocol'

/** Long past anything that is waited for: a reply that never comes has to fail its own test. */
const DEADLINE_MS = 20_000
const PROTOCOL_3_0 = 196608

/** One message of the server, header included. */
export interface RawMessage {
  /** Its letter in the manual, section 54.7. */
  readonly type: string
  readonly frame: Buffer
}

export interface Login {
  readonly user: string
  readonly password: string
  readonly database: string
  /** 196608 is protocol 3.0. */
  readonly version?: number
  readonly parameters?: Readonly<Record<string, string>>
}

/** A PostgreSQL client that says exactly what it is told to and keeps every byte of the answers. */
export class RawClient {
  #socket: net.Socket
  #bytes = Buffer.alloc(0)
  #ended = false
  #wake: (() => void) | null = null

  private constructor(socket: net.Socket) {
    this.#socket = socket
    this.#listen()
  }

  static async open(port: number): Promise<RawClient> {
    const socket = net.connect({ port, host: '127.0.0.1', noDelay: true })
    await once(socket, 'connect')
    return new RawClient(socket)
  }

  /** Connects and logs in; the login's messages, up to ReadyForQuery, are in `greeting`. */
  static async login(
    port: number,
    login: Login,
  ): Promise<{ client: RawClient; greeting: readonly RawMessage[] }> {
    const client = await RawClient.open(port)
    return { client, greeting: await client.authenticate(login) }
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

  /** Sends all of it with one write. */
  send(...parts: readonly Buffer[]): void {
    this.#socket.write(Buffer.concat(parts))
  }

  /** Stops reading, so that the other end meets backpressure. */
  pause(): void {
    this.#socket.pause()
  }

  resume(): void {
    this.#socket.resume()
  }

  destroy(): void {
    this.#socket.destroy()
  }

  /** Resolves once the other end has closed. */
  async closed(): Promise<void> {
    while (!this.#ended) await this.#more('the end')
  }

  async #more(wanted: string): Promise<void> {
    let timer: NodeJS.Timeout | undefined
    const late = new Promise<never>((_resolve, reject) => {
      timer = setTimeout(() => {
        const got = this.#bytes.subarray(0, 200).toString('latin1')
        reject(new Error(`waited for ${wanted}; unread: ${JSON.stringify(got)}`))
      }, DEADLINE_MS)
    })
    const more = new Promise<void>((resolve) => {
      this.#wake = resolve
    })
    await Promise.race([more, late]).finally(() => clearTimeout(timer))
  }

  /** Exactly `count` bytes, or fewer where the connection ends. */
  async read(count: number): Promise<Buffer> {
    while (this.#bytes.length < count && !this.#ended) await this.#more(`${count} bytes`)
    const taken = this.#bytes.subarray(0, count)
    this.#bytes = this.#bytes.subarray(count)
    return taken
  }

  /** All that has come when `words` have, the connection has ended, or `ms` are over. */
  async heard(words: string, ms: number): Promise<Buffer> {
    const until = performance.now() + ms
    while (!this.#bytes.includes(words) && !this.#ended && performance.now() < until) {
      const more = new Promise<void>((resolve) => {
        this.#wake = resolve
        setTimeout(resolve, ms).unref()
      })
      await more
    }
    return this.#bytes
  }

  /** The next message, or null where the connection has ended. */
  async message(): Promise<RawMessage | null> {
    const header = await this.read(5)
    if (header.length < 5) return null
    const rest = await this.read(header.readUInt32BE(1) - 4)
    return {
      type: String.fromCharCode(header[0] as number),
      frame: Buffer.concat([header, rest]),
    }
  }

  /** Messages up to and with the first of a type, or to the end of the connection. */
  async until(type: string): Promise<RawMessage[]> {
    const messages: RawMessage[] = []
    for (;;) {
      const message = await this.message()
      if (!message) return messages
      messages.push(message)
      if (message.type === type) return messages
    }
  }

  /** Everything up to the end of the connection. */
  async untilEnd(): Promise<RawMessage[]> {
    return this.until('the connection ends')
  }

  /** One simple query and its answer. */
  async query(sql: string): Promise<RawMessage[]> {
    this.send(serialize.query(sql))
    return this.until('Z')
  }

  /** Runs TLS from here on. Rejects where the other end refuses. */
  async secure(options: tls.ConnectionOptions): Promise<void> {
    this.#socket.removeAllListeners()
    const secured = tls.connect({ ...options, socket: this.#socket, rejectUnauthorized: false })
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

  /** Startup and SCRAM. Answers all messages up to ReadyForQuery, or to the end. */
  async authenticate(login: Login): Promise<RawMessage[]> {
    const { user, password, database, parameters = {} } = login
    this.send(startupPacket({ user, database, ...parameters }, login.version))
    const messages: RawMessage[] = []
    const session = sasl.startSession(['SCRAM-SHA-256'], null)
    for (;;) {
      const message = await this.message()
      if (!message) return messages
      messages.push(message)
      if (message.type === 'Z') return messages
      if (message.type !== 'R') continue
      const step = message.frame.readInt32BE(5)
      const text = message.frame.subarray(9).toString('utf8')
      if (step === 10)
        this.send(serialize.sendSASLInitialResponseMessage(session.mechanism, session.response))
      if (step === 11) {
        await sasl.continueSession(session, password, text, null)
        this.send(serialize.sendSCRAMClientFinalMessage(session.response))
      }
    }
  }
}

export function startupPacket(
  parameters: Readonly<Record<string, string>>,
  version = PROTOCOL_3_0,
): Buffer {
  const pairs = Object.entries(parameters).flatMap(([name, value]) => [
    Buffer.from(`${name}\0`),
    Buffer.from(`${value}\0`),
  ])
  return untyped(int32(version), ...pairs, Buffer.from([0]))
}

/** A packet without a type: length, then its parts. */
export function untyped(...parts: readonly Buffer[]): Buffer {
  const body = Buffer.concat(parts)
  return Buffer.concat([int32(body.length + 4), body])
}

export function typed(letter: string, ...parts: readonly Buffer[]): Buffer {
  return Buffer.concat([Buffer.from(letter), untyped(...parts)])
}

export function int32(value: number): Buffer {
  const bytes = Buffer.alloc(4)
  bytes.writeUInt32BE(value >>> 0, 0)
  return bytes
}

/** The letters of the messages, one after the other: "1", "2", "T", "D", "C", "Z" is `12TDCZ`. */
export function letters(messages: readonly RawMessage[]): string {
  return messages.map((message) => message.type).join('')
}

/** Fields of the first ErrorResponse, by their letter; empty where there is none. */
export function errorOf(messages: readonly RawMessage[]): Record<string, string> {
  const error = messages.find((message) => message.type === 'E')
  return error ? fieldsOf(error) : {}
}

export function fieldsOf(message: RawMessage): Record<string, string> {
  const fields: Record<string, string> = {}
  for (const field of message.frame.subarray(5).toString('utf8').split('\0')) {
    if (field !== '') fields[field[0] as string] = field.slice(1)
  }
  return fields
}

/** The cells of every DataRow. */
export function rowsOf(messages: readonly RawMessage[]): (Buffer | null)[][] {
  return messages.filter((message) => message.type === 'D').map(({ frame }) => cellsOf(frame))
}

function cellsOf(frame: Buffer): (Buffer | null)[] {
  const cells: (Buffer | null)[] = []
  let at = 7
  for (let count = frame.readUInt16BE(5); count > 0; count--) {
    const length = frame.readInt32BE(at)
    at += 4
    cells.push(length < 0 ? null : frame.subarray(at, at + length))
    at += Math.max(length, 0)
  }
  return cells
}

/** Process id and secret of BackendKeyData. */
export function cancelKeyOf(greeting: readonly RawMessage[]): Buffer {
  const key = greeting.find((message) => message.type === 'K')
  if (!key) throw new Error('no BackendKeyData')
  return key.frame.subarray(5)
}

export function cancelRequest(key: Buffer): Buffer {
  return untyped(int32(80877102), key)
}
