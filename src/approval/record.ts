import type { Chat } from '../identity/chat-link.ts'
import type { GrantTerms } from './grant.ts'
import type { Channel, WithdrawCause } from './request.ts'

/** The steps of a request that the audit trail keeps. */
export type ApprovalRecord =
  | ActionRecord
  | LinkRecord
  | {
      readonly type: 'approval.requested'
      readonly id: string
      readonly binding: string
      readonly agent: string
      readonly database: string
      readonly sha256: string
      readonly verb: string
      readonly rules: readonly string[]
      /** Data classes that the agent asks to see in clear. */
      readonly clear: readonly string[]
      /** Of an action, whose name is the verb. */
      readonly resource?: string
    }
  | {
      readonly type: 'approval.voted'
      readonly id: string
      readonly person: string
      readonly decision: 'approve' | 'deny'
      readonly reason: string
      readonly channel: Channel
      readonly clears: readonly string[]
      /** For its shape, for so long and so many rows; null for one execution. */
      readonly terms: GrantTerms | null
      /** When they had proved who they are (ISO 8601, UTC), and how, where that is known. */
      readonly authenticatedAt: string | null
      readonly acr: string | null
    }
  | {
      readonly type: 'approval.refused'
      readonly id: string
      readonly person: string
      readonly channel: Channel
      readonly why: string
    }
  | {
      readonly type: 'approval.resolved'
      readonly id: string
      readonly state: 'approved' | 'denied' | 'expired' | 'withdrawn'
      readonly cause: WithdrawCause | null
      readonly by: readonly string[]
      /** Data classes that leave in clear. */
      readonly cleared: readonly string[]
      /** The grant by which it was approved, or that this approval made. */
      readonly grant: string | null
    }
  /** One person lets it pass alone: an alert, on the disk before anything comes of it. */
  | {
      readonly type: 'approval.break_glass'
      readonly id: string
      readonly person: string
      readonly channel: Channel
      readonly reason: string
      readonly ticket: string
      readonly agent: string
      readonly database: string
      readonly verb: string
      readonly sha256: string
    }
  | {
      readonly type: 'approval.escalated'
      readonly id: string
      /** Whose second group may decide from now on. */
      readonly rules: readonly string[]
      readonly to: readonly string[]
    }
  | { readonly type: 'approval.spent'; readonly id: string; readonly binding: string }
  | {
      readonly type: 'grant.made'
      /** Of the request that was approved. */
      readonly id: string
      readonly grant: string
      readonly shape: string
      readonly agent: string
      readonly database: string
      readonly by: readonly string[]
      readonly maxRows: number
      /** ISO 8601, UTC. */
      readonly expiresAt: string
    }
  | {
      readonly type: 'grant.revoked'
      readonly id: string
      readonly grant: string
      readonly person: string
      readonly channel: Channel
    }

/** What agents ask for that isn't SQL; a request for it is recorded as one for a statement is. */
export type ActionRecord =
  /** A rule lets it pass: what was asked for is on the disk before the agent hears it. */
  | {
      readonly type: 'action.allowed'
      readonly id: string
      readonly decision: 'allowed' | 'shadow'
      readonly agent: string
      readonly onBehalfOf: string | null
      readonly action: string
      readonly resource: string
      readonly sha256: string
      readonly rules: readonly string[]
    }
  | {
      readonly type: 'action.refused'
      readonly agent: string
      readonly onBehalfOf: string | null
      readonly action: string
      readonly resource: string
      readonly sha256: string
      readonly rules: readonly string[]
      readonly reason: string
    }
  /** As the agent says. */
  | {
      readonly type: 'action.outcome'
      readonly id: string
      readonly agent: string
      readonly outcome: 'executed' | 'failed'
      readonly detail: string
    }

/** An account in a chat becomes a person's by a code from the inbox, or ceases to be. Never the code. */
export type LinkRecord = {
  readonly chat: Chat
  /** The workspace in Slack, the tenant in Teams. */
  readonly org: string
  /** The member's id in Slack, the Entra object id in Teams. */
  readonly account: string
} & (
  | { readonly type: 'person.linked'; readonly person: string }
  | {
      readonly type: 'person.unlinked'
      readonly person: string
      readonly by: 'person' | 'operator'
    }
  | {
      readonly type: 'person.link_refused'
      /** Whose code it was; null where it was nobody's, or wasn't looked at. */
      readonly person: string | null
      readonly why: string
    }
)

/** Writes a record; resolves when it is on the disk, rejects with AUDIT_UNAVAILABLE. */
export type RecordApproval = (event: ApprovalRecord) => Promise<void>
