import { type OutputLineage, shownBy } from '../sql/output-lineage.ts'
import type { LineageReader } from '../sql/postgres/lineage.ts'
import type { CatalogColumn, CatalogRelation } from './catalog.ts'
import type { KeptClass } from './class-memory.ts'
import { type ClassifiedPatterns, NO_CLASS } from './classified-patterns.ts'
import { type ColumnFacts, type ColumnLedger, keptClasses, UNJUDGED } from './column-ledger.ts'
import { classesInComment, UNREAD } from './comment-classes.ts'
import { columnFacts, FIRST_NORMAL_OID, idOf } from './postgres-facts.ts'
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
  /** What was known of columns before this reading. */
  readonly ledger: ColumnLedger
}

/** Every column with its class, and what the ledger is to know of this reading. */
export interface Derived {
  readonly relations: CatalogRelation[]
  readonly tables: readonly (readonly ColumnFacts[])[]
  readonly unjudged: readonly ColumnFacts[]
}

/** What the server says a view's columns are: relation and column ids, 0 for expressions. */
export type Attribution = readonly { readonly relation: number; readonly column: number }[]

/**
 * Gives every column its class: from the patterns, else from its comment and from what it was before,
 * and carried on to partitions, inheritance children, generated columns, views and materialized
 * views. Foreign keys carry nothing.
 */
export class ClassDerivation {
  readonly #reading: PostgresReading
  readonly #patterns: ClassifiedPatterns
  readonly #lineage: LineageReader
  readonly #before: CatalogSnapshot | null
  readonly #ledger: ColumnLedger
  readonly #comments: ReadonlyMap<string, readonly string[]>
  readonly #relations: Map<number, CatalogRelation>
  /** relation and column number of those that a pattern has judged. */
  readonly #judged = new Set<string>()
  /** The same of columns that have their class from a child. */
  readonly #fromChildren = new Set<string>()
  /** What columns that no pattern judges have from their comments, or had before. */
  readonly #kept = new Map<string, readonly KeptClass[]>()

  constructor(reading: PostgresReading, relations: Iterable<CatalogRelation>, by: DerivationBasis) {
    this.#reading = reading
    this.#patterns = by.patterns
    this.#lineage = by.lineage
    this.#before = by.before
    this.#ledger = by.ledger
    this.#comments = new Map(
      reading.columns.flatMap(({ relation, number, comment }) => {
        const classes = classesInComment(comment)
        return classes.length > 0 ? [[`${relation}.${number}`, classes] as const] : []
      }),
    )
    this.#relations = new Map([...relations].map((relation) => [relation.oid, relation]))
  }

  /** `attributions`: by view, what the server says of its columns. */
  run(parts: SnapshotParts, attributions: ReadonlyMap<number, Attribution>): Derived {
    for (const relation of this.#relations.values()) this.#classifyOwn(relation)
    this.#carryOn(parts, attributions)
    const unjudged = this.#ledger.unjudged(this.#tables())
    for (const { id } of unjudged) this.#mask(id)
    if (unjudged.length > 0) this.#carryOn(parts, attributions)
    return { relations: [...this.#relations.values()], tables: this.#tables(), unjudged }
  }

  /** Until nothing new is said: a view may be on a view. */
  #carryOn(parts: SnapshotParts, attributions: ReadonlyMap<number, Attribution>): void {
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
  }

  #classifyOwn(relation: CatalogRelation): void {
    for (const column of relation.columns.values()) {
      const dataClass = this.#patterns.classOf(relation.schema, relation.name, column.name)
      if (dataClass === null) this.#classifyUnnamed(relation, column)
      else {
        this.#judged.add(idOf(relation, column))
        if (dataClass === NO_CLASS) continue
        this.#change(relation.oid, column.number, dataClass, false)
      }
    }
  }

  /** A comment only adds: what it says beside what was known is both, and so masked whole. */
  #classifyUnnamed(relation: CatalogRelation, column: CatalogColumn): void {
    const id = idOf(relation, column)
    const name = [relation.schema, relation.name, column.name] as const
    const kept = keptClasses(
      this.#comments.get(id) ?? [],
      relation.oid < FIRST_NORMAL_OID ? [] : this.#ledger.keptOf(id, name),
      this.#classBefore(relation, column),
    )
    if (kept.length > 0) this.#kept.set(id, kept)
    for (const { dataClass } of kept) {
      this.#add(
        relation.oid,
        column.number,
        dataClass,
        dataClass === UNREAD || dataClass === DERIVED,
      )
    }
  }

  #tables(): readonly (readonly ColumnFacts[])[] {
    const { inherits } = this.#reading
    const own = { judged: this.#judged, kept: this.#kept }
    return columnFacts(this.#relations, inherits, own)
  }

  #mask(id: string | null): void {
    const [relation, number] = (id ?? '').split('.').map(Number)
    if (relation !== undefined && number !== undefined) this.#add(relation, number, UNJUDGED, true)
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
    const source = lineage && shownBy(lineage)?.classes.length ? classOf(lineage) : null
    return source !== null && this.#add(row.relation, row.number, source.dataClass, true)
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
  const shown = shownBy(lineage)
  if (!shown) return null
  const [only, ...others] = shown.classes
  if (shown.unknown || only === undefined || others.length > 0) {
    return { dataClass: DERIVED, derived: true }
  }
  return { dataClass: only, derived: !shown.plain }
}

function quoted(name: string): string {
  return `"${name.replaceAll('"', '""')}"`
}
