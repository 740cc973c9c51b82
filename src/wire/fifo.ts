/** Items are taken off behind one index; the list is cut when that many stand before it. */
const CUT = 1024

/** First in, first out. */
export class Fifo<T> {
  #items: T[] = []
  #first = 0

  push(item: T): void {
    this.#items.push(item)
  }

  get empty(): boolean {
    return this.#first === this.#items.length
  }

  get head(): T | undefined {
    return this.#items[this.#first]
  }

  /** What stands behind the head. */
  get next(): T | undefined {
    return this.#items[this.#first + 1]
  }

  shift(): T | undefined {
    const item = this.#items[this.#first]
    if (item === undefined) return undefined
    this.#first++
    if (this.#first === this.#items.length || this.#first > CUT) {
      this.#items = this.#items.slice(this.#first)
      this.#first = 0
    }
    return item
  }

  /** Removes and returns what `remove` chooses among the items behind the head, up to `stop`. */
  takeBehindHead(remove: (item: T) => boolean, stop: (item: T) => boolean): T[] {
    const taken: T[] = []
    const kept: T[] = []
    let stopped = false
    for (const item of this.#items.slice(this.#first + 1)) {
      stopped ||= stop(item)
      if (!stopped && remove(item)) taken.push(item)
      else kept.push(item)
    }
    this.#items = [...this.#items.slice(this.#first, this.#first + 1), ...kept]
    this.#first = 0
    return taken
  }

  *[Symbol.iterator](): Generator<T> {
    for (let at = this.#first; at < this.#items.length; at++) yield this.#items[at] as T
  }
}
