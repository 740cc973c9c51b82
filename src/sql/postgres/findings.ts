import type { Classification, Copy, Effect, EffectReason, Lookup, TableUse } from '../statement.ts'
import { placeOf } from './ast.ts'
import type { SchemaRelation } from './schema.ts'
import { type Column, hardSources, isHard, type Taint } from './taint.ts'

/** How findings of an inner statement, or of code that runs beside one, are taken over. */
export interface Inclusion {
  /** Which of its effects count. */
  readonly keep?: (effect: Effect) => boolean
  /** What the code is, for the reasons: "tidy()". */
  readonly code?: string
  /** Where the code is set off: its own places are of another text. */
  readonly at?: number | undefined
}

interface TableFinding {
  readonly schema: string | null
  readonly name: string
  readonly access: 'read' | 'write'
  readonly relation: SchemaRelation | null
  readonly columns: Set<string>
}

/** Collects what is found out about one statement. */
export class Findings {
  readonly #effects = new Map<string, EffectReason>()
  readonly #tables = new Map<string, TableFinding>()
  readonly #classes = new Set<string>()
  readonly #adopted: TableUse[] = []
  readonly #lookups: Lookup[] = []
  readonly #copies: Copy[] = []
  readonly functions = new Set<string>()
  /** Names that the schema doesn't know: a newer reading may. */
  readonly unknown = new Set<string>()
  /** Something classified or unknown is read. */
  classified = false
  connectionBound = false
  /** It reads settings, or what shows them. */
  usesKept = false
  /** False where rows may come that aren't the statement's own: its outputs say nothing of them. */
  ownOutputs = true

  /** `at`: a byte offset in the whole text that is read. */
  effect(effect: Effect, reason: string, at?: number): void {
    const key = `${effect} ${reason}`
    const known = this.#effects.get(key)
    if (known && (known.at !== undefined || at === undefined)) return
    this.#effects.set(key, at === undefined ? { effect, reason } : { effect, reason, at })
  }

  /** Gives a place to what has none yet: it is the statement itself that does it. */
  placeRest(at: number, which: (reason: string) => boolean): void {
    for (const { effect, reason, at: known } of this.effects) {
      if (known === undefined && which(reason)) this.effect(effect, reason, at)
    }
  }

  /** Takes over what was found about an inner statement, or about code that runs beside this one. */
  include(inner: Findings, { keep = () => true, code, at }: Inclusion = {}): void {
    for (const each of inner.effects) {
      if (!keep(each.effect)) continue
      if (code === undefined) this.effect(each.effect, each.reason, each.at)
      else this.effect(each.effect, `${code}: ${each.reason}`, at)
    }
    if (code === undefined) this.#takeNames(inner)
    this.#takeUses(inner)
  }

  /** Names that code uses were read together with the code: no newer reading knows more. */
  #takeNames(inner: Findings): void {
    for (const name of inner.unknown) this.unknown.add(name)
    this.#lookups.push(...inner.lookups)
    this.ownOutputs &&= inner.ownOutputs
  }

  #takeUses(inner: Findings): void {
    for (const [key, table] of inner.#tables)
      if (!this.#tables.has(key)) this.#tables.set(key, table)
    for (const name of inner.#classes) this.#classes.add(name)
    this.#adopted.push(...inner.#adopted)
    this.#copies.push(...inner.#copies)
    for (const name of inner.functions) this.functions.add(name)
    this.classified ||= inner.classified
    this.connectionBound ||= inner.connectionBound
    this.usesKept ||= inner.usesKept
  }

  /** Takes over what an earlier statement touches, for one that runs it by name. */
  adopt(earlier: Classification): void {
    for (const use of earlier.tables) this.#adopted.push(use)
    for (const name of earlier.classes) this.#classes.add(name)
    for (const name of earlier.functions) this.functions.add(name)
    this.#lookups.push(...(earlier.lookups ?? []))
    this.#copies.push(...(earlier.copies ?? []))
    this.classified ||= earlier.output === 'classified'
    this.connectionBound ||= earlier.connectionBound
    this.usesKept ||= earlier.usesKept !== undefined
  }

  table(relation: SchemaRelation, access: 'read' | 'write'): void {
    const { schema, name } = relation
    this.#table({ schema, name, access, relation, columns: new Set() })
  }

  /**
   * A relation that a statement of the schema names and nobody knows: newer than the last reading,
   * or about to be made. It is listed, so that an approval is bound to what the name means then.
   */
  unresolvedTable(schema: string | null, name: string): void {
    this.#table({ schema, name, access: 'write', relation: null, columns: new Set() })
    this.unknown.add(schema === null ? name : `${schema}.${name}`)
  }

  unknownTable(schema: string | null, name: string, access: 'read' | 'write'): void {
    this.#table({ schema, name, access, relation: null, columns: new Set() })
    this.unknown.add(schema === null ? name : `${schema}.${name}`)
    this.classified = true
    this.connectionBound = true
  }

  #table(table: TableFinding): void {
    const key = JSON.stringify([table.schema, table.name, table.access])
    if (!this.#tables.has(key)) this.#tables.set(key, table)
  }

  /** The statement reads this column. */
  column(column: Column, at?: number): void {
    this.taint(column.taint)
    if (column.restricted !== null) this.effect('export', column.restricted, at)
    const { relation } = column
    if (relation) this.named(relation, column.base ?? column.name)
  }

  /** The statement names this column of a relation. */
  named(relation: SchemaRelation, column: string): void {
    for (const table of this.#tables.values()) {
      if (table.relation === relation) table.columns.add(column)
    }
  }

  /** The statement uses values of these sources. */
  taint(taint: Taint): void {
    if (taint.size === 0) return
    this.classified = true
    for (const { dataClass } of taint.values()) if (dataClass !== null) this.#classes.add(dataClass)
  }

  /** `stands`: the part of the tree that it is, looked at only where it is a probe. */
  probe(taint: Taint, where: string, stands?: unknown): void {
    if (!isHard(taint)) return
    const at = placeOf(stands)
    for (const { label } of hardSources(taint)) {
      const reason = `${label} is used in ${where}, which can be used to guess its values`
      this.effect('probe', reason, at)
    }
  }

  lookup(lookup: Lookup): void {
    this.#lookups.push(lookup)
  }

  get lookups(): readonly Lookup[] {
    return this.#lookups
  }

  /** Classified values go where they aren't classified. */
  copied(copy: Copy): void {
    this.#copies.push(copy)
  }

  get copies(): readonly Copy[] {
    return this.#copies
  }

  get effects(): readonly EffectReason[] {
    return [...this.#effects.values()]
  }

  get classes(): readonly string[] {
    return [...this.#classes].sort()
  }

  get tables(): readonly TableUse[] {
    const own = [...this.#tables.values()].map(({ schema, name, access, relation, columns }) => ({
      schema,
      name,
      access,
      classes: classesOf(relation),
      columns: [...columns],
    }))
    return [...own, ...this.#adopted]
  }
}

function classesOf(relation: SchemaRelation | null): Readonly<Record<string, string>> {
  const classes: Record<string, string> = Object.create(null)
  for (const column of relation?.columns.values() ?? []) {
    if (column.dataClass !== null) classes[column.name] = column.dataClass
  }
  return classes
}
