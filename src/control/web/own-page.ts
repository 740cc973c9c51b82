import { timingSafeEqual } from 'node:crypto'
import type { FastifyRequest } from 'fastify'
import { ApiError } from '../api-error.ts'

/**
 * Throws 403 unless a POST comes from a page of ours. Browsers say where from in Sec-Fetch-Site
 * (Fetch Metadata) on TLS and on this machine, and in Origin (RFC 6454); a form under
 * `no-referrer` sends Origin: null, so what decides in the end is the token that the form carries.
 */
export function needOwnPage(
  request: FastifyRequest,
  options: {
    readonly publicUrl: string | null
    /** Of the session, or of the cookie that came with the sign-in page; null where there is none. */
    readonly expected: string | null
    readonly given: string
  },
): void {
  const site = request.headers['sec-fetch-site']
  if (site !== undefined && site !== 'same-origin') foreign()
  const { origin } = request.headers
  if (origin !== undefined && origin !== 'null' && !isOwn(origin, request, options.publicUrl)) {
    foreign()
  }
  if (options.expected === null || !same(options.expected, options.given)) {
    throw new ApiError(
      403,
      'stale_form',
      'This page has been open for too long. Load it again; nothing was decided.',
    )
  }
}

function isOwn(origin: string, { headers }: FastifyRequest, publicUrl: string | null): boolean {
  if (publicUrl !== null && new URL(publicUrl).origin === origin) return true
  return origin === `http://${headers.host}` || origin === `https://${headers.host}`
}

function same(a: string, b: string): boolean {
  const [left, right] = [Buffer.from(a), Buffer.from(b)]
  return left.length === right.length && timingSafeEqual(left, right)
}

function foreign(): never {
  throw new ApiError(403, 'cross_site', 'Another site asked for this; nothing was decided.')
}
