/**
 * Gathers what one turn of the event loop has to send to one end, and hands it over as few
 * buffers as can be: neighbours in memory become one slice again, so a chunk that passes
 * unchanged is written as the chunk it was.
 */
export class Outbox {
  readonly #write: (bytes: Buffer) => void
  #slices: Buffer[] = []
  #total = 0

  constructor(write: (bytes: Buffer) => void) {
    this.#write = write
  }

  get empty(): boolean {
    return this.#slices.length === 0
  }

  add(bytes: Buffer): void {
    if (bytes.length === 0) return
    this.#total += bytes.length
    const last = this.#slices.at(-1)
    if (
      last &&
      last.buffer === bytes.buffer &&
      last.byteOffset + last.length === bytes.byteOffset
    ) {
      this.#slices[this.#slices.length - 1] = Buffer.from(
        last.buffer,
        last.byteOffset,
        last.length + bytes.length,
      )
    } else this.#slices.push(bytes)
  }

  /** Writes what was gathered, with one call. */
  flush(): void {
    if (this.#slices.length === 0) return
    const slices = this.#slices
    const total = this.#total
    this.#slices = []
    this.#total = 0
    this.#write(slices.length === 1 ? (slices[0] as Buffer) : Buffer.concat(slices, total))
  }
}
