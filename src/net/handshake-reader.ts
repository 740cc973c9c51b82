import { type Deferred, deferred } from '../lib/deferred.ts'
import { ProxyError } from '../lib/errors.ts'
import type { Connection } from './connection.ts'

/** More than most messages of a client; what it pushes beyond what is read waits in the kernel. */
const MAX_BUFFERED = 16 * 1024

/** Lets a handshake pull bytes from a connection that pushes them. */
export class HandshakeReader {
  readonly #connection: Connection
  #bytes: Buffer = Buffer.alloc(0)
  #waiting: { readonly count: number; readonly arrived: Deferred<void> } | null = null
  #failure: ProxyError | null = null

  constructor(connection: Connection) {
    this.#connection = connection
    connection.listen({
      bytes: (chunk) => this.#received(chunk),
      drained: () => {},
      closed: (reason) => this.fail(lost(reason)),
    })
    connection.resume()
  }

  get buffered(): number {
    return this.#bytes.length
  }

  #received(chunk: Buffer): void {
    this.#bytes = Buffer.concat([this.#bytes, chunk])
    const wanted = this.#waiting?.count ?? 0
    if (this.#bytes.length > Math.max(MAX_BUFFERED, wanted)) this.#connection.pause()
    if (this.#waiting && this.#bytes.length >= this.#waiting.count) {
      const { arrived } = this.#waiting
      this.#waiting = null
      arrived.resolve()
    }
  }

  /** Ends the handshake: the pending read and all to come reject with this. */
  fail(error: ProxyError): void {
    this.#failure ??= error
    this.#waiting?.arrived.reject(this.#failure)
    this.#waiting = null
  }

  async #need(count: number): Promise<void> {
    if (this.#bytes.length >= count) return
    if (this.#failure) throw this.#failure
    const arrived = deferred<void>()
    this.#waiting = { count, arrived }
    this.#connection.resume()
    await arrived.promise
  }

  async read(count: number): Promise<Buffer> {
    await this.#need(count)
    const taken = this.#bytes.subarray(0, count)
    this.#bytes = this.#bytes.subarray(count)
    return taken
  }

  async peek(): Promise<number> {
    await this.#need(1)
    return this.#bytes[0] as number
  }

  /** Hands out what was read and not used; the reader is finished. */
  rest(): Buffer {
    const bytes = this.#bytes
    this.#bytes = Buffer.alloc(0)
    return bytes
  }
}

/** The reason is for records: it can name the address of a database. */
function lost(reason: string): ProxyError {
  const cause = new Error(reason)
  return new ProxyError('UPSTREAM_UNAVAILABLE', "the database can't be reached", { cause })
}
