import type { ChatLinking } from '../../approval/chat-linking.ts'
import type { AuditEvent } from '../../audit/events.ts'
import type { Accounts } from '../../identity/accounts.ts'
import type { ChatPlace } from '../../identity/chat-link.ts'
import type { OidcClient } from '../../identity/oidc-client.ts'
import type { HttpOptions } from '../http-options.ts'
import type { Assets } from './assets.ts'
import type { WebSessions } from './web-sessions.ts'

/** What the inbox needs beside what the HTTP API needs. */
export interface WebOptions {
  readonly sessions: WebSessions
  readonly assets: Assets
  /** What people reach the inbox by, where that is configured: https there makes cookies Secure. */
  readonly publicUrl: () => string | null
  /** Agents as the configuration lists them. */
  readonly agents?: () => Iterable<{ readonly name: string; readonly owners: readonly string[] }>
  /** Sign-in at an identity provider; where it isn't given people sign in with tokens only. */
  readonly oidc?: OidcOptions
  /** Accounts in chats that people say are theirs; where it isn't given they can't. */
  readonly linking?: LinkingOptions
}

export interface LinkingOptions {
  readonly linking: ChatLinking
  /** The workspace and the tenant in which that can be said, as they are configured now. */
  readonly places: () => readonly ChatPlace[]
}

export interface OidcOptions {
  /** Null where the configuration names no provider now. */
  readonly client: () => OidcClient | null
  readonly accounts: Accounts
  /** What people reach us by, without a slash at its end: the provider sends them back there. */
  readonly baseUrl: () => string
  /** Who signs in is on the trail first. Rejects with AUDIT_UNAVAILABLE. */
  readonly record: (event: AuditEvent) => Promise<void>
}

export type InboxOptions = Omit<HttpOptions, 'web'> & { readonly web: WebOptions }
