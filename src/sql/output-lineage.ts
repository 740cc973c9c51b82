/**
 * How the values of a source show in an output column.
 * `identity`: as they stand. `derived`: computed from them. `aggregate-safe`: only how many there
 * are, or whether there is one. `predicate-only`: they choose which rows count, and no more.
 */
export type Flow = 'identity' | 'derived' | 'aggregate-safe' | 'predicate-only'

/** What an output column is computed from. */
export type LineageSource =
  | {
      readonly kind: 'column'
      /** table.column */
      readonly label: string
      /** Null: nobody has classified it. */
      readonly dataClass: string | null
      readonly flow: Flow
    }
  /** Nobody knows what it holds. */
  | { readonly kind: 'unknown'; readonly label: string; readonly flow: Flow }

/** A column of a table, by the ids that a server gives with a result. */
export interface ColumnId {
  readonly relation: number
  readonly column: number
}

/** What one output column of a query is computed from. */
export interface OutputLineage {
  /** Empty where the server's name for it isn't certain. */
  readonly name: string
  /**
   * Every source that is classified or unknown and shows; others may be listed beside them, for who
   * reads it.
   */
  readonly sources: readonly LineageSource[]
  /** PostgreSQL: where it can be a column as it stands, the columns that the server may call it. */
  readonly columns?: readonly ColumnId[]
  /**
   * MySQL: names that WITH makes in a statement that reads nothing classified: the server says of
   * their columns that they are of the tables so called.
   */
  readonly notTables?: readonly string[]
}

/** What is classified or unknown and shows in an output column. */
export interface Shown {
  /** Data classes, sorted. */
  readonly classes: readonly string[]
  /** Something behind it isn't known. */
  readonly unknown: boolean
  /** It is the value of a base column, unchanged. */
  readonly plain: boolean
}

/** What the column shows; null where that is fit to see. */
export function shownBy({ sources }: OutputLineage): Shown | null {
  const shown = sources.filter(shows)
  if (shown.length === 0) return null
  const classes = new Set(
    shown.flatMap((source) => (source.kind === 'column' ? (source.dataClass ?? []) : [])),
  )
  return {
    classes: [...classes].sort(),
    unknown: shown.some(({ kind }) => kind === 'unknown'),
    plain: shown.every(({ flow }) => flow === 'identity'),
  }
}

/** Whether it is classified or unknown, and its values can be told from the column. */
export function shows(source: LineageSource): boolean {
  if (source.flow === 'aggregate-safe' || source.flow === 'predicate-only') return false
  return source.kind === 'unknown' || source.dataClass !== null
}

const FROM_WEAKEST: readonly Flow[] = ['predicate-only', 'aggregate-safe', 'identity', 'derived']

/** The flow that tells the most about how a column comes about; null where nothing is behind it. */
export function flowOf({ sources }: OutputLineage): Flow | null {
  const flows = new Set(sources.map(({ flow }) => flow))
  return FROM_WEAKEST.findLast((flow) => flows.has(flow)) ?? null
}
