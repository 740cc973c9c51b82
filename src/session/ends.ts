import type { CancelTimer, Clock } from '../lib/clock.ts'
import type { Connection } from '../net/connection.ts'
import { Outbox } from '../wire/outbox.ts'

export interface EndsOptions {
  readonly client: Connection
  readonly upstream: Connection
  readonly clock: Clock
  /** How long a client may take to read what it was sent, in ms; 0 for as long as it likes. */
  readonly writeMs: number
}

export interface EndsListener {
  fromClient(chunk: Buffer): void
  fromUpstream(chunk: Buffer): void
  upstreamClosed(reason: string): void
  /** The client has gone, or does not read. */
  clientClosed(reason: string): void
}

/** The two sockets of a session: what one end doesn't take isn't read from the other. */
export class Ends {
  readonly toServer = new Outbox((bytes) => this.#writeUpstream(bytes))
  readonly toClient = new Outbox((bytes) => this.#writeClient(bytes))
  bytesIn = 0
  bytesOut = 0
  readonly #options: EndsOptions
  #listener: EndsListener | null = null
  #upstreamIsFull = false
  /** The client has sent more than is looked at for now. */
  #clientIsAhead = false
  /** A result stands still at a row that may not leave yet. */
  #resultWaits = false
  #writeTimer: CancelTimer = () => {}

  constructor(options: EndsOptions) {
    this.#options = options
  }

  /** Begins to read; `heads` is what either end sent behind its handshake. */
  listen(
    listener: EndsListener,
    heads: { readonly client: Buffer; readonly upstream: Buffer },
  ): void {
    const { client, upstream } = this.#options
    this.#listener = listener
    upstream.listen(
      {
        bytes: (chunk) => listener.fromUpstream(chunk),
        drained: () => this.#upstreamDrained(),
        closed: (reason) => listener.upstreamClosed(reason),
      },
      heads.upstream,
    )
    client.listen(
      {
        bytes: (chunk) => {
          this.bytesIn += chunk.length
          listener.fromClient(chunk)
        },
        drained: () => this.#clientDrained(),
        closed: (reason) => listener.clientClosed(reason),
      },
      heads.client,
    )
    upstream.resume()
    client.resume()
  }

  /** Takes leave of both; without `goodbye` the database has to read it from the end itself. */
  end(goodbye: Buffer | undefined): void {
    this.#writeTimer()
    this.#options.client.end()
    this.#options.upstream.end(goodbye)
  }

  // === from the client to the database

  /** Reads on from the client, unless it is ahead or the database doesn't take what was read. */
  readClient(isAhead: boolean): void {
    this.#clientIsAhead = isAhead
    if (isAhead) this.#options.client.pause()
    else if (!this.#upstreamIsFull) this.#options.client.resume()
  }

  #writeUpstream(bytes: Buffer): void {
    if (this.#options.upstream.write(bytes)) return
    this.#upstreamIsFull = true
    this.#options.client.pause()
  }

  #upstreamDrained(): void {
    this.#upstreamIsFull = false
    if (!this.#clientIsAhead) this.#options.client.resume()
  }

  // === from the database to the client

  stopResult(): void {
    this.#resultWaits = true
    this.#options.upstream.pause()
  }

  /** `goOn` sends what stood still; that can stop again. */
  resumeResult(goOn: () => void): void {
    this.#resultWaits = false
    goOn()
    this.toClient.flush()
    if (!this.#resultWaits) this.#options.upstream.resume()
  }

  #writeClient(bytes: Buffer): void {
    this.bytesOut += bytes.length
    if (this.#options.client.write(bytes)) return
    this.#options.upstream.pause()
    this.#writeTimer()
    const { clock, writeMs } = this.#options
    if (writeMs === 0) return
    this.#writeTimer = clock.after(writeMs, () =>
      this.#listener?.clientClosed('the client did not read its results'),
    )
  }

  #clientDrained(): void {
    this.#writeTimer()
    if (!this.#resultWaits) this.#options.upstream.resume()
  }
}
