import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import pg from 'pg'
import type { TestPostgres } from '../../support/postgres.ts'
import { projectRoot } from '../../support/project-root.ts'
import { SHOP_SCHEMA } from '../shop.ts'

/** What one text did on the server before it was undone. */
export interface Seen {
  /** The tags of the commands that ended well. */
  readonly tags: readonly string[]
  /** SQLSTATE, or null where everything ended well. */
  readonly error: string | null
  /** Rows of the system's catalogs came or went. */
  readonly schema: boolean
  /** Rows of tables came, changed or went. */
  readonly rows: boolean
  /** Settings of the session that aren't what they were. */
  readonly identity: readonly string[]
}

const TEMPLATE = 'shop_template'
const SCRATCH = 'shop_scratch'

const CATALOGS =
  `pg_class pg_attribute pg_attrdef pg_proc pg_type pg_constraint pg_inherits pg_index
  pg_rewrite pg_namespace pg_extension pg_trigger pg_operator pg_cast pg_policy pg_auth_members
  pg_default_acl pg_db_role_setting pg_description pg_foreign_server
  pg_event_trigger pg_aggregate pg_collation pg_statistic_ext pg_publication`.split(/\s+/)

const SETTINGS = `row_security session_replication_role search_path standard_conforming_strings
  default_transaction_read_only client_encoding`.split(/\s+/)

/** Owned by the agent's role, so that only what reaches beyond the database is denied. */
const GIVE_AWAY = `DO $$ DECLARE r record; BEGIN
  FOR r IN SELECT c.oid::regclass AS name, c.relkind FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
    WHERE n.nspname IN ('public', 'old') AND c.relkind IN ('r', 'v', 'm', 'p')
  LOOP EXECUTE format('ALTER %s %s OWNER TO app', CASE r.relkind WHEN 'v' THEN 'VIEW' WHEN 'm' THEN 'MATERIALIZED VIEW' ELSE 'TABLE' END, r.name); END LOOP;
  FOR r IN SELECT p.oid::regprocedure AS name, p.prokind, p.prosecdef FROM pg_proc p
    WHERE pronamespace IN ('public'::regnamespace, 'old'::regnamespace)
      AND NOT EXISTS (SELECT 1 FROM pg_depend d WHERE d.objid = p.oid AND d.deptype = 'e')
  LOOP EXECUTE format('ALTER %s %s OWNER TO app', CASE r.prokind WHEN 'a' THEN 'AGGREGATE' ELSE 'ROUTINE' END, r.name); END LOOP;
  ALTER SCHEMA old OWNER TO app; GRANT ALL ON SCHEMA public TO app; GRANT ALL ON ALL SEQUENCES IN SCHEMA public TO app;
END $$`

/** A database in which every text meets the same tables. */
export class Scratch {
  readonly url: string
  readonly #server: TestPostgres
  #client: pg.Client
  #tags: string[] = []
  #before: State | null = null

  private constructor(server: TestPostgres, client: pg.Client) {
    this.#server = server
    this.url = agentUrl(server)
    this.#client = client
  }

  static async open(server: TestPostgres): Promise<Scratch> {
    const admin = await connected(databaseUrl(server.superuserUrl, 'postgres'))
    await admin.query(`CREATE DATABASE ${TEMPLATE}`)
    await admin.end()
    const maker = await connected(databaseUrl(server.superuserUrl, TEMPLATE))
    await maker.query(SHOP_SCHEMA)
    await maker.query(readFileSync(join(projectRoot, 'fixtures/sql/code.sql'), 'utf8'))
    await maker.query(ROWS)
    await maker.query(GIVE_AWAY)
    await maker.end()
    await recreate(server)
    const scratch = new Scratch(server, await connected(agentUrl(server)))
    scratch.#listen()
    return scratch
  }

  /** Runs a text in a transaction, and undoes it. */
  async run(sql: string): Promise<Seen> {
    this.#before ??= await this.#begin()
    await this.#client.query('BEGIN')
    this.#tags = []
    const error = await this.#try(sql)
    const tags = [...this.#tags]
    if (this.#inTransaction()) {
      const seen = await this.#compared(tags, error)
      await this.#undo()
      return seen
    }
    // It has ended the transaction or the session: what it did is there to stay.
    const seen = await this.#compared(tags, error)
    await this.#anew()
    return seen
  }

  async close(): Promise<void> {
    await this.#client.end().catch(() => {})
  }

  async #compared(tags: readonly string[], error: string | null): Promise<Seen> {
    const unchanged = { tags, error, schema: false, rows: false, identity: [] }
    // A transaction that failed has changed nothing.
    if (error !== null && this.#inTransaction()) return unchanged
    const before = this.#before
    const after = await this.#state().catch(() => null)
    if (!before || !after) return unchanged
    return {
      tags,
      error,
      schema: before.schema !== after.schema,
      rows: before.rows !== after.rows,
      identity: Object.keys(after.settings).filter(
        (name) => after.settings[name] !== before.settings[name],
      ),
    }
  }

  async #begin(): Promise<State> {
    return this.#state()
  }

