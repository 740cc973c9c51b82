import type { Random } from '../../fuzz/random.ts'

/** Something that FROM names, as far as the query's own expressions can say it. */
interface Source {
  readonly alias: string
  readonly columns: readonly string[]
  /** A table, whose rows can be named as a whole. */
  readonly whole: boolean
}

interface Made {
  readonly text: string
  readonly columns: readonly string[]
}

/** What queries are made over. */
export interface RandomTables {
  /** Names as FROM takes them, with the columns that may be named. */
  readonly columns: Readonly<Record<string, readonly string[]>>
  /** Whether rows may also be named as a whole, and with a star. */
  readonly whole: boolean
}

/** Tables and views of fixtures/lineage, with the columns of texts and numbers. */
const TABLES: Readonly<Record<string, readonly string[]>> = {
  customers: ['id', 'name', 'email', 'phone', 'national_id', 'city', 'initials', 'email_lower'],
  employees: ['id', 'name', 'department', 'salary', 'iban', 'manager_id'],
  payments: ['id', 'customer_id', 'card', 'brand', 'amount'],
  payments_2026: ['id', 'customer_id', 'card', 'brand'],
  orders: ['id', 'customer_id', 'status', 'total', 'note'],
  contact_list: ['id', 'address', 'phone'],
  public_customers: ['id', 'name', 'city'],
  mail_directory: ['id', 'mail'],
  spending: ['id', 'city', 'orders', 'total'],
}
const FIXED: RandomTables = {
  columns: Object.fromEntries(
    Object.entries(TABLES).map(([name, columns]) => [`public.${name}`, columns]),
  ),
  whole: true,
}
/** Few, and some of them columns' and tables' names: so that names hide one another. */
const NAMES = ['id', 'name', 'email', 'phone', 'city', 'x', 'y', 'card', 'customers', 'status']
const ALIASES = ['c', 'o', 'customers', 'orders', 'x', 'name', 'p', 'q']
const FUNCTIONS = ['upper', 'reverse', 'md5', 'length', 'quote_literal', 'to_jsonb', 'initcap']
const AGGREGATES = ['max', 'min', 'count', 'count(DISTINCT']
const JOINS = ['JOIN', 'LEFT JOIN', 'RIGHT JOIN', 'FULL JOIN']

/**
 * Makes queries that most often run: over tables of which some columns are classified, with names that
 * hide one another. Conditions look at what stays the same when every classified value is put in
 * another's place, and nothing depends on the order of rows.
 */
export class RandomQuery {
  readonly #random: Random
  readonly #tables: RandomTables
  readonly #commons: Source[] = []
  /** Members of FROM that may yet come: joins of many run long. */
  #left = 6
  #aliases = 0

  constructor(random: Random, tables: RandomTables = FIXED) {
    this.#random = random
    this.#tables = tables
  }

  make(): string {
    return this.#query([], 3, 0).text
  }

