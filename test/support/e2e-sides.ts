import { createHash } from 'node:crypto'
import mysql from 'mysql2/promise'
import pg from 'pg'
import type { Test } from 'tap'
import { AGENT, type Countersign } from './countersign.ts'
import { cancel as cancelPostgres } from './e2e-client.ts'
import { type MysqlLogin, MysqlRaw } from './e2e-mysql-raw.ts'
import { type Talk, talkMysql, talkPostgres } from './e2e-talk.ts'
import { MYSQL_FLAVOURS, type MysqlFlavour, startMysql } from './mysql.ts'
import { POSTGRES_VERSIONS, type PostgresVersion, startPostgres } from './postgres.ts'
import { SHOP } from './shop.ts'

type Row = Readonly<Record<string, unknown>>

/** One kind of server, so that both protocols go through the same cases. */
export interface Side {
  /** PostgreSQL newest, MariaDB mariadb ... */
  readonly name: string
  readonly system: 'postgres' | 'mysql'
  readonly flavour: 'postgres' | 'mariadb' | 'mysql'
  /** Starts a server with the shop in it; null where this machine can't have one. */
  start(t: Test, more?: SideSetup): Promise<SideServer | null>
}

/** What a server has beside the shop. */
export interface SideSetup {
  /** Run behind the shop's own statements. */
  readonly schema?: { readonly postgres: string; readonly mysql: string }
  /** Of the MySQL server: options without the dashes. */
  readonly settings?: Readonly<Record<string, string>>
  readonly tls?: { readonly cert: string; readonly key: string }
}

export interface SideServer {
  /** Its URL for a proxy, as a user who may do everything. */
  readonly upstream: string
  /** The same as a user who may read and write rows; its password can be changed. */
  readonly plain: string
  /** The same over the server's unix socket. */
  readonly bySocket: string
  /** The statement that gives that user another password. */
  newPassword(password: string): string
  /** Runs a statement past the proxy. */
  run(sql: string): Promise<readonly Row[]>
  exists(table: string): Promise<boolean>
  /** Talks to it past the proxy, hearing every byte. */
  talk(t: Test): Promise<Talk>
}

/** How an agent connects: what it says of itself. */
export interface AgentSays {
  /** 300ms */
  readonly hold?: string
  readonly claim?: string
  readonly onBehalfOf?: string
  /** Data classes that it asks to see. */
  readonly clear?: string
  /** Connects over TLS. */
  readonly tls?: boolean
}

/** An agent's talk through the proxy, hearing every byte; it ends with the test. */
export function talkAsAgent(
  t: Test,
  side: Side,
  proxy: Countersign,
  says: AgentSays = {},
): Promise<Talk> {
  const { port, password } = proxy
  const login = { port, user: AGENT, password, database: 'shop', says: ownSettings(says) }
  return side.system === 'postgres' ? talkPostgres(t, login) : talkMysql(t, login)
}

/** An agent that speaks MySQL's protocol command by command; it ends with the test. */
export async function rawAgent(
  t: Test,
  proxy: Countersign,
  { hold = '20s', ...login }: { hold?: string } & Partial<MysqlLogin> = {},
): Promise<MysqlRaw> {
  const client = await MysqlRaw.login(proxy.port, {
    user: AGENT,
    password: proxy.password,
    database: 'shop',
    attributes: ownSettings({ hold }),
    ...login,
  })
  t.teardown(() => client.destroy())
  return client
}

/** An agent's connection through the proxy; it ends with the test. */
export interface AgentClient {
  /** `values` make it a prepared statement; they stand for ? in the text. */
  query(sql: string, values?: readonly unknown[]): Promise<readonly Row[]>
  /** What the other end said when it closed; "lost" where it said nothing. */
  readonly ended: Promise<string>
  /** Asks on another connection that what runs be ended. */
  cancel(): Promise<void>
  /** Hangs up without a word. */
  destroy(): void
  end(): Promise<void>
}

export const SIDES: readonly Side[] = [
  ...POSTGRES_VERSIONS.map(postgresSide),
  ...MYSQL_FLAVOURS.map(mysqlSide),
]

export const POSTGRES_SIDES: readonly Side[] = POSTGRES_VERSIONS.map(postgresSide)
/** MariaDB and MySQL of today, for what only their protocol has. */
export const MYSQL_SIDES: readonly Side[] = [mysqlSide('mariadb'), mysqlSide('mysql')]

