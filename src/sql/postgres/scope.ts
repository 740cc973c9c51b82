import {
  CLEAN,
  type Column,
  derivedColumn,
  type Outputs,
  type RangeItem,
  rowTaint,
} from './taint.ts'

/** A WITH query: read when it is first referred to. */
export interface Cte {
  /** Its columns; called while it is being read (recursion), what is known of them so far. */
  outputs(): Outputs
}

/** What a column reference leads to. */
export type Resolution =
  | {
      readonly kind: 'columns'
      readonly columns: readonly Column[]
      /** What it is besides, where it isn't certain that there is such a column. */
      readonly or?: Extract<Resolution, { kind: 'row' | 'attribute' }>
    }
  | { readonly kind: 'row'; readonly items: readonly RangeItem[] }
  /** alias.name where the item has no such column: the server calls the function `name`. */
  | { readonly kind: 'attribute'; readonly item: RangeItem; readonly name: string }
  | { readonly kind: 'none' }

/** Columns that every table has, none of them anybody's data. */
const SYSTEM_COLUMNS = new Set(['tableoid', 'ctid', 'xmin', 'xmax', 'cmin', 'cmax'])

/** The names that one query level sees; the outer levels are its parents. */
export class Scope {
  readonly parent: Scope | null
  readonly items: RangeItem[] = []
  readonly ctes = new Map<string, Cte>()
  /** What `*` stands for, in order; null where that isn't known. */
  star: readonly Column[] | null = []

  constructor(parent: Scope | null) {
    this.parent = parent
  }

  /** How many items a name may have to be looked for in. */
  breadth(): number {
    return this.items.length + (this.parent?.breadth() ?? 0)
  }

  cte(name: string): Cte | undefined {
    return this.ctes.get(name) ?? this.parent?.cte(name)
  }

  /** `names` are the parts of a column reference, without a star. */
  resolve(names: readonly string[]): Resolution {
    const column = names.at(-1)
    if (column === undefined) return { kind: 'none' }
    if (names.length === 1) return this.#resolveBare(column)
    const item = this.item(names.slice(0, -1))
    if (!item) return { kind: 'none' }
    const columns = columnsOf(item, column)
    const attribute = { kind: 'attribute', item, name: column } as const
    if (columns.length === 0) return attribute
    return isCertain(columns)
      ? { kind: 'columns', columns }
      : { kind: 'columns', columns, or: attribute }
  }

  /** The item of this alias, or of this schema-qualified table name. */
  item(names: readonly string[]): RangeItem | null {
    const alias = names.at(-1)
    const schema = names.length > 1 ? names.at(-2) : undefined
    const own = this.items.filter((item) => item.alias === alias)
    const exact = own.find((item) => schema === undefined || item.schema === schema)
    const found = exact ?? own.find((item) => item.schema === null)
    return found ?? this.parent?.item(names) ?? null
  }

  /** Whether anything in sight holds what mustn't leave in clear. */
  seesTaint(): boolean {
    return this.items.some((item) => rowTaint(item).size > 0) || (this.parent?.seesTaint() ?? false)
  }

  #resolveBare(name: string): Resolution {
    const { columns, certain } = this.#columnsNamed(name)
    const items = certain ? [] : this.#itemsNamed(name)
    const row = { kind: 'row', items } as const
    if (columns.length === 0) return items.length > 0 ? row : { kind: 'none' }
    return items.length > 0 ? { kind: 'columns', columns, or: row } : { kind: 'columns', columns }
  }

  /**
   * Of the nearest level that has the column. A level whose columns aren't listed, or differ by which
   * table is meant, may have it too, unless another of its items certainly does: then the server would
   * call it ambiguous.
   */
  #columnsNamed(name: string): { readonly columns: readonly Column[]; readonly certain: boolean } {
    const visible = this.items.filter((item) => !item.hidden)
    const listed = visible.flatMap((item) => item.columns.filter((column) => column.name === name))
    if (isCertain(listed)) return { columns: listed, certain: true }
    const unlisted = visible.flatMap((item) => item.rest ?? [])
    const outer = this.parent ? this.parent.#columnsNamed(name) : { columns: [], certain: false }
    const own = [...listed, ...unlisted.map((taint) => derivedColumn(name, taint))]
    if (
      own.length === 0 &&
      outer.columns.length === 0 &&
      visible.length > 0 &&
      SYSTEM_COLUMNS.has(name)
    ) {
      return { columns: [derivedColumn(name, CLEAN)], certain: true }
    }
    return { columns: [...own, ...outer.columns], certain: outer.certain }
  }

  #itemsNamed(name: string): readonly RangeItem[] {
    const own = this.items.filter((item) => item.alias === name)
    return own.length > 0 || !this.parent ? own : this.parent.#itemsNamed(name)
  }
}

function isCertain(columns: readonly Column[]): boolean {
  return columns.some(({ sometimes }) => sometimes !== true)
}

function columnsOf(item: RangeItem, name: string): readonly Column[] {
  const own = item.columns.filter((column) => column.name === name)
  if (own.length > 0) return own
  if (item.rest !== null) return [derivedColumn(name, item.rest)]
  return SYSTEM_COLUMNS.has(name) ? [derivedColumn(name, CLEAN)] : []
}
