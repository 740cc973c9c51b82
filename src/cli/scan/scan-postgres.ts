import type pg from 'pg'
import type { CatalogRelation, CatalogType } from '../../catalog/catalog.ts'
import type { CatalogSnapshot } from '../../catalog/snapshot.ts'
import { connectUpstreamClient } from '../../config/upstream-client.ts'
import { openOwnPostgresCatalog } from '../own-postgres-catalog.ts'
import type { TypeFamily } from './kinds.ts'
import { LONGEST_VALUE, type ScannedTable, type ScanSource, TABLE_MS } from './sampled.ts'
import type { ScanParts } from './scan-database.ts'

const FAMILIES: Readonly<Record<string, TypeFamily>> = {
  ...familyOf('text', 'text varchar bpchar char name citext'),
  ...familyOf('number', 'int2 int4 int8 numeric float4 float8 money'),
  ...familyOf('date', 'date timestamp timestamptz'),
  ...familyOf('address', 'inet cidr'),
  ...familyOf('json', 'json jsonb'),
}

const ROWS_ELSEWHERE = new Set(['foreign-table'])
const TABLES = new Set(['table', 'partitioned-table', 'foreign-table', 'materialized-view'])
const FIRST_NORMAL_OID = 16_384

/** Opens a PostgreSQL for a scan. */
export async function openPostgresScan({
  database,
  upstream,
  clock,
  memory,
}: ScanParts): Promise<ScanSource> {
  const connect = () => connectUpstreamClient(upstream, 'countersign scan')
  const catalog = await openOwnPostgresCatalog(database, connect, clock, memory)
  const { current } = catalog
  await catalog.close()
  const client = await connect()
  const partitions = await partitionsOf(client)
  const relations = [...current.relations()].filter(
    ({ oid, kind, schema }) =>
      oid >= FIRST_NORMAL_OID &&
      TABLES.has(kind) &&
      !partitions.has(oid) &&
      !schema.startsWith('pg_temp_'),
  )
  return {
    tables: relations.map((relation) => tableOf(relation, current)),
    rows: (table, columns, limit) =>
      readRows(
        client,
        table,
        columns.map(({ name }) => name),
        limit,
      ),
    close: () => client.end(),
  }
}

function tableOf(relation: CatalogRelation, snapshot: CatalogSnapshot): ScannedTable {
  const { schema, name, kind } = relation
  const unjudged = new Set(snapshot.unjudged)
  return {
    schema,
    name,
    rows: ROWS_ELSEWHERE.has(kind) ? 'elsewhere' : 'here',
    columns: [...relation.columns.values()].map((column) => ({
      name: column.name,
      family: familyOfType(snapshot.type(column.typeOid), snapshot),
      classified: column.dataClass !== null || column.derived,
      unjudged: unjudged.has(`${schema}.${name}.${column.name}`),
    })),
  }
}

/** Of a domain, that of the type below it. */
function familyOfType(
  type: CatalogType | undefined,
  snapshot: CatalogSnapshot,
  depth = 0,
): TypeFamily {
  if (!type || depth > 8) return 'other'
  if (type.kind === 'd') return familyOfType(snapshot.type(type.baseOid), snapshot, depth + 1)
  return FAMILIES[type.name] ?? 'other'
}

function familyOf(family: TypeFamily, names: string): Record<string, TypeFamily> {
  return Object.fromEntries(names.split(' ').map((name) => [name, family]))
}

/** Their parents show their rows. */
async function partitionsOf(client: pg.Client): Promise<ReadonlySet<number>> {
  const { rows } = await client.query<{ oid: string }>(
    'SELECT c.oid::pg_catalog.int8 AS oid FROM pg_catalog.pg_class c WHERE c.relispartition',
  )
  return new Set(rows.map(({ oid }) => Number(oid)))
}

async function readRows(
  client: pg.Client,
  { schema, name }: ScannedTable,
  columns: readonly string[],
  limit: number,
): Promise<readonly (readonly (string | null)[])[]> {
  const list = columns.map(
    (column) => `pg_catalog.left(t.${quoted(column)}::pg_catalog.text, ${LONGEST_VALUE})`,
  )
  await client.query('BEGIN READ ONLY')
  try {
    await client.query(`SET LOCAL statement_timeout = ${TABLE_MS}; SET LOCAL lock_timeout = 1000;
      SET LOCAL search_path = ''; SET LOCAL client_min_messages = error`)
    const text = `SELECT ${list.join(', ')} FROM ${quoted(schema)}.${quoted(name)} t LIMIT ${limit}`
    const { rows } = await client.query({ text, rowMode: 'array' })
    return rows as (string | null)[][]
  } finally {
    await client.query('ROLLBACK')
  }
}

function quoted(name: string): string {
  return `"${name.replaceAll('"', '""')}"`
}
