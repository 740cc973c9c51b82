import net from 'node:net'
import tls from 'node:tls'
import type { TlsFacts } from '../wire/handshake-channel.ts'
import { shownBy } from './client-certificate.ts'

/** Bytes of one read; a socket's own, so that a pending write elsewhere can't be overwritten. */
const READ_BUFFER = 64 * 1024
const NOTHING = Buffer.alloc(0)

/** Who hears what happens on a connection. */
export interface ConnectionListener {
  /** A view of the read buffer, valid during the call only. */
  bytes(chunk: Buffer): void
  /** Everything written has left, after `write` answered false. */
  drained(): void
  /** Called once; nothing comes after it. */
  closed(reason: string): void
}

/** How the server's side of TLS is run. */
export interface ServerTls {
  readonly context: tls.SecureContext
  /** True where clients may show certificates. */
  readonly asksCertificate: boolean
}

/**
 * One socket: bytes in, bytes out, backpressure, TLS. Plain sockets read into a static buffer
 * (`onread`); a TLS socket can't and reads by events.
 */
export class Connection {
  #socket: net.Socket
  #listener: ConnectionListener | null = null
  #closed: string | null = null
  #paused = true
  #early: Buffer[] = []
  #tls: TlsFacts | null = null
  #draining = false

  private constructor(socket: net.Socket) {
    this.#socket = socket
  }

  /** Takes over a socket that a server accepted with `pauseOnConnect`, before anything was read. */
  static accept(accepted: net.Socket): Connection {
    // Node gives `onread` to outgoing sockets only; an accepted one gets it by building a socket
    // round its handle. `_handle` and `handle` are undocumented, so their absence is provided for.
    const holder = accepted as unknown as { _handle: unknown }
    const handle = holder._handle
    if (!handle) return Connection.#withEvents(accepted)
    holder._handle = null
    const options = { handle, manualStart: true, allowHalfOpen: false }
    return Connection.#withOnread((onread) => new net.Socket({ ...options, onread } as never))
  }

