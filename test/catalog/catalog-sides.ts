import pg from 'pg'
import type { ClassMemory } from '../../src/catalog/class-memory.ts'
import { openMysqlCatalog } from '../../src/catalog/mysql-catalog.ts'
import { openPostgresCatalog } from '../../src/catalog/postgres-catalog.ts'
import { connectMysqlClient } from '../../src/config/mysql-upstream-client.ts'
import type { Upstream } from '../../src/config/upstream-url.ts'
import { type Clock, systemClock } from '../../src/lib/clock.ts'
import { lineageOfQuery } from '../../src/sql/mysql/lineage/lineage.ts'
import { startMysql } from '../support/mysql.ts'
import { startPostgres } from '../support/postgres.ts'

interface Teardown {
  teardown(fn: () => unknown): unknown
  comment(text: string): void
}

export interface OpenOptions {
  readonly classified?: Readonly<Record<string, string>>
  readonly strict?: boolean
  readonly memory?: ClassMemory
  readonly clock?: Clock
  readonly checkEveryMs?: number
  readonly onUnjudged?: (columns: readonly string[]) => void
}

/** A catalog of either system, seen the same way. */
export interface SideCatalog {
  /** column -> class, with a star where only a whole mask is safe; without those that have none. */
  classesOf(table: string): Readonly<Record<string, string>>
  readonly version: number
  refresh(): Promise<unknown>
  close(): Promise<void>
}

/** One database system with an administrator of its own. */
export interface CatalogSide {
  readonly name: string
  readonly postgres: boolean
  readonly mariadb: boolean
  /** Of the role that catalogs read with, as a configuration names it. */
  readonly url: string
  admin(...statements: readonly string[]): Promise<void>
  /** A statement that gives a column a comment. `type` is the column's. */
  comment(table: string, column: string, type: string, text: string | null): string
  open(options?: OpenOptions): Promise<SideCatalog>
}

export const SIDES = ['postgres', 'mariadb', 'mysql'] as const

/** Null where this machine can't have the server, which is said. */
export async function openSide(
  t: Teardown,
  name: (typeof SIDES)[number],
  schema = '',
): Promise<CatalogSide | null> {
  return name === 'postgres' ? openPostgresSide(t, schema) : openMysqlSide(t, name, schema)
}

async function openPostgresSide(t: Teardown, schema: string): Promise<CatalogSide> {
  const postgres = await startPostgres(t, { schema })
  return {
    name: 'postgres',
    postgres: true,
    mariadb: false,
    url: postgres.url,
    async admin(...statements) {
      for (const sql of statements) await postgres.query(sql)
    },
    comment: (table, column, _type, text) =>
      `COMMENT ON COLUMN ${table}.${column} IS ${text === null ? 'NULL' : quoted(text)}`,
    async open({ classified = {}, clock = systemClock, ...options } = {}) {
      const catalog = await openPostgresCatalog({
        connect: async () => {
          const client = new pg.Client({ connectionString: postgres.url })
          await client.connect()
          return client
        },
        checkEveryMs: 600_000,
        ...options,
        classified,
        clock,
      })
      t.teardown(() => catalog.close())
      return {
        classesOf: (table) =>
          shown([...(catalog.current.relationsNamed(table, 'public')[0]?.columns.values() ?? [])]),
        get version() {
          return catalog.current.version
        },
        refresh: () => catalog.refresh(),
        close: () => catalog.close(),
      }
    },
  }
}

async function openMysqlSide(
  t: Teardown,
  flavour: 'mariadb' | 'mysql',
  schema: string,
): Promise<CatalogSide | null> {
  const server = await startMysql(t, flavour, {
    schema: `${schema}${schema === '' ? '' : ';'} CREATE USER app; GRANT ALL ON shop.* TO app`,
  })
  if (!server) {
    t.comment(`no ${flavour} on this machine: NOT tested with it`)
    return null
  }
  const upstream = (user: string): Upstream => ({
    system: 'mysql',
    user,
    password: '',
    host: '127.0.0.1',
    port: server.port,
    database: 'shop',
    options: {},
  })
  const admin = await connectMysqlClient(upstream('root'))
  t.teardown(() => admin.destroy())
  return {
    name: flavour,
    postgres: false,
    mariadb: flavour === 'mariadb',
    url: `mysql://app@127.0.0.1:${server.port}/shop`,
    async admin(...statements) {
      for (const sql of statements) await admin.query(sql)
    },
    comment: (table, column, type, text) =>
      `ALTER TABLE ${table} MODIFY ${column} ${type}${text === null ? '' : ` COMMENT ${quoted(text)}`}`,
    async open({ classified = {}, clock = systemClock, ...options } = {}) {
      const catalog = await openMysqlCatalog({
        connect: () => connectMysqlClient(upstream('app')),
        lineage: (definition, database, snapshot) =>
          lineageOfQuery(definition, database, snapshot, snapshot.dialect, new Set()),
        checkEveryMs: 600_000,
        ...options,
        classified,
        clock,
      })
      t.teardown(() => catalog.close())
      return {
        classesOf: (table) => shown(catalog.current.table('shop', table)?.columns ?? []),
        get version() {
          return catalog.current.version
        },
        refresh: () => catalog.refresh(),
        close: () => catalog.close(),
      }
    },
  }
}

function quoted(text: string): string {
  return `'${text.replaceAll("'", "''")}'`
}

interface Shown {
  readonly name: string
  readonly dataClass: string | null
  readonly derived: boolean
}

function shown(columns: readonly Shown[]): Readonly<Record<string, string>> {
  const classified = columns.filter(({ dataClass, derived }) => dataClass !== null || derived)
  return Object.fromEntries(
    classified.map(({ name, dataClass, derived }) => [name, `${dataClass}${derived ? '*' : ''}`]),
  )
}
