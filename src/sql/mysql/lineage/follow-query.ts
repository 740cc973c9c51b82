import { type Column, type Outputs, union, visible, weightOf } from './columns.ts'
import type { Common, Context, Surroundings } from './context.ts'
import { plainColumn } from './follow-expression.ts'
import { addFrom, renamed } from './follow-from.ts'
import { Unfollowed } from './reading.ts'
import { Scope } from './scope.ts'
import type { Branch, CommonQuery, Expression, Query, Select, SelectItem } from './tree.ts'

/** A row of more isn't followed; MySQL's tables have 4096 columns at the most. */
const MAX_COLUMNS = 4096

/** The columns that a query gives. */
export function outputsOf(context: Context, query: Query, surroundings: Surroundings): Outputs {
  const { parent } = surroundings
  const commons = addCommons(context, query, surroundings)
  const branches = query.branches.map((branch) =>
    branchOutputs(context, branch, { parent, commons }),
  )
  return combined(branches)
}

function branchOutputs(context: Context, branch: Branch, surroundings: Surroundings): Outputs {
  switch (branch.kind) {
    case 'select':
      return selectOutputs(context, branch, surroundings)
    case 'values':
      return valuesOutputs(context, branch.rows, surroundings)
    case 'query':
      return context.outputs(branch.query, surroundings)
  }
}

/** UNION, INTERSECT, EXCEPT: a column may come from each of the queries. */
function combined(branches: readonly Outputs[]): Outputs {
  const [first, ...others] = branches
  if (!first || others.length === 0) return first ?? { columns: [], ordered: false }
  const alike = others.every(({ columns }) => columns.length === first.columns.length)
  if (!alike || branches.some(({ ordered }) => !ordered)) {
    throw new Unfollowed('which columns are combined is not certain')
  }
  const columns = first.columns.map(({ name }, index) => {
    const each = branches.map(({ columns }) => columns[index] as Column)
    return {
      name,
      sources: union(each.map(({ sources }) => sources)),
      plain: each.every(({ plain }) => plain),
      derived: each.some(({ derived }) => derived === true),
    }
  })
  return { columns, ordered: true }
}

function selectOutputs(
  context: Context,
  select: Select,
  { parent, commons }: Surroundings,
): Outputs {
  const scope = new Scope(parent)
  const from = select.from ? addFrom(context, select.from, scope, commons) : null
  scope.joined = from?.columns ?? []
  scope.windows = select.windows
  return itemOutputs(context, select.items, scope, commons, from?.ordered ?? true)
}

/** The columns of a select list, or of RETURNING. */
export function itemOutputs(
  context: Context,
  items: readonly SelectItem[],
  scope: Scope,
  commons: Common | null,
  fromOrdered: boolean,
): Outputs {
  const columns: Column[] = []
  let ordered = true
  for (const item of items) {
    if (item.kind === 'star') {
      const star = starOutputs(item.names, scope, fromOrdered)
      columns.push(...star.columns)
      ordered &&= star.ordered
    } else columns.push(valueColumn(context, item, scope, commons))
    context.spend(columns.length)
    if (columns.length > MAX_COLUMNS) throw new Unfollowed('it has too many columns')
    const last = columns.at(-1)
    if (item.kind === 'value' && last && last.name !== '') {
      scope.aliases.push({ name: last.name, column: () => last })
    }
  }
  return { columns, ordered }
}

/** `*` or t.*; each stands for columns that have to be known. */
function starOutputs(names: readonly string[], scope: Scope, fromOrdered: boolean): Outputs {
  const table = names.at(-1)
  if (table === undefined) {
    if (scope.items.length === 0 || scope.items.some(({ open }) => open)) {
      throw new Unfollowed('what * stands for is not known')
    }
    return { columns: scope.joined ?? [], ordered: fromOrdered }
  }
  const item = scope.item(names.at(-2) ?? null, table)
  if (item === null || item === 'alike' || item.open) {
    throw new Unfollowed(`what ${table}.* stands for is not known`)
  }
  return { columns: visible(item.columns), ordered: item.ordered }
}

