import { chmodSync, existsSync, mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { arch, platform, tmpdir } from 'node:os'
import { join } from 'node:path'
import pg from 'pg'
import {
  type EmbeddedPostgres,
  startEmbeddedPostgres,
} from '../../src/cli/demo/embedded-postgres.ts'
import {
  binariesIn,
  binariesOfPackage,
  embeddedPackageName,
  type PostgresBinaries,
} from '../../src/cli/demo/postgres-binaries.ts'

/** Loop over these to test on the newest PostgreSQL and on an older major version. */
export const POSTGRES_VERSIONS = ['newest', 'oldest'] as const
export type PostgresVersion = (typeof POSTGRES_VERSIONS)[number]

/** The database and the unprivileged role that tests work with. */
const DATABASE = 'shop'
const ROLE = 'app'
const ROLE_PASSWORD = 'app-password'

export interface TestPostgresOptions {
  readonly version?: PostgresVersion
  /** Run as the superuser in the database `shop`; `app` may use all that it makes. */
  readonly schema?: string
  /** postgresql.conf. fsync is off unless it is asked for here. */
  readonly settings?: Readonly<Record<string, string>>
  /** Paths of PEM files. */
  readonly tls?: { readonly cert: string; readonly key: string }
}

export interface TestPostgres {
  /** As the role `app`, which owns nothing, over TCP without sslmode. */
  readonly url: string
  /** The same database as the superuser. */
  readonly superuserUrl: string
  readonly host: '127.0.0.1'
  readonly port: number
  readonly database: string
  readonly user: string
  readonly password: string
  readonly socketFolder: string
  /** 18.4 */
  readonly version: string
  /** Runs as the superuser, on a connection of its own. */
  query(sql: string, values?: unknown[]): Promise<pg.QueryResult>
  /** Safe to call twice. */
  close(): Promise<void>
}

/** What is needed of a tap test. */
interface Teardown {
  teardown(fn: () => unknown): unknown
}

/** Starts a fresh PostgreSQL with the database `shop`; it ends with the test. Takes about 1.5 s. */
export async function startPostgres(
  t: Teardown,
  options: TestPostgresOptions = {},
): Promise<TestPostgres> {
  const folder = mkdtempSync(join(tmpdir(), 'csgn-test-'))
  const server = await startEmbeddedPostgres({
    binaries: binariesOf(options.version ?? 'newest'),
    folder: join(reachable(folder), 'cluster'),
    settings: { fsync: 'off', max_connections: '300', ...options.settings },
    ...(options.tls ? { tls: options.tls } : {}),
  })
  const close = once(async () => {
    await server.stop()
    rmSync(folder, { recursive: true, force: true })
  })
  t.teardown(close)
  await prepareDatabase(server, options.schema ?? '')
  return {
    url: `postgres://${ROLE}:${ROLE_PASSWORD}@127.0.0.1:${server.port}/${DATABASE}`,
    superuserUrl: server.superuserUrl(DATABASE),
    host: '127.0.0.1',
    port: server.port,
    database: DATABASE,
    user: ROLE,
    password: ROLE_PASSWORD,
    socketFolder: server.socketFolder,
    version: server.version,
    query: (sql, values) => withClient(server.superuserUrl(DATABASE), (c) => c.query(sql, values)),
    close,
  }
}

/** mkdtemp makes folders that only their owner enters; the server may run as another user. */
function reachable(folder: string): string {
  chmodSync(folder, 0o711)
  return folder
}

/** One connection for the whole of `use`. */
export async function withClient<T>(
  url: string,
  use: (client: pg.Client) => Promise<T>,
): Promise<T> {
  const client = new pg.Client({ connectionString: url })
  await client.connect()
  try {
    return await use(client)
  } finally {
    await client.end()
  }
}

async function prepareDatabase(server: EmbeddedPostgres, schema: string): Promise<void> {
  await withClient(server.superuserUrl('postgres'), async (client) => {
    await client.query(`CREATE ROLE ${ROLE} LOGIN PASSWORD '${ROLE_PASSWORD}'`)
    await client.query(`CREATE DATABASE ${DATABASE}`)
  })
  await withClient(server.superuserUrl(DATABASE), async (client) => {
    await client.query(`GRANT ALL ON SCHEMA public TO ${ROLE};
      ALTER DEFAULT PRIVILEGES GRANT ALL ON TABLES TO ${ROLE};
      ALTER DEFAULT PRIVILEGES GRANT ALL ON SEQUENCES TO ${ROLE}`)
    if (schema !== '') await client.query(schema)
  })
}

/**
 * `newest` comes from the npm package of this platform. `oldest` is the machine's own where it has
 * one of another major version, else the npm package postgres-15.
 */
export function binariesOf(version: PostgresVersion): PostgresBinaries {
  const copies = join(tmpdir(), 'csgn-test-binaries')
  if (version === 'newest')
    return binariesOfPackage(embeddedPackageName(platform(), arch()), copies)
  const own = machinesOwn()
  return own ?? binariesOfPackage('postgres-15', `${copies}-15`)
}

function machinesOwn(): PostgresBinaries | null {
  const root = '/usr/lib/postgresql'
  if (!existsSync(root)) return null
  const majors = readdirSync(root).sort((a, b) => Number(a) - Number(b))
  for (const major of majors) {
    const bin = join(root, major, 'bin')
    if (Number(major) >= 13 && Number(major) < 18 && existsSync(join(bin, 'initdb'))) {
      return binariesIn(bin)
    }
  }
  return null
}

function once(run: () => Promise<void>): () => Promise<void> {
  let running: Promise<void> | undefined
  return () => {
    running ??= run()
    return running
  }
}
