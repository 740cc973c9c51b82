import type { ApprovalDesk } from '../approval/desk.ts'
import type { Regulations } from '../approval/regulations.ts'
import type { Directory } from '../identity/directory.ts'
import type { PersonTokens } from '../identity/person-tokens.ts'
import type { Clock } from '../lib/clock.ts'
import type { ActionOptions } from './action-options.ts'
import type { EventFeed } from './event-feed.ts'
import type { AuditOptions } from './http-audit.ts'
import type { SessionOptions } from './http-session.ts'
import type { SlackInlet } from './http-slack.ts'
import type { TeamsBotInlet } from './http-teams.ts'
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
  /** Sign-in of the command line; where it isn't given people use tokens made for them. */
  readonly session?: SessionOptions
  /** Where the bot in Teams is written to. */
  readonly teams?: TeamsBotInlet
  /** The inbox; where it isn't given there is only the API. */
  readonly web?: WebOptions
  /** What agents may ask for beside SQL; where it isn't given they ask for nothing. */
  readonly actions?: ActionOptions
  /** The audit trail, for those who search it; where it isn't given nobody can. */
  readonly audit?: AuditOptions
}

export const SECURITY_HEADERS = {
  'cache-control': 'no-store',
  'content-security-policy': "default-src 'none'; frame-ancestors 'none'",
  'cross-origin-resource-policy': 'same-origin',
  'referrer-policy': 'no-referrer',
  'x-content-type-options': 'nosniff',
  'x-frame-options': 'DENY',
} as const
