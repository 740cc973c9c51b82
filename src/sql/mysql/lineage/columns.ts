/** What a value is computed from: label -> data class, null where the source is unknown or has none. */
export type Sources = ReadonlyMap<string, string | null>

export const NONE: Sources = new Map()

export function unknownSource(what: string): Sources {
  return new Map([[what, null]])
}

export function union(all: Iterable<Sources>): Sources {
  let only: Sources = NONE
  let more: Map<string, string | null> | null = null
  for (const sources of all) {
    if (sources.size === 0 || sources === only) continue
    if (only.size === 0) only = sources
    else {
      more ??= new Map(only)
      for (const [label, dataClass] of sources) {
        // Where one name stands for two sources, the one that is known less counts.
        if (more.get(label) !== null) more.set(label, dataClass)
      }
    }
  }
  return more ?? only
}

/** A column of a table or a query. */
export interface Column {
  /** '' where the server's name for it isn't certain. */
  readonly name: string
  readonly sources: Sources
  /** It is a base column's value, or a constant, unchanged. */
  readonly plain: boolean
  /** That column is itself computed from classified ones. */
  readonly derived?: boolean
  /** `*` leaves it out. */
  readonly invisible?: true
}

export function unknownColumn(name: string, what: string): Column {
  return { name, sources: unknownSource(what), plain: false }
}

/** What a query gives. */
export interface Outputs {
  readonly columns: readonly Column[]
  /** Whether each stands where the server has it. */
  readonly ordered: boolean
}

/** Something that FROM brings in. */
export interface RangeItem {
  readonly alias: string
  /** Null for what has no schema. */
  readonly schema: string | null
  readonly columns: readonly Column[]
  /** Its columns aren't known. */
  readonly open: boolean
  /** Whether `*` of it gives these columns in this order. */
  readonly ordered: boolean
}

export function visible(columns: readonly Column[]): readonly Column[] {
  return columns.filter((column) => !column.invisible)
}