/** The newest of each: where an older one would only do the same once more. */
export const NEWEST_SIDES: readonly Side[] = [postgresSide('newest'), ...MYSQL_SIDES]

/** One server of each system: where the versions have no say. */
export const ONE_SIDE_EACH: readonly Side[] = [postgresSide('newest'), mysqlSide('mariadb')]

export function connectAgent(
  t: Test,
  side: Side,
  proxy: Countersign,
  says: AgentSays = {},
): Promise<AgentClient> {
  return side.system === 'postgres' ? connectPostgres(t, proxy, says) : connectMysql(t, proxy, says)
}

function postgresSide(version: PostgresVersion): Side {
  return {
    name: `PostgreSQL, ${version}`,
    system: 'postgres',
    flavour: 'postgres',
    async start(t, { schema, tls } = {}) {
      const db = await startPostgres(t, {
        version,
        schema: SHOP + (schema?.postgres ?? ''),
        ...(tls ? { tls } : {}),
      })
      return {
        upstream: db.superuserUrl,
        plain: db.url,
        bySocket: db.url.replace('127.0.0.1', encodeURIComponent(db.socketFolder)),
        newPassword: (password) => `ALTER ROLE ${db.user} PASSWORD '${password}'`,
        run: async (sql) => (await db.query(sql)).rows,
        async exists(table) {
          const { rows } = await db.query('SELECT to_regclass($1) IS NOT NULL AS there', [table])
          return rows[0].there
        },
        talk: (t) => {
          const { username: user, password } = new URL(db.superuserUrl)
          return talkPostgres(t, { port: db.port, user, password, database: db.database })
        },
      }
    },
  }
}

export const MYSQL_USER = `
  CREATE USER app IDENTIFIED BY 'app-password'; GRANT ALL ON *.* TO app;
  CREATE USER plain IDENTIFIED BY 'plain-password';
  GRANT SELECT, INSERT, UPDATE, DELETE, EXECUTE ON shop.* TO plain;
`

function mysqlSide(flavour: MysqlFlavour): Side {
  return {
    name: `MySQL, ${flavour}`,
    system: 'mysql',
    flavour: flavour === 'mysql' ? 'mysql' : 'mariadb',
    async start(t, { schema, settings = {}, tls } = {}) {
      const server = await startMysql(t, flavour, {
        schema: `${MYSQL_USER} ${MYSQL_SHOP} ${schema?.mysql ?? ''}`,
        settings: { ...settings, ...(tls ? { 'ssl-cert': tls.cert, 'ssl-key': tls.key } : {}) },
      })
      if (!server) {
        t.comment(`NO SERVER: ${flavour} can't be had on this machine, its cases are skipped`)
        return null
      }
      const port = server.port
      const admin = await mysql.createConnection({ port, user: 'root', database: 'shop' })
      t.teardown(() => admin.destroy())
      const run = async (sql: string) => {
        const [rows] = await admin.query(sql)
        return Array.isArray(rows) ? (rows as Row[]) : []
      }
      return {
        upstream: `mysql://app:app-password@127.0.0.1:${port}/shop`,
        plain: `mysql://plain:plain-password@127.0.0.1:${port}/shop`,
        bySocket: `mysql://plain:plain-password@${encodeURIComponent(server.socketFolder)}/shop`,
        newPassword: (password) => `ALTER USER plain IDENTIFIED BY '${password}'`,
        run,
        exists: async (table) => (await run(`SHOW TABLES LIKE '${table}'`)).length > 0,
        talk: (t) => talkMysql(t, { port, user: 'root', password: '', database: 'shop' }),
      }
    },
  }
}

/** The shop of shop.ts. */
export const MYSQL_SHOP = `
  CREATE TABLE customers (
    id integer PRIMARY KEY, name varchar(40) NOT NULL CHECK (name <> ''),
    email varchar(60) NOT NULL UNIQUE, ssn varchar(40) NOT NULL);
  INSERT INTO customers VALUES
    (1, 'Ada', 'ada.marsh@x.test', '966-34-5008'), (2, 'Bo', 'bo.larsen@y.test', '965-87-5553');
  CREATE TABLE orders (
    id integer AUTO_INCREMENT PRIMARY KEY, customer_id integer REFERENCES customers (id),
    total numeric(10,2));
  INSERT INTO orders (customer_id, total) VALUES (1, 10.50), (1, 20), (2, 5);
  CREATE TABLE scratch (id integer, note text);
  CREATE VIEW contacts AS SELECT id, name, email, upper(email) AS loud FROM customers;
`

