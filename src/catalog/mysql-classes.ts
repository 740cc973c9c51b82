import type { SchemaTable } from '../sql/mysql/schema.ts'
import type { OutputLineage } from '../sql/output-lineage.ts'
import { type ClassifiedPatterns, NO_CLASS } from './classified-patterns.ts'
import { DERIVED } from './derive-classes.ts'
import { classBefore } from './mysql-renamed.ts'
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
}

/**
 * Gives every column its class: from the patterns, and carried on to generated columns, to defaults
 * that are computed, and to views.
 */
export class MysqlClassDerivation {
  readonly #parts: Omit<MysqlSnapshotParts, 'tables'>
  readonly #by: MysqlDerivationBasis
  readonly #tables = new Map<string, MysqlTable>()
  /** Columns that a pattern has judged: they keep what it says. */
  readonly #judged = new Set<string>()

  constructor(parts: Omit<MysqlSnapshotParts, 'tables'>, by: MysqlDerivationBasis) {
    this.#parts = parts
    this.#by = by
  }

  run(bare: readonly BareTable[]): MysqlSnapshot {
    const names = new MysqlSnapshot({ ...this.#parts, tables: [] })
    const renamed = classBefore(bare, this.#by.before, names)
    for (const table of bare) {
      const key = names.keyOf(table.schema, table.name)
      this.#tables.set(key, withClasses(table, this.#ownColumns(table, renamed)))
    }
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
    return this.#snapshot()
  }

  #snapshot(): MysqlSnapshot {
    return new MysqlSnapshot({ ...this.#parts, tables: this.#tables.values() })
  }

  #differs(key: string, next: MysqlTable): boolean {
    return JSON.stringify(this.#tables.get(key)?.columns) !== JSON.stringify(next.columns)
  }

  /** What patterns and the table itself say. */
  #ownColumns(
    table: BareTable,
    renamed: (table: BareTable, column: BareColumn) => string | null,
  ): readonly MysqlColumn[] {
    const plain = table.columns.map((column) => {
      const judged = this.#by.patterns.classOf(table.schema, table.name, column.name)
      if (judged !== null) this.#judged.add(columnKey(table, column))
      const dataClass = judged ?? renamed(table, column)
      const { name, type, invisible } = column
      const own = dataClass === NO_CLASS ? null : dataClass
      return { name, type, invisible, dataClass: own, derived: false }
    })
    if (table.borrowed || !table.readable) {
      return plain.map((column) => this.#add(table, column, { dataClass: DERIVED, derived: true }))
    }
    return this.#computed(table, plain)
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
  const [only, ...others] = lineage.classes
  if (lineage.unknown || others.length > 0) return UNKNOWN
  if (only !== undefined) return { dataClass: only, derived: !lineage.plain }
  return lineage.sources.length === 0 ? null : UNKNOWN
}

function columnKey(table: Named, column: { readonly name: string }): string {
  return JSON.stringify([table.schema, table.name, column.name])
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
