import { once } from 'node:events'
import net from 'node:net'
import pg from 'pg'
import { serialize } from 'pg-protocol'
import postgres from 'postgres'
import type { Driver, DriverSession, OpenOptions, Outcome, Value } from './clients-driver.ts'
import type { ClientsWorld } from './clients-world.ts'

/** node-postgres. */
export function nodePostgres(world: ClientsWorld): Driver {
  return {
    name: 'node-postgres',
    open: async (options) => nodePostgresSession(world, options),
  }
}

/** TLS binds the password's exchange to the certificate (SCRAM-SHA-256-PLUS). */
export async function connectNodePostgres(
  world: ClientsWorld,
  { tls, hold }: OpenOptions,
): Promise<pg.Client> {
  const client = new pg.Client({
    connectionString: world.proxy.url,
    ...(tls ? { ssl: { rejectUnauthorized: false }, enableChannelBinding: true } : {}),
    ...(hold ? { options: `-c countersign.hold=${hold}` } : {}),
  })
  client.on('error', () => {})
  await client.connect()
  return client
}

async function nodePostgresSession(
  world: ClientsWorld,
  options: OpenOptions,
): Promise<DriverSession> {
  const client = await connectNodePostgres(world, options)
  return {
    run: (text, ...values) => outcomeOf(asRows(client, text, values)),
    cancel: () => cancelNodePostgres(world, client),
    close: () => client.end(),
  }
}

async function asRows(client: pg.Client, text: string, values: readonly Value[]) {
  // Named, so that what is asked again is bound again and not parsed again.
  const named = values.length > 0 ? { name: text.slice(0, 63), values: [...values] } : {}
  const { rows } = await client.query({ text, rowMode: 'array', ...named })
  return rows as unknown[][]
}

/** The client's own way to cancel; it has no word for one over TLS, which the server takes too. */
async function cancelNodePostgres(world: ClientsWorld, client: pg.Client): Promise<void> {
  const { processID, secretKey } = client as unknown as { processID: number; secretKey: number }
  const socket = net.connect(world.proxy.port, '127.0.0.1')
  socket.write(serialize.cancel(processID, secretKey))
  socket.resume()
  await once(socket, 'close')
}

export function connectPostgresJs(
  world: ClientsWorld,
  { tls, hold }: OpenOptions,
): postgres.Sql<Record<string, never>> {
  return postgres(world.proxy.url, {
    max: 1,
    ssl: tls ? { rejectUnauthorized: false } : false,
    onnotice: () => {},
    connection: hold ? { 'countersign.hold': hold } : {},
  })
}

/** postgres.js; its cancel is the query's own. */
export function postgresJs(world: ClientsWorld): Driver {
  return {
    name: 'postgres.js',
    open: async (options) => {
      const sql = connectPostgresJs(world, options)
      let running: { cancel(): void } | null = null
      return {
        run: (text, ...values) => {
          const query = sql.unsafe(text, [...values], { prepare: true })
          running = query
          return outcomeOf(query.values())
        },
        cancel: async () => {
          running?.cancel()
        },
        close: () => sql.end({ timeout: 5 }),
      }
    },
  }
}

/** Cells as the server's text would be, as near as the tests need it. */
async function outcomeOf(rows: PromiseLike<readonly (readonly unknown[])[]>): Promise<Outcome> {
  try {
    const text = (cell: unknown) => (cell === null ? 'NULL' : String(cell))
    return { rows: (await rows).map((row) => row.map(text).join('|')).join(';') }
  } catch (error) {
    const { code = '', message, detail = '' } = error as Record<string, string>
    return { code, message: `${message} ${detail}` }
  }
}
