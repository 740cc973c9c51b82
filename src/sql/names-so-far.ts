import type { Classification, SessionNames } from './statement.ts'
import { mayOpenCursors, withUnknownOutputs } from './unknown-outputs.ts'

/**
 * The session's names as a text of several statements changes them on its way: what it prepares
 * or declares counts from its next statement on.
 */
export class NamesSoFar implements SessionNames {
  readonly #before: SessionNames
  /** Undefined where a name has been given up. */
  readonly #prepared = new Map<string, Classification | undefined>()
  #forgot = false
  readonly #cursors = new Map<string, Classification>()
  /** A statement on the way may have opened cursors unseen. */
  #unseen = false

  constructor(before: SessionNames) {
    this.#before = before
  }

  prepared(name: string): Classification | undefined {
    if (this.#forgot || this.#prepared.has(name)) return this.#prepared.get(name)
    return this.#before.prepared(name)
  }

  cursor(name: string): Classification | undefined {
    const own = this.#cursors.get(name)
    if (own) return own
    const before = this.#before.cursor(name)
    return before && this.#unseen ? withUnknownOutputs(before) : before
  }

  #doubtCursors(): void {
    this.#unseen = true
    for (const [name, known] of this.#cursors) this.#cursors.set(name, withUnknownOutputs(known))
  }

  #forget(name: string | null): void {
    if (name !== null) {
      this.#prepared.set(name, undefined)
      return
    }
    this.#prepared.clear()
    this.#forgot = true
  }

  follow(classification: Classification): void {
    if (mayOpenCursors(classification)) this.#doubtCursors()
    for (const name of classification.names) {
      if (name.kind === 'prepare') this.#prepared.set(name.name, name.inner)
      else if (name.kind === 'declare') this.#cursors.set(name.name, name.inner)
      else if (name.kind === 'deallocate') this.#forget(name.name)
    }
  }
}
