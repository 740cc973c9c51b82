import type { Connection, ConnectionListener } from '../../src/net/connection.ts'

/** What a socket reads into, over and over. */
const READ_BUFFER = 64 * 1024

/**
 * A connection without a socket, as hard to live with as a real one: bytes come in a buffer that is
 * overwritten after the call, nothing comes while it is paused, and what `write` couldn't send at
 * once is read from the caller's memory later.
 */
export class FakeConnection {
  readonly remoteAddress = '127.0.0.1'
  readonly tls = null
  /** What `write` answers from now on; false keeps what is written until `drain()`. */
  takes = true
  ended = false
  #listener: ConnectionListener | null = null
  #paused = true
  #closed = false
  readonly #buffer = Buffer.allocUnsafeSlow(READ_BUFFER)
  /** Bytes that came before anybody listened. */
  #early: Buffer[] = []
  #pending: Buffer[] = []
  #sent: Buffer[] = []

  /** For what takes a Connection; private members make that class nominal. */
  get face(): Connection {
    return this as unknown as Connection
  }

  // === what the proxy calls

  get isClosed(): boolean {
    return this.#closed
  }

  listen(listener: ConnectionListener, head: Buffer = Buffer.alloc(0)): void {
    this.#listener = listener
    const early = head.length > 0 ? [head, ...this.#early] : this.#early
    this.#early = []
    for (const chunk of early) listener.bytes(chunk)
  }

  resume(): void {
    this.#paused = false
  }

  pause(): void {
    this.#paused = true
  }

  write(bytes: Buffer): boolean {
    if (this.#closed) return true
    if (this.ended) throw new Error('written after its end')
    if (this.takes && this.#pending.length === 0) this.#sent.push(Buffer.from(bytes))
    else this.#pending.push(bytes)
    return this.#pending.length === 0
  }

  end(bytes?: Buffer): void {
    if (this.ended) return
    this.drain()
    if (bytes) this.#sent.push(Buffer.from(bytes))
    this.ended = true
  }

  destroy(reason: string): void {
    this.#close(reason)
  }

  // === what the other end does

  get readable(): boolean {
    return !this.#paused && !this.#closed && !this.ended
  }

  /** Delivers at most the size of a read; only where `readable`. */
  deliver(chunk: Buffer): void {
    const view = this.#buffer.subarray(0, chunk.copy(this.#buffer))
    if (view.length < chunk.length) throw new Error('more than one read')
    if (this.#listener) this.#listener.bytes(view)
    else this.#early.push(Buffer.from(view))
    // The next read overwrites it, unless this end was paused for what is still pending.
    if (!this.#paused) this.#buffer.fill(0xee, 0, view.length)
  }

  /** What is pending leaves. */
  drain(): void {
    if (this.#pending.length === 0) return
    for (const bytes of this.#pending) this.#sent.push(Buffer.from(bytes))
    this.#pending = []
    this.takes = true
    if (!this.ended) this.#listener?.drained()
  }

  get holdsBack(): boolean {
    return this.#pending.length > 0
  }

  hangUp(): void {
    this.#close('the other end closed the connection')
  }

  #close(reason: string): void {
    if (this.#closed) return
    this.#closed = true
    this.#listener?.closed(reason)
  }

  /** All that was sent since the last call. */
  take(): Buffer {
    const sent = this.#sent.length === 1 ? (this.#sent[0] as Buffer) : Buffer.concat(this.#sent)
    this.#sent = []
    return sent
  }
}
