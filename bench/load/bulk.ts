import type net from 'node:net'
import pg from 'pg'
import { MILLION_ROWS } from './latency.ts'
import type { Path } from './systems.ts'

/** What is read whole: a million rows of some 100 bytes. */
export const BULKS = [
  { name: `SELECT of ${MILLION_ROWS}`, sql: 'SELECT * FROM plain' },
  { name: 'the same, one column masked by countersign', sql: 'SELECT * FROM people' },
  { name: 'COPY out of the same rows', sql: 'COPY plain TO STDOUT' },
] as const

/** ReadyForQuery, idle: the last bytes of an answer. */
const READY = Buffer.from('Z\0\0\0\x05I', 'latin1')

/**
 * Reads an answer as fast as it comes and looks at none of it, so that what is measured is the path
 * and not the client. Megabytes (1e6) a second.
 *
 * @throws Error where the answer isn't a result
 */
export async function measureBulk(path: Path, sql: string): Promise<{ readonly speed: number }> {
  const client = new pg.Client({ ...path, database: 'shop', ssl: false })
  await client.connect()
  try {
    const { stream } = (client as unknown as { connection: { stream: net.Socket } }).connection
    stream.removeAllListeners('data')
    const start = performance.now()
    const bytes = await answerOf(stream, sql)
    return { speed: bytes / 1000 / (performance.now() - start) }
  } finally {
    await client.end()
  }
}

function answerOf(stream: net.Socket, sql: string): Promise<number> {
  return new Promise((resolve, reject) => {
    let bytes = 0
    let tail: Buffer = Buffer.alloc(0)
    stream.on('data', (chunk: Buffer) => {
      if (bytes === 0 && chunk[0] === 0x45) reject(new Error(chunk.toString('latin1')))
      bytes += chunk.length
      tail = chunk.length >= READY.length ? chunk : Buffer.concat([tail, chunk])
      if (tail.subarray(-READY.length).equals(READY)) resolve(bytes)
    })
    stream.once('close', () => reject(new Error('the connection closed')))
    const text = Buffer.from(`${sql}\0`)
    const header = Buffer.from('Q\0\0\0\0', 'latin1')
    header.writeUInt32BE(text.length + 4, 1)
    stream.write(Buffer.concat([header, text]))
  })
}
