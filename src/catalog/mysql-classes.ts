import type { SchemaTable } from '../sql/mysql/schema.ts'
import { type OutputLineage, shownBy } from '../sql/output-lineage.ts'
import type { ColumnName, KeptClass } from './class-memory.ts'
import { type ClassifiedPatterns, NO_CLASS } from './classified-patterns.ts'
import {
  type ColumnFacts,
  type ColumnLedger,
  keptClasses,
  textOf,
  UNJUDGED,
} from './column-ledger.ts'
import { classesInComment, UNREAD } from './comment-classes.ts'
import { DERIVED } from './derive-classes.ts'
import { type ClassBefore, classBefore } from './mysql-renamed.ts'
import {
  type MysqlColumn,
  MysqlSnapshot,
  type MysqlSnapshotParts,
  type MysqlTable,
} from './mysql-snapshot.ts'
import { viewCode } from './mysql-view-code.ts'

/** One entry an output column of a definition; null where it can't be told. */
export type MysqlLineage = (
  definition: string,
  database: string,
  schema: MysqlSnapshot,
) => readonly OutputLineage[] | null

export interface MysqlDerivationBasis {
  readonly patterns: ClassifiedPatterns
  readonly lineage: MysqlLineage
  readonly trusted: ReadonlySet<string>
  /** The reading before this one, or null. */
  readonly before: MysqlSnapshot | null
  /** What was known of columns before this reading. */
  readonly ledger: ColumnLedger
}

/** A table without classes yet, with what they can come from. */
export interface BareTable extends Omit<MysqlTable, 'columns' | 'classified'> {
  readonly columns: readonly BareColumn[]
  /** Its rows are those of other tables, and which can't be told: MERGE, OQGRAPH. */
  readonly borrowed: boolean
}

export interface BareColumn {
  readonly name: string
  readonly type: string
  readonly invisible: boolean
  /** The expressions that it is, or can be, filled from; they name columns of its own table only. */
  readonly expressions: readonly string[]
  readonly comment: string
}

/**
 * Gives every column its class: from the patterns, else from its comment and from what it was before,
 * and carried on to generated columns, to defaults that are computed, and to views.
 */
export class MysqlClassDerivation {
  readonly #parts: Omit<MysqlSnapshotParts, 'tables'>
  readonly #by: MysqlDerivationBasis
  readonly #tables = new Map<string, MysqlTable>()
  /** Columns that a pattern has judged: they keep what it says. */
  readonly #judged = new Set<string>()
  /** What columns that no pattern judges have from their comments, or had before. */
  readonly #kept = new Map<string, readonly KeptClass[]>()

  constructor(parts: Omit<MysqlSnapshotParts, 'tables'>, by: MysqlDerivationBasis) {
    this.#parts = parts
    this.#by = by
  }

