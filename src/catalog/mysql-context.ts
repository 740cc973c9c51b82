import type { Dialect } from '../sql/mysql/dialect.ts'
import type { Classification } from '../sql/statement.ts'
import type { MysqlSnapshot, ObjectName } from './mysql-snapshot.ts'

/** Variables of the session that change what a statement means. */
const VARIABLES = `sql_mode character_set_client character_set_connection character_set_results
  character_set_database character_set_server collation_connection collation_database
  collation_server time_zone lc_time_names foreign_key_checks unique_checks sql_safe_updates
  sql_select_limit sql_auto_is_null autocommit auto_increment_increment auto_increment_offset
  div_precision_increment default_week_format group_concat_max_len default_storage_engine
  explicit_defaults_for_timestamp max_sort_length`

/** Those that only one of both has; MariaDB called two of them otherwise before 11.1. */
const OWN_VARIABLES: Readonly<Record<Dialect['flavour'], string>> = {
  mysql: 'transaction_isolation transaction_read_only default_collation_for_utf8mb4',
  mariadb: 'tx_isolation tx_read_only check_constraint_checks system_versioning_asof old_mode',
}

const SESSION = ['DATABASE()', 'CURRENT_USER()', 'USER()', 'CURRENT_ROLE()']

/**
 * One SELECT that says what the names of a statement mean on the session it runs on: one row, one
 * column, 64 hexadecimal digits. Equal digests mean an equal session and equal definitions.
 *
 * It tells: the variables above; of every table and view that is named, and of all that those views
 * reach, existence, kind, engine, options, columns, definition and triggers; of every function and
 * procedure its code, whose rights it has, and when it was changed. What the role may not see (SHOW
 * VIEW, TRIGGER, bodies) tells nothing but those moments. Temporary tables don't stand in
 * information_schema, but for MariaDB 11.2 and later: one that hides a table is told nowhere else.
 *
 * No mode of the session changes what it means: names are written as hexadecimal constants, the
 * operators are none that a mode touches, every text is digested by itself, so that neither
 * group_concat_max_len nor another limit hides a part, and LIMIT outdoes sql_select_limit.
 */
export function mysqlContextQuery(
  classification: Classification,
  schema: Pick<MysqlSnapshot, 'dialect' | 'table'>,
): string {
  const { tables, calls } = reached(classification, schema)
  const parts = [
    ...sessionParts(schema.dialect),
    ...tables.flatMap((table) => tableParts(table, schema.dialect)),
    ...calls.map(routinePart),
  ]
  // Where a limit of the session leaves nothing to digest, no answer equals another.
  return `SELECT COALESCE(${digestOf(parts)}, RAND()) AS context LIMIT 1`
}

function sessionParts({ flavour }: Dialect): readonly string[] {
  const variables = `${VARIABLES} ${OWN_VARIABLES[flavour]}`.split(/\s+/)
  return [...SESSION, ...variables.map((name) => `@@SESSION.${name}`)]
}

/** A table by its schema; by the session's default one where that isn't known. */
interface TableName {
  readonly schema: string | null
  readonly name: string
}

/** What the statement names, and what its views reach, each once. */
function reached(
  classification: Classification,
  schema: Pick<MysqlSnapshot, 'table'>,
): { readonly tables: readonly TableName[]; readonly calls: readonly string[] } {
  const tables = new Map<string, TableName>()
  const calls = new Set(classification.functions)
  const waiting: TableName[] = [...classification.tables]
  for (let next = waiting.pop(); next; next = waiting.pop()) {
    const key = JSON.stringify([next.schema, next.name])
    if (tables.has(key)) continue
    tables.set(key, { schema: next.schema, name: next.name })
    const known = next.schema === null ? undefined : schema.table(next.schema, next.name)
    waiting.push(...(known?.reads ?? ([] satisfies ObjectName[])))
    for (const call of known?.calls ?? []) calls.add(call)
  }
  // The order in which views are found isn't always that of the last reading.
  const byKey = [...tables].sort(([one], [other]) => (one < other ? -1 : 1))
  return { tables: byKey.map(([, table]) => table), calls: [...calls].sort() }
}

