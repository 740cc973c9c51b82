import { readFileSync, statSync } from 'node:fs'
import { z } from 'zod'
import { messageOf } from '../lib/errors.ts'
import { writeWhole } from '../lib/write-whole.ts'

/**
 * A list in a file of its own, `{"version":1,"<name>":[...]}` (0600). Commands change it while the
 * proxy runs, so each look finds what is there now. A file that can't be read counts as empty, and
 * nothing is written over it.
 */
export class KeptList<T> {
  readonly #path: string
  readonly #name: string
  readonly #schema: z.ZodType<readonly T[]>
  #items: readonly T[] = []
  #stamp = ''
  #trouble: string | null = null

  constructor(options: {
    readonly path: string
    readonly name: string
    readonly schema: z.ZodType<readonly T[]>
  }) {
    this.#path = options.path
    this.#name = options.name
    this.#schema = options.schema
  }

  /** Why the file can't be read, or null. */
  get trouble(): string | null {
    this.#refresh()
    return this.#trouble
  }

  get items(): readonly T[] {
    this.#refresh()
    return this.#items
  }

  /** On the disk when it returns. Throws where the file can't be read, and as node:fs does. */
  change(change: (items: readonly T[]) => readonly T[]): void {
    this.#refresh()
    if (this.#trouble !== null) throw new Error(this.#trouble)
    const file = { version: 1, [this.#name]: change(this.#items) }
    writeWhole(this.#path, `${JSON.stringify(file, null, 2)}\n`)
    this.#refresh()
  }

  /** Reads the file again where it isn't the one that was read last. */
  #refresh(): void {
    try {
      const stamp = stampOf(this.#path)
      if (stamp === this.#stamp && this.#trouble === null) return
      this.#items = stamp === NO_FILE ? [] : this.#read()
      this.#stamp = stamp
      this.#trouble = null
    } catch (error) {
      this.#items = []
      this.#trouble = `${this.#path}: ${messageOf(error)}`
    }
  }

  #read(): readonly T[] {
    const file = z.object({ version: z.literal(1), [this.#name]: this.#schema })
    const read = file.parse(JSON.parse(readFileSync(this.#path, 'utf8')))
    return read[this.#name] as readonly T[]
  }
}

const NO_FILE = 'none'

function stampOf(path: string): string {
  const found = statSync(path, { bigint: true, throwIfNoEntry: false })
  return found ? `${found.ino}:${found.size}:${found.mtimeNs}:${found.ctimeNs}` : NO_FILE
}
