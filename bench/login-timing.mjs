// Can a stopwatch tell an unknown agent from a wrong password?
//
//   npm run build && node bench/login-timing.mjs [tries]
//
// Starts a PostgreSQL and a proxy of its own and fails to log in, in turns: with a name that
// nobody has, and with a name that exists. Prints the median of each in milliseconds, and their
// ratio; the first tenth of the tries warms up and isn't counted.

import { startCountersign } from '../dist/test/support/countersign.js'
import { RawClient } from '../dist/test/support/e2e-raw.js'
import { startPostgres } from '../dist/test/support/postgres.js'

const tries = Number(process.argv[2] ?? 1000)
const cleanups = []
const scope = { teardown: (fn) => cleanups.unshift(fn) }

/** From the first byte of the startup packet to the end of the connection. */
async function failedLogin(port, user) {
  const client = await RawClient.open(port)
  const start = performance.now()
  await client.authenticate({ user, password: 'wrong', database: 'shop' })
  await client.closed()
  return performance.now() - start
}

function median(times) {
  const counted = times.slice(tries / 10).sort((a, b) => a - b)
  return counted[Math.floor(counted.length / 2)]
}

const db = await startPostgres(scope)
const proxy = await startCountersign(scope, { upstream: db.superuserUrl })
try {
  const times = { known: [], unknown: [] }
  const users = { known: 'bot', unknown: 'nob' }
  for (let index = 0; index < tries * 1.1; index++) {
    const order = index % 2 === 0 ? ['known', 'unknown'] : ['unknown', 'known']
    for (const kind of order) times[kind].push(await failedLogin(proxy.port, users[kind]))
  }
  const known = median(times.known)
  const unknown = median(times.unknown)
  console.log(`wrong password: ${known.toFixed(3)} ms, unknown agent: ${unknown.toFixed(3)} ms`)
  console.log(`ratio ${(unknown / known).toFixed(4)} over ${tries} tries each`)
} finally {
  for (const cleanup of cleanups) await cleanup()
}
