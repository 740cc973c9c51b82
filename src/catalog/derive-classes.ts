import type { OutputLineage } from '../sql/output-lineage.ts'
import type { LineageReader } from '../sql/postgres/lineage.ts'
import type { CatalogColumn, CatalogRelation } from './catalog.ts'
import { type ClassifiedPatterns, NO_CLASS } from './classified-patterns.ts'
import type { ColumnRow, PostgresReading, RelationRow } from './postgres-reading.ts'
import { CatalogSnapshot, type SnapshotParts, withColumns } from './snapshot.ts'

/** The class of what is computed from columns of several classes, or from something unknown. */
export const DERIVED = 'derived'
/** Views on views, deeper than which nobody goes. */
const MAX_ROUNDS = 32

/** What classes come from. */
export interface DerivationBasis {
  readonly patterns: ClassifiedPatterns
  readonly lineage: LineageReader
  /** The reading before this one, or null. */
  readonly before: CatalogSnapshot | null
}

/** What the server says a view's columns are: relation and column ids, 0 for expressions. */
export type Attribution = readonly { readonly relation: number; readonly column: number }[]

/**
 * Gives every column its class: from the patterns, and carried on to partitions, inheritance
 * children, generated columns, views and materialized views. Foreign keys carry nothing.
 */
export class ClassDerivation {
  readonly #reading: PostgresReading
  readonly #patterns: ClassifiedPatterns
  readonly #lineage: LineageReader
  readonly #before: CatalogSnapshot | null
  readonly #relations: Map<number, CatalogRelation>
  /** relation and column number of those that a pattern has judged. */
  readonly #judged = new Set<string>()
  /** The same of columns that have their class from a child. */
  readonly #fromChildren = new Set<string>()

  constructor(reading: PostgresReading, relations: Iterable<CatalogRelation>, by: DerivationBasis) {
    this.#reading = reading
    this.#patterns = by.patterns
    this.#lineage = by.lineage
    this.#before = by.before
    this.#relations = new Map([...relations].map((relation) => [relation.oid, relation]))
  }