function tableParts({ schema, name }: TableName, { flavour }: Dialect): readonly string[] {
  const is = (schemaColumn: string, nameColumn: string) =>
    `${schemaColumn} = ${schema === null ? 'DATABASE()' : text(schema)} AND ${nameColumn} = ${text(name)}`
  const own = is('TABLE_SCHEMA', 'TABLE_NAME')
  return [
    rows('TABLES', own, [
      ...words('TABLE_TYPE ENGINE CREATE_OPTIONS TABLE_COLLATION'),
      ...(flavour === 'mysql' ? [VIEW_MADE] : []),
    ]),
    rows(
      'COLUMNS',
      own,
      words(
        'ORDINAL_POSITION COLUMN_NAME COLUMN_TYPE COLLATION_NAME IS_NULLABLE COLUMN_DEFAULT EXTRA GENERATION_EXPRESSION',
      ),
    ),
    rows('VIEWS', own, words('VIEW_DEFINITION CHECK_OPTION DEFINER SECURITY_TYPE')),
    rows(
      'TRIGGERS',
      is('EVENT_OBJECT_SCHEMA', 'EVENT_OBJECT_TABLE'),
      words(
        'TRIGGER_NAME ACTION_TIMING EVENT_MANIPULATION ACTION_ORDER ACTION_STATEMENT SQL_MODE DEFINER',
      ),
    ),
  ]
}

/** schema.name; where there are more dots, any of them may part the two. */
function routinePart(label: string): string {
  const choices = [`ROUTINE_SCHEMA = DATABASE() AND ROUTINE_NAME = ${text(label)}`]
  for (let dot = label.indexOf('.'); dot >= 0; dot = label.indexOf('.', dot + 1)) {
    const [schema, name] = [label.slice(0, dot), label.slice(dot + 1)]
    choices.push(`ROUTINE_SCHEMA = ${text(schema)} AND ROUTINE_NAME = ${text(name)}`)
  }
  return rows(
    'ROUTINES',
    choices.map((choice) => `(${choice})`).join(' OR '),
    words(
      'ROUTINE_SCHEMA ROUTINE_NAME ROUTINE_TYPE DTD_IDENTIFIER ROUTINE_BODY ROUTINE_DEFINITION IS_DETERMINISTIC SQL_DATA_ACCESS SECURITY_TYPE SQL_MODE DEFINER CREATED LAST_ALTERED',
    ),
  )
}

/** Of views alone, and only MySQL knows it: a table's moment can change by writing. */
const VIEW_MADE = `CASE WHEN TABLE_TYPE = ${text('VIEW')} THEN CREATE_TIME END`

function words(list: string): readonly string[] {
  return list.split(' ')
}

/** How many rows there are, and the sums of 60 bits each of their digests. */
function rows(from: string, where: string, columns: readonly string[]): string {
  const sum = (at: number) => `SUM(CAST(CONV(SUBSTRING(d, ${at}, 15), 16, 10) AS UNSIGNED))`
  return `(SELECT CONCAT_WS(' ', COUNT(*), ${sum(1)}, ${sum(16)}, ${sum(31)}, ${sum(46)})
    FROM (SELECT ${digestOf(columns)} AS d FROM \`information_schema\`.\`${from}\` WHERE ${where}) AS found)`
}

/** One digest of several values, each digested before, so that no two lists look alike. */
function digestOf(values: readonly string[]): string {
  const each = values.map((value) => `COALESCE(SHA2(CONVERT(${value} USING utf8mb4), 256), 0)`)
  return `SHA2(CONCAT_WS(' ', ${each.join(',\n')}), 256)`
}

/**
 * A name as a constant that means the same in every mode of a session. No name holds a character
 * beyond the Basic Multilingual Plane, and comparing one with such a constant is an error.
 */
function text(name: string): string {
  const bytes = Buffer.from(name.replace(/[\u{10000}-\u{10ffff}]/gu, '\ufffd'))
  return `_utf8mb4 x'${bytes.toString('hex')}'`
}
