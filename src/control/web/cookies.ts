import type { FastifyRequest } from 'fastify'

/** The value of a cookie (RFC 6265, section 5.4); null where there is none, or where it isn't ours. */
export function cookieOf(request: FastifyRequest, name: string): string | null {
  for (const pair of (request.headers.cookie ?? '').split(';')) {
    const at = pair.indexOf('=')
    if (at < 0 || pair.slice(0, at).trim() !== name) continue
    const value = pair.slice(at + 1).trim()
    return /^[A-Za-z0-9_-]{43}$/.test(value) ? value : null
  }
  return null
}

/**
 * A Set-Cookie that no script reads and, unless it is Lax, no other site sends. `__Host-` keeps other hosts of the
 * same domain from setting it (RFC 6265bis, section 4.1.3.2) and needs TLS.
 */
export function setCookie(
  name: string,
  value: string,
  options: {
    readonly secure: boolean
    readonly maxAgeSeconds: number
    readonly sameSite?: 'Lax' | 'Strict'
  },
): string {
  const secure = options.secure ? '; Secure' : ''
  const { maxAgeSeconds, sameSite = 'Strict' } = options
  return `${name}=${value}; Path=/; Max-Age=${maxAgeSeconds}; HttpOnly; SameSite=${sameSite}${secure}`
}

export function cookieName(plain: string, secure: boolean): string {
  return secure ? `__Host-${plain}` : plain
}
