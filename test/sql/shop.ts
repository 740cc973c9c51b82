import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import pg from 'pg'
import { openPostgresCatalog, type PostgresCatalog } from '../../src/catalog/postgres-catalog.ts'
import { systemClock } from '../../src/lib/clock.ts'
import {
  createPostgresClassifier,
  type PostgresClassifier,
} from '../../src/sql/postgres/classify.ts'
import type { Classification, SessionNames } from '../../src/sql/statement.ts'
import { type PostgresVersion, startPostgres, type TestPostgres } from '../support/postgres.ts'
import { projectRoot } from '../support/project-root.ts'

export const SHOP_SCHEMA = readFileSync(join(projectRoot, 'fixtures/sql/shop.sql'), 'utf8')

export const SHOP_CLASSES = {
  'public.people.email': 'pii.email',
  'people.ssn': 'pii.national-id',
  'public.people.diary': 'pii.diary',
  'public.cards.pan': 'pci.pan',
  '*.staff.pay': 'hr.salary',
  'public.newsletter.email': 'pii.email',
}

export const NO_NAMES: SessionNames = { prepared: () => undefined, cursor: () => undefined }

export interface Shop {
  readonly postgres: TestPostgres
  readonly catalog: PostgresCatalog
  readonly classifier: PostgresClassifier
  /** Judges a text of one statement. */
  one(sql: string, names?: SessionNames): Promise<Classification>
}

interface Teardown {
  teardown(fn: () => unknown): unknown
}

/** A fresh PostgreSQL with the shop, its catalog, and a classifier on it. */
export async function openShop(
  t: Teardown,
  version: PostgresVersion = 'newest',
  classes: Readonly<Record<string, string>> = {},
): Promise<Shop> {
  const postgres = await startPostgres(t, { schema: SHOP_SCHEMA, version })
  const connect = async () => {
    const client = new pg.Client({ connectionString: postgres.url })
    await client.connect()
    return client
  }
  const catalog = await openPostgresCatalog({
    connect,
    classified: { ...SHOP_CLASSES, ...classes },
    clock: systemClock,
    checkEveryMs: 60_000,
  })
  const classifier = await createPostgresClassifier({
    catalog,
    trustedFunctions: ['public.total'],
  })
  t.teardown(async () => {
    await classifier.close()
    await catalog.close()
  })
  const one = async (sql: string, names = NO_NAMES) => {
    const parsed = await classifier.classify(Buffer.from(sql), names)
    if (parsed.kind === 'opaque') return parsed.classification
    const [statement, ...others] = parsed.kind === 'statements' ? parsed.statements : []
    if (!statement || others.length > 0) throw new Error(`${parsed.kind}: ${sql}`)
    return statement
  }
  return { postgres, catalog, classifier, one }
}
