import type { FastifyRequest } from 'fastify'
import type { ApprovalDesk } from '../approval/desk.ts'
import type { Regulations } from '../approval/regulations.ts'
import type { Directory } from '../identity/directory.ts'
import type { PersonTokens } from '../identity/person-tokens.ts'
import type { Person } from '../identity/principal.ts'
import type { Clock } from '../lib/clock.ts'
import { ApiError } from './api-error.ts'
import type { EventFeed } from './event-feed.ts'
import type { SlackInlet } from './http-slack.ts'
import type { WebOptions } from './web/web-options.ts'

export interface HttpOptions {
  readonly desk: ApprovalDesk
  readonly directory: () => Directory
  readonly tokens: PersonTokens
  readonly feed: EventFeed
  readonly clock: Clock
  readonly urlOf: (id: string) => string
  /** What data classes fall under; where it isn't given nothing is said of it. */
  readonly regulations?: () => Regulations
  /** Why the product isn't ready; empty when it is. */
  readonly notReady: () => readonly string[]
  readonly metrics: () => string
  readonly log: (text: string) => void
  /** Where Slack comes in over HTTP. */
  readonly slack?: SlackInlet
  /** The inbox; where it isn't given there is only the API. */
  readonly web?: WebOptions
}

/** What routes need to know of who asks. */
export type PersonOf = (request: FastifyRequest) => Person

export const SECURITY_HEADERS = {
  'cache-control': 'no-store',
  'content-security-policy': "default-src 'none'; frame-ancestors 'none'",
  'cross-origin-resource-policy': 'same-origin',
  'referrer-policy': 'no-referrer',
  'x-content-type-options': 'nosniff',
  'x-frame-options': 'DENY',
} as const

const BEARER = /^Bearer ([\x21-\x7e]{1,200})$/i

/** The person whose token the request carries, as the configuration knows them now. Throws 401. */
export function personBehind(
  request: FastifyRequest,
  { tokens, directory }: Pick<HttpOptions, 'tokens' | 'directory'>,
): Person {
  const token = BEARER.exec(request.headers.authorization ?? '')?.[1]
  const email = token === undefined ? null : tokens.authenticate(token)
  return (email === null ? undefined : directory().person(email)) ?? unauthorized()
}

/** Throws 401. */
export function unauthorized(): never {
  const message =
    'Send "Authorization: Bearer <token>" with a token made by `countersign token add EMAIL` for a person of the configuration.'
  throw new ApiError(401, 'unauthorized', message)
}
