import type { Classification, Effect, EffectReason, TableUse } from '../statement.ts'
import type { SchemaRelation } from './schema.ts'
import { type Column, hardSources, type Taint } from './taint.ts'

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
  readonly functions = new Set<string>()
  /** Names that the schema doesn't know: a newer reading may. */
  readonly unknown = new Set<string>()
  /** Something classified or unknown is read. */
  classified = false
  connectionBound = false
  /** False where rows may come that aren't the statement's own: its outputs say nothing of them. */
  ownOutputs = true

  effect(effect: Effect, reason: string): void {
    const key = `${effect} ${reason}`
    if (!this.#effects.has(key)) this.#effects.set(key, { effect, reason })
  }

  /** Takes over what was found about an inner statement; `keep` says which of its effects. */
  include(inner: Findings, keep: (effect: Effect) => boolean = () => true): void {
    for (const { effect, reason } of inner.effects) if (keep(effect)) this.effect(effect, reason)
    for (const [key, table] of inner.#tables)
      if (!this.#tables.has(key)) this.#tables.set(key, table)
    for (const name of inner.#classes) this.#classes.add(name)
    this.#adopted.push(...inner.#adopted)
    for (const name of inner.functions) this.functions.add(name)
    for (const name of inner.unknown) this.unknown.add(name)
    this.classified ||= inner.classified
    this.connectionBound ||= inner.connectionBound
    this.ownOutputs &&= inner.ownOutputs
  }

  /** Takes over what an earlier statement touches, for one that runs it by name. */
  adopt(earlier: Classification): void {
    for (const use of earlier.tables) this.#adopted.push(use)
    for (const name of earlier.classes) this.#classes.add(name)
    for (const name of earlier.functions) this.functions.add(name)
    this.classified ||= earlier.output === 'classified'
    this.connectionBound ||= earlier.connectionBound
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
  column(column: Column): void {
    this.taint(column.taint)
    if (column.restricted !== null) this.effect('export', column.restricted)
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

  probe(taint: Taint, where: string): void {
    for (const { label } of hardSources(taint)) {
      this.effect('probe', `${label} is used in ${where}, which can be used to guess its values`)
    }
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
