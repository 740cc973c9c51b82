/** Bytes that lie side by side in one memory. */
interface Run {
  readonly memory: ArrayBufferLike
  readonly start: number
  end: number
  /** The run as one buffer, while it is still what was added first. */
  whole: Buffer | null
}

/**
 * Gathers what one turn of the event loop has to send to one end, and hands it over as few
 * buffers as can be: neighbours in memory become one run again, so a chunk that passes
 * unchanged is written as the chunk it was.
 */
export class Outbox {
  readonly #write: (bytes: Buffer) => void
  #runs: Run[] = []
  #last: Run | null = null
  #total = 0
  /** Copies of what is kept back, or null where nothing is. */
  #kept: Buffer[] | null = null

  constructor(write: (bytes: Buffer) => void) {
    this.#write = write
  }

  get empty(): boolean {
    return this.#last === null
  }

  add(bytes: Buffer): void {
    const { buffer: memory, byteOffset: start, length } = bytes
    if (length === 0) return
    this.#total += length
    const last = this.#last
    if (last !== null && last.memory === memory && last.end === start) {
      last.end += length
      last.whole = null
      return
    }
    this.#last = { memory, start, end: start + length, whole: bytes }
    this.#runs.push(this.#last)
  }

  /** Keeps back what comes from here on. */
  hold(): void {
    this.flush()
    this.#kept = []
  }

  /** Sends what was kept back. */
  release(): void {
    this.flush()
    const kept = this.#kept ?? []
    this.#kept = null
    for (const bytes of kept) this.add(bytes)
    this.flush()
  }

  /** Forgets what was kept back. */
  discard(): void {
    this.flush()
    this.#kept = null
  }

  /** Writes what was gathered, with one call. */
  flush(): void {
    if (this.#last === null) return
    const runs = this.#runs
    const total = this.#total
    const only = runs.length === 1 ? this.#last : null
    this.#runs = []
    this.#last = null
    this.#total = 0
    if (this.#kept !== null) this.#kept.push(Buffer.concat(runs.map(bufferOf), total))
    else this.#write(only ? bufferOf(only) : Buffer.concat(runs.map(bufferOf), total))
  }
}

function bufferOf({ whole, memory, start, end }: Run): Buffer {
  return whole ?? Buffer.from(memory, start, end - start)
}
