import { readFileSync } from 'node:fs'
import type tls from 'node:tls'
import type { UpstreamLogin } from '../wire/protocol.ts'
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

/**
 * Reads sslmode, sslrootcert and channel_binding as libpq does (manual, section 34.1.2).
 * Throws where an option isn't known: what it would have changed can't be guessed.
 */
export function upstreamTarget(parts: UpstreamParts): UpstreamTarget {
  const { options } = parts
  for (const name of Object.keys(options)) {
    if (!['sslmode', 'sslrootcert', 'channel_binding'].includes(name)) {
      throw new Error(`the upstream's URL has an option that is not supported: ${name}`)
    }
  }
  const sslmode = options.sslmode ?? 'prefer'
  const mode = SSL_MODES[sslmode]
  if (!mode) throw new Error(`sslmode=${sslmode} is not known; use verify-full`)
  return {
    host: parts.host.startsWith('/') ? `${parts.host}/.s.PGSQL.${parts.port}` : parts.host,
    port: parts.port,
    login: {
      user: parts.user,
      password: parts.password,
      database: parts.database,
      tls: parts.host.startsWith('/') ? 'disable' : mode,
      channelBinding: options.channel_binding !== 'disable',
      local: parts.host.startsWith('/') || /^(localhost|127\..*|::1)$/.test(parts.host),
    },
    tls: tlsOptions(parts.host, sslmode, options.sslrootcert),
  }
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
