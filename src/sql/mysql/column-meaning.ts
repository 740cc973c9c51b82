import type { Analysis } from './analysis.ts'
import { commonTablesOf } from './common-tables.ts'
import type { TableRef } from './from-clauses.ts'
import type { QueryBlock, QueryBlocks } from './query-blocks.ts'
import type { SchemaColumn } from './schema.ts'
import { isName, isOp, nameOf, type Token } from './token.ts'

/**
 * Tells names of columns that are fit to see from those that may be classified, where a name alone
 * doesn't: another table of the statement may have a column of the same name.
 */
export class ColumnMeaning {
  readonly #analysis: Analysis
  readonly #tokens: readonly Token[]
  readonly #places: QueryBlocks
  readonly #common: ReadonlySet<string>
  readonly #known = new Map<TableRef, ReadonlyMap<string, SchemaColumn> | null>()
  /** By index: what the tables alone say. */
  readonly #fit = new Map<number, boolean>()

  constructor(analysis: Analysis, tokens: readonly Token[], places: QueryBlocks) {
    this.#analysis = analysis
    this.#tokens = tokens
    this.#places = places
    this.#common = new Set(commonTablesOf(tokens).map(({ name }) => name.toLowerCase()))
  }

  /**
   * Whether the name at an index certainly is a column without a class.
   *
   * @param given names that the statement itself gives to values
   */
  isFit(at: number, given: ReadonlySet<string>): boolean {
    // What stands in front of a dot is a table or a schema.
    if (isOp(this.#tokens[at + 1], '.')) return true
    const qualified = isOp(this.#tokens[at - 1], '.')
    const seesGiven = !qualified && !ONLY_COLUMNS.has(this.#places.clauses[at] ?? '')
    if (seesGiven && given.has(this.#nameAt(at))) return false
    const known = this.#fit.get(at)
    if (known !== undefined) return known
    const fit = qualified ? this.#isQualifiedFit(at) : this.#isBareFit(at)
    this.#fit.set(at, fit)
    return fit
  }

  #nameAt(at: number): string {
    const token = this.#tokens[at]
    return isName(token) ? nameOf(token).toLowerCase() : ''
  }

  #blockAt(at: number): QueryBlock | null {
    return this.#places.blocks[at] ?? null
  }

  /** The nearest query of which a table has the column. */
  #isBareFit(at: number): boolean {
    const column = this.#nameAt(at)
    for (let block = this.#blockAt(at); block; block = block.parent) {
      if (block.open) return false
      const tables = block.refs.map((ref) => this.#columns(ref))
      if (tables.includes(null)) return false
      const found = tables.flatMap((columns) => columns?.get(column) ?? [])
      if (found.length > 0) return !found.some(isClassified)
    }
    return false
  }

  /** The nearest query in which one table is called so. */
  #isQualifiedFit(at: number): boolean {
    const [table, column] = [this.#nameAt(at - 2), this.#nameAt(at)]
    for (let block = this.#blockAt(at); block; block = block.parent) {
      const [ref, ...others] = block.refs.filter(
        ({ alias, name }) => (alias ?? name).toLowerCase() === table,
      )
      if (others.length > 0) return false
      const found = ref && this.#columns(ref)?.get(column)
      if (ref) return found !== undefined && !isClassified(found)
      if (block.open) return false
    }
    return false
  }

  /** The columns of a table, by their names in small letters; null where they aren't known. */
  #columns(ref: TableRef): ReadonlyMap<string, SchemaColumn> | null {
    const known = this.#known.get(ref)
    if (known !== undefined) return known
    const { schema, facts } = this.#analysis
    const own = ref.schema ?? facts.database
    const common = ref.schema === null && this.#common.has(ref.name.toLowerCase())
    const table = own === null || common ? undefined : schema.table(own, ref.name)
    const columns = table
      ? new Map(table.columns.map((column) => [column.name.toLowerCase(), column]))
      : null
    this.#known.set(ref, columns)
    return columns
  }

  /** Whether a query's `*` may bring classified columns. */
  hasClassified({ refs, open }: QueryBlock): boolean {
    return (
      open ||
      refs.some((ref) => {
        const columns = this.#columns(ref)
        return columns === null || [...columns.values()].some(isClassified)
      })
    )
  }
}

/** In them a name that the select list gives isn't seen. */
const ONLY_COLUMNS = new Set(['WHERE', 'ON', 'USING'])

function isClassified({ dataClass, derived }: SchemaColumn): boolean {
  return dataClass !== null || derived
}
