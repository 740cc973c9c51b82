import type { Dialect } from '../sql/mysql/dialect.ts'
import type { SchemaRoutine } from '../sql/mysql/schema.ts'
import type { BareColumn, BareTable } from './mysql-classes.ts'
import type {
  ColumnRow,
  MysqlReading,
  RoutineRow,
  TableRow,
  TriggerRow,
  ViewRow,
} from './mysql-reading.ts'

/** Characters of stored code that are read; longer code counts as unknown. */
const MAX_CODE = 32_768

/** Engines that keep rows on the server itself. Any other may send them elsewhere. */
const LOCAL_ENGINES = new Set(
  `archive aria blackhole columnstore csv innodb memory mrg_myisam mroonga myisam ndbcluster
   oqgraph rocksdb tokudb`.split(/\s+/),
)
/** Engines that roll back (manual, "Setting the Storage Engine"). */
const TRANSACTIONAL_ENGINES = new Set(['innodb', 'rocksdb', 'ndbcluster'])
/** Engines whose tables show the rows of other tables. */
const BORROWING_ENGINES = new Set(['mrg_myisam', 'oqgraph'])

const FOLLOWS = /^(?:CASCADE|SET NULL|SET DEFAULT)$/i

/** The tables and views of a reading, without classes yet. */
export function bareTables(reading: MysqlReading, { flavour }: Dialect): readonly BareTable[] {
  const columns = grouped(reading.columns)
  const triggers = grouped(reading.triggers)
  const references = grouped(reading.references.filter(({ onDelete }) => FOLLOWS.test(onDelete)))
  const views = new Map(reading.views.map((row) => [keyOf(row.schema, row.name), row]))
  return reading.tables.map((row) => {
    const key = keyOf(row.schema, row.name)
    return {
      ...tableOf(row, views.get(key)),
      columns: (columns.get(key) ?? []).map((column) => columnOf(column, flavour)),
      triggers: (triggers.get(key) ?? []).map(triggerBody),
      followers: (references.get(key) ?? []).map(({ followerSchema, follower }) => ({
        schema: followerSchema,
        name: follower,
      })),
    }
  })
}

function tableOf(
  row: TableRow,
  view: ViewRow | undefined,
): Omit<BareTable, 'columns' | 'triggers' | 'followers'> {
  const isView = row.type === 'VIEW'
  const definition = isView && view?.definition ? knownLength(view.definition) : null
  const engine = row.engine?.toLowerCase() ?? ''
  return {
    schema: row.schema,
    name: row.name,
    kind: isView ? 'view' : 'table',
    definition,
    remote: !isView && !LOCAL_ENGINES.has(engine),
    borrowed: BORROWING_ENGINES.has(engine),
    transactional: !isView && TRANSACTIONAL_ENGINES.has(engine),
    readable: !isView || definition !== null,
    reads: [],
    calls: [],
  }
}

/** MySQL marks defaults that are computed; MariaDB writes all of them as expressions. */
function columnOf(row: ColumnRow, flavour: Dialect['flavour']): BareColumn {
  const expressions: string[] = []
  if (row.generated) expressions.push(row.generated)
  const computed = flavour === 'mariadb' || row.extra.includes('DEFAULT_GENERATED')
  if (row.default !== null && computed && !isLiteral(row.default)) expressions.push(row.default)
  const invisible = row.extra.includes('INVISIBLE')
  return { name: row.name, type: row.type, invisible, expressions, comment: row.comment }
}

/** NULL, a number, or one constant in quotes. */
function isLiteral(expression: string): boolean {
  return /^(?:NULL|-?[\d.]+|'(?:[^'\\]|\\.|'')*')$/s.test(expression)
}

/** '' where it can't be read, which nobody can judge; Oracle's grammar can't be either. */
function triggerBody({ body, mode }: TriggerRow): string {
  return body === null || isOracle(mode) ? '' : (knownLength(body) ?? '')
}

/** The functions and procedures; MariaDB's packages are left out, so what calls them is unknown. */
export function routinesOf(reading: MysqlReading): readonly SchemaRoutine[] {
  return reading.routines.flatMap((row) => {
    const kind = KINDS[row.type]
    return kind ? [{ kind, schema: row.schema, name: row.name, body: bodyOf(row) }] : []
  })
}

const KINDS: Readonly<Record<string, SchemaRoutine['kind']>> = {
  FUNCTION: 'function',
  PROCEDURE: 'procedure',
}

function bodyOf({ body, language, mode }: RoutineRow): string | null {
  if (body === null || language !== 'SQL' || isOracle(mode)) return null
  return knownLength(body)
}

function isOracle(mode: string): boolean {
  return mode.split(',').includes('ORACLE')
}

function knownLength(code: string): string | null {
  return code.length <= MAX_CODE ? code : null
}

function grouped<Row extends { readonly schema: string; readonly table: string }>(
  rows: readonly Row[],
): Map<string, Row[]> {
  const groups = new Map<string, Row[]>()
  for (const row of rows) {
    const key = keyOf(row.schema, row.table)
    const group = groups.get(key)
    if (group) group.push(row)
    else groups.set(key, [row])
  }
  return groups
}

function keyOf(schema: string, name: string): string {
  return JSON.stringify([schema, name])
}