async function connectPostgres(t: Test, proxy: Countersign, says: AgentSays): Promise<AgentClient> {
  const options = Object.entries(ownSettings(says))
    .map(([name, value]) => `-c ${name}=${value.replaceAll(' ', '\\ ')}`)
    .join(' ')
  const ssl = says.tls ? { ssl: { rejectUnauthorized: false } } : {}
  const client = new pg.Client({ connectionString: proxy.url, options, ...ssl })
  const ended = endOf(client)
  await client.connect()
  t.teardown(() => client.end().catch(() => {}))
  return {
    ended,
    async query(sql, values) {
      let count = 0
      const text = values ? sql.replace(/\?/g, () => `$${++count}`) : sql
      // Named, so that it is prepared once, as the other protocol's clients do.
      const name = createHash('md5').update(text).digest('hex')
      const result = await client.query(values ? { name, text, values: [...values] } : text)
      return Array.isArray(result) ? result.at(-1).rows : result.rows
    },
    cancel: () => cancelPostgres(client, proxy),
    destroy: () =>
      (
        client as unknown as { connection: { stream: { destroy(): void } } }
      ).connection.stream.destroy(),
    end: () => client.end(),
  }
}

async function connectMysql(t: Test, proxy: Countersign, says: AgentSays): Promise<AgentClient> {
  const options = {
    uri: proxy.url,
    connectAttributes: ownSettings(says),
    dateStrings: true,
    multipleStatements: true,
    ...(says.tls ? { ssl: { rejectUnauthorized: false } } : {}),
  }
  const client = await mysql.createConnection(options)
  const ended = endOf(client)
  t.teardown(() => client.destroy())
  return {
    ended,
    async query(sql, values) {
      const [rows] = await (values
        ? client.execute(sql, [...values] as string[])
        : client.query(sql))
      const last: unknown = Array.isArray(rows) && Array.isArray(rows[0]) ? rows.at(-1) : rows
      return Array.isArray(last) ? (last as Row[]) : []
    },
    async cancel() {
      const other = await mysql.createConnection({ uri: proxy.url })
      await other.query(`KILL QUERY ${client.threadId}`)
      await other.end()
    },
    destroy: () => client.destroy(),
    end: () => client.end(),
  }
}

/** Errors that no statement waits for. */
function endOf(client: { on(event: string, listener: (error?: Error) => void): unknown }) {
  return new Promise<string>((resolve) => {
    client.on('error', (error) => resolve(error ? codeIn(error) : 'lost'))
    client.on('end', () => resolve('lost'))
  })
}

function ownSettings({ hold, claim, onBehalfOf, clear }: AgentSays): Record<string, string> {
  return {
    ...(hold === undefined ? {} : { 'countersign.hold': hold }),
    ...(claim === undefined ? {} : { 'countersign.claim': claim }),
    ...(clear === undefined ? {} : { 'countersign.clear': clear }),
    ...(onBehalfOf === undefined ? {} : { 'countersign.on_behalf_of': onBehalfOf }),
  }
}

/**
 * The code that a statement ended in, or "done": the SQLSTATE, or what stands at the beginning of
 * the text where the protocol has no room for our own. Never rejects.
 */
export async function codeOf(query: Promise<unknown>): Promise<string> {
  return (await errorFrom(query)).code
}

/** The error of a statement; code "done" where there is none. Never rejects. */
export function errorFrom(query: Promise<unknown>): Promise<{ code: string; message: string }> {
  return query.then(
    () => ({ code: 'done', message: '' }),
    (error: { code?: string; sqlState?: string; message: string }) => ({
      code: codeIn(error),
      message: error.message,
    }),
  )
}

function codeIn({
  code,
  sqlState,
  message,
}: {
  code?: string
  sqlState?: string
  message: string
}) {
  return /^([0-9A-Z]{5}): /.exec(message)?.[1] ?? sqlState ?? code ?? message
}