  run(bare: readonly BareTable[]): MysqlSnapshot {
    const names = new MysqlSnapshot({ ...this.#parts, tables: [] })
    const renamed = classBefore(bare, this.#by.before, names)
    for (const table of bare) {
      const key = names.keyOf(table.schema, table.name)
      this.#tables.set(key, withClasses(table, this.#ownColumns(table, renamed, names)))
    }
    const unjudged = this.#maskUnjudged(bare, names)
    this.#carryToViews(names)
    this.#by.ledger.settle(this.#facts(bare, names), unjudged)
    return this.#snapshot(unjudged.map(textOf))
  }

  #carryToViews(names: MysqlSnapshot): void {
    let views = [...this.#tables].filter(([, table]) => table.definition !== null)
    while (views.length > 0) {
      const schema = this.#snapshot()
      const changed = new Set<string>()
      for (const [key, view] of views) {
        const next = this.#view(this.#tables.get(key) ?? view, schema)
        if (this.#differs(key, next)) changed.add(key)
        this.#tables.set(key, next)
      }
      views = [...this.#tables].filter(([, { reads }]) =>
        reads.some((table) => changed.has(names.keyOf(table.schema, table.name))),
      )
    }
  }

  #snapshot(unjudged: readonly string[] = []): MysqlSnapshot {
    return new MysqlSnapshot({ ...this.#parts, tables: this.#tables.values(), unjudged })
  }

  #differs(key: string, next: MysqlTable): boolean {
    return JSON.stringify(this.#tables.get(key)?.columns) !== JSON.stringify(next.columns)
  }

  /** What patterns and the table itself say. */
  #ownColumns(
    table: BareTable,
    renamed: (table: BareTable, column: BareColumn) => ClassBefore | null,
    names: MysqlSnapshot,
  ): readonly MysqlColumn[] {
    const plain = table.columns.map((column) => {
      const judged = this.#by.patterns.classOf(table.schema, table.name, column.name)
      const { name, type, invisible } = column
      const bare = { name, type, invisible, dataClass: null, derived: false }
      if (judged === null) {
        return this.#unnamed(table, column, bare, renamed(table, column), names)
      }
      this.#judged.add(columnKey(table, column))
      return judged === NO_CLASS ? bare : { ...bare, dataClass: judged }
    })
    if (table.borrowed || !table.readable) {
      return plain.map((column) => this.#add(table, column, { dataClass: DERIVED, derived: true }))
    }
    return this.#computed(table, plain)
  }

  /** A comment only adds: what it says beside what was known is both, and so masked whole. */
  #unnamed(
    table: BareTable,
    column: BareColumn,
    bare: MysqlColumn,
    before: ClassBefore | null,
    names: MysqlSnapshot,
  ): MysqlColumn {
    if (table.kind === 'view') return bare
    const said = classesInComment(column.comment)
    const same = before !== null && !before.derived ? before.dataClass : null
    const remembered = this.#by.ledger.keptOf(null, nameOf(table, column, names))
    const kept = keptClasses(said, remembered, same)
    if (kept.length > 0) this.#kept.set(columnKey(table, column), kept)
    const sources = kept.map(({ dataClass }) => ({
      dataClass,
      derived: dataClass === UNREAD || dataClass === DERIVED,
    }))
    // A comment has judged what nobody had.
    const over = before?.dataClass === UNJUDGED && said.length > 0
    return [...sources, ...(before && !over ? [before] : [])].reduce<MysqlColumn>(
      (known, source) => this.#add(table, known, source),
      bare,
    )
  }

  /** New columns beside classified ones, which nobody has judged. */
  #maskUnjudged(bare: readonly BareTable[], names: MysqlSnapshot): readonly ColumnFacts[] {
    const facts = this.#facts(bare, names)
    const unjudged = this.#by.ledger.unjudged(facts)
    const masked = new Set(unjudged)
    for (const [at, table] of bare.entries()) {
      if (!facts[at]?.some((column) => masked.has(column))) continue
      const key = names.keyOf(table.schema, table.name)
      const known = this.#tables.get(key)
      if (!known) continue
      const columns = known.columns.map((column, index) => {
        const fact = facts[at]?.[index]
        if (!fact || !masked.has(fact)) return column
        return this.#add(table, column, { dataClass: UNJUDGED, derived: true })
      })
      this.#tables.set(key, withClasses(known, this.#computed(table, columns)))
    }
    return unjudged
  }

  /** The tables' columns as the ledger is to know them; a view's are what they are computed from. */
  #facts(bare: readonly BareTable[], names: MysqlSnapshot): readonly (readonly ColumnFacts[])[] {
    return bare.map((table) => {
      if (table.kind === 'view') return []
      const known = this.#tables.get(names.keyOf(table.schema, table.name))
      return (known?.columns ?? []).map((column) => ({
        name: nameOf(table, column, names),
        id: null,
        classified: isClassified(column),
        judged: this.#judged.has(columnKey(table, column)),
        kept: this.#kept.get(columnKey(table, column)) ?? [],
      }))
    })
  }

  /** A generated column may be computed from another: rounds, until nothing more is found. */
  #computed(table: BareTable, columns: readonly MysqlColumn[]): readonly MysqlColumn[] {
    const next = columns.map((column, index) => {
      const texts = table.columns[index]?.expressions ?? []
      const sources = columns.filter(
        (other) => isClassified(other) && texts.some((text) => mentions(text, other.name)),
      )
      return sources.reduce(
        (known, source) =>
          this.#add(table, known, { dataClass: source.dataClass ?? DERIVED, derived: true }),
        column,
      )
    })
    return sameColumns(next, columns) ? columns : this.#computed(table, next)
  }

  #view(view: MysqlTable, schema: MysqlSnapshot): MysqlTable {
    const { definition } = view
    if (definition === null) return view
    const code = viewCode(definition, view.schema, schema, this.#by.trusted)
    const lineage = this.#by.lineage(definition, view.schema, schema)
    const told = lineage?.length === view.columns.length ? lineage : null
    const columns = view.columns.map((column, index) => {
      const source = told ? classOf(told[index]) : code.classified ? UNKNOWN : null
      return source ? this.#add(view, column, source) : column
    })
    return withClasses({ ...view, reads: code.reads, calls: code.calls }, columns)
  }

  /** Adds a class to a column that no pattern has judged. Classes only ever become stricter. */
  #add(table: Named, column: MysqlColumn, { dataClass, derived }: Source): MysqlColumn {
    if (this.#judged.has(columnKey(table, column))) return column
    const several = column.dataClass !== null && column.dataClass !== dataClass
    return {
      ...column,
      dataClass: several ? DERIVED : dataClass,
      derived: several || derived || column.derived,
    }
  }
}

type Named = Pick<SchemaTable, 'schema' | 'name'>

interface Source {
  readonly dataClass: string
  readonly derived: boolean
}

const UNKNOWN: Source = { dataClass: DERIVED, derived: true }

function classOf(lineage: OutputLineage | undefined): Source | null {
  if (!lineage) return UNKNOWN
  const shown = shownBy(lineage)
  if (!shown) return null
  const [only, ...others] = shown.classes
  if (shown.unknown || only === undefined || others.length > 0) return UNKNOWN
  return { dataClass: only, derived: !shown.plain }
}

function columnKey(table: Named, column: { readonly name: string }): string {
  return JSON.stringify([table.schema, table.name, column.name])
}

/** Equal where the server takes two names for the same. */
function nameOf(
  table: Named,
  { name }: { readonly name: string },
  names: MysqlSnapshot,
): ColumnName {
  return folded([table.schema, table.name, name], names)
}

/** A column's name in the form in which the server compares names. */
export function folded([schema, table, column]: ColumnName, names: MysqlSnapshot): ColumnName {
  return [names.fold(schema), names.fold(table), column.toLowerCase()]
}

function isClassified({ dataClass, derived }: MysqlColumn): boolean {
  return dataClass !== null || derived
}

function withClasses(
  table: Omit<MysqlTable, 'columns' | 'classified'>,
  columns: readonly MysqlColumn[],
): MysqlTable {
  const {
    schema,
    name,
    kind,
    triggers,
    followers,
    definition,
    remote,
    transactional,
    readable,
    reads,
    calls,
  } = table
  const classified = columns.some(isClassified)
  return {
    schema,
    name,
    kind,
    columns,
    classified,
    triggers,
    followers,
    definition,
    remote,
    ...(transactional ? { transactional } : {}),
    readable,
    reads,
    calls,
  }
}

function sameColumns(one: readonly MysqlColumn[], other: readonly MysqlColumn[]): boolean {
  return JSON.stringify(one) === JSON.stringify(other)
}

/** Whether an expression names a column, in backticks or bare; names compare without case. */
function mentions(expression: string, column: string): boolean {
  const written = column.replaceAll('`', '``').replace(/[.*+?^${}()|[\]\\]/g, '\\$&')
  const word = new RegExp(`(?<![\\w$\\u0080-\\uffff])${written}(?![\\w$\\u0080-\\uffff])`, 'iu')
  // information_schema of MySQL shows expressions with quotes and backslashes escaped.
  return word.test(expression) || word.test(expression.replace(/\\(.)/gs, '$1'))
}
