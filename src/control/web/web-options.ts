import type { HttpOptions } from '../http-options.ts'
import type { Assets } from './assets.ts'
import type { WebSessions } from './web-sessions.ts'

/** What the inbox needs beside what the HTTP API needs. */
export interface WebOptions {
  readonly sessions: WebSessions
  readonly assets: Assets
  /** What people reach the inbox by, where that is configured: https there makes cookies Secure. */
  readonly publicUrl: () => string | null
}

export type InboxOptions = Omit<HttpOptions, 'web'> & { readonly web: WebOptions }
