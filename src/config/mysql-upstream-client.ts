import { connect, type Socket } from 'node:net'
import { authPlugins } from 'mysql2'
import mysql, { type Connection, type ConnectionOptions, type SslOptions } from 'mysql2/promise'
import { type UpstreamTarget, upstreamTarget } from '../net/upstream-target.ts'
import type { Upstream } from './upstream-url.ts'

const CONNECT_TIMEOUT_MS = 10_000
/** What mysql2 says when a server's greeting offers no TLS. */
const NO_TLS = 'HANDSHAKE_NO_SSL_SUPPORT'

/**
 * A connection of our own to a MySQL or MariaDB upstream, for its schema and for checks. TLS is as
 * its `sslmode` says; `prefer` goes on in clear only with a server that has no TLS. It runs one
 * statement at a time and sends no files; dates, big integers and JSON come as strings. The caller
 * ends it.
 *
 * @throws the server's error, or that of the network; neither holds the password
 */
export async function connectMysqlClient(
  upstream: Upstream,
  applicationName = 'countersign',
): Promise<Connection> {
  const target = upstreamTarget(upstream)
  const open = (ssl: SslOptions | undefined) => openWith(upstream, target, applicationName, ssl)
  const { tls } = target.login
  if (tls === 'disable') return open(undefined)
  try {
    return await open(sslOptions(upstream, target))
  } catch (error) {
    if (tls === 'prefer' && (error as { code?: unknown }).code === NO_TLS) return open(undefined)
    throw error
  }
}

/** sslmode, as upstreamTarget() has read it; a root certificate that can't be read is its to tell. */
function sslOptions({ options }: Upstream, { tls }: UpstreamTarget): SslOptions {
  return {
    rejectUnauthorized: tls.rejectUnauthorized === true,
    verifyIdentity: options.sslmode === 'verify-full',
    ...(tls.ca === undefined ? {} : { ca: tls.ca as Buffer }),
  }
}

async function openWith(
  upstream: Upstream,
  target: UpstreamTarget,
  applicationName: string,
  ssl: SslOptions | undefined,
): Promise<Connection> {
  const { user, password, database, host } = upstream
  const socket = openSocket(target)
  const options: ConnectionOptions = {
    host,
    user,
    password,
    database,
    stream: socket,
    ...(ssl ? { ssl } : {}),
    charset: 'utf8mb4',
    connectTimeout: CONNECT_TIMEOUT_MS,
    connectAttributes: { program_name: applicationName },
    flags: ['-LOCAL_FILES'],
    multipleStatements: false,
    authPlugins: guardedPlugins(target, ssl !== undefined || target.login.unixSocket === true),
    supportBigNumbers: true,
    bigNumberStrings: true,
    dateStrings: true,
    jsonStrings: true,
    disableEval: true,
  }
  try {
    const connection = await mysql.createConnection(options)
    // An idle connection that breaks would otherwise end the process; the next query reports it.
    connection.on('error', () => undefined)
    return connection
  } catch (error) {
    socket.destroy()
    throw error
  }
}

function openSocket({ host, port, login }: UpstreamTarget): Socket {
  if (login.unixSocket) return connect(host)
  const socket = connect(port, host)
  // Node checks a certificate against the name that the socket was opened with; where that is an
  // address it has none and would take "localhost".
  return Object.assign(socket, { _host: host }).setNoDelay(true).setKeepAlive(true)
}

type Plugins = NonNullable<ConnectionOptions['authPlugins']>

/**
 * Some plugins would give the password away in clear: sha256_password, and caching_sha2_password to
 * whoever stands between and sends a key of its own.
 */
function guardedPlugins({ login }: UpstreamTarget, secret: boolean): Plugins {
  const caching = authPlugins.caching_sha2_password({
    overrideIsSecure: secret,
    ...(login.publicKey === undefined ? {} : { serverPublicKey: login.publicKey }),
    onServerPublicKey: () => {
      if (!login.local) {
        throw new Error('the server asks for the password: use TLS, or give its public key')
      }
    },
  })
  const refused = (plugin: string) => () => () => {
    // MySQL asks those whom it doesn't know for any of its plugins.
    throw new Error(`the user isn't known, or signs in by ${plugin}, which is not supported`)
  }
  return {
    caching_sha2_password: caching,
    sha256_password: refused('sha256_password'),
    mysql_clear_password: refused('mysql_clear_password'),
  }
}
