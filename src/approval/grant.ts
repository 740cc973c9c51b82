import type { Requirement } from '../policy/decision.ts'
import type { ShownTable, Vote } from './request.ts'

/** What a person sets who approves a shape of statement and not one execution. */
export interface GrantTerms {
  /** Counted from the approval. */
  readonly minutes: number
  /** Rows that each execution may read or change, by the real count. */
  readonly maxRows: number
}

export const LONGEST_GRANT_MINUTES = 24 * 60
export const DEFAULT_TERMS: GrantTerms = { minutes: 30, maxRows: 1_000 }

/** An approval that covers more than one execution, for a time. */
export interface Grant {
  readonly id: string
  /** The digest of all that an approval is bound to, but for constants and the values of parameters. */
  readonly shape: string
  /** The request by whose approval it came about, which shows the statement. */
  readonly request: string
  readonly agent: string
  readonly database: string
  readonly verb: string
  readonly tables: readonly ShownTable[]
  readonly classes: readonly string[]
  readonly requirements: readonly Requirement[]
  /** Rules whose second group could decide when it was given. */
  readonly escalated: readonly string[]
  readonly votes: readonly Vote[]
  readonly maxRows: number
  /** ISO 8601, UTC. */
  readonly createdAt: string
  readonly expiresAt: string
  /** How often it was used. */
  readonly uses: number
  readonly revoked: { readonly by: string; readonly at: string } | null
}

/** What an approval owes to a grant. */
export interface GrantUse {
  readonly id: string
  readonly maxRows: number
}

export function isLiveGrant(grant: Grant, now: number): boolean {
  return grant.revoked === null && now < Date.parse(grant.expiresAt)
}

/** The terms of a grant that several sign: the strictest; null where one of them signs for once. */
export function termsOf(votes: readonly Vote[]): GrantTerms | null {
  const yes = votes.filter(({ decision }) => decision === 'approve')
  const terms = yes.flatMap(({ grant }) => grant ?? [])
  if (terms.length === 0 || terms.length < yes.length) return null
  return {
    minutes: Math.min(...terms.map(({ minutes }) => minutes)),
    maxRows: Math.min(...terms.map(({ maxRows }) => maxRows)),
  }
}
