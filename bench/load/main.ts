// What Countersign costs, beside a direct connection, a bare TCP relay and PgBouncer.
//
//   npm --prefix bench run load [-- --seconds 3 --rounds 5 --json FILE]
//
// Starts a PostgreSQL and every path to it. All paths take turns, in another order each round, so
// that what else the machine does meets all of them; what is shown is the median of the rounds.

import { writeFileSync } from 'node:fs'
import { availableParallelism, cpus } from 'node:os'
import { parseArgs } from 'node:util'
import { BULKS, measureBulk } from './bulk.ts'
import { Cleanup } from './cleanup.ts'
import { measureHold, STAMPS } from './hold.ts'
import { measureIdle } from './idle.ts'
import { interleaved, measureLatency, QUERIES } from './latency.ts'
import { buildWorld, type Path, type World } from './paths.ts'
import { chart, type Row, table } from './report.ts'

const CLIENTS = [1, 8, 32]

const { values: options } = parseArgs({
  options: {
    seconds: { type: 'string', default: '2' },
    rounds: { type: 'string', default: '5' },
    json: { type: 'string', default: 'bench-load.json' },
  },
})
const seconds = Number(options.seconds)
const rounds = Number(options.rounds)

const cleanup = new Cleanup()
try {
  const world = await buildWorld(cleanup)
  const rows: Row[] = []
  const add = (...more: readonly Row[]) => {
    rows.push(...more)
    console.error(table(more).split('\n').slice(1).join('\n'))
  }
  for (const query of QUERIES) {
    for (const clients of CLIENTS) add(...(await latencyRows(world, query, clients)))
  }
  for (const bulk of BULKS) add(await bulkRow(world, bulk))
  add(await idleRow(world))
  add(...(await holdRows(world)))
  console.log(`\n${table(rows)}\n\n${chart(rows)}\n`)
  const machine = { cpu: cpus()[0]?.model ?? '', cores: availableParallelism() }
  const settings = { seconds, rounds }
  const report = { at: new Date().toISOString(), machine, ...world.versions, settings, rows }
  writeFileSync(options.json, `${JSON.stringify(report, null, 2)}\n`)
  console.log(`written to ${options.json}`)
} finally {
  await cleanup.run()
}

async function latencyRows(
  { paths }: World,
  query: (typeof QUERIES)[number],
  clients: number,
): Promise<Row[]> {
  const figures = await interleaved(paths, rounds, (path) =>
    measureLatency(path, query, { clients, seconds }),
  )
  const direct = figures.get('direct') ?? { p50: 0, p99: 0, tps: 0 }
  const name = `${query.name}, ${clients} client${clients === 1 ? '' : 's'}`
  const row = (what: string, unit: string, value: (path: Path['name']) => number): Row => ({
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

async function bulkRow({ paths }: World, bulk: (typeof BULKS)[number]): Promise<Row> {
  const figures = await interleaved(paths, rounds, (path) => measureBulk(path, bulk.sql))
  const values = Object.fromEntries([...figures].map(([path, { speed }]) => [path, speed]))
  return { name: bulk.name, unit: 'MB/s', values, drawn: true }
}

async function idleRow({ paths }: World): Promise<Row> {
  const values: Record<string, number> = {}
  for (const path of paths.filter(({ pid }) => pid > 0)) {
    values[path.name] = (await measureIdle(path)).kilobytes / 1.024
  }
  return { name: 'memory of 1,000 idle connections', unit: 'MB', values, drawn: true }
}

async function holdRows(world: World): Promise<Row[]> {
  for (const statement of STAMPS.split(/;\n/)) {
    if (statement.trim() !== '') await world.db.query(statement)
  }
  const { p50, worst } = await measureHold(world)
  return [
    {
      name: 'click to database of a held statement: p50',
      unit: 'ms',
      values: { countersign: p50 },
    },
    { name: '... slowest of 30', unit: 'ms', values: { countersign: worst } },
  ]
}
