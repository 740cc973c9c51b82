// What Countersign costs, beside a direct connection, a bare TCP relay and PgBouncer or HAProxy.
//
//   npm --prefix bench run load [-- --system mysql --only hold --seconds 3 --rounds 5 --json FILE]
//
// Starts each database system (postgres, mysql, or both) and every path to it. All paths take turns,
// in another order each round, so that what else the machine does meets all of them; what is shown
// is the median of the rounds.

import { writeFileSync } from 'node:fs'
import { availableParallelism, cpus } from 'node:os'
import { parseArgs } from 'node:util'
import { Cleanup } from './cleanup.ts'
import { measureIdle } from './idle.ts'
import { interleaved } from './latency.ts'
import { openMysqlSystem } from './mysql-system.ts'
import { openPostgresSystem } from './postgres-system.ts'
import { chart, type Row, table } from './report.ts'
import type { Bulk, PathName, System } from './systems.ts'

const CLIENTS = [1, 8, 32]
const SYSTEMS = { postgres: openPostgresSystem, mysql: openMysqlSystem }

const { values: options } = parseArgs({
  options: {
    system: { type: 'string', default: 'both' },
    // latency, bulk, idle or hold; all of them where it is left out.
    only: { type: 'string', default: '' },
    seconds: { type: 'string', default: '2' },
    rounds: { type: 'string', default: '5' },
    json: { type: 'string', default: 'bench-load.json' },
  },
})
const seconds = Number(options.seconds)
const rounds = Number(options.rounds)

const machine = { cpu: cpus()[0]?.model ?? '', cores: availableParallelism() }
const report = { at: new Date().toISOString(), machine, settings: { seconds, rounds } }
const systems: Record<string, object> = {}
if (options.system !== 'mysql') systems.postgres = await measured(SYSTEMS.postgres)
if (options.system !== 'postgres') systems.mysql = await measured(SYSTEMS.mysql)
writeFileSync(options.json, `${JSON.stringify({ ...report, systems }, null, 2)}\n`)
console.log(`written to ${options.json}`)

/** Opens a system, takes every figure, shows them and ends it. */
async function measured<Query extends { readonly name: string }>(
  open: (cleanup: Cleanup) => Promise<System<Query>>,
): Promise<{ readonly versions: object; readonly rows: readonly Row[] }> {
  const cleanup = new Cleanup()
  try {
    const system = await open(cleanup)
    const names = system.paths.map(({ name }) => name)
    const rows: Row[] = []
    const add = (...more: readonly Row[]) => {
      rows.push(...more)
      console.error(table(more, names, system.beside).split('\n').slice(1).join('\n'))
    }
    for (const query of asked('latency') ? system.queries : []) {
      for (const clients of CLIENTS) add(...(await latencyRows(system, query, clients)))
    }
    for (const bulk of asked('bulk') ? system.bulks : []) add(await bulkRow(system, bulk))
    if (asked('idle')) add(await idleRow(system))
    if (asked('hold')) add(...(await holdRows(system)))
    console.log(`\n${table(rows, names, system.beside)}\n\n${chart(rows, names)}\n`)
    return { versions: system.versions, rows }
  } finally {
    await cleanup.run()
  }
}

function asked(figure: 'latency' | 'bulk' | 'idle' | 'hold'): boolean {
  return options.only === '' || options.only === figure
}

async function latencyRows<Query extends { readonly name: string }>(
  system: System<Query>,
  query: Query,
  clients: number,
): Promise<Row[]> {
  const figures = await interleaved(system.paths, rounds, (path) =>
    system.latency(path, query, { clients, seconds }),
  )
  const direct = figures.get('direct') ?? { p50: 0, p99: 0, tps: 0 }
  const name = `${query.name}, ${clients} client${clients === 1 ? '' : 's'}`
  const row = (what: string, unit: string, value: (path: PathName) => number): Row => ({
    name: `${name}: ${what}`,
    unit,
    values: Object.fromEntries([...figures.keys()].map((path) => [path, value(path)])),
    drawn: what === 'added p50' && clients === 1,
  })
  return [
    row('p50', 'µs', (path) => figures.get(path)?.p50 ?? 0),
    row('added p50', 'µs', (path) => (figures.get(path)?.p50 ?? 0) - direct.p50),
    row('added p99', 'µs', (path) => (figures.get(path)?.p99 ?? 0) - direct.p99),
    row('throughput', '1/s', (path) => figures.get(path)?.tps ?? 0),
  ]
}

async function bulkRow<Query extends { readonly name: string }>(
  system: System<Query>,
  bulk: Bulk,
): Promise<Row> {
  const figures = await interleaved(system.paths, rounds, (path) => system.bulk(path, bulk.sql))
  const values = Object.fromEntries([...figures].map(([path, { speed }]) => [path, speed]))
  return { name: bulk.name, unit: 'MB/s', values, drawn: true }
}

async function idleRow<Query extends { readonly name: string }>(
  system: System<Query>,
): Promise<Row> {
  const values: Record<string, number> = {}
  for (const path of system.paths.filter(({ pid }) => pid > 0)) {
    values[path.name] = (await measureIdle(system.connect, path)).kilobytes / 1.024
  }
  return { name: 'memory of 1,000 idle connections', unit: 'MB', values, drawn: true }
}

async function holdRows<Query extends { readonly name: string }>(
  system: System<Query>,
): Promise<Row[]> {
  const holds: { readonly p50: number; readonly worst: number }[] = []
  for (let round = 0; round < rounds; round++) holds.push(await system.hold())
  const middle = holds.sort((a, b) => a.p50 - b.p50)[rounds >> 1] ?? { p50: Number.NaN }
  const worst = Math.max(...holds.map((each) => each.worst))
  const name = 'click to database of a held statement: p50'
  return [
    { name, unit: 'ms', values: { countersign: middle.p50 } },
    { name: `... slowest of ${rounds * 30}`, unit: 'ms', values: { countersign: worst } },
  ]
}
