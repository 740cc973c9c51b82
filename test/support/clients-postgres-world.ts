import type { Test } from 'tap'
import { ClientsWorld, type StoryWords, startClientsProxy } from './clients-world.ts'
import type { Countersign } from './countersign.ts'
import { type PostgresVersion, startPostgres, type TestPostgres } from './postgres.ts'
import { SHOP } from './shop.ts'

const WORDS: StoryWords = {
  failing: { sql: 'SELECT 1/0', code: '22012', message: /division by zero/ },
  noColumn: '42703',
  taken: '23505',
  oneMore: 'SELECT $1::int + 1',
  sleeping: 'SELECT pg_sleep(60)',
  cancelled: '57014',
}

export class PostgresWorld extends ClientsWorld {
  readonly db: TestPostgres
  override readonly words = WORDS

  constructor(db: TestPostgres, proxy: Countersign, certificate: string) {
    super(proxy, certificate)
    this.db = db
  }

  /** As libpq and those who follow it read it. */
  override get environment(): NodeJS.ProcessEnv {
    const { proxy, certificate } = this
    return {
      ...process.env,
      PGHOST: 'localhost',
      PGHOSTADDR: '127.0.0.1',
      PGPORT: String(proxy.port),
      PGUSER: 'bot',
      PGPASSWORD: proxy.password,
      PGDATABASE: 'shop',
      PGSSLROOTCERT: certificate,
      PGPASSFILE: '/dev/null',
      PGSERVICEFILE: '/dev/null',
    }
  }

  override async run(sql: string) {
    return (await this.db.query(sql)).rows
  }

  override async table(): Promise<string> {
    const name = await super.table()
    await this.run(`ALTER TABLE ${name} OWNER TO app`)
    return name
  }

  override async exists(table: string): Promise<boolean> {
    const { rows } = await this.db.query('SELECT to_regclass($1) IS NOT NULL AS there', [table])
    return rows[0].there
  }

  protected override async runs(word: string): Promise<boolean> {
    const text = `SELECT count(*)::int AS n FROM pg_stat_activity
      WHERE state = 'active' AND pid <> pg_backend_pid() AND query LIKE $1`
    return (await this.db.query(text, [`%${word}%`])).rows[0].n > 0
  }
}

/** The agent's role owns the shop, so that what holds a statement back is the proxy alone. */
const OWNED = `${SHOP}
  ALTER TABLE customers OWNER TO app; ALTER TABLE orders OWNER TO app;
  ALTER TABLE scratch OWNER TO app; ALTER VIEW contacts OWNER TO app;`

export async function startPostgresWorld(
  t: Test,
  version: PostgresVersion = 'newest',
): Promise<PostgresWorld> {
  const db = await startPostgres(t, { version, schema: OWNED })
  const listen = { postgres: '127.0.0.1:0' }
  const { proxy, certificate } = await startClientsProxy(t, { upstream: db.url }, listen)
  return new PostgresWorld(db, proxy, certificate)
}
