import type tls from 'node:tls'
import type { ClientChannel, ServerChannel, TlsFacts } from '../wire/handshake-channel.ts'
import type { Connection, ServerTls } from './connection.ts'
import { HandshakeReader } from './handshake-reader.ts'

class Channel {
  readonly connection: Connection
  reader: HandshakeReader

  constructor(connection: Connection) {
    this.connection = connection
    this.reader = new HandshakeReader(connection)
  }

  get buffered(): number {
    return this.reader.buffered
  }

  get tls(): TlsFacts | null {
    return this.connection.tls
  }

  read(count: number): Promise<Buffer> {
    return this.reader.read(count)
  }

  peek(): Promise<number> {
    return this.reader.peek()
  }

  write(bytes: Buffer): void {
    this.connection.write(bytes)
  }
}

/** The handshake with an agent. */
export class AgentChannel extends Channel implements ServerChannel {
  readonly #tls: ServerTls | null

  constructor(connection: Connection, serverTls: ServerTls | null) {
    super(connection)
    this.#tls = serverTls
  }

  get offersTls(): boolean {
    return this.#tls !== null
  }

  get remoteAddress(): string {
    return this.connection.remoteAddress
  }

  async startTls(options: { readonly alpn: string | null }): Promise<void> {
    if (!this.#tls) throw new Error('TLS is not configured')
    const head = this.reader.rest()
    await this.connection.secureAsServer(this.#tls, options.alpn, head)
    this.reader = new HandshakeReader(this.connection)
  }
}

/** The handshake with a database. */
export class UpstreamChannel extends Channel implements ClientChannel {
  readonly #options: tls.ConnectionOptions

  constructor(connection: Connection, options: tls.ConnectionOptions) {
    super(connection)
    this.#options = options
  }

  async startTls(): Promise<void> {
    await this.connection.secureAsClient(this.#options)
    this.reader = new HandshakeReader(this.connection)
  }
}
