import type pg from 'pg'
import type { Impact } from '../../approval/request.ts'
import { PgQuery } from '../../sql/postgres/pg-query.ts'
import { rowsTouched } from '../../sql/postgres/rows-touched.ts'
import type { Schema, SchemaColumn, SchemaRelation } from '../../sql/postgres/schema.ts'
import type { RowsTouched } from '../../sql/rows-touched.ts'
import type { ValueTypes } from '../services.ts'
import {
  COUNT_MS,
  type CountRows,
  SAMPLE_COLUMNS,
  SAMPLE_LENGTH,
  SAMPLE_MS,
  SAMPLE_ROWS,
  valuesOf,
} from './impact.ts'

export interface PostgresImpactOptions {
  readonly connect: () => Promise<pg.Client>
  readonly schema: () => Pick<Schema, 'relationsNamed'>
  readonly values: ValueTypes
  /** False where a text that nobody has classified may hold a secret all the same. */
  readonly mayShow: boolean
}

/** Types below this oid are the server's own (FirstNormalObjectId, transam.h). */
const FIRST_NORMAL_OID = 16_384

/**
 * Counts on PostgreSQL, in a read-only transaction whose only schema is the table's: the parts of the
 * statement that it takes can name nothing else there.
 */
export function countInPostgres(options: PostgresImpactOptions): CountRows {
  let grammar: Promise<PgQuery> | null = null
  return async (exchange, { schema, name }) => {
    const [relation] = options.schema().relationsNamed(name, schema ?? '')
    grammar ??= PgQuery.load()
    const touched = rowsTouched(await grammar, exchange.statements[0]?.sql ?? '')
    const values = touched && valuesOf(exchange, touched, options.values)
    if (!relation || !touched || !values) throw new Error('its rows are not those of one table')
    const client = await options.connect()
    try {
      return await counted(client, { relation, touched, values }, options.mayShow)
    } finally {
      await client.end()
    }
  }
}

interface Question {
  readonly relation: SchemaRelation
  readonly touched: RowsTouched
  readonly values: readonly (string | null)[]
}

async function counted(client: pg.Client, asked: Question, mayShow: boolean): Promise<Impact> {
  await client.query(`BEGIN READ ONLY; SET LOCAL search_path = ${quoted(asked.relation.schema)};
    SET LOCAL lock_timeout = '100ms'; SET LOCAL statement_timeout = ${COUNT_MS}`)
  const [[count] = []] = await ask(client, 'count(*)', asked)
  const rows = Number(count)
  if (!mayShow || rows === 0) return { rows, columns: [], sample: [] }
  const shown = [...asked.relation.columns.values()].slice(0, SAMPLE_COLUMNS)
  await client.query(`SET LOCAL statement_timeout = ${SAMPLE_MS}`)
  const sample = await ask(client, shown.map(cell).join(', '), asked, `LIMIT ${SAMPLE_ROWS}`)
  return { rows, columns: shown.map((column) => column.name), sample }
}

/** Extended: a Parse takes one statement only. What `where` ends in may be a comment. */
async function ask(
  client: pg.Client,
  what: string,
  { touched, values }: Question,
  limit = '',
): Promise<readonly (readonly (string | null)[])[]> {
  const { rows } = await client.query<(string | null)[]>({
    text: `SELECT ${what} FROM ${touched.from}\n${touched.where}\n${limit}`,
    values: [...values],
    rowMode: 'array',
    queryMode: 'extended',
  } as pg.QueryArrayConfig)
  return rows
}

/** Of a classified column no more than whether it is NULL. */
function cell({ name, typeOid, dataClass, derived }: SchemaColumn): string {
  const column = quoted(name)
  const hidden = dataClass !== null || derived || typeOid >= FIRST_NORMAL_OID
  const text = hidden ? `'[masked]'` : `left(${column}::text, ${SAMPLE_LENGTH})`
  return `CASE WHEN ${column} IS NOT NULL THEN ${text} END`
}

function quoted(name: string): string {
  return `"${name.replaceAll('"', '""')}"`
}
