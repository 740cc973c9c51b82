/** Chance that can be had again: the same seed gives the same numbers (mulberry32). */
export class Random {
  #state: number

  constructor(seed: number) {
    this.#state = seed >>> 0
  }

  /** 0 to 2^32 - 1. */
  uint32(): number {
    this.#state = (this.#state + 0x6d2b79f5) >>> 0
    let mixed = this.#state
    mixed = Math.imul(mixed ^ (mixed >>> 15), mixed | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return (mixed ^ (mixed >>> 14)) >>> 0
  }

  /** 0 to `end` - 1. */
  below(end: number): number {
    return end <= 1 ? 0 : this.uint32() % end
  }

  /** True once in `one` times. */
  oneIn(one: number): boolean {
    return this.below(one) === 0
  }

  pick<T>(items: readonly T[]): T {
    if (items.length === 0) throw new Error('nothing to pick from')
    return items[this.below(items.length)] as T
  }

  bytes(length: number): Buffer {
    const bytes = Buffer.allocUnsafe(length)
    for (let at = 0; at < length; at++) bytes[at] = this.uint32()
    return bytes
  }

  /** Cuts bytes at random places; at least one piece. */
  pieces(bytes: Buffer): Buffer[] {
    const pieces: Buffer[] = []
    let rest = bytes
    while (rest.length > 0) {
      const length = this.oneIn(3) ? rest.length : 1 + this.below(Math.min(rest.length, 64))
      pieces.push(rest.subarray(0, length))
      rest = rest.subarray(length)
    }
    return pieces.length === 0 ? [bytes] : pieces
  }
}

/** The seed of one case of a run, so that each can be run again by itself. */
export function seedOf(seed: number, index: number): number {
  return (Math.imul(seed ^ 0x9e3779b9, 0x85ebca6b) ^ Math.imul(index + 1, 0xc2b2ae35)) >>> 0
}