  /** `attributions`: by view, what the server says of its columns. */
  run(parts: SnapshotParts, attributions: ReadonlyMap<number, Attribution>): CatalogRelation[] {
    for (const relation of this.#relations.values()) this.#classifyByPattern(relation)
    for (let round = 0; round < MAX_ROUNDS; round++) {
      const schema = new CatalogSnapshot({ ...parts, relations: this.#relations.values() })
      let changed = false
      for (const { child, parent } of this.#reading.inherits) {
        changed = this.#inherit(child, parent) || changed
        changed = this.#bequeath(child, parent) || changed
      }
      for (const column of this.#reading.columns) {
        if (column.generated !== null) changed = this.#generate(column, schema) || changed
        if (column.default !== null) changed = this.#defaultOf(column, schema) || changed
      }
      for (const row of this.#reading.relations) {
        if (row.definition === null) continue
        changed = this.#view(row, schema, attributions.get(row.oid)) || changed
      }
      if (!changed) break
    }
    return [...this.#relations.values()]
  }

  #classifyByPattern(relation: CatalogRelation): void {
    for (const column of relation.columns.values()) {
      const dataClass = this.#patterns.classOf(relation.schema, relation.name, column.name)
      const kept = dataClass ?? this.#classBefore(relation, column)
      if (dataClass !== null) this.#judged.add(`${relation.oid}.${column.number}`)
      if (kept !== null && kept !== NO_CLASS) this.#change(relation.oid, column.number, kept, false)
    }
  }

  /**
   * A column whose name no pattern fits any more keeps the class that it had: it, its table or its
   * schema was renamed, or a partition was detached, and its values are what they were.
   */
  #classBefore(relation: CatalogRelation, column: CatalogColumn): string | null {
    if (relation.kind === 'view' || relation.kind === 'materialized-view') return null
    const known = this.#before?.relation(relation.oid)?.columns.get(column.number)
    return known && !known.derived ? known.dataClass : null
  }

  /** A parent shows the rows of its children. What it has from one of them isn't its others'. */
  #bequeath(child: number, parent: number): boolean {
    let changed = false
    const own = [...(this.#relations.get(parent)?.columns.values() ?? [])]
    for (const column of this.#relations.get(child)?.columns.values() ?? []) {
      const same = own.find((other) => other.name === column.name)
      if (column.dataClass === null || !same || same.dataClass === column.dataClass) continue
      if (this.#add(parent, same.number, column.dataClass, column.derived)) {
        this.#fromChildren.add(`${parent}.${same.number}`)
        changed = true
      }
    }
    return changed
  }

  #inherit(child: number, parent: number): boolean {
    let changed = false
    const own = [...(this.#relations.get(child)?.columns.values() ?? [])]
    for (const column of this.#relations.get(parent)?.columns.values() ?? []) {
      if (column.dataClass === null || this.#fromChildren.has(`${parent}.${column.number}`))
        continue
      const same = own.find((other) => other.name === column.name)
      if (same) changed = this.#add(child, same.number, column.dataClass, column.derived) || changed
    }
    return changed
  }

  #generate(row: ColumnRow, schema: CatalogSnapshot): boolean {
    const relation = this.#relations.get(row.relation)
    if (!relation?.classified) return false
    const sql = `SELECT ${row.generated} FROM ${quoted(relation.schema)}.${quoted(relation.name)}`
    const [lineage] = this.#lineage.read(sql, schema) ?? []
    const source = lineage ? classOf(lineage) : { dataClass: DERIVED, derived: true }
    return source !== null && this.#add(row.relation, row.number, source.dataClass, true)
  }

  /** A default that reads classified columns fills its own with copies of them. */
  #defaultOf(row: ColumnRow, schema: CatalogSnapshot): boolean {
    const [lineage] = this.#lineage.read(`SELECT ${row.default}`, schema) ?? []
    if (!lineage || lineage.classes.length === 0) return false
    return this.#add(row.relation, row.number, lineage.classes[0] ?? DERIVED, true)
  }

  #view(row: RelationRow, schema: CatalogSnapshot, attribution: Attribution | undefined): boolean {
    const relation = this.#relations.get(row.oid)
    if (!relation || row.definition === null) return false
    const lineage = this.#lineage.read(row.definition.replace(/;\s*$/, ''), schema)
    let changed = false
    for (const [index, column] of [...relation.columns.values()].entries()) {
      const own = lineage?.[index]
      const said = attribution?.[index]
      const source = own ? classOf(own) : { dataClass: DERIVED, derived: true }
      if (source !== null) {
        changed = this.#add(row.oid, column.number, source.dataClass, source.derived) || changed
      }
      const base = said && this.#relations.get(said.relation)?.columns.get(said.column)
      if (base?.dataClass) {
        changed = this.#add(row.oid, column.number, base.dataClass, base.derived) || changed
      }
    }
    return changed
  }

  /** Adds a class to a column that nobody has judged. True where that says something new. */
  #add(relation: number, number: number, dataClass: string, derived: boolean): boolean {
    if (this.#judged.has(`${relation}.${number}`)) return false
    const known = this.#relations.get(relation)?.columns.get(number)
    if (!known) return false
    const several = known.dataClass !== null && known.dataClass !== dataClass
    return this.#change(
      relation,
      number,
      several ? DERIVED : dataClass,
      several || derived || known.derived,
    )
  }

  #change(relation: number, number: number, dataClass: string, derived: boolean): boolean {
    const owner = this.#relations.get(relation)
    const known = owner?.columns.get(number)
    if (!owner || !known) return false
    if (known.dataClass === dataClass && known.derived === derived) return false
    const column: CatalogColumn = { ...known, dataClass, derived }
    this.#relations.set(relation, withColumns(owner, new Map(owner.columns).set(number, column)))
    return true
  }
}

function classOf(lineage: OutputLineage): { dataClass: string; derived: boolean } | null {
  const [only, ...others] = lineage.classes
  if (lineage.unknown || others.length > 0) return { dataClass: DERIVED, derived: true }
  return only === undefined ? null : { dataClass: only, derived: !lineage.plain }
}

function quoted(name: string): string {
  return `"${name.replaceAll('"', '""')}"`
}
