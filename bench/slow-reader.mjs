// A 10-million-row result to a client that reads 1 MB/s: how much does the proxy's memory grow?
//
//   npm run build && node bench/slow-reader.mjs [seconds]
//
// Starts a PostgreSQL and a proxy of its own. Prints the data plane's resident memory in MiB.

import { readFileSync } from 'node:fs'
import pg from 'pg'
import { startCountersign } from '../dist/test/support/countersign.js'
import { startPostgres } from '../dist/test/support/postgres.js'

const seconds = Number(process.argv[2] ?? 30)
const BYTES_PER_TICK = 100_000
const TICK_MS = 100

const cleanups = []
const scope = { teardown: (fn) => cleanups.unshift(fn) }

function residentMiB(pid) {
  const [, kib] = /VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8')) ?? []
  return Number(kib) / 1024
}

const db = await startPostgres(scope)
const proxy = await startCountersign(scope, { upstream: db.superuserUrl })
try {
  const client = new pg.Client({ connectionString: proxy.url })
  client.on('error', () => {})
  await client.connect()
  // The grammar's own compilation is not what is measured.
  for (let index = 0; index < 2000; index++) await client.query(`SELECT ${index} AS warm_up`)
  const before = residentMiB(proxy.pid)
  const { stream } = client.connection
  stream.removeAllListeners('data')
  let read = 0
  let allowed = BYTES_PER_TICK
  let highest = before
  stream.on('data', (chunk) => {
    read += chunk.length
    if (read > allowed) stream.pause()
  })
  client.connection.query("SELECT g, repeat('x', 80) FROM generate_series(1, 10000000) g")
  await new Promise((resolve) => {
    const ticks = setInterval(() => {
      allowed += BYTES_PER_TICK
      if (read <= allowed) stream.resume()
      highest = Math.max(highest, residentMiB(proxy.pid))
    }, TICK_MS)
    setTimeout(() => resolve(clearInterval(ticks)), seconds * 1000)
  })
  stream.destroy()
  const figures = { read: read / 2 ** 20, before, highest, growth: highest - before }
  for (const [name, value] of Object.entries(figures)) {
    process.stdout.write(`${name.padEnd(8)} ${value.toFixed(1)} MiB\n`)
  }
} finally {
  for (const cleanup of cleanups) await cleanup()
}
