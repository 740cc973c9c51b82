import type { GrantTerms } from './grant.ts'
import type { Channel } from './request.ts'

/** Whom a channel has authenticated. */
export interface Speaker {
  /** E-mail address. */
  readonly person: string
  readonly channel: Channel
  /** When they last proved to the identity provider who they are, where the channel knows it. */
  readonly proof?: Proof | null
}

export interface Proof {
  /** Milliseconds since the epoch. */
  readonly authenticatedAt: number
  /** How, as the provider names it. */
  readonly acr: string | null
}

export interface Answer extends Speaker {
  readonly decision: 'approve' | 'deny'
  readonly reason: string
  /** SHA-256 (hex) of the statement that the person read; null where the channel can't tell. */
  readonly statementSha256: string | null
  /** Data classes that this person lets leave in clear by an approval, beside those asked for. */
  readonly clears?: readonly string[]
  /** They approve its shape for a time and so many rows; null for one execution. */
  readonly grant?: GrantTerms | null
}

/** Who lets a request pass alone, and why. */
export interface BreakGlass extends Speaker {
  readonly reason: string
  /** Of the incident that it is for. */
  readonly ticket: string
  /** SHA-256 (hex) of the statement that the person read; null where they don't say. */
  readonly statementSha256: string | null
}
