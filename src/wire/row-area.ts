const SIZE = 64 * 1024

/**
 * Memory for rows that are written anew. Rows that follow each other lie side by side, so that an
 * outbox sends them as one piece; what was handed out is never used again.
 */
export class RowArea {
  #memory: Buffer = Buffer.alloc(0)
  #used = 0

  take(length: number): Buffer {
    if (length > SIZE / 4) return Buffer.allocUnsafeSlow(length)
    if (this.#memory.length - this.#used < length) {
      this.#memory = Buffer.allocUnsafeSlow(SIZE)
      this.#used = 0
    }
    const at = this.#used
    this.#used += length
    return this.#memory.subarray(at, this.#used)
  }
}
