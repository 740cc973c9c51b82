// What masks cost: rows of ten text columns, of which none, one or all are masked.
//
//   npm --prefix bench run masks [-- --rounds 5]
//
// A client that looks at nothing reads 200,000 rows of some 300 bytes through the proxy. The tables
// take turns, so that what else the machine does meets all of them; shown are medians.

import { parseArgs } from 'node:util'
import { AGENT, startCountersign } from '../../test/support/countersign.ts'
import { startPostgres } from '../../test/support/postgres.ts'
import { measureBulk } from '../load/bulk.ts'
import { Cleanup } from '../load/cleanup.ts'
import { startRelay } from '../load/start-relay.ts'

const MASKS = ['redact', 'null', 'partial', 'hash'] as const
const COLUMNS = Array.from({ length: 10 }, (_, index) => `c${index}`)
const ROWS = 200_000

const { values: options } = parseArgs({ options: { rounds: { type: 'string', default: '5' } } })
const cleanup = new Cleanup()
try {
  const speeds = await measured(Number(options.rounds))
  const whole = speeds.get('plain') ?? Number.NaN
  for (const [name, speed] of speeds) {
    const ratio = (speed / whole).toFixed(2)
    console.log(`${name.padEnd(28)}${speed.toFixed(0).padStart(6)} rows/ms  ${ratio}`)
  }
} finally {
  await cleanup.run()
}

/** Rows in a millisecond, by table; of `plain` by the bare relay, too. */
async function measured(rounds: number): Promise<Map<string, number>> {
  const tables = ['plain', ...MASKS.flatMap((mask) => [`one_${mask}`, `all_${mask}`])]
  const schema = tables.map(tableOf).join('')
  const db = await startPostgres(cleanup, { schema: `${schema}ANALYZE;` })
  const relay = await startRelay(cleanup, db.port)
  const proxy = await startCountersign(cleanup, {
    upstream: db.url,
    database: { classified: Object.fromEntries(MASKS.flatMap(classesOf)) },
    config: { masks: Object.fromEntries(MASKS.map((mask) => [`by.${mask}`, mask])) },
  })
  const account = { host: '127.0.0.1', user: db.user, password: db.password } as const
  const bare = { name: 'relay', ...account, port: relay.port, pid: relay.pid } as const
  const agent = { host: '127.0.0.1', user: AGENT, password: proxy.password } as const
  const path = { name: 'countersign', ...agent, port: proxy.port, pid: proxy.pid } as const
  const times = new Map<string, number[]>()
  const ways = [
    { name: 'plain, by the bare relay', table: 'plain', way: bare },
    ...tables.map((table) => ({ name: table, table, way: path })),
  ]
  for (let round = 0; round < rounds; round++) {
    for (const { name, table, way } of ways) {
      const start = performance.now()
      await measureBulk(way, `SELECT * FROM ${table}`)
      times.set(name, [...(times.get(name) ?? []), performance.now() - start])
    }
  }
  return new Map([...times].map(([name, each]) => [name, ROWS / median(each)]))
}

function tableOf(name: string): string {
  const types = COLUMNS.map((column) => `${column} text`).join(', ')
  const values = COLUMNS.map((column) => `'ana.lopez.${column}.' || n || '@example.com'`).join(', ')
  const rows = `SELECT ${values} FROM generate_series(1, ${ROWS}) n`
  return `CREATE TABLE ${name} (${types}); INSERT INTO ${name} ${rows};\n`
}

function classesOf(mask: string): [string, string][] {
  return [
    [`public.one_${mask}.c3`, `by.${mask}`],
    [`public.all_${mask}.*`, `by.${mask}`],
  ]
}

function median(numbers: readonly number[]): number {
  return [...numbers].sort((a, b) => a - b)[numbers.length >> 1] ?? Number.NaN
}
