import type { Requirement } from '../policy/decision.ts'
import type { EffectReason } from '../sql/statement.ts'
import type { GrantTerms, GrantUse } from './grant.ts'

/** A statement's parameter as a person reads it; null is SQL NULL. */
export interface ShownParameter {
  /** The type's name where the client or the server named one. */
  readonly type: string | null
  readonly value: string | null
}

export interface ShownTable {
  /** schema.name, or the name alone where the catalog doesn't know it. */
  readonly name: string
  readonly access: 'read' | 'write'
  readonly classes: readonly string[]
}

/** An action that isn't SQL. Its name is the request's verb, all of it the request's statement. */
export interface ActionSubject {
  /** `model.deploy` */
  readonly name: string
  /** What it is done to, as the agent names it. */
  readonly resource: string
}

/** What a statement would change, counted before anybody is asked. */
export interface Impact {
  /** Rows that it touches now, and the most that it may once it is signed; null: not counted. */
  readonly rows: number | null
  /** Some of them, classified values hidden; a cell is null where the column is. */
  readonly columns: readonly string[]
  readonly sample: readonly (readonly (string | null)[])[]
}

/** All that a person needs to decide, and all that a decision is bound to. */
export interface RequestDraft {
  /** What is asked for, where it isn't that a statement runs. */
  readonly action?: ActionSubject
  /**
   * SHA-256 (hex) over everything that the approval is for: statement, parameter types and values,
   * agent, database, role, settings, resolved objects, rules, classes and masks that bear on it,
   * and the connection where temporary objects are read. Equal binding: same request.
   */
  readonly binding: string
  /**
   * The same without constants and values of parameters; null where an approval can't be for more
   * than one execution.
   */
  readonly shape: string | null
  readonly agent: string
  readonly owners: readonly string[]
  /** Who made the agent's secrets. What an earlier version has stored names one, or null. */
  readonly credentialCreatedBy: readonly string[] | string | null
  readonly database: string
  readonly environment: string | null
  readonly onBehalfOf: string | null
  /** What the agent says it is doing. */
  readonly claim: string | null
  readonly applicationName: string
  readonly session: string
  readonly verb: string
  /** The whole text, as it will be sent. */
  readonly statement: string
  readonly statementSha256: string
  /** The text without its constants and comments; null where it isn't certain that none is left. */
  readonly withoutConstants: string | null
  readonly fingerprint: string
  readonly parameters: readonly ShownParameter[]
  readonly effects: readonly EffectReason[]
  readonly tables: readonly ShownTable[]
  readonly classes: readonly string[]
  /** Data classes that the agent asks to see: once it is approved they leave in clear. */
  readonly asksClear: readonly string[]
  /** Others that whoever signs it may let leave in clear beside, where theirs is that right. */
  readonly clearable: readonly string[]
  /** The planner's row estimate, where one could be had without risk. */
  readonly estimatedRows: number | null
  /** Where a rule asks for it. */
  readonly impact?: Impact
  readonly inTransaction: boolean
  readonly requirements: readonly Requirement[]
  readonly holdMs: number
  readonly expiresMs: number
}

export const REQUEST_STATES = [
  'pending',
  'approved',
  'denied',
  'expired',
  'withdrawn',
  'executed',
  'failed',
] as const
export type RequestState = (typeof REQUEST_STATES)[number]

export type Channel = 'api' | 'cli' | 'inbox' | 'slack' | 'teams'

/** One person's answer. */
export interface Vote {
  readonly person: string
  readonly decision: 'approve' | 'deny'
  readonly reason: string
  readonly channel: Channel
  /** Data classes that they let leave in clear. */
  readonly clears: readonly string[]
  /** They approve its shape for a time; null for one execution. */
  readonly grant: GrantTerms | null
  /** They let it pass alone; the ticket that says why. */
  readonly breakGlass?: { readonly ticket: string }
  /** When they had proved who they are, and how, where their channel knows it. ISO 8601, UTC. */
  readonly authenticatedAt?: string
  readonly acr?: string
  /** ISO 8601, UTC. */
  readonly at: string
}

export type WithdrawCause = 'cancelled' | 'disconnected' | 'shutdown' | 'changed' | 'owner'

export interface ApprovalRequest extends RequestDraft {
  readonly id: string
  readonly state: RequestState
  readonly createdAt: string
  readonly expiresAt: string
  /** When anything of it changed last. ISO 8601, UTC, as all of these. */
  readonly updatedAt: string
  /** When its approval was used; executed or failed follows, or the outcome stays unknown. */
  readonly spentAt: string | null
  /** When people were reminded of it, at half of its time; null before. */
  readonly remindedAt: string | null
  /** Rules whose second group may decide now, too. */
  readonly escalated: readonly string[]
  readonly votes: readonly Vote[]
  /** Data classes that leave in clear, once it is approved. */
  readonly cleared: readonly string[]
  /** The grant that it came about by, or that came about by it. */
  readonly grant: GrantUse | null
  /** What the client saw: still held on its connection, or turned into a ticket. */
  readonly waiting: 'connection' | 'ticket' | null
  readonly withdrawnCause: WithdrawCause | null
  readonly outcome: Outcome | null
  /** How often this shape from this agent was approved before, and by whom last. */
  readonly history: { readonly approved: number; readonly lastBy: string | null }
}

/** What became of an approved statement once it was sent, or of an action. */
export interface Outcome {
  readonly rows: number | null
  readonly ms: number
  readonly sqlState: string | null
  /** What the agent says of an action that it has done. */
  readonly detail?: string
}

/** How waiting ended. */
export type Resolution =
  | {
      readonly kind: 'approved'
      readonly id: string
      readonly by: readonly string[]
      /** Data classes that leave in clear, this once. */
      readonly cleared: readonly string[]
      /** It is for no more rows than that. */
      readonly grant: GrantUse | null
      /** Nor for more than these, where they were counted when it was asked for. */
      readonly counted?: number
    }
  | { readonly kind: 'rejected'; readonly id: string; readonly by: string; readonly reason: string }
  | { readonly kind: 'expired'; readonly id: string }
  | { readonly kind: 'withdrawn'; readonly id: string; readonly cause: WithdrawCause }

export type Approved = Extract<Resolution, { kind: 'approved' }>
