const NOTHING = Buffer.alloc(0)

/** The beginning of a message that isn't whole yet. Its memory grows as its bytes arrive. */
export class Gathered {
  #memory: Buffer = NOTHING
  #length = 0

  get length(): number {
    return this.#length
  }

  /** A view of all that is there. */
  get bytes(): Buffer {
    return this.#memory.subarray(0, this.#length)
  }

  /**
   * Copies `count` bytes from `chunk`, from `at` on. The room doubles up to `most`, so that a message
   * that comes byte by byte costs what it is long.
   */
  append(chunk: Buffer, at: number, count: number, most: number): void {
    const length = this.#length + count
    if (length > this.#memory.length) {
      const room = Math.max(length, Math.min(this.#memory.length * 2, most))
      const grown = Buffer.allocUnsafe(room)
      this.#memory.copy(grown, 0, 0, this.#length)
      this.#memory = grown
    }
    chunk.copy(this.#memory, this.#length, at, at + count)
    this.#length = length
  }

  /** Gives all of it away. */
  release(): Buffer {
    const bytes = this.bytes
    this.#memory = NOTHING
    this.#length = 0
    return bytes
  }
}
