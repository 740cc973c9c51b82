import type { Random } from '../fuzz/random.ts'
import { canaryOf, KINDS, type Kind, plainOf } from './canary.ts'

export type Flavour = 'postgres' | 'mariadb' | 'mysql'

export interface Column {
  readonly name: string
  /** Null for what isn't filled: computed columns. */
  readonly kind: Kind | null
  readonly dataClass: string | null
  /** Nothing of a classified column can be behind it. */
  readonly open: boolean
  /** As CREATE TABLE has it, without the name. */
  readonly definition: string
}

export interface Relation {
  readonly name: string
  readonly isView: boolean
  readonly columns: readonly Column[]
}

/** A schema of PostgreSQL, a database of MySQL. */
export interface World {
  readonly name: string
  readonly relations: readonly Relation[]
  /** What makes and fills it. */
  readonly statements: readonly string[]
  /** Column -> data class, as the configuration has it. */
  readonly classified: Readonly<Record<string, string>>
}

/** One class a mask. */
export const CLASS_MASKS = {
  'secret.redacted': 'redact',
  'secret.nothing': 'null',
  'secret.part': 'partial',
  'secret.hash': 'hash',
  'secret.year': 'year',
  'secret.zero': 'zero',
}
const CLASSES = Object.keys(CLASS_MASKS)

/** Few, so that tables share them: for NATURAL and USING, and so that names hide one another. */
const NAMES = ['name', 'email', 'note', 'city', 'code', 'mark', 'body', 'kind', 'paid', 'day']
const TABLES = ['people', 'shops', 'notes', 'bills', 'q', 'x']
const ROWS = [1, 2, 3, 4]

const POSTGRES_TYPES: Readonly<Record<Kind, string>> = {
  text: 'text',
  varchar: 'varchar(60)',
  int: 'integer',
  bigint: 'bigint',
  numeric: 'numeric(14,2)',
  double: 'double precision',
  date: 'date',
  timestamp: 'timestamp',
  json: 'jsonb',
  bytes: 'bytea',
  uuid: 'uuid',
  texts: 'text[]',
  ints: 'integer[]',
}
const MYSQL_TYPES: Readonly<Partial<Record<Kind, string>>> = {
  ...POSTGRES_TYPES,
  timestamp: 'datetime',
  json: 'json',
  bytes: 'varbinary(60)',
  uuid: 'char(36)',
}
const MYSQL_KINDS = KINDS.filter((kind) => kind !== 'texts' && kind !== 'ints')

/** Makes a schema: tables, some of their columns classified, and views over them and one another. */
export function randomWorld(random: Random, name: string, flavour: Flavour): World {
  const names = shuffled(random, TABLES).slice(0, 3 + random.below(2))
  const tables = names.map((table, index) => randomTable(random, table, flavour, index === 0))
  const relations: Relation[] = [...tables]
  const views: string[] = []
  for (const view of ['seen', 'listed', 'kept'].slice(0, 1 + random.below(3))) {
    const stored = flavour === 'postgres' && random.oneIn(4)
    const made = randomView(random, view, relations, flavour)
    relations.push(made.relation)
    views.push(`CREATE ${stored ? 'MATERIALIZED ' : ''}VIEW ${name}.${view} AS ${made.body(name)}`)
  }
  const classified = tables.flatMap((table) =>
    table.columns.flatMap((column) =>
      column.dataClass === null ? [] : [[`${name}.${table.name}.${column.name}`, column.dataClass]],
    ),
  )
  return {
    name,
    relations,
    statements: [
      ...(flavour === 'postgres'
        ? [`CREATE SCHEMA ${name}`, `GRANT USAGE ON SCHEMA ${name} TO public`]
        : [`CREATE DATABASE ${name} CHARACTER SET utf8mb4`]),
      ...tables.map((table) => create(name, table)),
      ...tables.flatMap((table, place) =>
        ROWS.map((row) => insert(random, name, table, place, row)),
      ),
      ...views,
    ],
    classified: Object.fromEntries(classified),
  }
}

