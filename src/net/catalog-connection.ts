import pg from 'pg'
import { messageOf } from '../lib/errors.ts'
import type { UpstreamTarget } from './upstream-target.ts'

const CONNECT_MS = 10_000

/** A connection of the proxy's own to a database, for its schema. */
export async function connectForCatalog(target: UpstreamTarget): Promise<pg.Client> {
  const { tls } = target.login
  if (tls === 'disable') return connect(target, false)
  try {
    return await connect(target, true)
  } catch (error) {
    const offersNone = messageOf(error).includes('does not support SSL')
    if (tls === 'prefer' && offersNone) return connect(target, false)
    throw error
  }
}

async function connect(target: UpstreamTarget, secure: boolean): Promise<pg.Client> {
  const { user, password, database } = target.login
  // pg takes the folder of a unix socket, not the socket's own path.
  const host = target.host.replace(/\/\.s\.PGSQL\.\d+$/, '')
  const client = new pg.Client({
    host,
    port: target.port,
    user,
    password,
    database,
    ssl: secure ? target.tls : false,
    application_name: 'countersign catalog',
    connectionTimeoutMillis: CONNECT_MS,
  })
  // A connection that breaks while nobody asks must not end the process; the next question fails.
  client.on('error', () => {})
  await client.connect()
  return client
}
