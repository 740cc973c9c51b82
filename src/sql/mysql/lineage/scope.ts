import { columnsNamed } from './column-index.ts'
import { type Column, type RangeItem, unknownColumn } from './columns.ts'
import { sameColumn, sameTable } from './names.ts'
import type { Expression } from './tree.ts'

/** The names that the expressions of one SELECT see; the outer ones' are its parents'. */
export class Scope {
  readonly parent: Scope | null
  readonly items: RangeItem[] = []
  /** The columns that USING and NATURAL have left, in the order of `*`; null while FROM is read. */
  joined: readonly Column[] | null = null
  /** Names of the select list, which queries in that list see. */
  readonly aliases: { readonly name: string; readonly column: () => Column }[] = []
  windows: readonly Expression[] = []

  constructor(parent: Scope | null) {
    this.parent = parent
  }

  /** How many lists a name may have to be looked for in. */
  breadth(): number {
    const own = 1 + this.items.length + this.aliases.length
    return own + (this.parent?.breadth() ?? 0)
  }

  /** Every column that a reference may mean; none where nothing of that name is in sight. */
  resolve(names: readonly string[]): readonly Column[] {
    const [schema, table, column] = [names.at(-3), names.at(-2), names.at(-1)]
    if (column === undefined) return []
    return table === undefined
      ? this.#bare(column, false)
      : this.#qualified(schema ?? null, table, column)
  }

  /** The item of an alias in this SELECT; 'alike' where it may be another. */
  item(schema: string | null, table: string): RangeItem | 'alike' | null {
    let alike = false
    for (const item of this.items) {
      const match = matches(item, schema, table)
      if (match === 'same') return item
      alike ||= match === 'alike'
    }
    return alike ? 'alike' : null
  }

  #bare(name: string, fromWithin: boolean): readonly Column[] {
    const own = this.joined
      ? columnsNamed(this.joined, name)
      : this.items.flatMap(({ columns }) => columnsNamed(columns, name))
    if (own.length > 0) return own
    const hidden = this.items.flatMap(({ columns }) =>
      columnsNamed(columns, name).filter(({ invisible }) => invisible),
    )
    if (hidden.length > 0) return hidden
    if (this.items.some(({ open }) => open)) return [unknownColumn(name, `the column ${name}`)]
    const outer = this.parent ? this.parent.#bare(name, true) : []
    const aliased = fromWithin ? this.#aliased(name) : []
    return [...aliased, ...outer]
  }

  #aliased(name: string): readonly Column[] {
    return this.aliases
      .filter((alias) => sameColumn(alias.name, name) !== 'other')
      .map(({ column }) => column())
  }

  #qualified(schema: string | null, table: string, name: string): readonly Column[] {
    const item = this.item(schema, table)
    if (item === 'alike') return [unknownColumn(name, `the column ${table}.${name}`)]
    const own = item ? columnsNamed(item.columns, name) : []
    if (own.length > 0) return own
    if (item?.open) return [unknownColumn(name, `the column ${table}.${name}`)]
    return this.parent === null ? [] : this.parent.#qualified(schema, table, name)
  }
}

function matches(item: RangeItem, schema: string | null, table: string) {
  const alias = sameTable(item.alias, table)
  if (schema === null || alias === 'other') return alias
  if (item.schema === null) return 'alike'
  const space = sameTable(item.schema, schema)
  return space === 'same' ? alias : space
}
