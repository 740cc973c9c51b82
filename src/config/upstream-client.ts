import pg from 'pg'
import { upstreamTarget } from '../net/upstream-target.ts'
import type { Upstream } from './upstream-url.ts'

const CONNECT_TIMEOUT_MS = 10_000
/** What pg says when a server answers SSLRequest with N. */
const NO_TLS = /does not support SSL/

/**
 * A connection of our own to an upstream, for its schema and for checks. TLS is as its `sslmode`
 * says; `prefer` goes on in clear only with a server that has no TLS. The caller ends it.
 *
 * @throws the server's error, or that of the network; neither holds the password
 */
export async function connectUpstreamClient(
  upstream: Upstream,
  applicationName = 'countersign',
): Promise<pg.Client> {
  const { login, tls } = upstreamTarget(upstream)
  const connect = (ssl: pg.ClientConfig['ssl']) => open(upstream, applicationName, ssl)
  if (login.tls === 'disable') return connect(false)
  try {
    return await connect(tls)
  } catch (error) {
    const mayGoOn = login.tls === 'prefer' && error instanceof Error && NO_TLS.test(error.message)
    if (mayGoOn) return connect(false)
    throw error
  }
}

async function open(
  { host, port, user, password, database }: Upstream,
  applicationName: string,
  ssl: pg.ClientConfig['ssl'],
): Promise<pg.Client> {
  const client = new pg.Client({
    host,
    port,
    user,
    password,
    database,
    ssl: ssl ?? false,
    application_name: applicationName,
    connectionTimeoutMillis: CONNECT_TIMEOUT_MS,
    keepAlive: true,
  })
  // An idle connection that breaks would otherwise end the process; the next query reports it.
  client.on('error', () => undefined)
  try {
    await client.connect()
    return client
  } catch (error) {
    await client.end().catch(() => undefined)
    throw error
  }
}
