import type { Connection } from 'mysql2/promise'
import type { Dialect } from '../sql/mysql/dialect.ts'

export interface TableRow {
  readonly schema: string
  readonly name: string
  /** BASE TABLE, VIEW, SEQUENCE, SYSTEM VERSIONED, ... */
  readonly type: string
  /** Null for a view, and for a table that can't be opened. */
  readonly engine: string | null
}

export interface ColumnRow {
  readonly schema: string
  readonly table: string
  readonly name: string
  readonly position: string
  readonly type: string
  readonly default: string | null
  /** DEFAULT_GENERATED (MySQL), VIRTUAL GENERATED, INVISIBLE, ... */
  readonly extra: string
  /** '' or null where it isn't computed. */
  readonly generated: string | null
  readonly comment: string
}

export interface ViewRow {
  readonly schema: string
  readonly name: string
  /** '' or null where the role may not see it (SHOW VIEW). */
  readonly definition: string | null
}

export interface TriggerRow {
  readonly schema: string
  readonly table: string
  readonly name: string
  /** Null where the role may not see it (TRIGGER); MySQL then doesn't tell of the trigger at all. */
  readonly body: string | null
  readonly mode: string
}

export interface ReferenceRow {
  /** The table that is referred to. */
  readonly schema: string
  readonly table: string
  /** The table that refers to it. */
  readonly followerSchema: string
  readonly follower: string
  /** CASCADE, SET NULL, RESTRICT, ... */
  readonly onDelete: string
}

export interface RoutineRow {
  readonly schema: string
  readonly name: string
  /** FUNCTION, PROCEDURE; PACKAGE and PACKAGE BODY in MariaDB. */
  readonly type: string
  /** SQL, or EXTERNAL where it is in another language. */
  readonly language: string
  /** Null where the role may not see it. */
  readonly body: string | null
  readonly mode: string
}

/** All that the server tells of its schemas, but for those of its own. */
export interface MysqlReading {
  readonly schemas: readonly { readonly name: string }[]
  readonly tables: readonly TableRow[]
  readonly columns: readonly ColumnRow[]
  readonly views: readonly ViewRow[]
  readonly triggers: readonly TriggerRow[]
  readonly references: readonly ReferenceRow[]
  readonly routines: readonly RoutineRow[]
}

/** What of a table of information_schema is read, under which names; by which columns in order. */
interface Part {
  readonly from: string
  /** The column that names the schema. */
  readonly schema: string
  readonly columns: Readonly<Record<string, string>>
  readonly order: string
}

const PARTS: Readonly<Record<keyof MysqlReading, Part>> = {
  schemas: {
    from: 'SCHEMATA',
    schema: 'SCHEMA_NAME',
    columns: { name: 'SCHEMA_NAME' },
    order: 'SCHEMA_NAME',
  },
  tables: {
    from: 'TABLES',
    schema: 'TABLE_SCHEMA',
    columns: {
      schema: 'TABLE_SCHEMA',
      name: 'TABLE_NAME',
      type: 'TABLE_TYPE',
      engine: 'ENGINE',
    },
    order: 'TABLE_SCHEMA, TABLE_NAME',
  },
  columns: {
    from: 'COLUMNS',
    schema: 'TABLE_SCHEMA',
    columns: {
      schema: 'TABLE_SCHEMA',
      table: 'TABLE_NAME',
      name: 'COLUMN_NAME',
      position: 'ORDINAL_POSITION',
      type: 'COLUMN_TYPE',
      default: 'COLUMN_DEFAULT',
      extra: 'EXTRA',
      generated: 'GENERATION_EXPRESSION',
      comment: 'COLUMN_COMMENT',
    },
    order: 'TABLE_SCHEMA, TABLE_NAME, ORDINAL_POSITION',
  },
  views: {
    from: 'VIEWS',
    schema: 'TABLE_SCHEMA',
    columns: { schema: 'TABLE_SCHEMA', name: 'TABLE_NAME', definition: 'VIEW_DEFINITION' },
    order: 'TABLE_SCHEMA, TABLE_NAME',
  },
  triggers: {
    from: 'TRIGGERS',
    schema: 'TRIGGER_SCHEMA',
    columns: {
      schema: 'EVENT_OBJECT_SCHEMA',
      table: 'EVENT_OBJECT_TABLE',
      name: 'TRIGGER_NAME',
      body: 'ACTION_STATEMENT',
      mode: 'SQL_MODE',
    },
    order: 'TRIGGER_SCHEMA, EVENT_OBJECT_TABLE, TRIGGER_NAME',
  },
  references: {
    from: 'REFERENTIAL_CONSTRAINTS',
    schema: 'CONSTRAINT_SCHEMA',
    columns: {
      schema: 'UNIQUE_CONSTRAINT_SCHEMA',
      table: 'REFERENCED_TABLE_NAME',
      followerSchema: 'CONSTRAINT_SCHEMA',
      follower: 'TABLE_NAME',
      onDelete: 'DELETE_RULE',
    },
    order: 'CONSTRAINT_SCHEMA, TABLE_NAME, CONSTRAINT_NAME',
  },
  routines: {
    from: 'ROUTINES',
    schema: 'ROUTINE_SCHEMA',
    columns: {
      schema: 'ROUTINE_SCHEMA',
      name: 'ROUTINE_NAME',
      type: 'ROUTINE_TYPE',
      language: 'ROUTINE_BODY',
      body: 'ROUTINE_DEFINITION',
      mode: 'SQL_MODE',
    },
    order: 'ROUTINE_SCHEMA, ROUTINE_NAME, ROUTINE_TYPE',
  },
}

