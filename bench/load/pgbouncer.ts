import { spawn, spawnSync } from 'node:child_process'
import { chmodSync, existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import net from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { freePort } from '../../src/cli/demo/free-port.ts'
import type { TestPostgres } from '../../test/support/postgres.ts'
import type { Cleanup } from './cleanup.ts'

const PROGRAMS = ['/usr/sbin/pgbouncer', '/usr/bin/pgbouncer', '/usr/local/bin/pgbouncer']
const NOBODY = 65_534

export interface Bouncer {
  readonly port: number
  readonly pid: number
  /** 1.18.0 */
  readonly version: string
}

/** Starts PgBouncer in session mode, one server connection for each client as Countersign has it. */
export async function startPgBouncer(cleanup: Cleanup, db: TestPostgres): Promise<Bouncer | null> {
  const program = PROGRAMS.find((path) => existsSync(path))
  if (!program) return null
  const folder = mkdtempSync(join(tmpdir(), 'csgn-bouncer-'))
  chmodSync(folder, 0o755)
  const port = await freePort()
  writeFileSync(join(folder, 'users.txt'), `"${db.user}" "${db.password}"\n`)
  writeFileSync(
    join(folder, 'pgbouncer.ini'),
    `[databases]
${db.database} = host=127.0.0.1 port=${db.port} user=${db.user} password=${db.password}
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = ${port}
unix_socket_dir =
auth_type = any
auth_file = ${folder}/users.txt
pool_mode = session
max_client_conn = 6000
default_pool_size = 6000
log_connections = 0
log_disconnections = 0
ignore_startup_parameters = extra_float_digits,options
`,
  )
  const who = process.getuid?.() === 0 ? { uid: NOBODY, gid: NOBODY } : {}
  const child = spawn(program, ['-q', join(folder, 'pgbouncer.ini')], { stdio: 'ignore', ...who })
  cleanup.teardown(() => {
    child.kill('SIGKILL')
    rmSync(folder, { recursive: true, force: true })
  })
  await accepting(port)
  const version = /\d+\.\d+(\.\d+)?/.exec(spawnSync(program, ['--version']).stdout.toString())
  return { port, pid: child.pid ?? 0, version: version?.[0] ?? '' }
}

/** Resolves once something listens on `port`; throws after 5 s. */
export async function accepting(port: number): Promise<void> {
  const deadline = performance.now() + 5_000
  while (!(await accepts(port))) {
    if (performance.now() > deadline) throw new Error(`nothing listens on port ${port}`)
    await new Promise((resolve) => setTimeout(resolve, 20))
  }
}

function accepts(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = net.connect(port, '127.0.0.1')
    socket.once('connect', () => {
      socket.destroy()
      resolve(true)
    })
    socket.once('error', () => resolve(false))
  })
}
