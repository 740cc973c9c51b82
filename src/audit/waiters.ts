import { type Deferred, deferred } from '../lib/deferred.ts'

/** Those who wait until a record is on disk. */
export class Waiters {
  #waiting: { readonly sequence: number; readonly done: Deferred<void> }[] = []

  get any(): boolean {
    return this.#waiting.length > 0
  }

  add(sequence: number): Promise<void> {
    const done = deferred<void>()
    this.#waiting.push({ sequence, done })
    return done.promise
  }

  /** Everything up to this record is on disk. */
  settle(target: number): void {
    const served = this.#waiting.filter((one) => one.sequence <= target)
    this.#waiting = this.#waiting.filter((one) => one.sequence > target)
    for (const { done } of served) done.resolve()
  }

  fail(error: Error): void {
    const failed = this.#waiting
    this.#waiting = []
    for (const { done } of failed) done.reject(error)
  }
}
