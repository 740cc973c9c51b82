import {
  type ClassMemory,
  type ColumnName,
  type KeptClass,
  NO_MEMORY,
  type Remembered,
  type RememberedColumn,
} from './class-memory.ts'

/** The class of a column that nobody has judged yet; it is masked whole. */
export const UNJUDGED = 'unjudged'

export interface LedgerOptions {
  readonly memory?: ClassMemory | undefined
  /** Column pattern -> data class, of the configuration. */
  readonly classified: Readonly<Record<string, string>>
  /** Whether a new column beside classified ones is masked until it has been judged. */
  readonly strict?: boolean | undefined
  /** Told of columns that wait to be judged, once of each: schema.table.column. */
  readonly onUnjudged?: ((columns: readonly string[]) => void) | undefined
}

/** A column of one reading, as far as its name, its comment and what it is computed from tell. */
export interface ColumnFacts {
  readonly name: ColumnName
  /** See RememberedColumn. */
  readonly id: string | null
  readonly classified: boolean
  /** A pattern or its comment has said what it holds. */
  readonly judged: boolean
  readonly kept: readonly KeptClass[]
  /** A partition or child has it from its parent, and shows what the parent's may. */
  readonly inherited?: boolean
}

/** Values of these classes that go into a column; see copyNames for names that stand for several. */
export interface CopyInto {
  readonly name: ColumnName
  readonly classes: readonly string[]
}

/** Names that are remembered though nothing is called so any more. */
const MAX_GONE = 10_000

/**
 * What was known of columns in the readings before, those of an earlier process too. A class that a
 * comment gave, or that a column had under another name, stays with it whatever becomes of the
 * comment, for whoever may change a table's text isn't thereby one who may see what it holds.
 */
export class ColumnLedger {
  readonly #options: LedgerOptions
  readonly #memory: ClassMemory
  readonly #byId = new Map<string, RememberedColumn>()
  readonly #byName = new Map<string, RememberedColumn>()
  #state: 'unread' | 'recalled' | 'read' = 'unread'
  #baseline = false
  #lost = false
  #waiting: Remembered | null = null
  #news = false
  /** Those that were told of. */
  #told = new Set<string>()

  constructor(options: LedgerOptions) {
    this.#options = options
    this.#memory = options.memory ?? NO_MEMORY
  }

