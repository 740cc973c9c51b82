import type { Effect } from '../sql/statement.ts'
import type { Escalation } from './decision.ts'

/** How long a request stays open where no rule says. */
export const DEFAULT_EXPIRES_MS = 30 * 60_000

/** All that are given must hold. Lists hold when one member does; * matches within a part. */
export interface RuleCondition {
  readonly effect?: readonly Effect[]
  readonly agent?: readonly string[]
  readonly group?: readonly string[]
  readonly database?: readonly string[]
  readonly environment?: readonly string[]
  readonly verb?: readonly string[]
  readonly tables?: readonly string[]
  readonly columns?: readonly string[]
  readonly classes?: readonly string[]
  readonly inTransaction?: boolean
  /** "HH:MM-HH:MM" in UTC, may wrap midnight. */
  readonly hours?: string
  /** Actions that aren't SQL; a rule with these speaks of nothing else. */
  readonly action?: readonly string[]
}

export type RuleAction =
  | {
      readonly kind: 'allow'
      /** So many rows of one statement, read or changed; null sets no ceiling. */
      readonly maxRows: number | null
    }
  | { readonly kind: 'deny'; readonly reason: string }
  | {
      readonly kind: 'approve'
      readonly by: readonly string[]
      readonly count: number
      readonly hold: number | null
      readonly expires: number | null
      /** The rows that it would change are counted first, and are the most that it may. */
      readonly counts?: true
      readonly escalate?: Escalation
      /** How long ago, at most, whoever approves has signed in; milliseconds. */
      readonly stepUpMs?: number
    }
  | { readonly kind: 'unmask'; readonly classes: readonly string[] }

export interface RuleConfig {
  readonly name: string
  readonly when: RuleCondition
  readonly then: RuleAction
}