function randomTable(random: Random, name: string, flavour: Flavour, open: boolean): Relation {
  const kinds = flavour === 'postgres' ? KINDS : MYSQL_KINDS
  const types = flavour === 'postgres' ? POSTGRES_TYPES : MYSQL_TYPES
  const columns: Column[] = [
    { name: 'id', kind: null, dataClass: null, open: true, definition: 'integer PRIMARY KEY' },
    { name: 'ref', kind: null, dataClass: null, open: true, definition: 'integer' },
  ]
  for (const column of shuffled(random, NAMES).slice(0, 3 + random.below(4))) {
    // Text is what most can be done with.
    const kind = random.oneIn(3) ? random.pick(['text', 'varchar'] as const) : random.pick(kinds)
    const dataClass = open || random.oneIn(2) ? null : random.pick(CLASSES)
    const unique = kind === 'varchar' && random.oneIn(3) ? ' UNIQUE' : ''
    const checked =
      kind === 'varchar' && random.oneIn(4) ? ` CHECK (char_length(${column}) < 50)` : ''
    const definition = `${types[kind]}${unique}${checked}`
    columns.push({ name: column, kind, dataClass, open: dataClass === null, definition })
  }
  const from = columns.find(({ kind }) => kind === 'varchar')
  if (from && random.oneIn(2)) {
    const type = flavour === 'postgres' ? 'text' : 'varchar(70)'
    const definition = `${type} GENERATED ALWAYS AS (upper(${from.name})) STORED`
    columns.push({ name: 'loud', kind: null, dataClass: null, open: from.open, definition })
  }
  return { name, isView: false, columns }
}

function create(schema: string, { name, columns }: Relation): string {
  const parts = columns.map((column) => `${column.name} ${column.definition}`)
  return `CREATE TABLE ${schema}.${name} (${parts.join(', ')})`
}

function insert(
  random: Random,
  schema: string,
  { name, columns }: Relation,
  place: number,
  row: number,
): string {
  const filled = columns.filter(({ kind }) => kind !== null)
  const values = filled.map(({ kind, dataClass }, index) => {
    if (random.oneIn(12)) return 'NULL'
    const value = dataClass === null ? plainOf : canaryOf
    return `'${value(kind as Kind, place * 40 + index * 5 + row)}'`
  })
  const names = ['id', 'ref', ...filled.map((column) => column.name)]
  const cells = [row, 1 + (row % 3), ...values]
  return `INSERT INTO ${schema}.${name} (${names.join(', ')}) VALUES (${cells.join(', ')})`
}

/** Each item of a view: what it makes of a column. */
const VIEWED = ['#', '#', '#', 'UPPER(&)', "COALESCE(&, 'none')", 'CHAR_LENGTH(&)']

function randomView(
  random: Random,
  name: string,
  relations: readonly Relation[],
  flavour: Flavour,
): { relation: Relation; body: (schema: string) => string } {
  const source = random.pick(relations)
  const other = random.pick(relations.filter(({ isView }) => !isView))
  const columns: Column[] = []
  const items: string[] = []
  const add = (item: string, column: string, open: boolean) => {
    items.push(`${item} AS ${column}`)
    columns.push({ name: column, kind: null, dataClass: null, open, definition: '' })
  }
  add('a.id', 'id', true)
  const names = shuffled(random, NAMES)
  for (let count = 2 + random.below(4); count > 0; count--) {
    const [alias, relation] = random.oneIn(2) ? ['a', source] : ['b', other]
    const column = random.pick((relation as Relation).columns)
    const named = `${alias}.${column.name}`
    const text = flavour === 'postgres' ? `${named}::text` : `CAST(${named} AS CHAR(200))`
    const item = random.pick(VIEWED).replace('#', named).replace('&', text)
    add(item, names.pop() as string, column.open)
  }
  const ends = random.oneIn(4) ? ' WHERE a.id < 4' : ''
  return {
    relation: { name, isView: true, columns },
    body: (schema) =>
      `SELECT ${items.join(', ')} FROM ${schema}.${source.name} a JOIN ${schema}.${other.name} b ON a.id = b.id${ends}`,
  }
}

function shuffled<T>(random: Random, items: readonly T[]): T[] {
  const left = [...items]
  return Array.from(items, () => left.splice(random.below(left.length), 1)[0] as T)
}