  /** Recalls what an earlier process knew. What can't be read leaves no column known. */
  async open(): Promise<void> {
    if (this.#state !== 'unread') return
    const recollection = await this.#memory.recall()
    this.#state = 'recalled'
    this.#lost = recollection.kind === 'lost'
    if (recollection.kind !== 'remembered') return
    this.#baseline = recollection.remembered.baseline
    const classes = new Set(Object.values(this.#options.classified))
    this.#list(
      recollection.remembered.columns.map((column) => ({
        ...column,
        // Whoever takes a class out of the configuration means it.
        kept: column.kept.filter(
          ({ by, dataClass }) => by !== 'configuration' || classes.has(dataClass),
        ),
      })),
    )
  }

  /** Classes that a column, or one of its name before it, had from elsewhere than from a pattern. */
  keptOf(id: string | null, name: ColumnName): readonly KeptClass[] {
    const same = id === null ? undefined : this.#byId.get(id)
    const named = this.#byName.get(keyOf(name))
    const copied = copyNames(name).flatMap((alias) => this.#byName.get(keyOf(alias))?.kept ?? [])
    return [...(same?.kept ?? []), ...(named === same ? [] : (named?.kept ?? [])), ...copied]
  }

  /**
   * Classified values are about to be written where they aren't classified: what they are written
   * into has their classes from now on, whatever becomes of the statement.
   */
  note(copies: readonly CopyInto[]): void {
    for (const { name, classes } of copies) {
      const known = this.#byName.get(keyOf(name)) ?? { name, id: null, known: false, kept: [] }
      const fresh = classes
        .filter((one) => !known.kept.some(({ dataClass }) => dataClass === one))
        .map((dataClass) => ({ dataClass, by: 'copy' as const }))
      if (fresh.length === 0) continue
      this.#take({ ...known, kept: [...known.kept, ...fresh] })
      this.#news = true
    }
    if (!this.#news) return
    const columns = [...this.#byName.values()].filter(
      ({ name, kept }) => !isTemporary(name[0]) && (this.#baseline || kept.length > 0),
    )
    this.#waiting = { baseline: this.#baseline, columns }
  }

  /** Whether copies were noted since the last reading: it has to be read anew by them. */
  takeNews(): boolean {
    const news = this.#news
    this.#news = false
    return news
  }

  #take(column: RememberedColumn): void {
    this.#byName.set(keyOf(column.name), column)
    if (column.id !== null) this.#byId.set(column.id, column)
  }

  /**
   * The columns that hold nobody has said what: new ones beside classified ones, new ones that are
   * called as a classified one is, and all that were so when they came.
   */
  unjudged(tables: readonly (readonly ColumnFacts[])[]): readonly ColumnFacts[] {
    if (!this.#watches) return []
    const all = tables.flat()
    const names = new Set(all.filter(({ classified }) => classified).map(bareName))
    return tables.flatMap((columns) => {
      const beside = columns.some(({ classified }) => classified)
      return columns.filter((column) => {
        if (column.classified || column.judged || column.inherited) return false
        if (this.#isKnown(column)) return false
        return beside || names.has(bareName(column)) || this.#wasUnjudged(column)
      })
    })
  }

  get #watches(): boolean {
    return this.#options.strict === true || this.#lost
  }

  #isKnown(column: ColumnFacts): boolean {
    if (this.#state === 'recalled' && !this.#baseline && !this.#lost) return true
    return this.#entryOf(column)?.known === true
  }

  #wasUnjudged(column: ColumnFacts): boolean {
    return this.#entryOf(column)?.known === false
  }

  /**
   * What an earlier process knew counts where name and id are the same: another database of the
   * same making gives other columns the same ids.
   */
  #entryOf({ id, name }: ColumnFacts): RememberedColumn | undefined {
    const entry = id === null ? this.#byName.get(keyOf(name)) : this.#byId.get(id)
    if (this.#state !== 'recalled') return entry
    return entry && keyOf(entry.name) === keyOf(name) ? entry : undefined
  }

  /** Takes the columns of a reading for those that are known from now on. */
  settle(tables: readonly (readonly ColumnFacts[])[], unjudged: readonly ColumnFacts[]): void {
    const masked = new Set(unjudged)
    const next = tables.flat().map((column) => ({
      name: column.name,
      id: column.id,
      known: this.#isKnown(column) || !(column.classified || column.judged || masked.has(column)),
      kept: column.kept,
    }))
    const named = new Set(next.map(({ name }) => keyOf(name)))
    const gone = [...this.#byName.values()]
      .filter(({ name, kept }) => kept.length > 0 && !named.has(keyOf(name)))
      .map((column) => ({ ...column, id: null }))
    const columns = [...gone.slice(-MAX_GONE), ...next]
    this.#tell(unjudged.map(textOf))
    this.#list(columns)
    this.#state = 'read'
    this.#baseline = this.#options.strict === true
    this.#waiting = {
      baseline: this.#baseline,
      columns: columns.filter(
        ({ name, kept }) => !isTemporary(name[0]) && (this.#baseline || kept.length > 0),
      ),
    }
  }

  #tell(unjudged: readonly string[]): void {
    const fresh = unjudged.filter((column) => !this.#told.has(column))
    this.#told = new Set(unjudged)
    if (fresh.length > 0) this.#options.onUnjudged?.(fresh)
  }

  #list(columns: readonly RememberedColumn[]): void {
    this.#byId.clear()
    this.#byName.clear()
    for (const column of columns) {
      if (column.id !== null) this.#byId.set(column.id, column)
      this.#byName.set(keyOf(column.name), column)
    }
  }

  /** Keeps what is new on the disk; where it can't, the next call tries again. */
  async save(): Promise<void> {
    const waiting = this.#waiting
    if (!waiting || !(await this.#memory.remember(waiting))) return
    if (this.#waiting === waiting) this.#waiting = null
  }
}

/**
 * What a column that no pattern judges has: from its comment, from before, and from the reading
 * before this one, each class once. What a comment says now counts as said by it.
 */
export function keptClasses(
  said: readonly string[],
  kept: readonly KeptClass[],
  before: string | null,
): readonly KeptClass[] {
  const all: readonly KeptClass[] = [
    ...said.map((dataClass) => ({ dataClass, by: 'comment' as const })),
    ...kept,
    ...(before === null ? [] : [{ dataClass: before, by: 'configuration' as const }]),
  ]
  const first = new Map<string, KeptClass>()
  for (const each of all) if (!first.has(each.dataClass)) first.set(each.dataClass, each)
  return [...first.values()]
}

/** schema.table.column */
export function textOf({ name }: Pick<ColumnFacts, 'name'>): string {
  return name.join('.')
}

function keyOf(name: ColumnName): string {
  return JSON.stringify(name)
}

/** PostgreSQL's schemas of temporary tables: those are gone when a process begins anew. */
function isTemporary(schema: string): boolean {
  return schema.startsWith('pg_temp')
}

/** Stands for every schema, and for every column of a table. */
export const ANY = ''

/** Names by which a copy into a column may have been noted, beside its own. */
function copyNames([schema, table, column]: ColumnName): readonly ColumnName[] {
  const schemas = isTemporary(schema) ? [schema, 'pg_temp', ANY] : [schema, ANY]
  return schemas
    .flatMap((one) => [[one, table, column] as const, [one, table, ANY] as const])
    .slice(1)
}

function bareName({ name: [, , column] }: ColumnFacts): string {
  return column.toLowerCase()
}
