import { spawn, spawnSync } from 'node:child_process'
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { freePort } from '../../src/cli/demo/free-port.ts'
import type { Cleanup } from './cleanup.ts'
import { accepting } from './pgbouncer.ts'

const PROGRAMS = ['/usr/sbin/haproxy', '/usr/local/sbin/haproxy']

/** Starts HAProxy in TCP mode before a port; null where it isn't installed. */
export async function startHaproxy(
  cleanup: Cleanup,
  to: number,
): Promise<{ readonly port: number; readonly pid: number; readonly version: string } | null> {
  const program = PROGRAMS.find((path) => existsSync(path))
  if (!program) return null
  const folder = mkdtempSync(join(tmpdir(), 'csgn-haproxy-'))
  const port = await freePort()
  const config = join(folder, 'haproxy.cfg')
  writeFileSync(
    config,
    `global
  maxconn 6000
defaults
  mode tcp
  timeout connect 5s
  timeout client 1h
  timeout server 1h
listen database
  bind 127.0.0.1:${port}
  server only 127.0.0.1:${to}
`,
  )
  const child = spawn(program, ['-db', '-q', '-f', config], { stdio: 'ignore' })
  cleanup.teardown(() => {
    child.kill('SIGKILL')
    rmSync(folder, { recursive: true, force: true })
  })
  await accepting(port)
  const version = /\d+\.\d+\.\d+/.exec(spawnSync(program, ['-v']).stdout.toString())
  return { port, pid: child.pid ?? 0, version: version?.[0] ?? '' }
}