  #chance(percent: number): boolean {
    return this.#random.below(100) < percent
  }

  #some(names: readonly string[], count: number): string[] {
    const left = [...names]
    return Array.from({ length: count }, () => {
      const [name = 'z'] = left.splice(this.#random.below(left.length), 1)
      return name
    })
  }

  /** `width` columns of text, or as many as come where it is 0. */
  #query(outer: readonly Source[], depth: number, width: number): Made {
    const before = this.#commons.length
    const heads = depth > 2 && this.#chance(30) ? this.#with(outer, depth - 1) : ''
    let made = this.#select(outer, depth, width)
    if (depth > 1 && width > 0 && this.#chance(25)) {
      const other = this.#select(outer, depth - 1, width)
      const operator = this.#random.pick(['UNION', 'UNION ALL', 'EXCEPT', 'INTERSECT'])
      made = { ...made, text: `${made.text} ${operator} ${other.text}` }
    }
    this.#commons.length = before
    return { ...made, text: heads + made.text }
  }

  #with(outer: readonly Source[], depth: number): string {
    const alias = this.#random.pick(['r', 'customers', 'x'])
    const columns = this.#some(NAMES, 2)
    const body = this.#query(outer, depth, 2).text
    const recursive = this.#chance(50)
    const again = `SELECT ${columns[1]}, ${columns[0]} FROM ${alias}`
    const whole = recursive ? `(${body}) UNION ${again}` : body
    this.#commons.push({ alias, columns, whole: false })
    return `WITH ${recursive ? 'RECURSIVE ' : ''}${alias} (${columns.join(', ')}) AS (${whole}) `
  }

  #select(outer: readonly Source[], depth: number, width: number): Made {
    const from = this.#from(outer, depth)
    const inner = [...from.sources, ...outer]
    const grouped = this.#chance(20)
    const columns: string[] = []
    const items: string[] = []
    const wanted = width || 1 + this.#random.below(4)
    while (items.length < wanted) {
      if (this.#tables.whole && width === 0 && !grouped && this.#chance(15)) {
        const star = this.#chance(50) ? '*' : `${this.#random.pick(from.sources).alias}.*`
        items.push(star)
        continue
      }
      const value = grouped ? this.#aggregate(inner) : this.#value(inner, depth)
      const name = width > 0 || this.#chance(50) ? this.#random.pick(NAMES) : null
      items.push(`${width > 0 ? `(${value})::text` : value}${name === null ? '' : ` AS ${name}`}`)
      columns.push(name ?? '')
    }
    const where = this.#chance(40) ? ` WHERE ${this.#condition(inner, depth)}` : ''
    const distinct = !grouped && this.#chance(10) ? 'DISTINCT ' : ''
    return { text: `SELECT ${distinct}${items.join(', ')} FROM ${from.text}${where}`, columns }
  }

  #from(outer: readonly Source[], depth: number): { text: string; sources: Source[] } {
    const first = this.#member(outer, depth)
    const sources = [first.source]
    let { text } = first
    while (this.#left > 0 && this.#chance(40)) {
      const lateral = this.#chance(40) ? sources : []
      const next = this.#member(outer, depth, lateral)
      const shared = next.source.columns.filter((name) => first.source.columns.includes(name))
      const using = sources.length === 1 && shared.includes('id') && this.#chance(40)
      const join = lateral.length > 0 && next.lateral ? 'CROSS JOIN' : this.#random.pick(JOINS)
      if (join === 'CROSS JOIN') text = `${text} CROSS JOIN ${next.text}`
      else if (using) text = `${text} ${join} ${next.text} USING (id)`
      else text = `${text} JOIN ${next.text} ON ${this.#joined(sources, next.source)}`
      sources.push(next.source)
    }
    return { text, sources }
  }

  #joined(sources: readonly Source[], next: Source): string {
    const left = sources.find(({ columns }) => columns.includes('id'))
    if (!left || !next.whole || !next.columns.includes('id')) return 'true'
    return `${left.alias}.id::text = ${next.alias}.id::text`
  }

  #member(
    outer: readonly Source[],
    depth: number,
    lateral: readonly Source[] = [],
  ): { text: string; source: Source; lateral?: true } {
    this.#left--
    const alias = `${this.#random.pick(ALIASES)}${this.#aliases++ < 3 ? '' : this.#aliases}`
    if (depth > 1 && this.#chance(40)) {
      const width = 1 + this.#random.below(3)
      const made = this.#query([...lateral, ...(lateral.length > 0 ? outer : [])], depth - 1, width)
      const columns = this.#some(NAMES, width)
      const source = { alias, columns, whole: false }
      const text = `(${made.text}) AS ${alias} (${columns.join(', ')})`
      if (lateral.length === 0) return { text, source }
      return { text: `LATERAL ${text}`, source, lateral: true }
    }
    const common = this.#commons.length > 0 && this.#chance(50)
    if (common) {
      const { alias: name, columns } = this.#random.pick(this.#commons)
      return { text: `${name} AS ${alias}`, source: { alias, columns, whole: false } }
    }
    const { columns, whole } = this.#tables
    const name = this.#random.pick(Object.keys(columns))
    return { text: `${name} AS ${alias}`, source: { alias, columns: columns[name] ?? [], whole } }
  }

  #column(sources: readonly Source[]): string {
    const { alias, columns, whole } = this.#random.pick(sources)
    const column = this.#random.pick(columns)
    if (whole && this.#chance(5)) return `(${alias}).${column}`
    return this.#chance(70) ? `${alias}.${column}` : column
  }

  #value(sources: readonly Source[], depth: number): string {
    const column = this.#column(sources)
    const inner = depth > 1 ? depth - 1 : 0
    switch (this.#random.below(16)) {
      case 0:
        return `${this.#random.pick(FUNCTIONS)}((${column})::text)`
      case 1:
        return `${column} || ${this.#column(sources)}::text`
      case 2:
        return `CASE WHEN ${this.#condition(sources, inner)} THEN ${column}::text ELSE 'none' END`
      case 3:
        return `coalesce(${column}::text, ${this.#column(sources)}::text)`
      case 4:
        return `${column} IS NULL`
      case 5: {
        const whole = sources.find((source) => source.whole)
        if (!whole) return column
        return this.#random.pick([`to_jsonb(${whole.alias})`, whole.alias, `${whole.alias}::text`])
      }
      case 6:
        return inner > 0 ? `EXISTS (${this.#query(sources, inner, 1).text})` : `'constant'`
      case 7:
        return inner > 0
          ? `(SELECT max(s.${'z'}) FROM (${this.#query(sources, inner, 1).text}) AS s (z))`
          : column
      case 8:
        return `ARRAY[${column}::text, 'x']`
      case 9:
        return `jsonb_build_object('k', ${column})`
      case 10:
        return `count(${column}) OVER ()`
      case 11:
        return `max(${column}) OVER ()`
      case 12:
        return `xmlelement(name e, ${column})::text`
      default:
        return column
    }
  }

  #aggregate(sources: readonly Source[]): string {
    const column = this.#column(sources)
    const name = this.#random.pick(AGGREGATES)
    if (name === 'count(DISTINCT') return `count(DISTINCT ${column})`
    const filter = this.#chance(20) ? ` FILTER (WHERE ${column} IS NULL)` : ''
    return `${name}(${column})${filter}`
  }

  #condition(sources: readonly Source[], depth: number): string {
    const column = this.#column(sources)
    if (depth > 1 && this.#chance(25)) return `EXISTS (${this.#query(sources, depth - 1, 1).text})`
    return `${column} ${this.#random.pick(['IS NULL', 'IS NOT NULL'])}`
  }
}
