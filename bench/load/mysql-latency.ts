import { type Latency, percentiles } from './latency.ts'
import { BenchClient } from './mysql-client.ts'
import type { Path } from './systems.ts'

const IDS = 1000

/** One kind of query: what a connection is to do once, and then again and again. */
export interface MysqlQuery {
  readonly name: string
  readonly open: (client: BenchClient) => Promise<() => Promise<number>>
}

const anyId = () => 1 + Math.floor(Math.random() * IDS)
const anySalt = () => Math.floor(Math.random() * 2_000_000_000)

export const MYSQL_QUERIES: readonly MysqlQuery[] = [
  { name: 'SELECT 1', open: async (client) => () => client.query('SELECT 1') },
  {
    name: '10 columns, text',
    open: async (client) => () => client.query(`SELECT * FROM ten WHERE id = ${anyId()}`),
  },
  {
    name: '10 columns, prepared',
    open: async (client) => {
      const execute = await client.prepare('SELECT * FROM ten WHERE id = ?')
      return () => execute(anyId())
    },
  },
  {
    // Its record is on disk before it runs: what is measured is the disk, too.
    name: 'INSERT of a row, prepared',
    open: async (client) => {
      const execute = await client.prepare('INSERT INTO notes VALUES (?)')
      return () => execute(anyId())
    },
  },
  {
    name: '10 columns, new text each time',
    open: async (client) => () =>
      client.query(`SELECT *, ${anySalt()} FROM ten WHERE id = ${anyId()}`),
  },
]

/** Runs one query over one path for some seconds, on connections that log in before. */
export async function measureMysqlLatency(
  path: Path,
  query: MysqlQuery,
  options: { readonly clients: number; readonly seconds: number },
): Promise<Latency> {
  const clients = await Promise.all(
    Array.from({ length: options.clients }, () => BenchClient.connect(path)),
  )
  const runs = await Promise.all(clients.map((client) => query.open(client)))
  const times: number[] = []
  const start = performance.now()
  const end = start + options.seconds * 1000
  await Promise.all(
    runs.map(async (run) => {
      for (let before = start; before < end; ) {
        await run()
        const now = performance.now()
        times.push((now - before) * 1000)
        before = now
      }
    }),
  )
  const tps = times.length / ((performance.now() - start) / 1000)
  for (const client of clients) client.end()
  return { ...percentiles(times), tps }
}
