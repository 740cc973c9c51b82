import type { Random } from '../fuzz/random.ts'
import { RandomQuery as MysqlQuery } from '../sql/mysql/random-query.ts'
import { RandomQuery as PostgresQuery } from '../sql/postgres/random-query.ts'
import { expressionsOf } from './expressions.ts'
import type { Flavour, World } from './schema.ts'
import { mysqlWays } from './ways-mysql.ts'
import { postgresWays } from './ways-postgres.ts'

export interface Step {
  readonly sql: string
  /** A text, or prepared: rows as text, in binary, or in parts. */
  readonly how: 'plain' | 'text' | 'binary' | 'cursor'
  readonly values?: readonly string[]
}

/** What an agent says on one connection. */
export interface Story {
  readonly steps: readonly Step[]
  /** It reads nothing of a classified column. */
  readonly honest: boolean
  /** The server says the same twice. */
  readonly steady: boolean
  /** What it leaves in the session tells of later statements: the next story gets a new one. */
  readonly marks: boolean
}

export interface Telling {
  readonly steps: readonly Step[]
  readonly steady?: boolean
  readonly marks?: boolean
}

/** How a query is asked, or what else is done with columns. */
export type Way = (maker: Maker) => Telling

export interface Tables {
  readonly columns: Readonly<Record<string, readonly string[]>>
  readonly whole: boolean
}

/** Makes the parts of one story. */
export class Maker {
  readonly random: Random
  readonly world: World
  readonly flavour: Flavour
  readonly tables: Tables

  constructor(random: Random, world: World, flavour: Flavour, tables: Tables) {
    this.random = random
    this.world = world
    this.flavour = flavour
    this.tables = tables
  }

  query(): string {
    if (this.random.oneIn(3)) return this.aimed()
    return this.flavour === 'postgres'
      ? new PostgresQuery(this.random, this.tables).make()
      : new MysqlQuery(this.random, this.flavour, this.tables).make()
  }

  /** Of one table or two, with what most tells of a column. */
  aimed(): string {
    const { each, gathered } = expressionsOf(this.flavour)
    const name = this.table()
    const many = this.random.oneIn(4)
    const items = Array.from({ length: 1 + this.random.below(4) }, (_, at) => {
      const named = this.random.oneIn(2) ? ` AS ${this.random.pick(['id', 'name', 'z'])}${at}` : ''
      return this.#filled(this.#fitting(many ? gathered : each), name) + named
    })
    const from = this.random.oneIn(4) ? this.#joined(name) : `${name} AS a`
    const group = many && this.random.oneIn(2) ? ' GROUP BY a.ref' : ''
    const order = many ? '' : ' ORDER BY a.id'
    return `SELECT ${items.join(', ')} FROM ${from}${group}${order}`
  }

  /** An expression over the table `a` that makes the server complain of the value. */
  failing(table: string): string {
    return this.#filled(this.#fitting(expressionsOf(this.flavour).failing), table)
  }

  each(table: string): string {
    return this.#filled(this.#fitting(expressionsOf(this.flavour).each), table)
  }

  table(): string {
    return this.random.pick(Object.keys(this.tables.columns))
  }

  /** A table that can be written to; null where what may be named has none. */
  base(): string | null {
    const bases = this.world.relations.filter(({ isView }) => !isView).map(({ name }) => name)
    const known = Object.keys(this.tables.columns)
    const fitting = known.filter((name) => bases.includes(name.replace(/^.*\./, '')))
    return fitting.length === 0 ? null : this.random.pick(fitting)
  }

  column(table: string): string {
    return this.random.pick(this.tables.columns[table] ?? ['id'])
  }

  #joined(name: string): string {
    const other = this.table()
    return `${name} AS a LEFT JOIN ${other} AS b ON a.id = b.id`
  }

  /** Without those that name whole rows where these tell of more than may be named. */
  #fitting(items: readonly string[]): string {
    const rows = /@(?!\.(id|ref)\b)(?!v\b)/
    return this.random.pick(this.tables.whole ? items : items.filter((item) => !rows.test(item)))
  }

  #filled(item: string, table: string): string {
    const column = `a.${this.column(table)}`
    return item.replaceAll('&', () => column).replace(/@(?!v\b)/g, 'a')
  }
}

/** One story in four reads unclassified columns alone. */
export function randomStory(random: Random, world: World, flavour: Flavour): Story {
  const open = random.oneIn(4) ? openTables(random, world) : null
  const { readOnly, others } = flavour === 'postgres' ? postgresWays : mysqlWays(flavour)
  const reads = open !== null || random.below(10) < 7
  const way = random.pick(reads ? readOnly : others)
  // PostgreSQL's search_path is the session's: a bare name may be any table of that name, and all of
  // them are classified from then on where a classified value is written to it.
  const bare = flavour !== 'postgres' || (open === null && reads && random.oneIn(2))
  const { columns, whole } = open ?? allTables(world)
  const named = Object.entries(columns).map(
    ([name, own]) => [bare ? name : `${world.name}.${name}`, own] as const,
  )
  const maker = new Maker(random, world, flavour, { columns: Object.fromEntries(named), whole })
  const { steps, steady = true, marks = false } = way(maker)
  return { steps, honest: open !== null, steady, marks }
}

function allTables({ relations }: World): Tables {
  const columns = relations.map((own) => [own.name, own.columns.map(({ name }) => name)] as const)
  return { columns: Object.fromEntries(columns), whole: true }
}

/** Tables without a classified column, or of all tables the columns whose name no classified one has. */
function openTables(random: Random, { relations }: World): Tables | null {
  const closed = new Set(
    relations.flatMap(({ columns }) => columns.filter(({ open }) => !open).map(({ name }) => name)),
  )
  const whole = random.oneIn(2)
  const tables = relations.flatMap(({ name, columns }) => {
    if (whole) {
      return columns.every(({ open }) => open) ? [[name, columns.map((own) => own.name)]] : []
    }
    const open = columns.map((own) => own.name).filter((column) => !closed.has(column))
    return open.length > 0 ? [[name, open]] : []
  })
  return tables.length === 0 ? null : { columns: Object.fromEntries(tables), whole }
}
