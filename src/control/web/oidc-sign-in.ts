import { randomBytes } from 'node:crypto'
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import type { OidcAsk, OidcClient } from '../../identity/oidc-client.ts'
import { OidcFailure } from '../../identity/oidc-failure.ts'
import type { OidcIdentity } from '../../identity/oidc-identity.ts'
import { ApiError } from '../api-error.ts'
import { cookieName, cookieOf, setCookie } from './cookies.ts'
import { hop } from './hop.ts'
import { FLOW_MS, OidcFlows, type PendingSignIn } from './oidc-flows.ts'
import { ownAddress } from './sign-in-page.ts'
import type { InboxOptions } from './web-options.ts'
import { giveSession, isSecure, sessionSecret, viewerOf } from './who.ts'

/** What holds a sign-in to the browser in which it was begun. */
const BROWSER = 'countersign-oidc'
export const CALLBACK = '/inbox/oidc/callback'

/** Shows the way in again, with what was wrong. */
type ShowProblem = (
  request: FastifyRequest,
  reply: FastifyReply,
  problem: string,
) => FastifyReply | Promise<FastifyReply>

/**
 * GET /inbox/oidc/start and its callback. The callback comes from another site, so the cookie that
 * it needs is SameSite=Lax; it opens nothing by itself. The session's stays Strict.
 */
export function oidcRoutes(
  server: FastifyInstance,
  options: InboxOptions,
  showProblem: ShowProblem,
): void {
  const flows = new OidcFlows(options.clock)
  const refuse = (request: FastifyRequest, reply: FastifyReply, problem: string) => {
    options.log(`inbox: a sign-in from ${request.ip} was refused: ${problem}`)
    return showProblem(request, reply.code(403), problem)
  }

  server.get('/inbox/oidc/start', async (request, reply) => {
    const { client, baseUrl } = needOidc(options)
    const { to, how } = request.query as { to?: unknown; how?: unknown }
    try {
      const ask: OidcAsk = { redirectUri: baseUrl() + CALLBACK, how: howOf(how) }
      const { url, flow } = await client.begin(ask)
      const browser = rememberBrowser(request, reply, options)
      flows.add(browser, { flow, to: ownAddress(to), renews: renewedBy(request, options) })
      return reply.redirect(url.href, 303)
    } catch (error) {
      return failed(error, (problem) => refuse(request, reply, problem))
    }
  })

  server.get(CALLBACK, async (request, reply) => {
    const { client } = needOidc(options)
    const browser = cookieOf(request, browserCookie(request, options))
    const { state } = request.query as { state?: unknown }
    const pending = flows.take(browser, typeof state === 'string' ? state : '')
    if (!pending) return refuse(request, reply, NOT_BEGUN_HERE)
    try {
      const identity = await client.finish(
        new URL(request.url, 'http://inbox').search,
        pending.flow,
      )
      const problem = await signIn(request, reply, options, { identity, pending })
      return problem === null ? hop(reply, options, pending.to) : refuse(request, reply, problem)
    } catch (error) {
      // A silent renewal that needs the person takes nothing away but what it would have renewed.
      if (error instanceof OidcFailure && pending.flow.how === 'silent') {
        return hop(reply, options, pending.to)
      }
      return failed(error, (problem) => refuse(request, reply, problem))
    }
  })
}

const NOT_BEGUN_HERE =
  'This sign-in was not begun in this browser, or took too long. Begin it again.'

/** Begins the session, or says why it doesn't. It is always a new one, whatever cookie came in. */
async function signIn(
  request: FastifyRequest,
  reply: FastifyReply,
  { web, directory }: InboxOptions,
  { identity, pending }: { readonly identity: OidcIdentity; readonly pending: PendingSignIn },
): Promise<string | null> {
  const { accounts, record } = needOidc({ web })
  const { renews, flow } = pending
  const { issuer, subject, authenticatedAt, acr } = identity
  if (flow.how === 'fresh' && authenticatedAt === null) {
    return 'The identity provider does not say when you signed in, so it proves nothing new.'
  }
  const admission = accounts.admit(identity, directory())
  if (!admission.ok) return admission.message
  const person = admission.person.email
  if (renews !== null && renews.person !== person) {
    return `You were signed in as ${renews.person} and came back as ${person}. Sign out first.`
  }
  const at = authenticatedAt === null ? null : new Date(authenticatedAt).toISOString()
  await record({
    ...{ type: 'person.signed_in', person, issuer, subject },
    ...{ authenticatedAt: at, acr },
  })
  if (renews !== null) web.sessions.end(renews.secret)
  const secret = web.sessions.beginWith({ person, issuer, subject, authenticatedAt, acr })
  giveSession(request, reply, web.publicUrl(), secret)
  return null
}

function howOf(how: unknown): OidcAsk['how'] {
  return how === 'silent' || how === 'fresh' ? how : 'usual'
}

function renewedBy(request: FastifyRequest, options: InboxOptions): PendingSignIn['renews'] {
  const viewer = viewerOf(request, options)
  const secret = sessionSecret(request, options.web.publicUrl())
  return viewer && secret !== null ? { secret, person: viewer.person.email } : null
}

/** Several sign-ins of one browser, in tabs of it, share the cookie. */
function rememberBrowser(
  request: FastifyRequest,
  reply: FastifyReply,
  options: InboxOptions,
): string {
  const name = browserCookie(request, options)
  const value = cookieOf(request, name) ?? randomBytes(32).toString('base64url')
  const secure = isSecure(request, options.web.publicUrl())
  const maxAgeSeconds = FLOW_MS / 1000
  reply.header('set-cookie', setCookie(name, value, { secure, maxAgeSeconds, sameSite: 'Lax' }))
  return value
}

function browserCookie(request: FastifyRequest, { web }: InboxOptions): string {
  return cookieName(BROWSER, isSecure(request, web.publicUrl()))
}

function needOidc({ web }: Pick<InboxOptions, 'web'>) {
  const client: OidcClient | null = web.oidc?.client() ?? null
  if (!web.oidc || !client) {
    throw new ApiError(404, 'not_found', 'Nobody signs in this way here: no oidc is configured.')
  }
  return { ...web.oidc, client }
}

/** Only the code of the provider's answer is shown: its text could be anybody's. */
function failed<T>(error: unknown, refuse: (problem: string) => T): T {
  if (!(error instanceof OidcFailure)) throw error
  const { code, message } = error
  return refuse(
    code === null
      ? `The identity provider's answer proves nothing (${message}).`
      : `The identity provider said ${code}.`,
  )
}
