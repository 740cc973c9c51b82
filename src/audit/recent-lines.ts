/** A piece of memory that lines are written into, one behind the other. */
interface Slab {
  readonly memory: Buffer
  /** How many bytes were appended before its first. */
  readonly start: number
  used: number
}

const SLAB = 64 * 1024
/** Slabs that are kept to be filled again. */
const MAX_SPARE = 64
/** UTF-8 takes at most so many bytes for one unit of UTF-16. */
const BYTES_PER_UNIT = 3
const LINE_FEED = 0x0a

/**
 * The lines that aren't known to be on disk, in order: they are written again where a segment
 * fails. They lie in a few large pieces of memory, for thousands of small ones that live for a
 * second are what a garbage collector does worst with.
 *
 * Positions count the bytes that were ever appended.
 */
export class RecentLines {
  readonly #slabs: Slab[] = []
  readonly #spare: Buffer[] = []
  #appended = 0
  #written = 0
  #synced = 0

  /** Where the next line is going to begin. */
  get end(): number {
    return this.#appended
  }

  /** Bytes that aren't known to be on disk. */
  get unsyncedBytes(): number {
    return this.#appended - this.#synced
  }

  get anyUnwritten(): boolean {
    return this.#written < this.#appended
  }

  /** What was appended and not handed to the system. */
  get unwritten(): readonly Buffer[] {
    return this.#slices(this.#written)
  }

  get unsynced(): readonly Buffer[] {
    return this.#slices(this.#synced)
  }

  /** Takes a line without its line feed. Returns its bytes without it: a view, good until the next. */
  append(line: string): Buffer {
    const slab = this.#roomFor(line.length * BYTES_PER_UNIT + 1)
    const from = slab.used
    const length = slab.memory.write(line, from, 'utf8')
    slab.memory[from + length] = LINE_FEED
    slab.used += length + 1
    this.#appended += length + 1
    return slab.memory.subarray(from, from + length)
  }

  /** Everything has been handed to the system, or is to be written again with the rest. */
  markWritten(): void {
    this.#written = this.#appended
  }

  /** Everything before this position is on disk. */
  settle(position: number): void {
    this.#synced = position
    for (;;) {
      const first = this.#slabs[0]
      if (!first || first.start + first.used > position) return
      this.#slabs.shift()
      const { memory } = first
      if (memory.length === SLAB && this.#spare.length < MAX_SPARE) this.#spare.push(memory)
    }
  }

  #roomFor(bytes: number): Slab {
    const last = this.#slabs.at(-1)
    if (last && last.memory.length - last.used >= bytes) return last
    const memory = bytes <= SLAB ? this.#spare.pop() : undefined
    const slab = {
      memory: memory ?? Buffer.allocUnsafeSlow(Math.max(SLAB, bytes)),
      start: this.#appended,
      used: 0,
    }
    this.#slabs.push(slab)
    return slab
  }

  #slices(from: number): Buffer[] {
    const slices: Buffer[] = []
    for (let index = this.#slabs.length - 1; index >= 0; index--) {
      const { memory, start, used } = this.#slabs[index] as Slab
      if (start + used <= from) break
      slices.unshift(memory.subarray(Math.max(0, from - start), used))
    }
    return slices
  }
}
