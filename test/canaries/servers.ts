import { binariesOf, startMysql } from '../support/mysql.ts'
import { MysqlClient } from '../support/mysql-client.ts'
import { startPostgres } from '../support/postgres.ts'
import { type Door, type End, openMysql, openPostgres } from './ends.ts'
import type { Flavour, World } from './schema.ts'

interface Teardown {
  teardown(fn: () => unknown): unknown
}

/** A real server, with what differs between the two kinds of them. */
export interface CanaryServer {
  readonly flavour: Flavour
  readonly version: string
  /** Its URL for a proxy. */
  readonly upstream: string
  /** Where the same user goes past the proxy. */
  readonly direct: Door
  open(door: Door): Promise<End>
  /** The databases of the configuration, where the columns of these are classified, or none is. */
  databases(worlds: readonly World[], classified: boolean): Readonly<Record<string, object>>
  /** The database that a client connects to. */
  databaseOf(world: World): string
  /** What a session says first. */
  opening(world: World): readonly string[]
  make(worlds: readonly World[]): Promise<void>
}

/** MySQL can be missing for a while. */
export function hasServer(flavour: Flavour): boolean {
  return flavour === 'postgres' || binariesOf(flavour) !== null
}

/** @throws Error where this machine can't have one */
export function startCanaryServer(t: Teardown, flavour: Flavour): Promise<CanaryServer> {
  return flavour === 'postgres' ? onPostgres(t) : onMysql(t, flavour)
}

function allClasses(worlds: readonly World[]): Readonly<Record<string, string>> {
  return Object.assign({}, ...worlds.map(({ classified }) => classified))
}

async function onPostgres(t: Teardown): Promise<CanaryServer> {
  const db = await startPostgres(t, { settings: { autovacuum: 'off' } })
  const run = async (statements: readonly string[]) => {
    await db.query(statements.join(';\n'))
  }
  return {
    flavour: 'postgres',
    version: `PostgreSQL ${db.version}`,
    upstream: db.url,
    direct: { port: db.port, user: db.user, password: db.password, database: db.database },
    open: openPostgres,
    databases: (worlds, classified) => ({
      shop: { upstream: db.url, classified: classified ? allClasses(worlds) : {} },
    }),
    databaseOf: () => db.database,
    opening: ({ name }) => [`SET search_path TO ${name}`, "SET statement_timeout TO '2s'"],
    make: (worlds) => run(worlds.flatMap(({ statements }) => statements)),
  }
}

const USER = "CREATE USER app IDENTIFIED BY 'app-password'; GRANT ALL ON *.* TO app"

async function onMysql(t: Teardown, flavour: 'mariadb' | 'mysql'): Promise<CanaryServer> {
  const settings = { 'innodb-stats-auto-recalc': '0' }
  const server = await startMysql(t, flavour, { schema: USER, settings })
  if (!server) throw new Error(`there is no ${flavour} on this machine`)
  const run = async (statements: readonly string[]) => {
    const admin = await MysqlClient.open(server.port, 'root')
    for (const sql of statements) {
      const [answer] = await admin.query(sql)
      if (answer?.error) throw new Error(`${answer.error.message}: ${sql}`)
    }
    admin.close()
  }
  const limit =
    flavour === 'mysql'
      ? 'SET SESSION max_execution_time = 2000'
      : 'SET SESSION max_statement_time = 2'
  return {
    flavour,
    version: `${flavour} ${server.version}`,
    upstream: `mysql://app:app-password@127.0.0.1:${server.port}/shop`,
    direct: { port: server.port, user: 'app', password: 'app-password', database: 'shop' },
    open: openMysql,
    databases: (worlds, classified) =>
      Object.fromEntries(
        ['shop', ...worlds.map(({ name }) => name)].map((name) => [
          name,
          {
            upstream: `mysql://app:app-password@127.0.0.1:${server.port}/${name}`,
            classified: classified ? allClasses(worlds.filter((world) => world.name === name)) : {},
          },
        ]),
      ),
    databaseOf: ({ name }) => name,
    // Without it MariaDB falls over some queries that mix aggregates with plain columns.
    opening: () => [limit, "SET sql_mode = CONCAT(@@sql_mode, ',ONLY_FULL_GROUP_BY')"],
    make: (worlds) => run(worlds.flatMap(({ statements }) => statements)),
  }
}
