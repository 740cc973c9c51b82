import { randomBytes } from 'node:crypto'
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { ApiError } from '../api-error.ts'
import { cookieName, cookieOf, setCookie } from './cookies.ts'
import { fieldsOf } from './form-fields.ts'
import { hop } from './hop.ts'
import { oidcRoutes } from './oidc-sign-in.ts'
import { needOwnPage } from './own-page.ts'
import { page } from './page-frame.ts'
import { SignInLimit } from './sign-in-limit.ts'
import { ownAddress, type SignInContent, signInPage } from './sign-in-page.ts'
import type { InboxOptions } from './web-options.ts'
import { dropSession, giveSession, isSecure, needViewer, sessionSecret, viewerOf } from './who.ts'

/** The cookie that belongs to one sign-in form; nobody is signed in by somebody else's page. */
const FORM = 'countersign-form'
const FORM_SECONDS = 60 * 60

/** GET and POST /inbox/sign-in, POST /inbox/sign-out. */
export function signInRoutes(server: FastifyInstance, options: InboxOptions): void {
  const { web, log } = options
  const limit = new SignInLimit(options.clock)

  server.get('/inbox/sign-in', async (request, reply) => {
    const { to } = request.query as { to?: unknown }
    if (viewerOf(request, options)) return reply.redirect(ownAddress(to), 303)
    return show(request, reply, options, { problem: null, to: ownAddress(to) })
  })

  server.post('/inbox/sign-in', async (request, reply) => {
    const { form = '', to, token = '' } = fieldsOf(request)
    const expected = cookieOf(request, formCookie(request, options))
    needOwnPage(request, { publicUrl: web.publicUrl(), expected, given: form })
    const wait = limit.waitSeconds(request.ip)
    if (wait > 0) {
      reply.code(429).header('retry-after', wait)
      const problem = `Too many attempts. Wait ${wait} seconds.`
      return show(request, reply, options, { problem, to: ownAddress(to) })
    }
    const secret = web.sessions.begin(token.trim())
    if (secret === null) {
      limit.failed(request.ip)
      log(`inbox: a sign-in from ${request.ip} was refused`)
      const problem = 'This is no access token of a person. An agent’s password is none either.'
      return show(request, reply.code(403), options, { problem, to: ownAddress(to) })
    }
    giveSession(request, reply, web.publicUrl(), secret)
    return reply.redirect(ownAddress(to), 303)
  })

  oidcRoutes(server, options, (request, reply, problem) =>
    show(request, reply, options, { problem, to: '/inbox' }),
  )

  server.post('/inbox/sign-out', async (request, reply) => {
    const { formToken, account } = needViewer(request, options)
    const { form = '' } = fieldsOf(request)
    needOwnPage(request, { publicUrl: web.publicUrl(), expected: formToken, given: form })
    const secret = sessionSecret(request, web.publicUrl())
    if (secret !== null) web.sessions.end(secret)
    dropSession(request, reply, web.publicUrl())
    const { oidc } = web
    if (!account || !oidc) return reply.redirect('/inbox/sign-in', 303)
    oidc.accounts.lapse(account.person)
    const url = await oidc.client()?.signOutUrl(`${oidc.baseUrl()}/inbox/sign-in`)
    return url ? hop(reply, options, url.href) : reply.redirect('/inbox/sign-in', 303)
  })
}

/**
 * To the sign-in page. A cookie of SameSite=Strict doesn't come along where a link elsewhere (in a
 * chat, say) was followed; the second look, which is a page of ours asking, has it.
 */
export function wayIn(request: FastifyRequest, reply: FastifyReply, options: InboxOptions) {
  if (request.method !== 'GET') {
    throw new ApiError(401, 'signed_out', 'You are signed out. Sign in again.')
  }
  const { pathname } = new URL(request.url, 'http://inbox')
  const { from } = request.query as { from?: unknown }
  if (request.headers['sec-fetch-site'] === 'cross-site' && from !== 'link') {
    return hop(reply, options, `${ownAddress(pathname)}?from=link`)
  }
  return reply.redirect(`/inbox/sign-in?to=${encodeURIComponent(ownAddress(pathname))}`, 303)
}

function show(
  request: FastifyRequest,
  reply: FastifyReply,
  { web, clock }: InboxOptions,
  content: Omit<SignInContent, 'formToken' | 'issuer'>,
) {
  const name = formCookie(request, { web })
  const formToken = cookieOf(request, name) ?? randomBytes(32).toString('base64url')
  const secure = isSecure(request, web.publicUrl())
  reply.header('set-cookie', setCookie(name, formToken, { secure, maxAgeSeconds: FORM_SECONDS }))
  const main = signInPage({ ...content, formToken, issuer: web.oidc?.client()?.issuer ?? null })
  const frame = { assets: web.assets, now: clock.now(), viewer: null, pending: 0 }
  return reply.type('text/html; charset=utf-8').send(page(frame, { title: 'Sign in', main }))
}

function formCookie(request: FastifyRequest, { web }: Pick<InboxOptions, 'web'>): string {
  return cookieName(FORM, isSecure(request, web.publicUrl()))
}
