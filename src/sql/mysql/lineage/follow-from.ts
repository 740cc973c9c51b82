import { SEQUENCE_TABLE } from '../from-clauses.ts'
import type { SchemaTable } from '../schema.ts'
import { isSystemSchema, systemColumns } from '../system-tables.ts'
import {
  type Column,
  NONE,
  type RangeItem,
  type Sources,
  union,
  unknownSource,
  visible,
} from './columns.ts'
import type { Common, Context } from './context.ts'
import { sameColumn, sameTable } from './names.ts'
import { Unfollowed } from './reading.ts'
import type { Scope } from './scope.ts'
import type { From } from './tree.ts'

/** What a member of FROM gives to `*`. */
interface Joined {
  readonly columns: readonly Column[]
  readonly ordered: boolean
  /** A RIGHT JOIN stands in it. */
  readonly turned: boolean
}

/** Brings what FROM names into a scope. Returns the columns of `*`, and whether that's their order. */
export function addFrom(
  context: Context,
  from: From,
  scope: Scope,
  commons: Common | null,
): Joined {
  switch (from.kind) {
    case 'table':
      return addItem(context, scope, tableItem(context, from, commons))
    case 'derived':
      return addItem(context, scope, derivedItem(context, from, scope, commons))
    case 'join': {
      const left = addFrom(context, from.left, scope, commons)
      const right = addFrom(context, from.right, scope, commons)
      return joined(from, left, right)
    }
  }
}

function addItem(context: Context, scope: Scope, item: RangeItem): Joined {
  context.spend(item.columns.length)
  scope.items.push(item)
  return { columns: visible(item.columns), ordered: item.ordered, turned: false }
}

function tableItem(
  context: Context,
  { schema, name, alias }: Extract<From, { kind: 'table' }>,
  commons: Common | null,
): RangeItem {
  const common = schema === null ? commonOf(commons, name) : null
  if (common) {
    return { alias: alias ?? name, schema: null, ...common.outputs(), open: false }
  }
  const own = schema ?? context.database
  const table = own === null || isSystemSchema(own) ? undefined : context.schema.table(own, name)
  if (table) return { alias: alias ?? name, schema: own, ...columnsOf(table), open: false }
  const system = own === null ? null : systemColumns(own, name)
  if (system) {
    const columns = system.map(({ name, code }) => ({
      name,
      sources: code ? unknownSource(`${name}: stored code`) : NONE,
      plain: true,
    }))
    return { alias: alias ?? name, schema: own, columns, open: false, ordered: true }
  }
  const made = SEQUENCE_TABLE.test(name) && context.dialect.flavour === 'mariadb'
  const columns = made ? [{ name: 'seq', sources: NONE, plain: true }] : []
  return { alias: alias ?? name, schema: own, columns, open: !made, ordered: made }
}

/** The query of this name that WITH makes, the nearest first; MariaDB looks without case. */
function commonOf(commons: Common | null, name: string): Common | null {
  for (let common = commons; common !== null; common = common.next) {
    const match = sameTable(common.name, name)
    if (match === 'same') return common
    if (match === 'alike') throw new Unfollowed(`${name} may be what WITH makes`)
  }
  return null
}

interface TableColumns {
  readonly columns: readonly Column[]
  readonly ordered: true
}

const known = new WeakMap<SchemaTable, TableColumns>()

function columnsOf(table: SchemaTable): TableColumns {
  const before = known.get(table)
  if (before) return before
  const columns = table.columns.map((column) => ({
    name: column.name,
    sources: sourcesOf(table, column),
    plain: true,
    derived: column.derived,
    ...(column.invisible ? { invisible: true as const } : {}),
  }))
  const made = { columns, ordered: true } as const
  known.set(table, made)
  return made
}

function sourcesOf(table: SchemaTable, column: SchemaTable['columns'][number]): Sources {
  const { dataClass } = column
  const label = `${table.schema}.${table.name}.${column.name}`
  const unknown = dataClass === null && column.derived
  return new Map([[label, { dataClass, unknown, counted: false }]])
}

/** A query in FROM sees what is outside of its SELECT; with LATERAL also what stands before it. */
function derivedItem(
  context: Context,
  { query, alias, columns: names, lateral }: Extract<From, { kind: 'derived' }>,
  scope: Scope,
  commons: Common | null,
): RangeItem {
  const parent = lateral ? scope : scope.parent
  const outputs = context.outputs(query, { parent, commons })
  return { alias, schema: null, ...renamed(outputs, names), open: false }
}

/** The columns under the names of a list, where one is given; no name may be there twice. */
export function renamed(
  { columns, ordered }: { readonly columns: readonly Column[]; readonly ordered: boolean },
  names: readonly string[],
): { readonly columns: readonly Column[]; readonly ordered: boolean } {
  if (names.length > 0 && (!ordered || names.length !== columns.length)) {
    throw new Unfollowed('a list of names is for other columns')
  }
  const listed =
    names.length === 0
      ? columns
      : columns.map((column, index) => ({ ...column, name: names[index] ?? '' }))
  const seen = new Set<string>()
  for (const { name } of listed) {
    const key = name.toLowerCase()
    if (name !== '' && seen.has(key)) throw new Unfollowed(`two columns are called ${name}`)
    seen.add(key)
  }
  return { columns: listed, ordered }
}

/**
 * The columns of a join, those that both sides share first (Manual, "JOIN Clause"). A RIGHT JOIN is
 * done as a LEFT JOIN of the sides turned round, and so are its shared columns.
 */
function joined(from: Extract<From, { kind: 'join' }>, left: Joined, right: Joined): Joined {
  const ordered = left.ordered && right.ordered
  const turned = left.turned || right.turned || from.side === 'right'
  if (from.shared === null) {
    return { columns: [...left.columns, ...right.columns], ordered, turned }
  }
  const [first, second] = from.side === 'right' ? [right, left] : [left, right]
  const names = from.shared === 'natural' ? commonNames(first, second) : from.shared
  const shared = first.columns.filter(({ name }) => names.some((own) => isSame(own, name)))
  if (shared.length !== names.length) throw new Unfollowed('USING names no column of both sides')
  const merged = shared.map((column) => mergedColumn(column, second.columns))
  const rest = (columns: readonly Column[]) =>
    columns.filter(({ name }) => !names.some((own) => isSame(own, name)))
  return {
    columns: [...merged, ...rest(first.columns), ...rest(second.columns)],
    // Servers differ in the order of what was turned round before.
    ordered: ordered && !left.turned && !right.turned,
    turned,
  }
}

function isSame(one: string, other: string): boolean {
  const match = sameColumn(one, other)
  if (match === 'alike') throw new Unfollowed(`${one} and ${other} may be one name`)
  return match === 'same'
}

function commonNames(first: Joined, second: Joined): readonly string[] {
  const unnamed = [...first.columns, ...second.columns].some(({ name }) => name === '')
  if (unnamed || !first.ordered || !second.ordered) {
    throw new Unfollowed('what NATURAL joins is not certain')
  }
  return first.columns.flatMap(({ name }) =>
    second.columns.some((other) => isSame(other.name, name)) ? [name] : [],
  )
}

/** The value of either side, whichever has one. */
function mergedColumn(column: Column, others: readonly Column[]): Column {
  const [other, ...more] = others.filter(({ name }) => isSame(name, column.name))
  if (!other || more.length > 0 || column.name === '') throw new Unfollowed('a join is ambiguous')
  return {
    name: column.name,
    sources: union([column.sources, other.sources]),
    plain: column.plain && other.plain,
  }
}
