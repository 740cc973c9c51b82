import { LRUCache } from 'lru-cache'
import mariadbBuild from 'node-sql-parser/build/mariadb.js'
import mysqlBuild from 'node-sql-parser/build/mysql.js'
import { closingsOf } from '../cursor.ts'
import type { Dialect } from '../dialect.ts'
import { fromClauses } from '../from-clauses.ts'
import { rawOf, type StatementText } from '../statement-text.ts'
import { nameOf, type Token } from '../token.ts'
import { Unfollowed } from './reading.ts'
import type { Branch, Expression, Query, SelectItem } from './tree.ts'

/*
 * A second opinion on a query: node-sql-parser reads it too, from our tokens and never from the
 * text, since it misreads comments and quotes. It reads less than the servers do, so that it can't
 * follow a query means nothing; but where it finds a table, a column of the result, or a name in
 * one that our own reading hasn't, one of the two is wrong, and nothing is shown.
 */

/** The parser takes some milliseconds; a longer query, or one deeper, isn't given to it. */
const MAX_TOKENS = 150
const MAX_DEPTH = 6
/** Queries that differ in constants only are read once. */
const shapes = new LRUCache<string, Found>({ max: 2_000 })

const PARSERS = {
  mysql: new mysqlBuild.Parser(),
  mariadb: new mariadbBuild.Parser(),
}

/** What the parser found; `silent` where it can't read the query. */
type Found =
  | { readonly kind: 'silent' }
  | {
      readonly kind: 'read'
      readonly tables: readonly string[]
      /** Of each SELECT of the query, in order: the names that each column of it says. */
      readonly selects: readonly (readonly ReadonlySet<string>[])[]
    }

/** Throws Unfollowed where the two readings of a query differ. */
export function confirm(text: StatementText, query: Query, dialect: Dialect): void {
  const found = secondReading(text, dialect)
  if (found.kind === 'silent') return
  const known = new Set([
    ...fromClauses(text, dialect).refs.map(({ name }) => name.toLowerCase()),
    ...query.with.map(({ name }) => name.toLowerCase()),
  ])
  if (!found.tables.every((name) => known.has(name))) throw differ()
  const own = query.branches.map(namesOfBranch)
  // Parentheses and VALUES between set operators: it lines them up otherwise.
  if (own.includes(null)) return
  if (own.length !== found.selects.length) throw differ()
  for (const [at, columns] of found.selects.entries()) confirmColumns(own[at] ?? [], columns)
}

function confirmColumns(
  own: readonly ReadonlySet<string>[],
  found: readonly ReadonlySet<string>[],
): void {
  const agrees =
    own.length === found.length &&
    found.every((names, at) => [...names].every((name) => own[at]?.has(name)))
  if (!agrees) throw differ()
}

function differ(): Unfollowed {
  return new Unfollowed('two readings of it differ')
}

// === what our own reading says

const STAR = '*'

function namesOfBranch(branch: Branch): readonly ReadonlySet<string>[] | null {
  if (branch.kind !== 'select') return null
  return branch.items.map((item) => new Set(namesOfItem(item)))
}

function namesOfItem(item: SelectItem): readonly string[] {
  return item.kind === 'star' ? [STAR] : namesIn(item.value)
}

function namesIn(expression: Expression): readonly string[] {
  switch (expression.kind) {
    case 'column':
      return [(expression.names.at(-1) ?? '').toLowerCase()]
    case 'call':
      return [...expression.args, ...(expression.window ? [expression.window] : [])].flatMap(
        namesIn,
      )
    case 'query':
      return expression.query.branches.flatMap((branch) =>
        (namesOfBranch(branch) ?? []).flatMap((names) => [...names]),
      )
    case 'is-null':
      return namesIn(expression.value)
    case 'mixed':
      return expression.parts.flatMap(namesIn)
    case 'constant':
    case 'parameter':
    case 'unknown':
    case 'named-window':
      return []
  }
}

// === what the parser says

