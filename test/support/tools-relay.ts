import { once } from 'node:events'
import net from 'node:net'
import { decodeRequest } from '../../src/wire/postgres/frontend-messages.ts'
import type { Parameter } from '../../src/wire/requests.ts'

const SSL_REQUEST = 80877103
const GSSENC_REQUEST = 80877104
const CANCEL_REQUEST = 80877102
const NO = Buffer.from('N')
/** Bind of a value in binary. */
const BINARY = 1

/** A statement as it went by; of a prepared one the values of its first Bind. */
export interface Overheard {
  readonly sql: string
  readonly prepared: boolean
  readonly types: readonly number[]
  parameters: readonly (string | null | { readonly hex: string })[] | null
}

/**
 * Stands between a PostgreSQL client and its server and writes down what is asked. TLS is declined,
 * so that there is something to read.
 */
export class RecordingRelay {
  readonly heard: Overheard[] = []
  readonly #server = net.createServer((client) => this.#relay(client))
  readonly #upstream: number

  private constructor(upstream: number) {
    this.#upstream = upstream
  }

  static async open(upstream: number): Promise<RecordingRelay> {
    const relay = new RecordingRelay(upstream)
    relay.#server.listen(0, '127.0.0.1')
    await once(relay.#server, 'listening')
    return relay
  }

  get port(): number {
    return (this.#server.address() as net.AddressInfo).port
  }

  close(): void {
    this.#server.close()
  }

  #relay(client: net.Socket): void {
    const server = net.connect(this.#upstream, '127.0.0.1')
    const listener = new Listener(this.heard)
    client.on('data', (chunk) => {
      const { onward, declined } = listener.push(chunk)
      if (declined) client.write(NO)
      server.write(onward)
    })
    server.on('data', (chunk) => client.write(chunk))
    for (const [one, other] of [
      [client, server],
      [server, client],
    ] as const) {
      one.on('error', () => other.destroy())
      one.on('close', () => other.end())
    }
  }
}

/** Follows one client's half of the conversation. */
class Listener {
  #bytes = Buffer.alloc(0)
  #started = false
  readonly #heard: Overheard[]
  readonly #statements = new Map<string, Overheard>()

  constructor(heard: Overheard[]) {
    this.#heard = heard
  }

  push(chunk: Buffer): { readonly onward: Buffer; readonly declined: boolean } {
    this.#bytes = Buffer.concat([this.#bytes, chunk])
    if (this.#started) {
      this.#listen()
      return { onward: chunk, declined: false }
    }
    if (this.#bytes.length < 8 || this.#bytes.length < this.#bytes.readUInt32BE(0)) {
      return { onward: Buffer.alloc(0), declined: false }
    }
    return this.#startup()
  }

  #startup() {
    const whole = this.#bytes
    const code = whole.readUInt32BE(4)
    if (code === SSL_REQUEST || code === GSSENC_REQUEST) {
      this.#bytes = whole.subarray(8)
      return { onward: Buffer.alloc(0), declined: true }
    }
    this.#started = code !== CANCEL_REQUEST
    this.#bytes = whole.subarray(whole.readUInt32BE(0))
    this.#listen()
    return { onward: whole, declined: false }
  }

  #listen(): void {
    while (this.#bytes.length >= 5) {
      const length = 1 + this.#bytes.readUInt32BE(1)
      if (this.#bytes.length < length) return
      const frame = this.#bytes.subarray(0, length)
      this.#bytes = this.#bytes.subarray(length)
      // 'p' answers the server's questions about a password.
      if (frame[0] !== 0x70) this.#message(frame)
    }
  }

  #message(frame: Buffer): void {
    const request = decodeRequest(frame[0] as number, frame)
    if (request.kind === 'query') this.#add(request.sql, false, [])
    if (request.kind === 'prepare') {
      const statement = this.#add(request.sql, true, request.parameterTypes)
      this.#statements.set(String(request.statement), statement)
    }
    if (request.kind === 'bind') {
      const statement = this.#statements.get(String(request.statement))
      if (statement) statement.parameters ??= request.parameters.map(boundAs)
    }
  }

  #add(sql: Buffer, prepared: boolean, types: readonly number[]): Overheard {
    const one: Overheard = { sql: sql.toString('utf8'), prepared, types, parameters: null }
    this.#heard.push(one)
    return one
  }
}

function boundAs({ format, value }: Parameter): string | null | { readonly hex: string } {
  if (value === null) return null
  return format === BINARY ? { hex: value.toString('hex') } : value.toString('utf8')
}
