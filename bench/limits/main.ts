// What a data plane bears: memory and others' access under slow, idle, held and hostile clients.
//
//   npm run build && node dist/bench/limits/main.js [--idle 5000] [--held 500] [--flood 3000] [--seconds 20]
//
// Starts a PostgreSQL and a proxy of its own. Prints a table with each figure and its bound, and
// exits with 1 where a bound is broken. 5,000 sessions need 10,100 open files in the proxy and
// some 15 GiB for PostgreSQL's backends: where `ulimit -n` or the memory are less, ask for fewer.

import { mkdtempSync, rmSync } from 'node:fs'
import { freemem, tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { type Countersign, startCountersign } from '../../test/support/countersign.ts'
import { startPostgres } from '../../test/support/postgres.ts'
import { writeCertificate } from '../../test/support/postgres-certificate.ts'
import { type Figure, holds, table } from './figure.ts'
import { floods } from './floods.ts'
import { heldSessions, idleSessions } from './sessions.ts'
import { slowReader } from './slow-reader.ts'

const option = (value: string) => ({ type: 'string' as const, default: value })
const { values } = parseArgs({
  options: {
    idle: option('5000'),
    held: option('500'),
    flood: option('3000'),
    seconds: option('20'),
  },
})
const [idle, held, flood, seconds] = [values.idle, values.held, values.flood, values.seconds].map(
  Number,
) as [number, number, number, number]

const cleanups: (() => unknown)[] = []
const scope = { teardown: (fn: () => unknown) => cleanups.unshift(fn) }
const folder = mkdtempSync(join(tmpdir(), 'csgn-limits-'))
scope.teardown(() => rmSync(folder, { recursive: true, force: true }))

const all: Figure[] = []
const show = (figures: readonly Figure[]) => {
  all.push(...figures)
  console.log(table(figures))
}

try {
  console.log(`free memory ${(freemem() / 2 ** 30).toFixed(0)} GiB, Node ${process.version}`)
  const most = Math.max(idle, held) + 100
  const db = await startPostgres(scope, {
    schema: 'CREATE TABLE held (n int)',
    settings: { max_connections: String(most), shared_buffers: '16MB' },
  })
  const listen = {
    postgres: '127.0.0.1:0',
    control: '127.0.0.1:0',
    max_connections: most + 100,
    tls: { ...writeCertificate(folder), require: false },
  }
  // What one leaves behind in memory shall not be counted, or hidden, in the figures of the next.
  for (const measure of [
    (proxy: Countersign) => slowReader(proxy, seconds),
    (proxy: Countersign) => floods(proxy, flood),
    (proxy: Countersign) => heldSessions(proxy, held),
    (proxy: Countersign) => idleSessions(proxy, idle),
  ]) {
    const proxy = await startCountersign(scope, { upstream: db.superuserUrl, config: { listen } })
    show(await measure(proxy))
    await proxy.kill('SIGTERM')
  }
} finally {
  for (const cleanup of cleanups) await cleanup()
}
const broken = all.filter((figure) => !holds(figure))
console.log(broken.length === 0 ? 'every bound holds' : `${broken.length} bounds are broken`)
process.exitCode = broken.length === 0 ? 0 : 1