function secondReading(text: StatementText, dialect: Dialect): Found {
  const { tokens } = text
  if (tokens.length > MAX_TOKENS || depthOf(tokens) > MAX_DEPTH) return { kind: 'silent' }
  const emitted = emit(text)
  const key = `${dialect.flavour} ${emitted}`
  let found = shapes.get(key)
  if (!found) {
    found = parse(emitted, dialect)
    shapes.set(key, found)
  }
  return found
}

function depthOf(tokens: readonly Token[]): number {
  let deepest = 0
  const open: number[] = []
  for (const [from, to] of [...closingsOf(tokens)].sort(([one], [other]) => one - other)) {
    while (open.length > 0 && (open.at(-1) as number) < from) open.pop()
    open.push(to)
    deepest = Math.max(deepest, open.length)
  }
  return deepest
}

/** The tokens again, one way for each: names quoted as they were, constants without their values. */
function emit(text: StatementText): string {
  const { tokens } = text
  const parts = tokens.map((token, at) => {
    const said = isIntroducer(token, tokens[at + 1]) ? '' : emitToken(text, token)
    return token.adjacent ? said : ` ${said}`
  })
  return parts.join('')
}

/** _utf8mb4'text': the parser takes it for a column and its alias. */
function isIntroducer(token: Token, next: Token | undefined): boolean {
  return token.kind === 'word' && token.text.startsWith('_') && next?.kind === 'string'
}

function emitToken(text: StatementText, token: Token): string {
  switch (token.kind) {
    case 'quoted':
      return `\`${nameOf(token).replaceAll('`', '``')}\``
    case 'string':
      return "'s'"
    case 'number':
    case 'bytes':
      return '1'
    case 'op':
      // Two of them beside each other could begin a comment.
      return token.text === '-' || token.text === '/' || token.text === '#'
        ? ` ${token.text} `
        : token.text
    default:
      return rawOf(text, token)
  }
}

function parse(sql: string, { flavour }: Dialect): Found {
  try {
    const { ast, tableList } = PARSERS[flavour].parse(sql, { database: flavour })
    if (Array.isArray(ast) && ast.length !== 1) return { kind: 'silent' }
    const selects: ReadonlySet<string>[][] = []
    let node: unknown = Array.isArray(ast) ? ast[0] : ast
    for (; node; node = field(node, '_next')) {
      const columns = field(node, 'columns')
      if (!Array.isArray(columns)) return { kind: 'silent' }
      selects.push(columns.map((column) => new Set(columnNames(field(column, 'expr')))))
    }
    return { kind: 'read', tables: tableList.map(tableName), selects }
  } catch {
    return { kind: 'silent' }
  }
}

/** The parser leaves a doubled quote in a name as it is. */
function plain(name: string): string {
  return name.replaceAll('``', '`').toLowerCase()
}

/** select::schema::table */
function tableName(entry: string): string {
  return plain(entry.slice(entry.lastIndexOf('::') + 2))
}

/** A tree of another's: nothing of it is taken for granted. */
function field(node: unknown, name: string): unknown {
  return node !== null && typeof node === 'object' ? (node as Record<string, unknown>)[name] : null
}

/** Every column that an expression names; of a query in it those of its result. */
function columnNames(node: unknown): readonly string[] {
  if (node === null || typeof node !== 'object') return []
  if (Array.isArray(node)) return node.flatMap(columnNames)
  if (field(node, 'type') === 'column_ref') return columnName(field(node, 'column'))
  if (field(node, 'type') === 'select') {
    return [...columnNames(field(node, 'columns')), ...columnNames(field(node, '_next'))]
  }
  return Object.values(node).flatMap(columnNames)
}

/** Words that it takes for columns: operators, units of time, and options of SELECT. */
const NO_COLUMNS = new Set(
  `binary microsecond second minute hour day week month quarter year sql_cache sql_no_cache`.split(
    ' ',
  ),
)

/** What isn't a plain name isn't compared. */
function columnName(column: unknown): readonly string[] {
  const name = typeof column === 'string' ? plain(column) : ''
  return name === '' || NO_COLUMNS.has(name) ? [] : [name]
}
