import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import {
  chmodSync,
  chownSync,
  closeSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readFileSync,
  rmSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { freePort } from '../../src/cli/demo/free-port.ts'
import { isRoot, NOBODY, reachableByNobody } from '../../src/cli/demo/postgres-binaries.ts'
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

interface Binaries {
  readonly server: string
  /** SQL that makes MariaDB's own tables; '' where the server does that itself. */
  readonly share: string
}

const DATABASE = 'shop'
const DEADLINE_MS = 60_000
const POLL_MS = 50

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
  if (isRoot()) chownSync(folder, NOBODY, NOBODY)
  const data = join(folder, 'data')
  initialise(flavour, binaries, data)
  const port = await freePort()
  const server = spawnServer(binaries, folder, port, options.settings ?? {})
  const clients: MysqlClient[] = []
  let closing: Promise<void> | undefined
  const close = () => {
    closing ??= stop(server).then(() => rmSync(folder, { recursive: true, force: true }))
    return closing
  }
  t.teardown(async () => {
    for (const client of clients) client.close()
    await close()
  })
  const admin = await untilReady(server, port, folder)
  await admin.query(`CREATE DATABASE ${DATABASE} CHARACTER SET utf8mb4`)
  await admin.query(`USE ${DATABASE}`)
  for (const { error } of await admin.query(options.schema || 'DO 0')) {
    if (error) throw new Error(`the schema of a test: ${error.message}`)
  }
  const version = String((await admin.query('SELECT VERSION()'))[0]?.rows[0]?.[0])
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

/** What scripts/get-mysql fetches; for MariaDB the machine's own will do. */
function binariesOf(flavour: MysqlFlavour): Binaries | null {
  if (flavour === 'machine') return machinesOwn()
  const cache = join(projectRoot, '.cache')
  const reachable = !isRoot() || reachableByNobody(projectRoot)
  const to = reachable ? cache : join(tmpdir(), 'csgn-test-mysql')
  const folder = join(to, flavour)
  if (!existsSync(join(folder, 'VERSION'))) fetchInto(flavour, to)
  if (existsSync(join(folder, 'VERSION'))) {
    const name = flavour === 'mysql' ? 'mysqld' : 'mariadbd'
    const share = flavour === 'mysql' ? '' : join(folder, 'root/usr/share/mariadb')
    return { server: join(folder, 'bin', name), share }
  }
  if (flavour === 'mysql') return null
  const own = machinesOwn()
  if (!own) throw new Error('there is no MariaDB: run scripts/get-mysql mariadb')
  return own
}

function machinesOwn(): Binaries | null {
  const server = '/usr/sbin/mariadbd'
  const share = ['/usr/share/mariadb', '/usr/share/mysql'].find((path) => systemTables(path))
  return existsSync(server) && share ? { server, share } : null
}

function fetchInto(flavour: MysqlFlavour, to: string): void {
  mkdirSync(to, { recursive: true, mode: 0o755 })
  const script = join(projectRoot, 'scripts/get-mysql')
  spawnSync(script, [flavour, '--to', to], { stdio: 'ignore', timeout: 180_000 })
}

/** The files that make MariaDB's own tables; their names begin with the server's, old or new. */
function systemTables(share: string): readonly string[] | null {
  for (const prefix of ['mariadb', 'mysql']) {
    const names = ['system_tables', 'performance_tables', 'system_tables_data']
    const files = names.map((name) => join(share, `${prefix}_${name}.sql`))
    if (files.every((file) => existsSync(file))) return files
  }
  return null
}

function initialise(flavour: MysqlFlavour, { server, share }: Binaries, data: string): void {
  mkdirSync(join(data, 'mysql'), { recursive: true })
  if (isRoot()) for (const path of [data, join(data, 'mysql')]) chownSync(path, NOBODY, NOBODY)
  if (flavour === 'mysql') {
    rmSync(join(data, 'mysql'), { recursive: true })
    run(server, ['--initialize-insecure', `--datadir=${data}`], '')
    return
  }
  const files = (systemTables(share) ?? []).map((file) => readFileSync(file, 'utf8'))
  const sql = ['create database if not exists mysql;', 'use mysql;', 'set @auth_root_socket=NULL;']
  const flags = ['--bootstrap', `--datadir=${data}`, '--log-warnings=0', '--max_allowed_packet=8M']
  run(server, flags, [...sql, ...files].join('\n'))
}

function run(server: string, flags: readonly string[], input: string): void {
  const made = spawnSync(server, withoutDefaults(flags), { input, encoding: 'utf8', ...as() })
  if (made.status !== 0) throw new Error(`${server} failed: ${made.stderr.slice(-2_000)}`)
}

/** --no-defaults has to come first, and may come twice. */
function withoutDefaults(flags: readonly string[]): string[] {
  return flags[0] === '--no-defaults' ? [...flags] : ['--no-defaults', ...flags]
}

/** What the child processes run as: the servers refuse root. */
function as(): { uid?: number; gid?: number; cwd: string } {
  return { cwd: '/', ...(isRoot() ? { uid: NOBODY, gid: NOBODY } : {}) }
}

/** Ends the server when our pipe closes, however this process ends. */
const SUPERVISOR = `
exec 3<&0
"$@" </dev/null 3<&- &
server=$!
( while read -r _ <&3; do :; done; kill -TERM $server ) 2>/dev/null &
watcher=$!
wait $server
kill $watcher 2>/dev/null
`

function spawnServer(
  { server }: Binaries,
  folder: string,
  port: number,
  settings: Readonly<Record<string, string>>,
): ChildProcess {
  const flags = {
    datadir: join(folder, 'data'),
    port: String(port),
    'bind-address': '127.0.0.1',
    socket: join(folder, 'socket'),
    'pid-file': join(folder, 'pid'),
    'innodb-flush-log-at-trx-commit': '0',
    'secure-file-priv': folder,
    ...(server.endsWith('mysqld') ? { mysqlx: 'OFF' } : {}),
    ...settings,
  }
  const args = Object.entries(flags).map(([name, value]) => `--${name}=${value}`)
  const log = openSync(join(folder, 'log'), 'a', 0o666)
  try {
    const command = [server, ...withoutDefaults(args)]
    return spawn('/bin/sh', ['-c', SUPERVISOR, 'sh', ...command], {
      stdio: ['pipe', log, log],
      detached: true,
      ...as(),
    })
  } finally {
    closeSync(log)
  }
}

async function untilReady(
  server: ChildProcess,
  port: number,
  folder: string,
): Promise<MysqlClient> {
  const deadline = performance.now() + DEADLINE_MS
  while (performance.now() < deadline && server.exitCode === null) {
    try {
      return await MysqlClient.open(port, 'root')
    } catch {
      await new Promise((resolve) => setTimeout(resolve, POLL_MS))
    }
  }
  await stop(server)
  throw new Error(
    `a server didn't start: ${readFileSync(join(folder, 'log'), 'utf8').slice(-2_000)}`,
  )
}

function stop(server: ChildProcess): Promise<void> {
  if (server.exitCode !== null) return Promise.resolve()
  const gone = new Promise<void>((resolve) => server.once('exit', () => resolve()))
  server.stdin?.end()
  return gone
}
