import { type Column, unknownColumn } from './columns.ts'
import { folded, sameColumn } from './names.ts'

/** Finds columns of a list by their names. */
class ColumnIndex {
  readonly #byFolded = new Map<string, Column[]>()
  readonly #unnamed: boolean

  constructor(columns: readonly Column[]) {
    for (const column of columns) {
      const key = folded(column.name)
      const others = this.#byFolded.get(key)
      if (others) others.push(column)
      else this.#byFolded.set(key, [column])
    }
    this.#unnamed = this.#byFolded.has('')
  }

  /** The columns of a name; one of which nothing is known where a server may see the name or not. */
  named(name: string): readonly Column[] {
    const alike = this.#byFolded.get(folded(name)) ?? []
    const same = alike.filter((column) => sameColumn(column.name, name) === 'same')
    if (same.length > 0) return same
    const uncertain = alike.length > 0 || this.#unnamed
    return uncertain ? [unknownColumn(name, `the column ${name}`)] : []
  }
}

const indexes = new WeakMap<readonly Column[], ColumnIndex>()

export function columnsNamed(columns: readonly Column[], name: string): readonly Column[] {
  let index = indexes.get(columns)
  if (!index) {
    index = new ColumnIndex(columns)
    indexes.set(columns, index)
  }
  return index.named(name)
}
