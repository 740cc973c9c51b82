import type { ApprovalRecord } from '../approval/record.ts'
import type { EffectReason } from '../sql/statement.ts'

/** Who, on every record of a session. */
export interface ActorRecord {
  readonly agent: string
  readonly owners: readonly string[]
  readonly onBehalfOf: string | null
  readonly address: string
  readonly tls: string | null
  readonly applicationName: string
}

export interface TargetRecord {
  readonly system: 'postgresql' | 'mysql'
  readonly database: string
  readonly environment: string | null
}

/** What is the same for every run of one statement; a line shows the digest of its values with it. */
export interface StatementRecord {
  readonly verb: string
  /** As `audit.sql` of the configuration says; never holds a password. */
  readonly sql: string | null
  readonly sha256: string
  readonly fingerprint: string
  readonly effects: readonly EffectReason[]
  readonly tables: readonly string[]
  readonly classes: readonly string[]
  readonly transaction: 'idle' | 'in-transaction' | 'failed'
}

interface ApprovalInRecord {
  readonly id: string
  readonly by: readonly string[]
  /** Data classes that they let leave in clear. */
  readonly cleared: readonly string[]
}

/** What happened. `intent` is written before a statement is forwarded; `outcome` follows it. */
export type AuditEvent =
  | { readonly type: 'trail.opened'; readonly version: string; readonly config: string }
  | { readonly type: 'trail.closed' }
  /** The trail could not be written for a while, or an earlier process left a torn line behind. */
  | {
      readonly type: 'trail.recovered'
      readonly cause: string
      /** Bytes of a torn line that were moved aside; 0 where there was none. */
      readonly tornBytes: number
    }
  | {
      readonly type: 'config.reloaded'
      readonly config: string
      readonly problems: readonly string[]
    }
  /** Somebody has signed in to the inbox with their account at the identity provider. */
  | {
      readonly type: 'person.signed_in'
      readonly person: string
      readonly issuer: string
      readonly subject: string
      /** When they proved who they are (ISO 8601, UTC), and how, where the provider says so. */
      readonly authenticatedAt: string | null
      readonly acr: string | null
    }
  /** New columns beside classified ones, which are masked until somebody judges them. */
  | {
      readonly type: 'columns.unjudged'
      readonly database: string
      /** schema.table.column; the first hundred. */
      readonly columns: readonly string[]
      readonly count: number
    }
  /** An unclassified column, or a computed one, holds what looks like a secret; each is told once. */
  | {
      readonly type: 'column.detected'
      readonly database: string
      /** schema.table.column */
      readonly column: string
      readonly kind: string
    }
  | {
      readonly type: 'session.opened'
      /** By what the agent has proved who it is: "secret", "token of <issuer>, certificate". */
      readonly provedBy: string | null
      readonly session: string
      readonly actor: ActorRecord
      readonly target: TargetRecord
    }
  | {
      readonly type: 'session.refused'
      readonly address: string
      readonly agent: string | null
      readonly database: string | null
      readonly sqlState: string
      readonly reason: string
    }
  | {
      readonly type: 'session.closed'
      readonly session: string
      readonly reason: string
      readonly statements: number
      readonly bytesIn: number
      readonly bytesOut: number
      readonly ms: number
    }
  | {
      readonly type: 'statement.intent'
      readonly session: string
      /** Numbers the statements of a session from 1; the outcome carries the same. */
      readonly statement: number
      readonly actor: ActorRecord
      readonly target: TargetRecord
      readonly stmt: StatementRecord
      /** A keyed digest of the values that were bound; null where there were none. */
      readonly parametersHmac: string | null
      readonly decision: 'allowed' | 'approved' | 'shadow'
      /** SHA-256 (hex) of the rules and masks that were in force. */
      readonly policy: string
      readonly rules: readonly string[]
      readonly approval: ApprovalInRecord | null
    }
  | {
      readonly type: 'statement.refused'
      readonly session: string
      readonly statement: number
      readonly actor: ActorRecord
      readonly target: TargetRecord
      readonly stmt: StatementRecord
      /** A keyed digest of the values that were bound; null where there were none. */
      readonly parametersHmac: string | null
      readonly sqlState: string
      readonly reason: string
      readonly rules: readonly string[]
      readonly approval: { readonly id: string } | null
    }
  /** The planner expects it to go past a limit, of which the agent was told where it can be. */
  | {
      readonly type: 'statement.expected'
      readonly session: string
      readonly statement: number
      /** By the planner's estimate. */
      readonly rows: number
      readonly limit: string
    }
  /** It went past a limit on what an agent is sent, and a person let the rest of it leave. */
  | {
      readonly type: 'statement.exceeded'
      readonly session: string
      readonly statement: number
      readonly reason: string
      /** How many had left. */
      readonly rows: number
      /** Null in shadow, where nobody was asked. */
      readonly approval: ApprovalInRecord | null
    }
  | {
      readonly type: 'statement.outcome'
      readonly session: string
      readonly statement: number
      readonly sqlState: string | null
      readonly rows: number
      readonly bytes: number
      readonly ms: number
      readonly masked: readonly string[]
    }
  /** Somebody looked at the trail over the HTTP API; once for each search, not for each page. */
  | {
      readonly type: 'audit.searched'
      readonly person: string
      readonly channel: string
      readonly filters: Readonly<Record<string, string | undefined>>
    }
  | { readonly type: 'cancel.requested'; readonly session: string | null; readonly address: string }
  | ApprovalRecord

/**
 * A hash-chained trail. `append` is synchronous and cheap; what must be on disk before something
 * else happens awaits `durable`.
 */
export interface Trail {
  /** Appends; throws ProxyError AUDIT_UNAVAILABLE while the trail can't be written. Returns its sequence number. */
  append(event: AuditEvent): number
  /**
   * Takes an event for which nobody waits: it is appended with others of its kind a few
   * milliseconds later, and before any other event but an intent. Throws as `append` does.
   */
  later(event: AuditEvent): void
  /** Does what can be done while nobody waits, so that the next `append` needn't. */
  catchUp(): void
  /**
   * Hands what was appended to the operating system, so that it outlives this process: what must be
   * written before bytes are forwarded calls it once a batch. Throws AUDIT_UNAVAILABLE.
   */
  flush(): void
  /** Resolves when the record (and all before it) is synced to disk; rejects with AUDIT_UNAVAILABLE. */
  durable(sequence: number): Promise<void>
  /** Why the trail can't be written, or null while it can. */
  readonly trouble: string | null
  /** The last record: its number (0: none yet) and the SHA-256 of its line, hex. */
  readonly head: { readonly sequence: number; readonly hash: string }
  close(): Promise<void>
}
