import type { Random } from '../../fuzz/random.ts'

/** Something that FROM names, as far as the query's own expressions can say it. */
interface Source {
  readonly alias: string
  readonly columns: readonly string[]
}

/** What queries are made over. */
export interface RandomTables {
  /** Names as FROM takes them, with the columns that may be named. */
  readonly columns: Readonly<Record<string, readonly string[]>>
  /** Whether they may also be named with a star. */
  readonly whole: boolean
}

/** Tables and views of lineage-world.ts. */
const TABLES: RandomTables['columns'] = {
  people: ['id', 'name', 'email', 'ssn', 'city', 'salary'],
  shops: ['id', 'name', 'email', 'person'],
  notes: ['id', 'person', 'body', 'kind'],
  veiled: ['id', 'name', 'mark'],
  contacts: ['id', 'address', 'name'],
}
/** Few, and some of them columns' names: so that names hide one another. */
const NAMES = ['id', 'name', 'email', 'ssn', 'x', 'y', 'body', 'p', 'Name', 'people']
const ALIASES = ['p', 'q', 'people', 'shops', 'x', 's', 'name']
const FUNCTIONS = ['UPPER', 'LOWER', 'REVERSE', 'HEX', 'LENGTH', 'MD5', 'TRIM', 'QUOTE', 'ISNULL']
const AGGREGATES = ['MAX', 'MIN', 'COUNT', 'SUM', 'GROUP_CONCAT', 'COUNT(DISTINCT']
const JOINS = ['JOIN', 'LEFT JOIN', 'RIGHT JOIN', 'CROSS JOIN', 'STRAIGHT_JOIN', 'INNER JOIN']
const NATURAL = ['NATURAL JOIN', 'NATURAL LEFT JOIN', 'NATURAL RIGHT JOIN']

/**
 * Makes queries that most often run: over tables of which some columns are classified, with names that
 * hide one another. Conditions look at unclassified columns, or at what stays the same when every
 * classified value is put in another's place.
 */
export class RandomQuery {
  readonly #random: Random
  readonly #mysql: boolean
  readonly #commons: Source[] = []
  /** Derived tables and tables that may yet come: joins of many run long. */
  #left = 12
  #factors = 7
  readonly #tables: RandomTables

  constructor(
    random: Random,
    flavour: 'mysql' | 'mariadb',
    tables: RandomTables = { columns: TABLES, whole: true },
  ) {
    this.#random = random
    this.#tables = tables
    this.#mysql = flavour === 'mysql'
  }

  make(): string {
    return this.#query([], 3, 0).text
  }

