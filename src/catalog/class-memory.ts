import { randomBytes } from 'node:crypto'
import { mkdir, open, readFile, rename, rm } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { messageOf } from '../lib/errors.ts'

/** schema, table, column */
export type ColumnName = readonly [schema: string, table: string, column: string]

/** A class that a column has though no pattern of the configuration fits its name. */
export interface KeptClass {
  readonly dataClass: string
  /** Who has said so: its comment, a pattern that fitted it or its table once, or what was copied. */
  readonly by: 'comment' | 'configuration' | 'copy'
}

export interface RememberedColumn {
  readonly name: ColumnName
  /** What the server knows it by whatever its name is; null where it has nothing of the kind. */
  readonly id: string | null
  /** False: it came to be beside classified ones, and what it holds is for somebody to say. */
  readonly known: boolean
  readonly kept: readonly KeptClass[]
}

/** What was known of a database's columns, over restarts too. */
export interface Remembered {
  /** Whether all columns of tables are listed, as `strict` needs. */
  readonly baseline: boolean
  readonly columns: readonly RememberedColumn[]
}

export type Recollection =
  /** Nobody has looked before: what is there now is the baseline. */
  | { readonly kind: 'nothing' }
  | { readonly kind: 'remembered'; readonly remembered: Remembered }
  /** It was known and can't be read: no column counts as known. */
  | { readonly kind: 'lost'; readonly why: string }

export interface ClassMemory {
  recall(): Promise<Recollection>
  /** Keeps it on the disk before it resolves; false where it can't, which it tells by itself. */
  remember(remembered: Remembered): Promise<boolean>
}

/** What another process remembers, to look at and not to change. */
export function readOnly(memory: ClassMemory): ClassMemory {
  return { recall: () => memory.recall(), remember: async () => true }
}

/** Remembers nothing over restarts. */
export const NO_MEMORY: ClassMemory = {
  recall: async () => ({ kind: 'nothing' }),
  remember: async () => true,
}

const FORMAT = 1
const LARGEST_FILE = 64 * 1024 * 1024

/**
 * Keeps it in a file, which is written anew as a whole and put in the place of the old one. A file
 * that can't be read is left as it is: somebody has to look at it.
 */
export class ClassMemoryFile implements ClassMemory {
  readonly #path: string
  readonly #onTrouble: (why: string) => void
  #damaged = false
  #written: string | null = null
  #told = ''

  /** `onTrouble` is told once of each thing that goes wrong. */
  constructor(path: string, onTrouble: (why: string) => void) {
    this.#path = path
    this.#onTrouble = onTrouble
  }

  async recall(): Promise<Recollection> {
    let text: string
    try {
      text = await readFile(this.#path, 'utf8')
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return { kind: 'nothing' }
      return this.#lost(messageOf(error))
    }
    try {
      if (text.length > LARGEST_FILE) throw new Error('is larger than 64 MiB')
      const remembered = rememberedIn(JSON.parse(text))
      this.#written = text
      return { kind: 'remembered', remembered }
    } catch (error) {
      return this.#lost(messageOf(error))
    }
  }

  #lost(why: string): Recollection {
    this.#damaged = true
    const told = `${this.#path} can't be read: ${why}`
    this.#tell(told)
    return { kind: 'lost', why: told }
  }

  async remember(remembered: Remembered): Promise<boolean> {
    if (this.#damaged) return false
    const text = textOf(remembered)
    if (text === this.#written) return true
    if (this.#written === null && remembered.columns.length === 0 && !remembered.baseline) {
      return true
    }
    try {
      await mkdir(dirname(this.#path), { recursive: true, mode: 0o700 })
      await replace(this.#path, text)
    } catch (error) {
      this.#tell(`${this.#path} can't be written: ${messageOf(error)}`)
      return false
    }
    this.#written = text
    return true
  }

  #tell(why: string): void {
    if (this.#told !== why) this.#onTrouble(why)
    this.#told = why
  }
}

/** The memory of one database in the folder of the state. */
export function classMemoryOf(
  data: string,
  database: string,
  onTrouble: (why: string) => void,
): ClassMemory {
  return new ClassMemoryFile(join(data, 'classes', `${database}.json`), onTrouble)
}

function textOf({ baseline, columns }: Remembered): string {
  const rows = columns.map(({ name, id, known, kept }) => [name, id, known, kept])
  const lines = rows.map((row) => JSON.stringify(row)).join(',\n')
  return `{"format":${FORMAT},"baseline":${baseline},"columns":[\n${lines}\n]}\n`
}

async function replace(path: string, text: string): Promise<void> {
  const temporary = `${path}.${randomBytes(6).toString('hex')}.tmp`
  try {
    const file = await open(temporary, 'wx', 0o600)
    try {
      await file.writeFile(text)
      await file.sync()
    } finally {
      await file.close()
    }
    await rename(temporary, path)
  } catch (error) {
    await rm(temporary, { force: true })
    throw error
  }
  const folder = await open(dirname(path))
  await folder.sync().finally(() => folder.close())
}

function rememberedIn(value: unknown): Remembered {
  const { format, baseline, columns } = value as Record<string, unknown>
  if (format !== FORMAT) throw new Error('is of another version')
  if (typeof baseline !== 'boolean' || !Array.isArray(columns)) throw new Error('is damaged')
  return { baseline, columns: columns.map(columnIn) }
}

function columnIn(row: unknown): RememberedColumn {
  if (!Array.isArray(row)) throw new Error('is damaged')
  const [name, id, known, kept] = row as unknown[]
  const fits =
    isTexts(name) &&
    name.length === 3 &&
    (id === null || typeof id === 'string') &&
    typeof known === 'boolean' &&
    Array.isArray(kept) &&
    kept.every(isKept)
  if (!fits) throw new Error('is damaged')
  return { name: name as unknown as ColumnName, id, known, kept }
}

function isTexts(value: unknown): value is readonly string[] {
  return Array.isArray(value) && value.every((text) => typeof text === 'string')
}

const KEPT_BY: ReadonlySet<unknown> = new Set(['comment', 'configuration', 'copy'])

function isKept(value: unknown): value is KeptClass {
  const { dataClass, by } = (value ?? {}) as Record<string, unknown>
  return typeof dataClass === 'string' && KEPT_BY.has(by)
}
