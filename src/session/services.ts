import type { Gate } from '../approval/gate.ts'
import type { ShownParameter } from '../approval/request.ts'
import type { Trail } from '../audit/events.ts'
import type { Principal } from '../identity/principal.ts'
import type { Clock } from '../lib/clock.ts'
import type { MaskPlan, ResultColumn } from '../mask/plan.ts'
import type { Decision } from '../policy/decision.ts'
import type { LimitConfig } from '../policy/limit.ts'
import type { Classification, Classifier, Copy, TableUse } from '../sql/statement.ts'
import type { CopyMasker, CopyShape } from '../wire/maskers.ts'
import type { WireProtocol } from '../wire/protocol.ts'
import type { Description } from '../wire/replies.ts'
import type { AnyRequest, Parameter } from '../wire/requests.ts'
import type { Estimates } from './foresight/estimates.ts'
import type { Impacts } from './foresight/impact.ts'
import type { Lookups } from './lookups.ts'
import type { Usage } from './usage.ts'

/** What the rules say, as they are in force at this moment. */
export interface Policy {
  /** Changes whenever rules, classes or masks do. */
  readonly version: string
  decide(
    classification: Classification,
    facts: { readonly principal: Principal; readonly inTransaction: boolean },
  ): Decision
  /** The rules, classes and masks that bear on a decision: part of what an approval is bound to. */
  bearing(decision: Decision, statements: readonly Classification[]): unknown
  /** True where these patterns cover every data class that is given to a column. */
  clearsAll(unmask: readonly string[]): boolean
  /** False where no column is classified: then no result is guarded, whatever it reads. */
  readonly guards: boolean
  /** True where what passes is looked at, so that it has to be described. */
  readonly detects: boolean
  /** True where all is allowed and nothing guarded: no decision depends on what the schema is. */
  readonly transparent: boolean
  /** True where nothing is held, only recorded as if it had been. */
  readonly shadow: boolean
  plan(
    description: Description,
    classification: Classification,
    options: { readonly unmask: readonly string[]; readonly distrust: boolean },
  ): MaskPlan | null
  copyMasker(
    columns: readonly ResultColumn[],
    classification: Classification,
    shape: CopyShape,
    options: { readonly unmask: readonly string[]; readonly distrust: boolean },
  ): { readonly masker: CopyMasker | null; readonly masked: readonly string[] }
}

/** Counters for /metrics; a plain record, read from outside. */
export interface Counters {
  statements: number
  held: number
  refused: number
  maskedResults: number
  /** Columns that are masked because lineage and the server don't say the same of them. */
  disagreements: number
  rows: number
}

/** The settings of a session, by the server's own word: another map after each change. */
export type Settings = ReadonlyMap<string, string>

/** What is known of the types of values that clients bind. */
export interface ValueTypes {
  name(typeOid: number): string | null
  /** True where reading a value of this type runs code of the user's own. */
  runsCode(typeOid: number): boolean
  show(parameter: Parameter): ShownParameter
}

/** Which schemas of a server an agent may name: those of its databases there. */
export interface SchemaAccess {
  /** The schema that a name stands for, which can be a database's alias; undefined: none of its. */
  find(principal: Principal, name: string): string | undefined
  /** Why a statement that names schemas, or has one as its default, may not; null where it may. */
  refusal(principal: Principal, statement: Classification, settings: Settings): string | null
  /** The agent in each other database of its own that a statement reaches: their rules count too. */
  others(principal: Principal, statement: Classification, settings: Settings): readonly Principal[]
}

/** All that a session needs of the house. One for each database. */
export interface Services {
  readonly protocol: WireProtocol<AnyRequest>
  readonly clock: Clock
  /** A classifier for one session, which is asked for its settings as they are then. */
  openClassifier(settings: () => Settings): Classifier
  /** The newest reading of the database's schema. */
  readonly schema: {
    readonly current: { readonly version: number; namesColumn(name: string): boolean }
    refresh(): Promise<unknown>
    /** Classified values are about to be written elsewhere; resolves once that is known. */
    copied(copies: readonly Copy[]): Promise<unknown>
  }
  readonly values: ValueTypes
  /** Null where a session stays in its database, whatever it names (PostgreSQL). */
  readonly schemas: SchemaAccess | null
  policy(): Policy
  /** How long this agent's statements are held on their connection, in ms. */
  holdMs(principal: Principal): number
  /** How long the database bears that a session waits, in ms, by its settings of this moment. */
  bearsMs(settings: Settings): number
  readonly gate: Gate
  readonly trail: Trail
  readonly auditMode: () => 'strict' | 'all'
  readonly auditSql: () => 'full' | 'redacted' | 'fingerprint'
  /** A keyed digest for records: equal values can be compared, none can be read. */
  hmac(bytes: Buffer): string
  /** Takes classified values out of an error's or notice's fields. */
  scrub(fields: Map<string, string>): Map<string, string>
  /**
   * Numbers of errors by which a server says that a text's names lead nowhere: before it has read a
   * row, in words of that text alone. Null where errors have none.
   */
  readonly resolvingErrors: ReadonlySet<number> | null
  /** True where what is written to it can be taken back, and the count of it is whole. */
  rollsBack(table: TableUse): boolean
  readonly estimates: Estimates
  readonly impacts: Impacts
  /** The statement that tells what names mean in this session at this moment. */
  contextQuery(classification: Classification): string
  readonly counters: Counters
  /** The limits in force, on what an agent is sent. */
  rowLimits(): readonly LimitConfig[]
  /** What agents have been sent. */
  readonly usage: Usage
  /** What agents have looked for. */
  readonly lookups: Lookups
  readonly limits: {
    readonly maxMessage: number
    readonly idleMs: number
    readonly writeMs: number
  }
}
