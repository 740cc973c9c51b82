/** Which lines wait for which requests. */
export class Holders {
  readonly #byRequest = new Map<string, Set<string>>()

  add(id: string, holder: string): void {
    const holders = this.#byRequest.get(id) ?? new Set()
    this.#byRequest.set(id, holders.add(holder))
  }

  remove(id: string, holder: string): void {
    const holders = this.#byRequest.get(id)
    holders?.delete(holder)
    if (holders?.size === 0) this.#byRequest.delete(id)
  }

  clear(id: string): void {
    this.#byRequest.delete(id)
  }

  has(id: string): boolean {
    return this.#byRequest.has(id)
  }

  /** Forgets a holder; returns the requests that nobody waits for any more. */
  release(holder: string): readonly string[] {
    const mine = [...this.#byRequest].filter(([, holders]) => holders.has(holder))
    for (const [id] of mine) this.remove(id, holder)
    return mine.map(([id]) => id).filter((id) => !this.has(id))
  }
}
