import { readFileSync } from 'node:fs'
import type tls from 'node:tls'
import type { UpstreamLogin } from '../wire/handshake.ts'
import { UpstreamChannel } from './channels.ts'
import { Connection } from './connection.ts'

/** How to reach one database, with its credentials. Never logged, never shown. */
export interface UpstreamTarget {
  readonly host: string
  readonly port: number
  readonly login: UpstreamLogin
  readonly tls: tls.ConnectionOptions
}

/** The parts of an upstream's URL. */
export interface UpstreamParts {
  readonly system: 'postgresql' | 'mysql'
  readonly user: string
  readonly password: string
  readonly host: string
  readonly port: number
  readonly database: string
  readonly options: Readonly<Record<string, string>>
}

const SSL_MODES: Readonly<Record<string, UpstreamLogin['tls']>> = {
  disable: 'disable',
  allow: 'prefer',
  prefer: 'prefer',
  require: 'require',
  'verify-ca': 'require',
  'verify-full': 'require',
}

const OPTIONS: Readonly<Record<UpstreamParts['system'], readonly string[]>> = {
  postgresql: ['sslmode', 'sslrootcert', 'channel_binding'],
  mysql: ['sslmode', 'sslrootcert', 'server_public_key'],
}

/**
 * Reads sslmode, sslrootcert and channel_binding as libpq does (manual, section 34.1.2), for MySQL
 * too; `server_public_key` is the path of its RSA key (PEM), which encrypts the password where
 * there is no TLS. Throws where an option isn't known: what it would have changed can't be guessed.
 */
export function upstreamTarget(parts: UpstreamParts): UpstreamTarget {
  const { options, system } = parts
  for (const name of Object.keys(options)) {
    if (!OPTIONS[system].includes(name)) {
      throw new Error(`the upstream's URL has an option that is not supported: ${name}`)
    }
  }
  const sslmode = options.sslmode ?? 'prefer'
  const mode = SSL_MODES[sslmode]
  if (!mode) throw new Error(`sslmode=${sslmode} is not known; use verify-full`)
  const unixSocket = parts.host.startsWith('/')
  return {
    host: unixSocket ? socketPath(parts) : parts.host,
    port: parts.port,
    login: {
      user: parts.user,
      password: parts.password,
      database: parts.database,
      tls: unixSocket ? 'disable' : mode,
      channelBinding: options.channel_binding !== 'disable',
      local: unixSocket || /^(localhost|127\..*|::1)$/.test(parts.host),
      unixSocket,
      ...(options.server_public_key === undefined
        ? {}
        : { publicKey: readFileSync(options.server_public_key, 'utf8') }),
    },
    tls: tlsOptions(parts.host, sslmode, options.sslrootcert),
  }
}

/** PostgreSQL names its socket by the port; a MySQL server's has any name, mysqld.sock by default. */
function socketPath({ system, host, port }: UpstreamParts): string {
  if (system === 'postgresql') return `${host}/.s.PGSQL.${port}`
  return host.endsWith('.sock') ? host : `${host}/mysqld.sock`
}

function tlsOptions(
  host: string,
  sslmode: string,
  rootcert: string | undefined,
): tls.ConnectionOptions {
  const verifies = sslmode === 'verify-ca' || sslmode === 'verify-full'
  return {
    host,
    // A server name must not be an address (RFC 6066, section 3).
    ...(/^[\d.]+$|:/.test(host) ? {} : { servername: host }),
    rejectUnauthorized: verifies,
    ...(rootcert && rootcert !== 'system' ? { ca: readFileSync(rootcert) } : {}),
    ...(sslmode === 'verify-ca' ? { checkServerIdentity: () => undefined } : {}),
  }
}

/** Opens a connection; the handshake runs over the channel. */
export function connectUpstream(target: UpstreamTarget): UpstreamChannel {
  return new UpstreamChannel(Connection.connect(target.host, target.port), target.tls)
}
