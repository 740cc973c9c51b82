import { z } from 'zod'
import type { Accounts } from '../identity/accounts.ts'
import type { OidcClient } from '../identity/oidc-client.ts'
import { OidcFailure } from '../identity/oidc-failure.ts'
import type { OidcIdentity } from '../identity/oidc-identity.ts'
import type { SessionTokens } from '../identity/session-tokens.ts'
import { ApiError } from './api-error.ts'
import type { Callers } from './callers.ts'
import { DeviceSignIns } from './device-sign-ins.ts'
import type { HttpOptions } from './http-options.ts'
import { type Route, route } from './route.ts'
import { SignInLimit } from './web/sign-in-limit.ts'
import type { OidcOptions } from './web/web-options.ts'

/** Sign-in of the command line at the identity provider. */
export interface SessionOptions {
  readonly tokens: SessionTokens
  /** Null where the configuration names no provider now. */
  readonly client: () => OidcClient | null
  readonly accounts: Accounts
  readonly record: OidcOptions['record']
}

const text = z.string()
const DeviceView = z.object({
  device: text.describe('What to ask by at POST /v1/session; a secret of whoever began.'),
  user_code: text,
  verification_uri: text,
  verification_uri_complete: text.nullable(),
  expires_in: z.number().describe('Seconds.'),
  interval: z.number().describe('Seconds between two polls.'),
})
const DeviceBody = z.strictObject({ device: text.regex(/^[A-Za-z0-9_-]{43}$/) })
const TokenView = z.object({ token: text, person: text, expires_at: text })
const PendingView = z.object({ interval: z.number().describe('Seconds until the next poll.') })
const SessionView = z.object({
  person: text,
  groups: z.array(text),
  /** Null for a token that has no end. */
  expires_at: text.nullable(),
})

/** /v1/session: a person signs in with a code (RFC 8628) and gets a token of ours. */
export function sessionRoutes(
  options: HttpOptions,
  session: SessionOptions,
  callers: Callers,
): readonly Route[] {
  return [...signInRoutes(options, session), ...ownRoutes(session, callers)]
}

function signInRoutes(options: HttpOptions, session: SessionOptions): readonly Route[] {
  const pending = new DeviceSignIns(options.clock)
  const limit = new SignInLimit(options.clock)
  return [
    route({
      method: 'POST',
      path: '/v1/session/device',
      who: 'anyone',
      summary: 'Begin to sign in with a code',
      answers: { 200: { says: 'What to show the person', body: DeviceView } },
      errors: { 404: ['no_oidc'], 429: ['too_many'], 502: ['identity_unavailable'] },
      handle: async ({ request }) => {
        if (limit.waitSeconds(request.ip) > 0) {
          throw new ApiError(429, 'too_many', 'Too many sign-ins were begun. Wait a minute.')
        }
        limit.failed(request.ip)
        const code = await asked(() => needClient(session).beginDevice())
        return {
          device: pending.add(code),
          user_code: code.userCode,
          verification_uri: code.address,
          verification_uri_complete: code.wholeAddress,
          expires_in: code.expiresMs / 1_000,
          interval: code.intervalMs / 1_000,
        }
      },
    }),
    route({
      method: 'POST',
      path: '/v1/session',
      who: 'anyone',
      summary: 'A token for whoever has signed in with the code',
      body: DeviceBody,
      answers: {
        200: { says: 'A token for eight hours, given once', body: TokenView },
        202: { says: 'Nobody has yet: ask again', body: PendingView },
      },
      errors: {
        403: ['refused', 'not_listed'],
        404: ['no_oidc'],
        410: ['expired'],
        502: ['identity_unavailable'],
      },
      handle: async ({ body: { device }, reply }) => {
        const now = pending.ask(device)
        if (!now) throw new ApiError(410, 'expired', 'This code is over or was used. Begin again.')
        if ('wait' in now) return reply.code(202).send({ interval: Math.ceil(now.wait / 1_000) })
        const answer = await asked(() => needClient(session).pollDevice(now.code))
        if (answer.kind === 'pending') {
          const ms = answer.slower ? pending.slower(device) : now.code.intervalMs
          return reply.code(202).send({ interval: ms / 1_000 })
        }
        // Whoever asked at the same moment has it already.
        if (!pending.done(device)) throw new ApiError(410, 'expired', 'This code was used.')
        if (answer.kind === 'refused') {
          throw new ApiError(403, 'refused', `The identity provider said ${answer.code}.`)
        }
        return tokenFor(answer.identity, session, options)
      },
    }),
  ]
}

function ownRoutes({ tokens }: SessionOptions, callers: Callers): readonly Route[] {
  return [
    route({
      method: 'GET',
      path: '/v1/session',
      who: 'person',
      summary: 'Whose token this is',
      answers: { 200: { says: 'Who calls', body: SessionView } },
      handle: ({ request }) => {
        const { email: person, groups } = callers.person(request)
        const endsAt = callers.session(request)?.endsAt
        const expires_at = endsAt === undefined ? null : new Date(endsAt).toISOString()
        return { person, groups, expires_at }
      },
    }),
    route({
      method: 'POST',
      path: '/v1/session/end',
      who: 'person',
      summary: 'End the token that this is called with',
      answers: { 200: { says: 'It has ended', body: z.object({ ended: z.boolean() }) } },
      errors: { 409: ['not_a_session'] },
      handle: ({ request }) => {
        const session = callers.session(request)
        if (!session) {
          throw new ApiError(409, 'not_a_session', 'This token was made by an operator.')
        }
        return { ended: tokens.end(session.person, session.id) }
      },
    }),
  ]
}

async function tokenFor(
  identity: OidcIdentity,
  { accounts, tokens, record }: SessionOptions,
  { directory }: HttpOptions,
) {
  const admission = accounts.admit(identity, directory())
  if (!admission.ok) throw new ApiError(403, 'not_listed', admission.message)
  const { issuer, subject, authenticatedAt: at, acr } = identity
  const person = admission.person.email
  const authenticatedAt = at === null ? null : new Date(at).toISOString()
  await record({ type: 'person.signed_in', person, issuer, subject, authenticatedAt, acr })
  const { token, endsAt } = tokens.add({ person, issuer, subject })
  return { token, person, expires_at: new Date(endsAt).toISOString() }
}

function needClient({ client }: SessionOptions): OidcClient {
  const found = client()
  if (found) return found
  throw new ApiError(404, 'no_oidc', 'Nobody signs in this way here: no oidc is configured.')
}

async function asked<T>(ask: () => Promise<T>): Promise<T> {
  try {
    return await ask()
  } catch (error) {
    if (!(error instanceof OidcFailure)) throw error
    throw new ApiError(502, 'identity_unavailable', `The identity provider: ${error.message}`)
  }
}
