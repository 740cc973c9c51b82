const SIZE = 64 * 1024
const LARGEST = SIZE / 4

/**
 * Memory for rows that are written anew. Rows that follow each other lie side by side, so that an
 * outbox sends them as one piece; what was handed out is never used again.
 */
class RowArea {
  #memory: Buffer = Buffer.alloc(0)
  #used = 0

  take(length: number): Buffer {
    if (length > LARGEST) return Buffer.allocUnsafeSlow(length)
    const memory = this.open(length)
    const at = this.#used
    this.#used += length
    return memory.subarray(at, this.#used)
  }

  /** True where a row of so many bytes has its place here. */
  holds(length: number): boolean {
    return length <= LARGEST
  }

  /** Memory with room for so many bytes from `at` on; `close` says how many were written. */
  open(length: number): Buffer {
    if (this.#memory.length - this.#used < length) {
      this.#memory = Buffer.allocUnsafeSlow(SIZE)
      this.#used = 0
    }
    return this.#memory
  }

  get at(): number {
    return this.#used
  }

  /** What was written up to before `end`. */
  close(end: number): Buffer {
    const start = this.#used
    this.#used = end
    return this.#memory.subarray(start, end)
  }
}

/** Rows are written one after the other, whatever session they are of. */
export const rowArea = new RowArea()
