import { type ChildProcess, spawnSync } from 'node:child_process'
import {
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
import mysql, { type RowDataPacket } from 'mysql2/promise'
import { type Clock, systemClock } from '../../lib/clock.ts'
import { freePort } from './free-port.ts'
import { type MysqlBinaries, systemTables } from './mysql-binaries.ts'
import { isRoot, NOBODY } from './postgres-binaries.ts'
import { childCredentials, spawnSupervised } from './supervised.ts'

const DEADLINE_MS = 60_000
const POLL_MS = 50

export interface EmbeddedMysqlOptions {
  readonly binaries: MysqlBinaries
  /** Keeps the data; made when it isn't there, used again when it is. */
  readonly folder: string
  /** Options of the server, without the dashes. */
  readonly settings?: Readonly<Record<string, string>>
  readonly clock?: Clock
}

export interface EmbeddedMysql {
  readonly port: number
  /** Holds mysqld.sock. */
  readonly socketFolder: string
  /** 11.8.6-MariaDB */
  readonly version: string
  /** Resolves when the server has gone. Safe to call twice. */
  stop(): Promise<void>
}

/**
 * Starts a MySQL or MariaDB of our own on 127.0.0.1; `root` has no password and comes from this
 * machine only. As root it runs as uid 65534. It ends when this process ends, however that happens.
 *
 * @throws Error with the end of the server's log when it doesn't start
 */
export async function startEmbeddedMysql(options: EmbeddedMysqlOptions): Promise<EmbeddedMysql> {
  const { binaries, folder } = options
  ownFolder(folder)
  const data = join(folder, 'data')
  if (!existsSync(join(folder, 'made'))) initialise(binaries, folder, data)
  const port = await freePort()
  // The path of a socket is short: 107 bytes.
  const socketFolder = mkdtempSync(join(tmpdir(), 'csgn-my-'))
  ownFolder(socketFolder)
  const settings = { socket: join(socketFolder, 'mysqld.sock'), ...options.settings }
  const server = spawnServer(binaries, folder, port, settings)
  const stop = async () => {
    await stopServer(server)
    rmSync(socketFolder, { recursive: true, force: true })
  }
  try {
    const version = await untilReady(server, port, folder, options.clock ?? systemClock)
    return { port, socketFolder, version, stop }
  } catch (error) {
    await stop()
    throw error
  }
}

function ownFolder(path: string): void {
  mkdirSync(path, { recursive: true, mode: 0o711 })
  if (isRoot()) chownSync(path, NOBODY, NOBODY)
}

/** A server that starts removes the temporary tables of others from a folder that they share. */
function ownTmp(folder: string): string {
  const path = join(folder, 'tmp')
  ownFolder(path)
  return path
}

/** Data that was cut short is made again. */
function initialise({ flavour, server, share }: MysqlBinaries, folder: string, data: string): void {
  rmSync(data, { recursive: true, force: true })
  if (flavour === 'mysql') run(server, ['--initialize-insecure', `--datadir=${data}`], '')
  else {
    ownFolder(data)
    ownFolder(join(data, 'mysql'))
    const files = (systemTables(share) ?? []).map((file) => readFileSync(file, 'utf8'))
    const sql = [
      'create database if not exists mysql;',
      'use mysql;',
      'set @auth_root_socket=NULL;',
    ]
    const tmp = `--tmpdir=${ownTmp(folder)}`
    const flags = [
      '--bootstrap',
      `--datadir=${data}`,
      tmp,
      '--log-warnings=0',
      '--max_allowed_packet=8M',
    ]
    run(server, flags, [...sql, ...files].join('\n'))
  }
  closeSync(openSync(join(folder, 'made'), 'w'))
}

function run(server: string, flags: readonly string[], input: string): void {
  const made = spawnSync(server, withoutDefaults(flags), {
    input,
    encoding: 'utf8',
    cwd: '/',
    ...childCredentials(),
  })
  if (made.status === 0) return
  throw new Error(`${server} failed: ${made.stderr?.slice(-2_000) ?? made.error?.message}`)
}

/** --no-defaults has to come first, and may come twice. */
function withoutDefaults(flags: readonly string[]): string[] {
  return flags[0] === '--no-defaults' ? [...flags] : ['--no-defaults', ...flags]
}

function spawnServer(
  { flavour, server }: MysqlBinaries,
  folder: string,
  port: number,
  settings: Readonly<Record<string, string>>,
): ChildProcess {
  const flags = {
    datadir: join(folder, 'data'),
    tmpdir: ownTmp(folder),
    port: String(port),
    'bind-address': '127.0.0.1',
    'pid-file': join(folder, 'pid'),
    ...(flavour === 'mysql' ? { mysqlx: 'OFF' } : {}),
    ...settings,
  }
  const args = Object.entries(flags).map(([name, value]) => `--${name}=${value}`)
  const command = [server, ...withoutDefaults(args)]
  return spawnSupervised({ command, signal: 'TERM', log: join(folder, 'log'), cwd: '/' })
}

/** Answers the server's version. */
async function untilReady(
  server: ChildProcess,
  port: number,
  folder: string,
  clock: Clock,
): Promise<string> {
  const deadline = clock.monotonic() + DEADLINE_MS
  while (clock.monotonic() < deadline && server.exitCode === null) {
    try {
      const client = await mysql.createConnection({ host: '127.0.0.1', port, user: 'root' })
      const [rows] = await client.query<RowDataPacket[]>('SELECT VERSION() AS version')
      await client.end()
      return String(rows[0]?.version)
    } catch {
      await new Promise<void>((resolve) => clock.after(POLL_MS, resolve))
    }
  }
  throw new Error(
    `a server didn't start: ${readFileSync(join(folder, 'log'), 'utf8').slice(-2_000)}`,
  )
}

function stopServer(server: ChildProcess): Promise<void> {
  if (server.exitCode !== null) return Promise.resolve()
  const gone = new Promise<void>((resolve) => server.once('exit', () => resolve()))
  server.stdin?.end()
  return gone
}
