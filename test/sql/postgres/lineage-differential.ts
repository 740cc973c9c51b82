import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import pg from 'pg'
import { openPostgresCatalog } from '../../../src/catalog/postgres-catalog.ts'
import { systemClock } from '../../../src/lib/clock.ts'
import { planFor } from '../../../src/mask/plan-for.ts'
import { createPostgresClassifier } from '../../../src/sql/postgres/classify.ts'
import type { Classification } from '../../../src/sql/statement.ts'
import { Random, seedOf } from '../../fuzz/random.ts'
import type { TestPostgres } from '../../support/postgres.ts'
import { projectRoot } from '../../support/project-root.ts'
import { NO_NAMES } from '../shop.ts'
import { RandomQuery } from './random-query.ts'

export const LINEAGE_SCHEMA = readFileSync(
  join(projectRoot, 'fixtures', 'lineage', 'schema.sql'),
  'utf8',
)

const CLASSIFIED = {
  'public.customers.email': 'pii.email',
  'public.customers.phone': 'pii.phone',
  'public.customers.national_id': 'pii.national-id',
  'public.customers.birth': 'pii.birth',
  'public.customers.home': 'pii.address',
  'public.customers.contacts': 'pii.email',
  'public.customers.profile': 'pii.profile',
  'public.employees.salary': 'hr.salary',
  'public.employees.iban': 'hr.iban',
  'public.payments.card': 'pay.card',
}

/** Every classified value becomes another; what is NULL, and what is equal to what, stays. */
const OTHERS = `
  UPDATE customers SET email = 'other' || id || '@example.org', phone = 'o' || right(phone, 9),
    national_id = 'X' || right(national_id::text, 10), birth = birth + 4000, home = ROW('o' || id, 'p')::address,
    contacts = ARRAY['o' || id], profile = jsonb_build_object('o', id);
  UPDATE employees SET salary = salary + 71, iban = 'o' || iban;
  UPDATE payments SET card = 'o' || card;
  REFRESH MATERIALIZED VIEW mail_directory;
  CLUSTER customers USING customers_pkey; CLUSTER employees USING employees_pkey`

export interface LineageReport {
  readonly ran: number
  /** Queries whose results told of classified values. */
  readonly telling: number
  readonly columns: number
  /** Columns that pass as they are. */
  readonly passed: number
  /** Columns that would have passed but for lineage and the server not saying the same. */
  readonly disagreements: number
  readonly findings: readonly string[]
}

interface Options {
  readonly server: TestPostgres
  readonly seed: number
  readonly count: number
  readonly from?: number
}

/**
 * Sends random queries to two databases that differ in classified values alone. A column that passes
 * has to be the same in both.
 */
export async function runLineageDifferential(options: Options): Promise<LineageReport> {
  const { server, seed, count, from = 0 } = options
  await server.query(`CREATE DATABASE other TEMPLATE ${server.database}`)
  const url = new URL(server.superuserUrl)
  const own = await open(url.href)
  url.pathname = '/other'
  const other = await open(url.href)
  await other.query(OTHERS)
  const catalog = await openPostgresCatalog({
    connect: () => open(server.superuserUrl),
    classified: CLASSIFIED,
    clock: systemClock,
  })
  const classifier = await createPostgresClassifier({ catalog })
  const tally = { ran: 0, telling: 0, columns: 0, passed: 0, disagreements: 0 }
  const findings: string[] = []
  try {
    for (let index = from; index < from + count; index++) {
      const sql = new RandomQuery(new Random(seedOf(seed, index))).make()
      const one = await answer(own, sql)
      const two = one && (await answer(other, sql))
      if (!one || !two) continue
      tally.ran++
      const parsed = await classifier.classify(Buffer.from(sql), NO_NAMES)
      const [statement] = parsed.kind === 'statements' ? parsed.statements : []
      if (!statement) {
        findings.push(`${index}: not read: ${sql}`)
        continue
      }
      const passing = passingColumns(one, statement, catalog.current, tally)
      if (one.rows.length !== two.rows.length) continue
      if (shown(one, () => true) !== shown(two, () => true)) tally.telling++
      const fits = (_: unknown, column: number) => passing[column] === true
      if (shown(one, fits) !== shown(two, fits)) findings.push(`${index}: ${sql}`)
    }
  } finally {
    await Promise.all([own.end(), other.end(), classifier.close(), catalog.close()])
  }
  return { ...tally, findings }
}

async function open(connectionString: string): Promise<pg.Client> {
  const client = new pg.Client({ connectionString, statement_timeout: 2000 })
  await client.connect()
  return client
}

/** Null where the server refuses it. */
async function answer(client: pg.Client, sql: string): Promise<pg.QueryArrayResult | null> {
  const types = { getTypeParser: () => (text: string) => text }
  return client.query({ text: sql, rowMode: 'array', types }).catch(() => null)
}

function passingColumns(
  { fields }: pg.QueryArrayResult,
  classification: Classification,
  catalog: Parameters<typeof planFor>[0]['catalog'],
  tally: { columns: number; passed: number; disagreements: number },
): readonly boolean[] {
  const columns = fields.map((field) => ({
    name: field.name,
    tableOid: field.tableID,
    columnNumber: field.columnID,
    typeOid: field.dataTypeID,
    typeModifier: field.dataTypeModifier,
    format: 0,
  }))
  const keys = { hash: Buffer.alloc(32) }
  const plan = planFor({ columns, classification, catalog, unmask: [], masks: {}, keys })
  const passing = columns.map((_, index) => plan === null || plan.maskers[index] === null)
  tally.columns += columns.length
  tally.passed += passing.filter((passes) => passes).length
  tally.disagreements += plan?.disagreements ?? 0
  return passing
}

/** The values of these columns, whatever the order of the rows. */
function shown(
  { rows }: pg.QueryArrayResult,
  which: (value: unknown, column: number) => boolean,
): string {
  return JSON.stringify(rows.map((row) => JSON.stringify(row.filter(which))).sort())
}
