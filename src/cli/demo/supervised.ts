import { type ChildProcess, spawn } from 'node:child_process'
import { closeSync, openSync } from 'node:fs'
import { isRoot, NOBODY } from './postgres-binaries.ts'

export interface SupervisedOptions {
  readonly command: readonly string[]
  /** What asks the server to stop: a fast shutdown is INT to PostgreSQL and TERM to MySQL. */
  readonly signal: 'INT' | 'TERM'
  /** Appended to. */
  readonly log: string
  readonly cwd: string
}

/**
 * Runs the server beside a watcher that reads our pipe: when this process goes, even by SIGKILL,
 * the pipe closes and the watcher asks the server to stop. A job of the shell ignores SIGINT until
 * the server installs its own handler, which it does before it is ready.
 */
const SUPERVISOR = `
signal=$1
shift
exec 3<&0
"$@" </dev/null 3<&- &
server=$!
( while read -r _ <&3; do :; done; kill -$signal $server ) 2>/dev/null &
watcher=$!
wait $server
code=$?
kill $watcher 2>/dev/null
exit $code
`

/** Starts a database server that doesn't outlive this process; as root it runs as uid 65534. */
export function spawnSupervised({ command, signal, log, cwd }: SupervisedOptions): ChildProcess {
  const output = openSync(log, 'a', 0o600)
  try {
    return spawn('/bin/sh', ['-c', SUPERVISOR, 'sh', signal, ...command], {
      stdio: ['pipe', output, output],
      cwd,
      // A session of its own: the terminal's Ctrl-C is for us, we stop the server in order.
      detached: true,
      ...childCredentials(),
    })
  } finally {
    closeSync(output)
  }
}

/** What the servers run as: they refuse root. */
export function childCredentials(): { uid?: number; gid?: number } {
  return isRoot() ? { uid: NOBODY, gid: NOBODY } : {}
}
