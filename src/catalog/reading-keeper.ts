import type { CancelTimer, Clock } from '../lib/clock.ts'

export interface KeeperOptions<Connection, Snapshot> {
  /** Opens a connection of the keeper's own; called again after it has broken. */
  connect(broken: () => void): Promise<Connection>
  disconnect(connection: Connection): Promise<unknown>
  /** Reads the schema; answers with `before` itself where nothing has changed. */
  read(connection: Connection, before: Snapshot | null): Promise<Snapshot>
  readonly clock: Clock
  /** Milliseconds between looks for changes; 4,000 by default. */
  readonly checkEveryMs?: number | undefined
  /** Told when the schema can't be read; the reading before it stays in force. */
  readonly onTrouble?: ((error: unknown) => void) | undefined
  /** Told when it can be read again. */
  readonly onRecovery?: (() => void) | undefined
}

/** What changes elsewhere is to be known within 5 s, the look and the reading included. */
const CHECK_EVERY_MS = 4000
/** A look at a schema of many thousand tables takes its time: the rest is this many times as long. */
const REST = 20

/** Keeps the newest reading of one database's schema at hand. */
export class ReadingKeeper<Connection, Snapshot extends object> {
  readonly #options: KeeperOptions<Connection, Snapshot>
  #snapshot: Snapshot | null = null
  #connection: Promise<Connection> | null = null
  /** The reading under way, and the one that must follow it. */
  #reading: Promise<Snapshot> | null = null
  #next: Promise<Snapshot> | null = null
  #cancelCheck: CancelTimer = () => {}
  #closed = false
  #inTrouble = false

  constructor(options: KeeperOptions<Connection, Snapshot>) {
    this.#options = options
    this.#scheduleCheck()
  }

  get current(): Snapshot {
    if (!this.#snapshot) throw new Error('the schema has not been read yet')
    return this.#snapshot
  }

  /** A reading that began before the call may miss what the caller asks about: another follows. */
  refresh(): Promise<Snapshot> {
    if (!this.#reading) return this.#startReading()
    this.#next ??= this.#reading
      .catch(() => {})
      .then(() => {
        this.#next = null
        return this.#startReading()
      })
    return this.#next
  }

  async close(): Promise<void> {
    this.#closed = true
    this.#cancelCheck()
    const connection = await this.#connection?.catch(() => null)
    this.#connection = null
    if (connection) await this.#options.disconnect(connection)
  }

  #startReading(): Promise<Snapshot> {
    this.#reading = this.#read().finally(() => {
      this.#reading = null
    })
    return this.#reading
  }

  async #read(): Promise<Snapshot> {
    const own = this.#connection ?? this.#connect()
    try {
      this.#snapshot = await this.#options.read(await own, this.#snapshot)
      return this.#snapshot
    } catch (error) {
      if (this.#connection === own) this.#connection = null
      void own.then((connection) => this.#options.disconnect(connection)).catch(() => {})
      throw error
    }
  }

  #connect(): Promise<Connection> {
    const own = this.#options.connect(() => {
      if (this.#connection === own) this.#connection = null
    })
    this.#connection = own
    return own
  }

  #scheduleCheck(tookMs = 0): void {
    const { clock, checkEveryMs = CHECK_EVERY_MS } = this.#options
    this.#cancelCheck = clock.after(Math.max(checkEveryMs, tookMs * REST), () => {
      if (this.#closed) return
      const began = clock.monotonic()
      this.refresh()
        .then(() => this.#recovered())
        .catch((error: unknown) => this.#troubled(error))
        .finally(() => {
          if (!this.#closed) this.#scheduleCheck(clock.monotonic() - began)
        })
        .catch(() => {})
    })
  }

  #troubled(error: unknown): void {
    this.#inTrouble = true
    this.#options.onTrouble?.(error)
  }

  #recovered(): void {
    if (!this.#inTrouble) return
    this.#inTrouble = false
    this.#options.onRecovery?.()
  }
}
