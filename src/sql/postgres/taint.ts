import type { ColumnId, LineageSource } from '../output-lineage.ts'
import type { SchemaRelation } from './schema.ts'

/** One source of a value that mustn't leave in clear. */
export interface TaintSource {
  /** customers.email, or what else the value comes from. */
  readonly label: string
  /** The data class, or null where the content isn't known. */
  readonly dataClass: string | null
  /**
   * Hard: it certainly comes from classified data, so guessing at it is a probe and copying it an
   * export. Soft: nothing is known about it, so it is masked and no more.
   */
  readonly hard: boolean
  /** It is itself computed from classified columns: what a class keeps of its values doesn't hold. */
  readonly derived?: boolean
}

/** What a value is computed from, as far as that is classified or unknown. Empty: nothing. */
export type Taint = ReadonlyMap<string, TaintSource>

export const CLEAN: Taint = new Map()

/** Tables of several schemas may have one name, and columns of different classes. */
export function taintOf(source: TaintSource): Taint {
  return new Map([[`${source.label} ${source.dataClass} ${source.derived === true}`, source]])
}

export function union(taints: Iterable<Taint>): Taint {
  let all: Map<string, TaintSource> | null = null
  let only: Taint = CLEAN
  for (const taint of taints) {
    if (taint.size === 0 || taint === only) continue
    if (only.size === 0) only = taint
    else {
      all ??= new Map(only)
      for (const [key, source] of taint) all.set(key, source)
    }
  }
  return all ?? only
}

export function hardSources(taint: Taint): readonly TaintSource[] {
  return [...taint.values()].filter((source) => source.hard)
}

export function isHard(taint: Taint): boolean {
  return hardSources(taint).length > 0
}

/** A column that a query reads or returns. */
export interface Column {
  readonly name: string
  readonly taint: Taint
  /** True where it is a base column's value, unchanged. */
  readonly plain: boolean
  /** Its own name in its relation, where an alias list gives it another one. */
  readonly base?: string
  /** The relation that it belongs to, for a base column. */
  readonly relation: SchemaRelation | null
  /**
   * Not all of the tables that the name can mean have it: the reference may lead elsewhere, to an
   * outer column or to a whole row.
   */
  readonly sometimes?: true
  /** Why reading it is an export, or null. */
  readonly restricted: string | null
  /** The columns of tables that the server may say it is. */
  readonly ids?: readonly ColumnId[]
  /** All that it comes from, also what is fit to see; looked for where somebody asks. */
  readonly origins?: () => Origins
}

/** Sources of a value by label, for who reads it: nothing is decided by them. */
export type Origins = ReadonlyMap<string, LineageSource>

/** The name of a column whose name isn't known: no name can be spelled so. */
export const UNNAMED = ''

export function derivedColumn(name: string, taint: Taint): Column {
  return { name, taint, plain: false, relation: null, restricted: null }
}

/** Something that FROM brings into scope. */
export interface RangeItem {
  readonly alias: string
  readonly schema: string | null
  readonly columns: readonly Column[]
  /** What columns that aren't listed are computed from; null where the list is complete. */
  readonly rest: Taint | null
  /** Reached by its alias only: EXCLUDED, OLD, NEW. */
  readonly hidden: boolean
  /** What `*` of it gives, in order, as far as the schema is what it was; null where that isn't known. */
  readonly star?: readonly Column[] | null
}

export function rowTaint(item: RangeItem): Taint {
  return union([...item.columns.map((column) => column.taint), item.rest ?? CLEAN])
}

/** The columns of one query. */
export interface Outputs {
  readonly columns: readonly Column[]
  /** How many of them certainly stand where they are listed: those before the first `*`. */
  readonly certain: number
  /**
   * True where these are all of them in their order, if the tables that a `*` stands for are what
   * they were when the schema was read: to be held against the server's description.
   */
  readonly complete: boolean
  /** What its conditions read. */
  readonly conditions?: () => Origins
}

export const NO_OUTPUTS: Outputs = { columns: [], certain: 0, complete: false }