  /** Connects to host:port, or to a unix socket where `host` is a path. */
  static connect(host: string, port: number): Connection {
    const target = host.startsWith('/') ? { path: host } : { host, port }
    return Connection.#withOnread((onread) =>
      net.connect({ ...target, onread } as net.NetConnectOpts),
    )
  }

  static #withOnread(make: (onread: net.OnReadOpts) => net.Socket): Connection {
    let connection: Connection | undefined
    const socket = make({
      buffer: Buffer.allocUnsafeSlow(READ_BUFFER),
      callback: (count, buffer) => {
        if (connection === undefined) return false
        connection.#received((buffer as Buffer).subarray(0, count))
        return !connection.#paused
      },
    })
    connection = new Connection(socket)
    connection.#watch(socket)
    return connection
  }

  static #withEvents(socket: net.Socket): Connection {
    const connection = new Connection(socket)
    socket.on('data', (chunk) => connection.#received(chunk))
    socket.pause()
    connection.#watch(socket)
    return connection
  }

  #watch(socket: net.Socket): void {
    socket.setNoDelay(true)
    socket.setKeepAlive(true, 60_000)
    socket.on('error', (error) => this.#end(error.message))
    socket.on('end', () => this.#end('the other end closed the connection'))
    socket.on('close', () => this.#end('the connection closed'))
  }

  #received(chunk: Buffer): void {
    if (this.#listener && this.#early.length === 0) this.#listener.bytes(chunk)
    else this.#early.push(Buffer.from(chunk))
  }

  #end(reason: string): void {
    if (this.#closed !== null) return
    this.#closed = reason
    this.#socket.destroy()
    this.#listener?.closed(reason)
  }

  get remoteAddress(): string {
    return this.#socket.remoteAddress ?? 'local'
  }

  get tls(): TlsFacts | null {
    return this.#tls
  }

  get isClosed(): boolean {
    return this.#closed !== null
  }

  /**
   * Names who hears from now on; what came in the meantime is delivered at once, behind `head`:
   * bytes that an earlier listener took and didn't use.
   */
  listen(listener: ConnectionListener, head: Buffer = NOTHING): void {
    this.#listener = listener
    const early = head.length > 0 ? [head, ...this.#early] : this.#early
    this.#early = []
    for (const chunk of early) listener.bytes(chunk)
    if (this.#closed !== null) listener.closed(this.#closed)
  }

  resume(): void {
    if (!this.#paused || this.isClosed) return
    this.#paused = false
    this.#socket.resume()
  }

  pause(): void {
    if (this.#paused) return
    this.#paused = true
    this.#socket.pause()
  }

  /** False when the other end doesn't keep up: stop reading where these bytes come from. */
  write(bytes: Buffer): boolean {
    if (this.isClosed) return true
    this.#socket.write(bytes)
    if (this.#socket.writableLength === 0) return true
    // 'drain' comes only past the high-water mark, but the source's read buffer is in use already
    // when a single byte is pending: an empty write's callback tells when it is free.
    if (!this.#draining) {
      this.#draining = true
      this.#socket.write(NOTHING, () => {
        this.#draining = false
        this.#listener?.drained()
      })
    }
    return false
  }

  /** Sends what is queued, then closes. */
  end(bytes?: Buffer): void {
    if (this.isClosed) return
    if (bytes) this.#socket.end(bytes)
    else this.#socket.end()
    // A peer that never reads must not keep the socket.
    this.#socket.setTimeout(5_000, () => this.destroy('closed'))
  }

  destroy(reason: string): void {
    this.#end(reason)
  }

  /** Runs the server's side of TLS from here on. `head`: bytes that were read and belong to it. */
  async secureAsServer(
    { context, asksCertificate }: ServerTls,
    alpn: string | null,
    head: Buffer,
  ): Promise<void> {
    const plain = this.#detach()
    if (head.length > 0) plain.unshift(head)
    const secured = new tls.TLSSocket(plain, {
      isServer: true,
      secureContext: context,
      // Whoever has none, or a wrong one, is told so as of a wrong password.
      ...(asksCertificate ? { requestCert: true, rejectUnauthorized: false } : {}),
      ...(alpn === null ? {} : { ALPNProtocols: [alpn] }),
    })
    await this.#secured(secured, 'secure')
    if (alpn !== null && secured.alpnProtocol !== alpn) {
      this.destroy('the client did not name the protocol')
      throw new Error(`direct TLS needs ALPN "${alpn}"`)
    }
    const own = secured.getCertificate() as tls.PeerCertificate | null
    this.#tls = {
      description: describe(secured),
      certificate: own && 'raw' in own ? own.raw : null,
      client: asksCertificate ? shownBy(secured) : null,
    }
  }

  /** Runs the client's side of TLS from here on. */
  async secureAsClient(options: tls.ConnectionOptions): Promise<void> {
    const secured = tls.connect({ ...options, socket: this.#detach() })
    await this.#secured(secured, 'secureConnect')
    const peer = secured.getPeerCertificate()
    this.#tls = { description: describe(secured), certificate: peer.raw ?? null }
  }

  #detach(): net.Socket {
    const socket = this.#socket
    socket.removeAllListeners()
    return socket
  }

  async #secured(secured: tls.TLSSocket, event: string): Promise<void> {
    this.#socket = secured
    await new Promise<void>((resolve, reject) => {
      secured.once(event, () => resolve())
      secured.once('error', reject)
      secured.once('close', () => reject(new Error('the connection closed during TLS')))
    }).catch((error: Error) => {
      secured.destroy()
      this.#end(error.message)
      throw error
    })
    secured.removeAllListeners('error')
    secured.removeAllListeners('close')
    secured.on('data', (chunk) => this.#received(chunk))
    if (this.#paused) secured.pause()
    this.#watch(secured)
  }
}

function describe(socket: tls.TLSSocket): string {
  return `${socket.getProtocol() ?? 'TLS'} ${socket.getCipher()?.name ?? ''}`.trim()
}
