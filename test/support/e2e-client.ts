import { once } from 'node:events'
import net from 'node:net'
import pg from 'pg'
import { serialize } from 'pg-protocol'
import type { Test } from 'tap'
import { AGENT, type Countersign } from './countersign.ts'
import type { Login } from './e2e-raw.ts'
import type { TestPostgres } from './postgres.ts'

/** An agent's connection through the proxy; it ends with the test. */
export async function connect(
  t: Test,
  proxy: Countersign,
  options: pg.ClientConfig = {},
): Promise<pg.Client> {
  const client = new pg.Client({ connectionString: proxy.url, ...options })
  client.on('error', () => {})
  await client.connect()
  t.teardown(() => client.end().catch(() => {}))
  return client
}

/** The agent's login for a raw client. */
export function loginOf(proxy: Countersign): Login {
  return { user: AGENT, password: proxy.password, database: 'shop' }
}

/** Resolves with the SQLSTATE that a query ended in, or with "done". Never rejects. */
export function codeOf(query: Promise<unknown>): Promise<string | undefined> {
  return query.then(
    () => 'done',
    (error: { code?: string; message?: string }) => error.code ?? error.message,
  )
}

/** Resolves with the error of a query that has to fail. Never rejects. */
export function errorFrom(query: Promise<unknown>): Promise<{ code?: string; message: string }> {
  return query.then(
    () => ({ message: 'no error' }),
    (error: { code?: string; message: string }) => error,
  )
}

export async function exists(db: TestPostgres, table: string): Promise<boolean> {
  const { rows } = await db.query('SELECT to_regclass($1) IS NOT NULL AS there', [table])
  return rows[0].there
}

/** A CancelRequest as drivers send it: on a connection of its own, answered by its end. */
export async function cancel(client: pg.Client, proxy: Countersign): Promise<void> {
  const { processID, secretKey } = client as unknown as { processID: number; secretKey: number }
  const socket = net.connect(proxy.port, '127.0.0.1')
  socket.write(serialize.cancel(processID, secretKey))
  socket.resume()
  await once(socket, 'close')
}

/** Denies whatever waits, so that one test's rest isn't the next one's surprise. */
export async function denyAll(proxy: Countersign): Promise<void> {
  for (const { id } of await proxy.requests()) await proxy.decide(id, 'deny', 'cleaning up')
}
