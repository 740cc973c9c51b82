import type { OutputLineage } from '../output-lineage.ts'
import type {
  Classification,
  Copy,
  Effect,
  EffectReason,
  Lookup,
  SessionName,
  TableUse,
} from '../statement.ts'
import type { SchemaTable } from './schema.ts'
import { type StatementText, whereIn } from './statement-text.ts'
import type { Token } from './token.ts'

interface TableFinding {
  readonly schema: string | null
  readonly name: string
  readonly access: 'read' | 'write'
  readonly table: SchemaTable | null
  readonly columns: Set<string>
}

interface EffectFinding {
  readonly effect: Effect
  readonly reason: string
  /** Of the statement's own text; null where the reason lies elsewhere. */
  readonly token: Token | null
}

/** Tables of a statement, and effects of it. */
const MOST_LISTED = 1000
const MOST_LOOKED_FOR = 500

/** Collects what is found out about one statement. */
export class Findings {
  readonly #effects = new Map<string, EffectFinding>()
  readonly #tables = new Map<string, TableFinding>()
  readonly #adopted: TableUse[] = []
  readonly #classes = new Set<string>()
  readonly functions = new Set<string>()
  readonly names: SessionName[] = []
  /** Names that the schema doesn't know: a newer reading may. */
  readonly unknown = new Set<string>()
  /** Something classified or unknown is read. */
  classified = false
  connectionBound = false
  /** The statement says, or takes, a classified column. */
  touchesClassified = false
  /** Rows of one of its queries, or the results of code that it runs, may hold classified values. */
  bringsOut = false
  /** Its strings may hold passwords. */
  secret = false
  /** It may leave classified values in user variables. */
  keeps = false
  /** It reads user variables. */
  usesKept = false
  /** How many results it gives isn't known. */
  anyResults = false
  /** Schemas that texts in its strings name. */
  readonly schemas = new Set<string>()
  /** The schema that it makes the default one. */
  uses: string | null = null
  kill: Classification['kill'] | null = null
  /** See Classification. */
  diagnostics = false
  /** Of the output, where the statement's kind or another statement tells it. */
  lineage: readonly OutputLineage[] | null = null
  /** Values that the agent already has, and looks for. */
  readonly lookups: Lookup[] = []
  /** Classified values that it writes where they aren't classified. */
  readonly copies: Copy[] = []
  #lookedFor = 0

  /** @param token of the statement's own text, that gives it the effect */
  effect(effect: Effect, reason: string, token?: Token): void {
    const key = `${effect} ${reason}`
    const before = this.#effects.get(key)
    if (!before && this.#effects.size >= MOST_LISTED) this.#tooMuch()
    else if (!before?.token) this.#effects.set(key, { effect, reason, token: token ?? null })
  }

  /** What it does can't be known, nor what it returns. */
  opaque(reason: string, token?: Token): void {
    this.effect('opaque', reason, token)
    this.classified = true
  }

  /** What a person can't read through isn't listed, and isn't let through either. */
  #tooMuch(): void {
    const reason = 'it does too much to be listed'
    this.#effects.set(`opaque ${reason}`, { effect: 'opaque', reason, token: null })
    this.classified = true
  }

