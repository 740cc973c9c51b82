import { type ChildProcess, spawnSync } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import {
  chownSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { type Clock, systemClock } from '../../lib/clock.ts'
import { freePort } from './free-port.ts'
import { isRoot, NOBODY, type PostgresBinaries, reachableByNobody } from './postgres-binaries.ts'
import { childCredentials, spawnSupervised } from './supervised.ts'

const START_DEADLINE_MS = 60_000
const POLL_MS = 20

export interface EmbeddedPostgresOptions {
  readonly binaries: PostgresBinaries
  /** Keeps the cluster; made when it isn't there, used again when it is. */
  readonly folder: string
  /** A free one when it isn't given. */
  readonly port?: number
  /** Paths of PEM files; they are copied into the data folder. */
  readonly tls?: { readonly cert: string; readonly key: string }
  /** Lines of postgresql.conf, said on the command line. */
  readonly settings?: Readonly<Record<string, string>>
  readonly clock?: Clock
}

export interface EmbeddedPostgres {
  readonly version: string
  readonly port: number
  readonly socketFolder: string
  /** The user `postgres`; its password is in the folder and stays over restarts. */
  readonly superuserPassword: string
  superuserUrl(database: string): string
  /** Fast shutdown: ends connections, then the server. Resolves when it has gone. */
  stop(): Promise<void>
}

/**
 * Starts a PostgreSQL of our own on 127.0.0.1 and on a unix socket. As root it runs as uid 65534
 * and the folder becomes that user's. It ends when this process ends, however that happens.
 *
 * @throws Error with the end of the server's log when it doesn't start
 */
export async function startEmbeddedPostgres(
  options: EmbeddedPostgresOptions,
): Promise<EmbeddedPostgres> {
  const folder = resolve(options.folder)
  prepareFolder(folder)
  const superuserPassword = passwordOf(folder)
  if (!existsSync(join(folder, 'data', 'PG_VERSION'))) initialise(options.binaries, folder)
  if (options.tls) installCertificate(folder, options.tls)
  const socketFolder = ownFolder(mkdtempSync(join(tmpdir(), 'csgn-pg-')))
  const port = options.port ?? (await freePort())
  const server = spawnServer(options, folder, socketFolder, port)
  const stop = async () => {
    await stopServer(server)
    rmSync(socketFolder, { recursive: true, force: true })
  }
  try {
    await untilReady(server, folder, socketFolder, options.clock ?? systemClock)
  } catch (error) {
    await stop()
    throw error
  }
  return {
    version: options.binaries.version,
    port,
    socketFolder,
    superuserPassword,
    superuserUrl: (database) =>
      `postgres://postgres:${superuserPassword}@127.0.0.1:${port}/${database}`,
    stop,
  }
}

function ownFolder(path: string): string {
  if (isRoot()) chownSync(path, NOBODY, NOBODY)
  return path
}

function prepareFolder(folder: string): void {
  mkdirSync(folder, { recursive: true, mode: 0o700 })
  ownFolder(folder)
  if (isRoot() && !reachableByNobody(join(folder, '..'))) {
    throw new Error(`PostgreSQL can't run as root, and uid ${NOBODY} doesn't reach ${folder}`)
  }
}

function passwordOf(folder: string): string {
  const file = join(folder, 'superuser-password')
  if (!existsSync(file)) {
    writeFileSync(file, randomBytes(18).toString('base64url'), { mode: 0o600, flag: 'wx' })
    ownFolder(file)
  }
  return readFileSync(file, 'utf8')
}

/** A cluster that was cut short has no PG_VERSION yet, or is made aside and removed here. */
function initialise(binaries: PostgresBinaries, folder: string): void {
  const data = join(folder, 'data')
  rmSync(data, { recursive: true, force: true })
  const made = spawnSync(
    join(binaries.bin, 'initdb'),
    [
      ...['-D', data, '-U', 'postgres', '--locale=C', '-E', 'UTF8', '--no-sync'],
      ...['--auth-host=scram-sha-256', '--auth-local=scram-sha-256'],
      ...['--pwfile', join(folder, 'superuser-password')],
    ],
    { encoding: 'utf8', cwd: folder, ...childCredentials() },
  )
  if (made.status !== 0) {
    rmSync(data, { recursive: true, force: true })
    throw new Error(`initdb failed: ${made.stderr || made.error?.message}`)
  }
}

function installCertificate(folder: string, tls: { cert: string; key: string }): void {
  const install = (from: string, name: string) => {
    const to = join(folder, 'data', name)
    rmSync(to, { force: true })
    copyFileSync(from, to)
    ownFolder(to)
    return to
  }
  install(tls.cert, 'server.crt')
  spawnSync('chmod', ['600', install(tls.key, 'server.key')])
}

function spawnServer(
  options: EmbeddedPostgresOptions,
  folder: string,
  socketFolder: string,
  port: number,
): ChildProcess {
  const settings: Record<string, string> = {
    listen_addresses: '127.0.0.1',
    port: String(port),
    unix_socket_directories: socketFolder,
    password_encryption: 'scram-sha-256',
    ssl: options.tls ? 'on' : 'off',
    ...options.settings,
  }
  const flags = Object.entries(settings).flatMap(([name, value]) => ['-c', `${name}=${value}`])
  const log = join(folder, 'server.log')
  rmSync(log, { force: true })
  const server = join(options.binaries.bin, 'postgres')
  const command = [server, '-D', join(folder, 'data'), ...flags]
  return spawnSupervised({ command, signal: 'INT', log, cwd: folder })
}

async function untilReady(
  server: ChildProcess,
  folder: string,
  socketFolder: string,
  clock: Clock,
): Promise<void> {
  const deadline = clock.monotonic() + START_DEADLINE_MS
  const gone = new Promise<void>((resolve) => server.once('exit', () => resolve()))
  server.once('error', () => undefined)
  while (clock.monotonic() < deadline) {
    if (server.exitCode !== null || server.signalCode !== null || server.pid === undefined) break
    if (isReady(folder, socketFolder)) return
    await Promise.race([gone, new Promise<void>((resolve) => clock.after(POLL_MS, resolve))])
  }
  throw new Error(`PostgreSQL didn't start:\n${logTail(folder)}`)
}

/**
 * postmaster.pid holds the socket's folder in its fifth line, which tells our server from another
 * on the same data, and in its eighth `ready` once connections are taken (miscadmin.h).
 */
function isReady(folder: string, socketFolder: string): boolean {
  const file = join(folder, 'data', 'postmaster.pid')
  if (!existsSync(file)) return false
  const lines = readFileSync(file, 'utf8').split('\n')
  return lines[4]?.trim() === socketFolder && lines[7]?.trim() === 'ready'
}

function logTail(folder: string): string {
  return readFileSync(join(folder, 'server.log'), 'utf8').slice(-2_000)
}

function stopServer(server: ChildProcess): Promise<void> {
  if (server.exitCode !== null || server.signalCode !== null || server.pid === undefined) {
    return Promise.resolve()
  }
  return new Promise((resolve) => {
    server.once('exit', () => resolve())
    server.stdin?.end()
  })
}
