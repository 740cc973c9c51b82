/** Something that a value comes from. */
export interface Source {
  /** Null: nobody has classified it. */
  readonly dataClass: string | null
  /** Nobody knows what it holds. */
  readonly unknown: boolean
  /** Only how many values it has, or whether there is one, comes of it. */
  readonly counted: boolean
}

/** What a value is computed from, by label. */
export type Sources = ReadonlyMap<string, Source>

export const NONE: Sources = new Map()

export function unknownSource(what: string): Sources {
  return new Map([[what, { dataClass: null, unknown: true, counted: false }]])
}

/** The same where only how many there are comes of it. */
export function counted(sources: Sources): Sources {
  return new Map([...sources].map(([label, source]) => [label, { ...source, counted: true }]))
}

export function union(all: Iterable<Sources>): Sources {
  let only: Sources = NONE
  let more: Map<string, Source> | null = null
  for (const sources of all) {
    if (sources.size === 0 || sources === only) continue
    if (only.size === 0) only = sources
    else {
      more ??= new Map(only)
      for (const [label, source] of sources) more.set(label, both(more.get(label), source))
    }
  }
  return more ?? only
}

/** Where one name stands for two sources, the one counts of which less is known or more shows. */
function both(known: Source | undefined, other: Source): Source {
  if (!known) return other
  return {
    dataClass: other.dataClass ?? known.dataClass,
    unknown: known.unknown || other.unknown,
    counted: known.counted && other.counted,
  }
}

/** Grows with what is known to be behind a value. */
export function weightOf(sources: Sources): number {
  let weight = 0
  for (const source of sources.values()) weight += source.counted ? 1 : 2
  return weight
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
