import type { BareColumn, BareTable } from './mysql-classes.ts'
import type { MysqlSnapshot, MysqlTable } from './mysql-snapshot.ts'

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
): (table: BareTable, column: BareColumn) => string | null {
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

function classIn(known: MysqlTable, table: BareTable, column: BareColumn): string | null {
  const own = known.columns.find((other) => sameName(other, column))
  if (own) return own.derived ? null : own.dataClass
  const at = table.columns.indexOf(column)
  for (const [index, other] of known.columns.entries()) {
    if (other.dataClass === null || other.derived) continue
    if (table.columns.some((each) => sameName(each, other))) continue
    if (index === at || other.type === column.type) return other.dataClass
  }
  return null
}

function sameName(one: { readonly name: string }, other: { readonly name: string }): boolean {
  return one.name.toLowerCase() === other.name.toLowerCase()
}