  async #try(sql: string): Promise<string | null> {
    try {
      await this.#client.query(sql)
      return null
    } catch (error) {
      return String((error as { code?: string }).code ?? 'lost')
    }
  }

  async #state(): Promise<State> {
    const { rows } = await this.#client.query(STATE)
    return JSON.parse(rows[0].state) as State
  }

  /** What outlives a rollback: prepared statements, cursors held, notifications listened to. */
  async #undo(): Promise<void> {
    try {
      await this.#client.query('ROLLBACK; DEALLOCATE ALL; CLOSE ALL; UNLISTEN *')
    } catch {
      await this.#anew()
    }
  }

  async #anew(): Promise<void> {
    await this.#client.end().catch(() => {})
    await recreate(this.#server)
    this.#client = await connected(agentUrl(this.#server))
    this.#before = null
    this.#listen()
  }

  #listen(): void {
    const { connection } = this.#client as unknown as { connection: NodeJS.EventEmitter }
    connection.on('commandComplete', ({ text }: { text: string }) => this.#tags.push(text))
    connection.on('readyForQuery', ({ status }: { status: string }) => {
      this.#status = status
    })
  }

  #status = 'I'

  #inTransaction(): boolean {
    return this.#status !== 'I'
  }
}

interface State {
  readonly schema: string
  readonly rows: string
  readonly settings: Readonly<Record<string, string>>
}

const ROWS = `
  INSERT INTO goods VALUES (1, 'chair', 10, '{a}', '{}'), (2, 'table', 20, '{b}', '{}');
  INSERT INTO people (id, name, email) VALUES (1, 'Ana', 'ana@example.com'), (2, 'Bo', 'bo@example.com');
  INSERT INTO notes VALUES (1, 'x', 1), (2, 'y', 2);
  INSERT INTO parents VALUES (7);
  INSERT INTO sales VALUES (1, 1, 1, 5);
  INSERT INTO stamped VALUES (1, NULL);
  INSERT INTO fenced VALUES (1, 'app');
  INSERT INTO pairs VALUES (ROW(1, 2));
  INSERT INTO shops VALUES (1, 'corner', 'shop@example.com', '5');`

/** Tables by their rows' versions: a row that was changed back is a change too. */
const TABLES = `people cards staff newsletter shops goods sales notes old.goods audit watched_rows
  parents children asked stamped defaults indexed fenced fair pairs switches resting
  pg_catalog.pg_largeobject_metadata`
  .split(/\s+/)
  .map((name) => (name.includes('.') ? name : `public.${name}`))

/** The schemas of temporary tables are made by whoever plans for the first one. */
function versions(table: string): string {
  const only = table.endsWith('pg_namespace') ? "WHERE nspname NOT LIKE 'pg%temp%'" : ''
  return `(SELECT pg_catalog.concat(pg_catalog.count(*), ' ', pg_catalog.max(xmin::pg_catalog.text::pg_catalog.int8)) FROM ${table} ${only})`
}

function safely(tables: readonly string[]): string {
  return tables.map((table) => versions(table)).join(" || ',' || ")
}

const STATE = `SELECT pg_catalog.json_build_object(
  'schema', ${safely(CATALOGS.map((name) => `pg_catalog.${name}`))},
  'rows', (SELECT pg_catalog.string_agg(pg_catalog.concat(name, pg_catalog.query_to_xml(pg_catalog.concat(
      'SELECT pg_catalog.count(*), pg_catalog.max(xmin::pg_catalog.text::pg_catalog.int8) FROM ', name), true, false, '')), '')
    FROM pg_catalog.unnest(ARRAY[${TABLES.map((name) => `'${name}'`).join()}]) name
   WHERE pg_catalog.to_regclass(name) IS NOT NULL),
  'settings', pg_catalog.json_build_object('current_user', CURRENT_USER, 'session_user', SESSION_USER, ${SETTINGS.map((name) => `'${name}', pg_catalog.current_setting('${name}')`).join()})
)::pg_catalog.text AS state`

function databaseUrl(url: string, database: string): string {
  const changed = new URL(url)
  changed.pathname = `/${database}`
  return changed.href
}

function agentUrl(server: TestPostgres): string {
  return databaseUrl(server.url, SCRATCH)
}

async function connected(connectionString: string): Promise<pg.Client> {
  const client = new pg.Client({
    connectionString,
    options: '-c statement_timeout=400 -c lock_timeout=200',
  })
  client.on('error', () => {})
  await client.connect()
  return client
}

async function recreate(server: TestPostgres): Promise<void> {
  const admin = await connected(databaseUrl(server.superuserUrl, 'postgres'))
  await admin.query('SET statement_timeout = 0')
  await admin.query(`DROP DATABASE IF EXISTS ${SCRATCH} WITH (FORCE)`)
  await admin.query(`CREATE DATABASE ${SCRATCH} TEMPLATE ${TEMPLATE} OWNER app`)
  await admin.end()
}
