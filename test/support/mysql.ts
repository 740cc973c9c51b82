import { spawnSync } from 'node:child_process'
import { chmodSync, existsSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { startEmbeddedMysql } from '../../src/cli/demo/embedded-mysql.ts'
import { type MysqlBinaries, mysqlOfMachine } from '../../src/cli/demo/mysql-binaries.ts'
import { isRoot, reachableByNobody } from '../../src/cli/demo/postgres-binaries.ts'
import type { Dialect } from '../../src/sql/mysql/dialect.ts'
import { MysqlClient } from './mysql-client.ts'
import { projectRoot } from './project-root.ts'

/**
 * Loop over these. MySQL can be missing for a while, and a machine may have no MariaDB of its own
 * (10.11 on Debian 12); `mariadb` never is missing.
 */
export const MYSQL_FLAVOURS = ['mariadb', 'mysql', 'machine'] as const
export type MysqlFlavour = (typeof MYSQL_FLAVOURS)[number]

export interface TestMysqlOptions {
  /** Run as the administrator, statement by statement of one text, in the database `shop`. */
  readonly schema?: string
  /** Options of the server, without the dashes. */
  readonly settings?: Readonly<Record<string, string>>
}

export interface TestMysql {
  readonly flavour: MysqlFlavour
  readonly port: number
  /** 11.8.6-MariaDB */
  readonly version: string
  readonly dialect: Dialect
  readonly database: string
  /** Holds mysqld.sock. */
  readonly socketFolder: string
  /** The server's own folder, which it may write to. */
  readonly folder: string
  /** Opens a connection as a user without a password; it ends with the test. */
  open(user?: string): Promise<MysqlClient>
  /** Safe to call twice. */
  close(): Promise<void>
}

/** What is needed of a tap test. */
interface Teardown {
  teardown(fn: () => unknown): unknown
}

const DATABASE = 'shop'

/**
 * Starts a fresh server with the database `shop`; it ends with the test. Null where this machine
 * can't have a MySQL, which the test has to say loudly.
 *
 * @throws Error where there is no MariaDB
 */
export async function startMysql(
  t: Teardown,
  flavour: MysqlFlavour,
  options: TestMysqlOptions = {},
): Promise<TestMysql | null> {
  const binaries = binariesOf(flavour)
  if (!binaries) return null
  const folder = mkdtempSync(join(tmpdir(), 'csgn-mysql-'))
  chmodSync(folder, 0o711)
  const server = await startEmbeddedMysql({
    binaries,
    folder,
    settings: {
      'innodb-flush-log-at-trx-commit': '0',
      'secure-file-priv': folder,
      ...options.settings,
    },
  })
  const { port, version } = server
  const clients: MysqlClient[] = []
  let closing: Promise<void> | undefined
  const close = () => {
    closing ??= server.stop().then(() => rmSync(folder, { recursive: true, force: true }))
    return closing
  }
  t.teardown(async () => {
    for (const client of clients) client.close()
    await close()
  })
  const admin = await MysqlClient.open(port, 'root')
  await admin.query(`CREATE DATABASE ${DATABASE} CHARACTER SET utf8mb4`)
  await admin.query(`USE ${DATABASE}`)
  for (const { error } of await admin.query(options.schema || 'DO 0')) {
    if (error) throw new Error(`the schema of a test: ${error.message}`)
  }
  admin.close()
  return {
    flavour,
    port,
    version,
    dialect: {
      flavour: flavour === 'mysql' ? 'mysql' : 'mariadb',
      version: versionNumber(version),
    },
    database: DATABASE,
    socketFolder: server.socketFolder,
    folder,
    open: async (user = 'root') => {
      const client = await MysqlClient.open(port, user, DATABASE)
      clients.push(client)
      return client
    },
    close,
  }
}

/** 11.8.6-MariaDB is 110806. */
export function versionNumber(version: string): number {
  const [major = 0, minor = 0, patch = 0] = version.split(/[.-]/).map(Number)
  return major * 10_000 + minor * 100 + patch
}

/** A program of those that came with a server by scripts/get-mysql; null where there is none. */
export function mysqlProgram(flavour: 'mariadb' | 'mysql', name: string): string | null {
  const program = join(fetchedTo(), flavour, 'bin', name)
  return existsSync(program) ? program : null
}

function fetchedTo(): string {
  const reachable = !isRoot() || reachableByNobody(projectRoot)
  return reachable ? join(projectRoot, '.cache') : join(tmpdir(), 'csgn-test-mysql')
}

/** What scripts/get-mysql fetches; for MariaDB the machine's own will do. */
export function binariesOf(flavour: MysqlFlavour): MysqlBinaries | null {
  if (flavour === 'machine') return machinesOwn()
  const to = fetchedTo()
  const folder = join(to, flavour)
  if (!existsSync(join(folder, 'VERSION'))) fetchInto(flavour, to)
  if (existsSync(join(folder, 'VERSION'))) {
    const name = flavour === 'mysql' ? 'mysqld' : 'mariadbd'
    const share = flavour === 'mysql' ? '' : join(folder, 'root/usr/share/mariadb')
    return { flavour, server: join(folder, 'bin', name), share }
  }
  if (flavour === 'mysql') return null
  const own = machinesOwn()
  if (!own) throw new Error('there is no MariaDB: run scripts/get-mysql mariadb')
  return own
}

function machinesOwn(): MysqlBinaries | null {
  const own = mysqlOfMachine()
  return own?.flavour === 'mariadb' ? own : null
}

function fetchInto(flavour: MysqlFlavour, to: string): void {
  mkdirSync(to, { recursive: true, mode: 0o755 })
  const script = join(projectRoot, 'scripts/get-mysql')
  spawnSync(script, [flavour, '--to', to], { stdio: 'ignore', timeout: 180_000 })
}
