interface Entry<Value> {
  /** Undefined: the name is freed. */
  readonly value: Value | undefined
  /** Counts the Syncs before it. */
  readonly segment: number
}

/**
 * A map whose changes are seen at once and settled later: in a pipeline, what follows a Parse may
 * use its name before the server has said that the Parse succeeded.
 */
export class TentativeMap<Value> {
  readonly #stacks = new Map<string, Entry<Value>[]>()
  /** How many names have more than one meaning; most of the time none. */
  #contested = 0
  readonly #checkSize: (size: number, weight: number) => void
  readonly #segment: () => number
  readonly #weigh: (value: Value) => number
  /** Of all values, also of those that may come undone. */
  #weight = 0

  /** @param weigh bytes that a value keeps */
  constructor(
    checkSize: (size: number, weight: number) => void,
    segment: () => number,
    weigh: (value: Value) => number = () => 0,
  ) {
    this.#checkSize = checkSize
    this.#segment = segment
    this.#weigh = weigh
  }

  get(name: string): Value | undefined {
    return this.#stacks.get(name)?.at(-1)?.value
  }

  /** Sets the name until told otherwise. Call the result once: kept when true, undone when false. */
  set(name: string, value: Value): (done: boolean) => void {
    this.#checkSize(this.#stacks.has(name) ? 0 : this.#stacks.size, this.#weight)
    return this.#push(name, value)
  }

  delete(name: string): (done: boolean) => void {
    return this.#stacks.has(name) ? this.#push(name, undefined) : () => {}
  }

  clear(): (done: boolean) => void {
    const settles = [...this.#stacks.keys()].map((name) => this.#push(name, undefined))
    return (done) => {
      for (const settle of settles) settle(done)
    }
  }

  /** Frees all names at once; what was to be settled is. */
  forget(): void {
    if (this.#stacks.size === 0) return
    this.#stacks.clear()
    this.#contested = 0
    this.#weight = 0
  }

  /**
   * True where the name has been given another meaning before `segment`, the server hasn't said
   * whether it took it, and it meant something else before. In the same segment a failure skips
   * what uses the name; in a later one it doesn't.
   */
  ambiguous(name: string, segment: number): boolean {
    if (this.#contested === 0) return false
    const stack = this.#stacks.get(name)
    const top = stack?.at(-1)
    if (!stack || !top || stack.length < 2 || top.segment >= segment) return false
    return stack.some((entry) => entry !== top && entry.value !== undefined)
  }

  /** True where `ambiguous` holds for any name but the unnamed one. */
  anyAmbiguous(segment: number): boolean {
    if (this.#contested === 0) return false
    for (const name of this.#stacks.keys()) {
      if (name !== '' && this.ambiguous(name, segment)) return true
    }
    return false
  }

  #push(name: string, value: Value | undefined): (done: boolean) => void {
    const entry = { value, segment: this.#segment() }
    const stack = this.#stacks.get(name) ?? []
    stack.push(entry)
    if (value !== undefined) this.#weight += this.#weigh(value)
    if (stack.length === 2) this.#contested++
    this.#stacks.set(name, stack)
    return (done) => this.#settle(name, entry, done)
  }

  #settle(name: string, entry: Entry<Value>, done: boolean): void {
    const stack = this.#stacks.get(name)
    const at = stack?.indexOf(entry) ?? -1
    if (!stack || at < 0) return
    const before = stack.length
    for (const { value } of done ? stack.splice(0, at) : stack.splice(at, 1)) {
      if (value !== undefined) this.#weight -= this.#weigh(value)
    }
    if (before > 1 && stack.length < 2) this.#contested--
    if (stack.length === 0 || (stack.length === 1 && stack[0]?.value === undefined)) {
      this.#stacks.delete(name)
    }
  }
}