  #chance(percent: number): boolean {
    return this.#random.below(100) < percent
  }

  /** `width` columns, or as many as come where it is 0. */
  #query(outer: readonly Source[], depth: number, width: number): Made {
    const before = this.#commons.length
    const heads = depth > 2 && this.#chance(25) ? this.#with(outer, depth - 1) : ''
    let made = this.#select(outer, depth, width)
    while (depth > 1 && this.#chance(18) && made.columns.length > 0) {
      const other = this.#select(outer, depth - 1, made.columns.length)
      const operator = this.#random.pick(['UNION', 'UNION ALL', 'EXCEPT', 'INTERSECT'])
      const text = this.#chance(30)
        ? `(${made.text}) ${operator} (${other.text})`
        : `${made.text} ${operator} ${other.text}`
      made = { text, columns: made.columns }
    }
    this.#commons.length = before
    return { ...made, text: heads + made.text }
  }

  #with(outer: readonly Source[], depth: number): string {
    const recursive = this.#chance(30)
    const parts: string[] = []
    for (let count = 1 + this.#random.below(2); count > 0; count--) {
      const alias = this.#random.pick(['q', 'r', 'people', 'x'])
      const columns = this.#some(NAMES, 2)
      const body = this.#query(outer, depth, 2).text
      const again = `SELECT ${columns[1]}, ${columns[0]} FROM ${alias} WHERE 1 = 0`
      const recurs = recursive && this.#chance(60)
      parts.push(
        `${alias} (${columns.join(', ')}) AS (${recurs ? `${body} UNION ${again}` : body})`,
      )
      this.#commons.push({ alias, columns })
    }
    return `WITH ${recursive ? 'RECURSIVE ' : ''}${parts.join(', ')} `
  }

  #select(outer: readonly Source[], depth: number, width: number): Made {
    const { text: from, sources } = this.#from(outer, depth)
    const scopes = [...sources, ...outer]
    const items: string[] = []
    const columns: string[] = []
    if (this.#tables.whole && width === 0 && this.#chance(35)) {
      const source = this.#random.pick(sources)
      const all = this.#chance(60)
      items.push(all ? '*' : `${source.alias}.*`)
      columns.push(...(all ? sources.flatMap((own) => own.columns) : source.columns))
    }
    const count = width > 0 ? width : this.#random.below(3) + (items.length === 0 ? 1 : 0)
    for (let index = 0; index < count; index++) {
      const alias = this.#random.pick(NAMES)
      const value = this.#value(scopes, depth)
      items.push(`${value} ${this.#chance(50) ? 'AS ' : ''}${alias}`)
      columns.push(alias)
    }
    const distinct = this.#chance(10) ? 'DISTINCT ' : ''
    const where = this.#chance(30) ? ` WHERE ${this.#condition(scopes)}` : ''
    const order = width === 0 && this.#chance(10) ? ' ORDER BY 1' : ''
    return { text: `SELECT ${distinct}${items.join(', ')} FROM ${from}${where}${order}`, columns }
  }

  #from(outer: readonly Source[], depth: number): { text: string; sources: Source[] } {
    const first = this.#factor(outer, depth, [])
    let { text } = first
    const sources = [first.source]
    while (sources.length < 3 && this.#factors > 0 && this.#chance(40)) {
      const taken = sources.map(({ alias }) => alias)
      const next = this.#factor([...sources, ...outer], depth, taken)
      const shared = next.source.columns.filter((name) => sources[0]?.columns.includes(name))
      const using = shared[0] !== undefined && this.#chance(40)
      const kind = this.#random.below(10)
      if (kind < 2) text += `, ${next.text}`
      else if (kind < 4) text += ` ${this.#random.pick(NATURAL)} ${next.text}`
      else {
        const condition = using ? `USING (${this.#random.pick(shared)})` : 'ON 1'
        text += ` ${this.#random.pick(JOINS.filter((join) => join !== 'CROSS JOIN'))} ${next.text} ${condition}`
      }
      sources.push(next.source)
      if (this.#chance(15)) text = `(${text})`
    }
    return { text, sources }
  }

  #factor(
    outer: readonly Source[],
    depth: number,
    taken: readonly string[],
  ): { text: string; source: Source } {
    const alias = this.#random.pick(ALIASES.filter((name) => !taken.includes(name)))
    this.#factors--
    if (depth > 0 && this.#left-- > 0 && this.#chance(30)) {
      const lateral = this.#mysql && this.#chance(40)
      const made = this.#query(lateral ? outer : [], depth - 1, 1 + this.#random.below(3))
      const listed = this.#mysql && this.#chance(30)
      const columns = listed ? this.#some(NAMES, made.columns.length) : made.columns
      const names = listed ? ` (${columns.join(', ')})` : ''
      return {
        text: `${lateral ? 'LATERAL ' : ''}(${made.text}) ${this.#chance(50) ? 'AS ' : ''}${alias}${names}`,
        source: { alias, columns },
      }
    }
    const common = this.#commons.length > 0 && this.#chance(60)
    const { alias: own, columns } = common
      ? this.#random.pick(this.#commons)
      : this.#table(this.#random.pick(Object.keys(this.#tables.columns)))
    if (taken.includes(own) || this.#chance(60)) {
      return { text: `${own} ${alias}`, source: { alias, columns } }
    }
    return { text: own, source: { alias: own, columns } }
  }

  #table(name: string): Source {
    return { alias: name, columns: this.#tables.columns[name] ?? [] }
  }

  #column(scopes: readonly Source[]): string {
    const { alias, columns } = this.#random.pick(scopes)
    const column = this.#random.pick(columns)
    return this.#chance(60) ? `${alias}.${column}` : column
  }

  /** An expression for the select list. */
  #value(scopes: readonly Source[], depth: number): string {
    const inner = () =>
      depth > 0 && this.#chance(40) ? this.#value(scopes, depth - 1) : this.#column(scopes)
    switch (this.#random.below(22)) {
      case 0:
        return this.#random.pick(["'k'", '1', 'NULL', "_utf8mb4'k'", "DATE '2026-01-01'", "x'41'"])
      case 1:
      case 2:
        return `${this.#random.pick(FUNCTIONS)}(${inner()})`
      case 3:
        return `CONCAT(${inner()}, ${inner()})`
      case 4:
        return `CASE WHEN ${inner()} = 'h' THEN ${inner()} ELSE ${inner()} END`
      case 5:
        return `IF(${inner()} IS NULL, ${inner()}, ${inner()})`
      case 6:
        return `${this.#column(scopes)} IS ${this.#chance(50) ? 'NOT ' : ''}NULL`
      case 7:
        return `${inner()} ${this.#random.pick(['=', '<', '+', 'AND', 'OR', 'LIKE', '||', '<=>'])} ${inner()}`
      case 8:
        return `EXISTS (${this.#query(scopes, 0, 1).text})`
      case 9:
        return `(SELECT ${this.#column(scopes)})`
      case 10:
        return `(SELECT ${this.#aggregate(this.#column(scopes))} FROM ${Object.keys(this.#tables.columns)[0]})`
      case 11:
        return `(SELECT MAX(y) FROM (${this.#query([], 0, 1).text}) AS z (y))`
      case 12:
        return `${inner()} IN (${this.#query(scopes, 0, 1).text})`
      case 13:
        return `${this.#aggregate(this.#column(scopes))} OVER (${this.#chance(50) ? `PARTITION BY ${this.#column(scopes)}` : ''})`
      case 14:
        return this.#chance(50) ? this.#aggregate(inner()) : 'COUNT(*)'
      case 15:
        return `CAST(${inner()} AS CHAR(60))`
      case 16:
        return `${this.#random.pick(['-', 'BINARY ', 'NOT ', '+'])}${this.#column(scopes)}`
      case 17:
        return `COALESCE(NULLIF(${inner()}, 'h'), ${inner()})`
      case 18:
        return `SUBSTRING(${inner()} FROM 1 FOR 3)`
      default:
        return this.#column(scopes)
    }
  }

  #aggregate(argument: string): string {
    const name = this.#random.pick(AGGREGATES)
    return name === 'COUNT(DISTINCT' ? `COUNT(DISTINCT ${argument})` : `${name}(${argument})`
  }

  #condition(scopes: readonly Source[]): string {
    const { alias } = this.#random.pick(scopes)
    return this.#random.pick([
      `${alias}.id < 4`,
      `${alias}.id IS NOT NULL`,
      '1 = 1',
      'EXISTS (SELECT 1)',
    ])
  }

  #some(names: readonly string[], count: number): string[] {
    const left = names.filter((name) => name !== 'Name')
    return Array.from({ length: count }, () => {
      const picked = this.#random.pick(left)
      left.splice(left.indexOf(picked), 1)
      return picked
    })
  }
}

interface Made {
  readonly text: string
  readonly columns: readonly string[]
}
