import pg from 'pg'
import type { Countersign } from '../../test/support/countersign.ts'
import { below, type Figure, told } from './figure.ts'
import { residentKiB } from './memory.ts'

const ROWS = 10_000_000
const BYTES_PER_TICK = 100_000
const TICK_MS = 100
const MOST_MIB = 64

/** A result of 10,000,000 rows to a client that reads 1 MB/s, for some seconds of it. */
export async function slowReader(proxy: Countersign, seconds: number): Promise<Figure[]> {
  const client = new pg.Client({ connectionString: proxy.url })
  client.on('error', () => {})
  await client.connect()
  // The grammar's own compilation is not what is measured.
  for (let index = 0; index < 2000; index++) await client.query(`SELECT ${index} AS warm_up`)
  const before = residentKiB(proxy.pid)
  const { stream } = (client as unknown as { connection: { stream: NodeJS.ReadableStream } })
    .connection
  stream.removeAllListeners('data')
  let read = 0
  let allowed = BYTES_PER_TICK
  let highest = before
  stream.on('data', (chunk: Buffer) => {
    read += chunk.length
    if (read > allowed) stream.pause()
  })
  const sql = `SELECT g, repeat('x', 80) FROM generate_series(1, ${ROWS}) g`
  const { connection } = client as unknown as { connection: { query(sql: string): void } }
  connection.query(sql)
  await new Promise<void>((resolve) => {
    const ticks = setInterval(() => {
      allowed += BYTES_PER_TICK
      if (read <= allowed) stream.resume()
      highest = Math.max(highest, residentKiB(proxy.pid))
    }, TICK_MS)
    setTimeout(() => resolve(clearInterval(ticks)), seconds * 1000)
  })
  ;(stream as unknown as { destroy(): void }).destroy()
  return [
    told('slow reader: read', read / 2 ** 20, 'MiB'),
    below('slow reader: the proxy has grown by', (highest - before) / 1024, 'MiB', MOST_MIB),
  ]
}
