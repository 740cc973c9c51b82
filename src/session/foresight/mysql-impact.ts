import type { Connection } from 'mysql2/promise'
import type { Impact } from '../../approval/request.ts'
import type { Dialect } from '../../sql/mysql/dialect.ts'
import { rowsTouched } from '../../sql/mysql/rows-touched.ts'
import type { MysqlSchema, SchemaColumn, SchemaTable } from '../../sql/mysql/schema.ts'
import type { RowsTouched } from '../../sql/rows-touched.ts'
import { mysqlValues } from '../mysql-values.ts'
import {
  COUNT_MS,
  type CountRows,
  SAMPLE_COLUMNS,
  SAMPLE_LENGTH,
  SAMPLE_MS,
  SAMPLE_ROWS,
  valuesOf,
} from './impact.ts'

export interface MysqlImpactOptions {
  readonly connect: () => Promise<Connection>
  readonly schema: () => MysqlSchema
  readonly dialect: () => Dialect
  /** False where a text that nobody has classified may hold a secret all the same. */
  readonly mayShow: boolean
}

/** Counts on MySQL and MariaDB, in a read-only transaction with the table's schema as the default. */
export function countInMysql(options: MysqlImpactOptions): CountRows {
  return async (exchange, { schema, name }) => {
    const table = options.schema().table(schema ?? '', name)
    const dialect = options.dialect()
    const facts = { characterSet: 'utf8mb4', database: schema }
    const touched = rowsTouched(exchange.statements[0]?.sql ?? '', facts, dialect)
    const values = touched && valuesOf(exchange, touched, mysqlValues)
    if (!table || !touched || !values) throw new Error('its rows are not those of one table')
    const connection = await options.connect()
    try {
      const asked = { connection, table, touched, values, dialect }
      return await counted(asked, options.mayShow)
    } finally {
      // A count that takes too long isn't waited for, nor is its connection.
      connection.destroy()
    }
  }
}

interface Question {
  readonly connection: Connection
  readonly table: SchemaTable
  readonly touched: RowsTouched
  readonly values: readonly (string | null)[]
  readonly dialect: Dialect
}

async function counted(asked: Question, mayShow: boolean): Promise<Impact> {
  const { connection, table } = asked
  await connection.query(`USE ${quoted(table.schema)}`)
  await connection.query('START TRANSACTION READ ONLY')
  const [[count] = []] = await ask(asked, COUNT_MS, (rows) => {
    return `SELECT COUNT(*) FROM (SELECT 1 ${rows}) AS touched`
  })
  const rows = Number(count)
  if (!mayShow || rows === 0) return { rows, columns: [], sample: [] }
  const shown = table.columns.slice(0, SAMPLE_COLUMNS)
  const sample = await ask(asked, SAMPLE_MS, (from) => {
    const every = `SELECT ${shown.map(cell).join(', ')} ${from}`
    return `SELECT * FROM (${every}) AS touched LIMIT ${SAMPLE_ROWS}`
  })
  return { rows, columns: shown.map((column) => column.name), sample }
}

async function ask(
  { connection, touched, values, dialect }: Question,
  ms: number,
  query: (from: string) => string,
): Promise<readonly (readonly (string | null)[])[]> {
  const limit =
    dialect.flavour === 'mariadb'
      ? `max_statement_time = ${ms / 1000}`
      : `max_execution_time = ${ms}`
  await connection.query(`SET SESSION ${limit}, lock_wait_timeout = 1`)
  const sql = query(`FROM ${touched.from} ${touched.where}`)
  const [rows] = await connection.execute({
    sql,
    values: [...values],
    rowsAsArray: true,
    timeout: ms,
  })
  return (rows as unknown[][]).map((row) =>
    row.map((value) => (value === null ? null : String(value))),
  )
}

/** Of a classified column no more than whether it is NULL. */
function cell({ name, dataClass, derived }: SchemaColumn): string {
  const column = quoted(name)
  const hidden = dataClass !== null || derived
  const text = hidden ? `'[masked]'` : `LEFT(CAST(${column} AS CHAR), ${SAMPLE_LENGTH})`
  return `CASE WHEN ${column} IS NOT NULL THEN ${text} END AS ${column}`
}

function quoted(name: string): string {
  return `\`${name.replaceAll('`', '``')}\``
}
