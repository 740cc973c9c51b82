/**
 * A map whose changes are seen at once and settled later: in a pipeline, what follows a Parse may
 * use its name before the server has said that the Parse succeeded.
 */
export class TentativeMap<Value> {
  readonly #stacks = new Map<string, (Value | undefined)[][]>()
  readonly #checkSize: (size: number) => void

  constructor(checkSize: (size: number) => void) {
    this.#checkSize = checkSize
  }

  get(name: string): Value | undefined {
    return this.#stacks.get(name)?.at(-1)?.[0]
  }

  /** Sets the name until told otherwise. Call the result once: kept when true, undone when false. */
  set(name: string, value: Value): (done: boolean) => void {
    if (!this.#stacks.has(name)) this.#checkSize(this.#stacks.size)
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

  #push(name: string, value: Value | undefined): (done: boolean) => void {
    const entry = [value]
    const stack = this.#stacks.get(name) ?? []
    stack.push(entry)
    this.#stacks.set(name, stack)
    return (done) => this.#settle(name, entry, done)
  }

  #settle(name: string, entry: (Value | undefined)[], done: boolean): void {
    const stack = this.#stacks.get(name)
    const at = stack?.indexOf(entry) ?? -1
    if (!stack || at < 0) return
    if (done) stack.splice(0, at)
    else stack.splice(at, 1)
    if (stack.length === 0 || (stack.length === 1 && stack[0]?.[0] === undefined)) {
      this.#stacks.delete(name)
    }
  }
}
