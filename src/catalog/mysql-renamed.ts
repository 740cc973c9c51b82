import { UNJUDGED } from './column-ledger.ts'
import type { BareColumn, BareTable } from './mysql-classes.ts'
import type { MysqlColumn, MysqlSnapshot, MysqlTable } from './mysql-snapshot.ts'

/** What a column was. */
export interface ClassBefore {
  readonly dataClass: string
  readonly derived: boolean
}

/**
 * A column whose name no pattern fits any more keeps the class that it had: it, its table or its
 * schema was renamed, and its values are what they were. The server tells no ids that would show
 * that, so what has gone is held against what is new: a table with the same columns, a column in the
 * same place or of the same type.
 *
 * @returns the class that a column of the new reading had, or null
 */
export function classBefore(
  tables: readonly BareTable[],
  before: MysqlSnapshot | null,
  names: MysqlSnapshot,
): (table: BareTable, column: BareColumn) => ClassBefore | null {
  if (!before) return () => null
  const now = new Set(tables.map(({ schema, name }) => names.keyOf(schema, name)))
  const gone = new Map<string, MysqlTable>()
  for (const table of before.tables()) {
    if (!table.classified || now.has(names.keyOf(table.schema, table.name))) continue
    gone.set(shapeOf(table), table)
  }
  return (table, column) => {
    if (table.kind === 'view') return null
    const same = before.table(table.schema, table.name)
    const known = same ?? gone.get(shapeOf(table))
    return known?.kind === 'table' ? classIn(known, table, column) : null
  }
}

/** The names and types of its columns. */
function shapeOf({ columns }: BareTable | MysqlTable): string {
  return JSON.stringify(columns.map(({ name, type }) => [name.toLowerCase(), type]))
}

function classIn(known: MysqlTable, table: BareTable, column: BareColumn): ClassBefore | null {
  const own = known.columns.find((other) => sameName(other, column))
  if (!own) return fromGone(known, table, column)
  if (own.dataClass === null) return fromPassed(known, table, column, own)
  // What is computed gets its class from what it is computed from.
  return own.derived && column.expressions.length > 0 ? null : classOf(own)
}

/** A new name: the column in this place, or of this type, that has gone. */
function fromGone(known: MysqlTable, table: BareTable, column: BareColumn): ClassBefore | null {
  const at = table.columns.indexOf(column)
  for (const [index, other] of known.columns.entries()) {
    if (other.dataClass === null || (other.derived && other.dataClass !== UNJUDGED)) continue
    if (table.columns.some((each) => sameName(each, other))) continue
    if (index === at || other.type === column.type) return classOf(other)
  }
  return null
}

/**
 * A name that was there before, on what may be another column: two names may change places, and a
 * column may take the name of one that is dropped. Nothing else puts columns in another order, or
 * gives one the type of another that has gone, but for a MODIFY that says so.
 */
function fromPassed(
  known: MysqlTable,
  table: BareTable,
  column: BareColumn,
  own: MysqlColumn,
): ClassBefore | null {
  const [was, is] = [known.columns.indexOf(own), table.columns.indexOf(column)]
  for (const [index, other] of known.columns.entries()) {
    if (other.dataClass === null || (other.derived && other.dataClass !== UNJUDGED)) continue
    const at = table.columns.findIndex((each) => sameName(each, other))
    const passed = at >= 0 && index < was !== at < is
    const replaced = at < 0 && own.type !== column.type && other.type === column.type
    if (passed || replaced) return { dataClass: other.dataClass, derived: true }
  }
  return null
}

function classOf({ dataClass, derived }: MysqlColumn): ClassBefore | null {
  return dataClass === null ? null : { dataClass, derived }
}

function sameName(one: { readonly name: string }, other: { readonly name: string }): boolean {
  return one.name.toLowerCase() === other.name.toLowerCase()
}