const OWN_SCHEMAS = "'information_schema', 'mysql', 'performance_schema', 'sys'"

function sourceOf({ from, schema }: Part): string {
  return `information_schema.${from} WHERE ${schema} NOT IN (${OWN_SCHEMAS})`
}

/**
 * Changes when anything does that a reading would read. Each row is digested by itself and the
 * digests are added up, so no text can be too long; 7,700 columns take the server 30 to 50 ms.
 */
export const MYSQL_CHANGE_CHECK = `SELECT CONCAT_WS(' ', ${Object.values(PARTS)
  .map((part) => {
    const texts = Object.values(part.columns).map((column) => `QUOTE(${column})`)
    const digest = `SHA2(CONCAT_WS(' ', ${texts.join(', ')}), 256)`
    const sum = (from: number) => `SUM(CAST(CONV(SUBSTRING(d, ${from}, 15), 16, 10) AS UNSIGNED))`
    return `(SELECT CONCAT_WS(':', COUNT(*), ${sum(1)}, ${sum(16)})
      FROM (SELECT ${digest} AS d FROM ${sourceOf(part)}) AS rows_of_${part.from})`
  })
  .join(', ')}) AS state`

/** What a session of the catalog's needs, whatever the server's defaults are. */
export function sessionSettings({ flavour }: Dialect): readonly string[] {
  const patience = flavour === 'mariadb' ? 'max_statement_time = 30' : 'max_execution_time = 30000'
  return [
    `SET SESSION sql_mode = '', sql_select_limit = 18446744073709551615, sql_big_selects = 1,
      lock_wait_timeout = 2, ${patience}`,
    'SET SESSION TRANSACTION READ ONLY',
  ]
}

/** Reads every schema. What changes meanwhile changes the check too: another reading follows. */
export async function readMysql(connection: Connection): Promise<MysqlReading> {
  return {
    schemas: await readPart(connection, PARTS.schemas),
    tables: await readPart(connection, PARTS.tables),
    columns: await readPart(connection, PARTS.columns),
    views: await readPart(connection, PARTS.views),
    triggers: await readPart(connection, PARTS.triggers),
    references: await readPart(connection, PARTS.references),
    routines: await readPart(connection, PARTS.routines),
  }
}

async function readPart<Row>(connection: Connection, part: Part): Promise<readonly Row[]> {
  const list = Object.entries(part.columns).map(([name, column]) => `${column} AS \`${name}\``)
  const sql = `SELECT ${list.join(', ')} FROM ${sourceOf(part)} ORDER BY ${part.order}`
  return ask<Row>(connection, sql)
}

/** Milliseconds without a word from the server, after which it counts as gone. */
const SILENCE_MS = 40_000

/** The rows of one question. */
export async function ask<Row>(connection: Connection, sql: string): Promise<readonly Row[]> {
  const [rows] = await connection.query({ sql, timeout: SILENCE_MS })
  return rows as unknown as readonly Row[]
}
