/** An upstream, as its URL in the configuration says. */
export interface Upstream {
  readonly system: 'postgresql' | 'mysql'
  readonly user: string
  readonly password: string
  /** A host name or address; the path of a folder where it is a unix socket. */
  readonly host: string
  readonly port: number
  readonly database: string
  /** sslmode, sslrootcert and whatever else stands behind the question mark. */
  readonly options: Readonly<Record<string, string>>
}

const SYSTEMS: Record<string, { system: Upstream['system']; port: number }> = {
  'postgres:': { system: 'postgresql', port: 5432 },
  'postgresql:': { system: 'postgresql', port: 5432 },
  'mysql:': { system: 'mysql', port: 3306 },
}

/**
 * Reads postgres://user:password@host:port/database?sslmode=... as libpq does (manual, 34.1.1.2):
 * parts are percent-encoded, a host that begins with %2F is the folder of a unix socket.
 *
 * @returns what is wrong with it, without its content, where it can't be read
 */
export function parseUpstream(text: string): Upstream | { readonly problem: string } {
  if (!URL.canParse(text)) {
    return {
      problem:
        'is not a URL; write postgres://user:password@host:5432/database?sslmode=verify-full',
    }
  }
  const url = new URL(text)
  const known = SYSTEMS[url.protocol]
  if (!known) return { problem: 'is not a database URL; it begins with postgres:// or mysql://' }
  try {
    return requireParts({
      system: known.system,
      user: decodeURIComponent(url.username),
      password: decodeURIComponent(url.password),
      host: decodeURIComponent(url.hostname).replace(/^\[|\]$/g, ''),
      port: url.port === '' ? known.port : Number(url.port),
      database: decodeURIComponent(url.pathname.slice(1)),
      options: Object.fromEntries(url.searchParams),
    })
  } catch {
    return { problem: 'holds a % that is not followed by two hexadecimal digits' }
  }
}

function requireParts(upstream: Upstream): Upstream | { readonly problem: string } {
  for (const part of ['user', 'host', 'database'] as const) {
    if (upstream[part] === '') return { problem: `names no ${part}` }
  }
  return upstream
}

/** Whether two URLs lead to the same database, as far as their texts tell. */
export function sameDatabase(one: string, other: string): boolean {
  const [a, b] = [parseUpstream(one), parseUpstream(other)]
  if ('problem' in a || 'problem' in b) return one === other
  return (
    a.system === b.system && a.host === b.host && a.port === b.port && a.database === b.database
  )
}

/** host:port/database, for messages. */
export function showUpstream(upstream: Upstream): string {
  return `${upstream.host}:${upstream.port}/${upstream.database}`
}