function valueColumn(
  context: Context,
  { value, alias }: Extract<SelectItem, { kind: 'value' }>,
  scope: Scope,
  commons: Common | null,
): Column {
  const name = alias ?? (value.kind === 'column' ? (value.names.at(-1) ?? '') : '')
  const column = plainColumn(context, value, scope)
  const plain = isGiven(value) || column !== null
  const derived = column?.derived === true
  return { name, sources: context.sources(value, scope, commons), plain, derived }
}

function isGiven({ kind }: Expression): boolean {
  return kind === 'constant' || kind === 'parameter'
}

/** MySQL calls the columns column_0, column_1 ...; MariaDB by their values in the first row. */
function valuesOutputs(
  context: Context,
  rows: readonly (readonly Expression[])[],
  { parent, commons }: Surroundings,
): Outputs {
  const scope = new Scope(parent)
  const branches = rows.map((row) => ({
    columns: row.map((value, index) => ({
      name: context.dialect.flavour === 'mysql' ? `column_${index}` : '',
      sources: context.sources(value, scope, commons),
      plain: isGiven(value),
    })),
    ordered: true,
  }))
  return combined(branches)
}

/** The names that the queries of WITH see: those before them, and with RECURSIVE themselves. */
function addCommons(
  context: Context,
  query: Query,
  { parent, commons: outer }: Surroundings,
): Common | null {
  let commons = outer
  for (const [index, common] of query.with.entries()) {
    const own: Surroundings = { parent, commons }
    const later = query.recursive ? query.with.slice(index + 1) : []
    const outputs = query.recursive
      ? recursiveOutputs(context, common, withoutNames(later, own))
      : renamed(context.outputs(common.query, own), common.columns)
    commons = { name: common.name, outputs: () => outputs, next: commons }
  }
  return commons
}

/** With RECURSIVE some servers see a name before it is made. */
function withoutNames(later: readonly CommonQuery[], surroundings: Surroundings): Surroundings {
  let { commons } = surroundings
  for (const { name } of later) commons = { name, outputs: unmade, next: commons }
  return { ...surroundings, commons }
}

function unmade(): never {
  throw new Unfollowed('a query of WITH uses one behind it')
}

/** Rounds in which sources go from column to column. */
const MAX_ROUNDS = 50

/** The first query gives the names; what the others add is looked for until nothing is added. */
function recursiveOutputs(
  context: Context,
  { name, columns: names, query }: CommonQuery,
  { parent, commons }: Surroundings,
): Outputs {
  let so: Outputs | null = null
  const self: Common = { name, outputs: () => so ?? unmade(), next: commons }
  const [first, ...others] = query.branches
  if (!first || query.with.length > 0) throw new Unfollowed('WITH stands in a recursive query')
  let current = renamed(branchOutputs(context, first, { parent, commons: self }), names)
  for (let round = 0; round < MAX_ROUNDS; round++) {
    so = current
    const each = others.map((branch) => branchOutputs(context, branch, { parent, commons: self }))
    const next = named(combined([current, ...each]), current)
    if (weight(next) === weight(current)) return next
    current = next
  }
  throw new Unfollowed('it recurs in a way that is not followed')
}

function named(outputs: Outputs, as: Outputs): Outputs {
  const columns = outputs.columns.map((column, index) => ({
    ...column,
    name: as.columns[index]?.name ?? '',
  }))
  return { ...outputs, columns }
}

/** It only grows from round to round: more sources, fewer plain columns. */
function weight({ columns }: Outputs): number {
  return columns.reduce((sum, { sources, plain, derived }) => {
    return sum + weightOf(sources) + (plain ? 0 : 1) + (derived ? 1 : 0)
  }, 0)
}