  /** Values of a classified column that the agent has and looks for. */
  lookFor(lookups: readonly Lookup[], token: Token): void {
    this.#lookedFor += lookups.reduce((sum, { values }) => sum + values.length, 0)
    if (this.#lookedFor <= MOST_LOOKED_FOR) this.lookups.push(...lookups)
    else this.effect('probe', `looks for more than ${MOST_LOOKED_FOR} values`, token)
  }

  drop(effects: ReadonlySet<Effect>): void {
    for (const [key, { effect }] of this.#effects)
      if (effects.has(effect)) this.#effects.delete(key)
  }

  table(table: SchemaTable, access: 'read' | 'write'): void {
    this.#add({ schema: table.schema, name: table.name, access, table, columns: new Set() })
    if (access === 'read' && table.classified) this.classified = true
  }

  /** Newer than the last reading, temporary, or not there. */
  unknownTable(schema: string | null, name: string, access: 'read' | 'write'): void {
    this.#add({ schema, name, access, table: null, columns: new Set() })
    this.unknown.add(schema === null ? name : `${schema}.${name}`)
    this.connectionBound = true
    if (access === 'read') this.classified = true
  }

  #add(finding: TableFinding): void {
    const key = JSON.stringify([finding.schema, finding.name, finding.access])
    if (this.#tables.size >= MOST_LISTED) this.#tooMuch()
    else if (!this.#tables.has(key)) this.#tables.set(key, finding)
  }

  /** The statement says these names, in small letters, which may be columns of its tables. */
  columns(names: ReadonlySet<string>): void {
    for (const { table, columns } of this.#tables.values()) {
      for (const column of table?.columns ?? []) {
        if (names.has(column.name.toLowerCase())) this.#column(columns, column)
      }
    }
  }

  /** It takes whole rows. */
  everyColumn(): void {
    for (const { table, columns, access } of this.#tables.values()) {
      if (access === 'read')
        for (const column of table?.columns ?? []) this.#column(columns, column)
    }
  }

  #column(columns: Set<string>, column: SchemaTable['columns'][number]): void {
    columns.add(column.name)
    this.touchesClassified ||= column.dataClass !== null || column.derived
    if (column.dataClass !== null) this.#classes.add(column.dataClass)
  }

  /** Takes over what was found about code that this statement runs. */
  include(inner: Findings): void {
    for (const { effect, reason, token } of inner.#effects.values()) {
      this.effect(effect, reason, token ?? undefined)
    }
    this.lookups.push(...inner.lookups)
    this.copies.push(...inner.copies)
    for (const [key, table] of inner.#tables)
      if (!this.#tables.has(key)) this.#tables.set(key, table)
    for (const name of inner.#classes) this.#classes.add(name)
    for (const name of inner.functions) this.functions.add(name)
    for (const name of inner.unknown) this.unknown.add(name)
    this.#adopted.push(...inner.#adopted)
    this.classified ||= inner.classified
    this.touchesClassified ||= inner.touchesClassified
    this.bringsOut ||= inner.touchesClassified || inner.bringsOut || inner.#classes.size > 0
    this.connectionBound ||= inner.connectionBound
    this.secret ||= inner.secret
    this.keeps ||= inner.keeps
    this.usesKept ||= inner.usesKept
  }

  adopt(uses: readonly TableUse[], classes: readonly string[]): void {
    this.#adopted.push(...uses)
    for (const name of classes) this.#classes.add(name)
  }

  has(effect: Effect): boolean {
    return this.effects.some((found) => found.effect === effect)
  }

  get effects(): readonly EffectReason[] {
    return [...this.#effects.values()].map(({ effect, reason }) => ({ effect, reason }))
  }

  /** The same, each with where it stands in the text of the statement. */
  effectsIn(text: StatementText): readonly EffectReason[] {
    return [...this.#effects.values()].map(({ effect, reason, token }) =>
      token === null ? { effect, reason } : { effect, reason, at: whereIn(text, token) },
    )
  }

  get classes(): readonly string[] {
    return [...this.#classes].sort()
  }

  /** The tables that the schema knows and that are read. */
  get read(): readonly SchemaTable[] {
    return [...this.#tables.values()].flatMap(({ table, access }) =>
      table && access === 'read' ? [table] : [],
    )
  }

  /** Every table that the schema knows. */
  get known(): readonly SchemaTable[] {
    return [...this.#tables.values()].flatMap(({ table }) => table ?? [])
  }

  get tables(): readonly TableUse[] {
    const own = [...this.#tables.values()].map(({ schema, name, access, table, columns }) => ({
      schema,
      name,
      access,
      classes: classesOf(table),
      columns: [...columns],
    }))
    return [...own, ...this.#adopted]
  }
}

function classesOf(table: SchemaTable | null): Readonly<Record<string, string>> {
  const classes: Record<string, string> = Object.create(null)
  for (const column of table?.columns ?? []) {
    if (column.dataClass !== null) classes[column.name] = column.dataClass
  }
  return classes
}
