import type { FastifyReply, FastifyRequest } from 'fastify'
import type { Proof } from '../../approval/answer.ts'
import type { LinkedBy } from '../../identity/chat-link.ts'
import type { Person } from '../../identity/principal.ts'
import { ApiError } from '../api-error.ts'
import { cookieName, cookieOf, setCookie } from './cookies.ts'
import type { InboxOptions } from './web-options.ts'
import { SESSION_MS, type SessionAccount } from './web-sessions.ts'

const SESSION = 'countersign'

/** Somebody who is signed in, as the configuration knows them now. */
export interface Viewer {
  readonly person: Person
  readonly formToken: string
  /** Of the identity provider; null where they signed in with an access token. */
  readonly account: SessionAccount | null
  /** By what they are signed in: what they do here that lasts is good for as long as that is. */
  readonly by: LinkedBy
}

/** When, and how, they proved who they are; null where nobody has said so. */
export function proofOf({ account }: Viewer): Proof | null {
  if (!account || account.authenticatedAt === null) return null
  return { authenticatedAt: account.authenticatedAt, acr: account.acr }
}

/** Null where nobody is signed in: no session, its time is over, or the person isn't listed any more. */
export function viewerOf(
  request: FastifyRequest,
  { web, directory }: Pick<InboxOptions, 'web' | 'directory'>,
): Viewer | null {
  const secret = sessionSecret(request, web.publicUrl())
  const session = secret === null ? null : web.sessions.find(secret)
  const person = session === null ? undefined : directory().person(session.person)
  if (!session || !person) return null
  const { formToken, account, by } = session
  return { person, formToken, account, by }
}

/** The same, and 401 where nobody is signed in. */
export function needViewer(
  request: FastifyRequest,
  options: Pick<InboxOptions, 'web' | 'directory'>,
): Viewer {
  const viewer = viewerOf(request, options)
  if (viewer) return viewer
  throw new ApiError(401, 'signed_out', 'You are signed out. Sign in again; nothing was decided.')
}

export function sessionSecret(request: FastifyRequest, publicUrl: string | null): string | null {
  return cookieOf(request, cookieName(SESSION, isSecure(request, publicUrl)))
}

export function giveSession(
  request: FastifyRequest,
  reply: FastifyReply,
  publicUrl: string | null,
  secret: string,
): void {
  const secure = isSecure(request, publicUrl)
  const maxAgeSeconds = SESSION_MS / 1000
  reply.header(
    'set-cookie',
    setCookie(cookieName(SESSION, secure), secret, { secure, maxAgeSeconds }),
  )
}

export function dropSession(
  request: FastifyRequest,
  reply: FastifyReply,
  publicUrl: string | null,
): void {
  const secure = isSecure(request, publicUrl)
  const name = cookieName(SESSION, secure)
  reply.header('set-cookie', setCookie(name, '', { secure, maxAgeSeconds: 0 }))
}

/**
 * Whether the browser speaks TLS with whoever stands in front of us. Where the public address does,
 * every cookie is Secure, unless the page is asked for on this machine itself.
 */
export function isSecure({ headers }: FastifyRequest, publicUrl: string | null): boolean {
  if (publicUrl === null || !publicUrl.startsWith('https:')) return false
  return new URL(publicUrl).host === headers.host || !isLoopback(headers.host ?? '')
}

function isLoopback(host: string): boolean {
  return /^(?:127\.\d+\.\d+\.\d+|localhost|\[::1\])(?::\d+)?$/.test(host)
}
