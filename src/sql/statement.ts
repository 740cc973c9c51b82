import type { OutputLineage } from './output-lineage.ts'

/**
 * What a statement does. Every statement has a set of effects and a reason for each; rules are
 * applied to each effect and the results combine.
 */
export const EFFECTS = [
  'read',
  'write',
  'unbounded-write',
  'ddl',
  'privilege',
  'export',
  'server',
  'probe',
  'session',
  'transaction',
  'opaque',
] as const
export type Effect = (typeof EFFECTS)[number]

export interface EffectReason {
  readonly effect: Effect
  /** One sentence for the person who signs: why the statement has this effect. */
  readonly reason: string
  /** Where in the statement's own text it stands that gives it the effect, in characters from 0. */
  readonly at?: number
}

/** A table, view or foreign table that the statement names, as the catalog resolves it. */
export interface TableUse {
  /** The schema, or null where the catalog doesn't know the relation. */
  readonly schema: string | null
  readonly name: string
  readonly access: 'read' | 'write'
  /** Classified columns of this relation: column -> data class. Empty when it has none. */
  readonly classes: Readonly<Record<string, string>>
  /** Columns of it that the statement names (all of them where `*` or the whole row is used). */
  readonly columns: readonly string[]
}

/** How the statement uses a name that lives in the session, so that the session can follow it. */
export type SessionName =
  | { readonly kind: 'prepare'; readonly name: string; readonly inner: Classification }
  | { readonly kind: 'execute'; readonly name: string }
  | { readonly kind: 'deallocate'; readonly name: string | null }
  | { readonly kind: 'declare'; readonly name: string; readonly inner: Classification }
  | { readonly kind: 'fetch'; readonly name: string }
  | { readonly kind: 'close'; readonly name: string | null }
  | { readonly kind: 'discard'; readonly what: 'all' | 'plans' | 'temp' | 'sequences' }
  | { readonly kind: 'set'; readonly name: string }

/** What a COPY to the client sends, and how. */
export interface CopyOut {
  /** A SELECT whose result has the columns of the COPY, in their order; only ever described. */
  readonly describedBy: string
  readonly options: {
    readonly format: 'text' | 'csv' | 'binary'
    readonly delimiter: string
    readonly null: string
    readonly quote: string
    readonly escape: string
    readonly header: boolean
  }
}

/** A classified column compared with values that the agent already holds. */
export interface Lookup {
  readonly dataClass: string
  /** schema.table.column, or table.column of a query's own. */
  readonly column: string
  /** Constants as the text they stand for; parameters by number, from 1. Several for IN. */
  readonly values: readonly (string | { readonly parameter: number })[]
}

/** Classified values that a statement writes where they aren't classified. */
export interface Copy {
  /** Null where that isn't known: any table of the name. Temporary ones of PostgreSQL: pg_temp. */
  readonly schema: string | null
  readonly table: string
  /** Null: any of its columns. */
  readonly column: string | null
  /** Of the values; none where that isn't known. */
  readonly classes: readonly string[]
  /** A classified column's values as they are, and nothing computed from them. */
  readonly plain: boolean
}

/** What is known about one statement before it runs. Immutable: verdicts are cached and shared. */
export interface Classification {
  /** The command as a person would name it: SELECT, DROP TABLE, COPY TO. */
  readonly verb: string
  /** The statement's own text, without the text of its neighbours. */
  readonly sql: string
  /** Equal for statements whose tokens are equal; blanks and comments don't count, literals do. */
  readonly tokens: string
  /** Equal for statements that differ in literals only. */
  readonly fingerprint: string
  /** The statement for records: passwords and other secrets replaced. */
  readonly redacted: string
  /** The statement without any constant or comment: what it does, and to nobody in particular. */
  readonly withoutLiterals: string
  readonly effects: readonly EffectReason[]
  readonly tables: readonly TableUse[]
  /** User-defined functions it calls, schema-qualified where the catalog knows them. */
  readonly functions: readonly string[]
  /** Data classes of the classified columns that it touches. */
  readonly classes: readonly string[]
  /**
   * How far a result of this statement may be trusted to the server's attribution.
   * `clear`: it touches nothing classified, rows pass as they are.
   * `classified`: it reads a classified table (or something whose content isn't known); every
   * output column that isn't attributed to an unclassified column, and isn't listed in
   * `safeOutputs`, is masked whole.
   */
  readonly output: 'clear' | 'classified'
  /** Output columns (from 0) that can't reveal a value: count(*), count(x), constants. */
  readonly safeOutputs: readonly number[]
  /**
   * One entry an output column, for a query of which it is certain what its columns are. Held
   * against the server's description of the result: only where both say so does a column pass.
   * Without it MySQL's columns are all masked, whose servers attribute by name only and wrongly;
   * of PostgreSQL's those that the server doesn't attribute and that aren't in `safeOutputs`.
   */
  readonly lineage?: readonly OutputLineage[]
  /** Classified columns that it compares with values of the agent's own; none is an empty list. */
  readonly lookups?: readonly Lookup[]
  /** What it copies, so that the copies are known for what they are; none is no list. */
  readonly copies?: readonly Copy[]
  /** Data classes of what it may leave in user variables or settings; none listed: not known. */
  readonly keeps?: readonly string[]
  /**
   * It reads what earlier statements may have left there. Where it shows user variables its lineage
   * says so; of settings nothing is said.
   */
  readonly usesKept?: 'variables' | 'settings'
  /** It shows what the statement before it reported, and nothing else (MySQL's SHOW WARNINGS). */
  readonly diagnostics?: true
  /**
   * Its columns may be named by a text that nobody has sent: one that is put together as it runs, or
   * is of code that can't be read.
   */
  readonly foreignNames?: true
  /** It gives any number of results: a procedure's, or what is computed when it runs. */
  readonly anyResults?: true
  /** MySQL: it is KILL of one connection, whose number it says. */
  readonly kill?: { readonly connectionId: number; readonly onlyQuery: boolean }
  /** MySQL: every schema that its text names, spelled as written. */
  readonly schemas?: readonly string[]
  /** MySQL: the schema that it makes the default one. */
  readonly uses?: string
  /** Uses temporary objects, so a ticket for it belongs to its connection. */
  readonly connectionBound: boolean
  readonly names: readonly SessionName[]
  /** Set for COPY ... TO STDOUT. */
  readonly copy?: CopyOut
}

/** What one message of SQL text holds. */
export type Parsed =
  /** Statements in order; none for an empty query. */
  | { readonly kind: 'statements'; readonly statements: readonly Classification[] }
  /** The grammar refuses it: the server will too. Never to be executed. */
  | { readonly kind: 'syntax-error'; readonly message: string }
  /** It can't be read (too large, too deep, not UTF-8, ambiguous): held as opaque. */
  | { readonly kind: 'opaque'; readonly classification: Classification }

/** Where names of the session's own (prepared statements, cursors) lead. */
export interface SessionNames {
  /** The statement behind an SQL or protocol PREPARE. */
  prepared(name: string): Classification | undefined
  /** The statement behind an SQL cursor or a protocol portal. */
  cursor(name: string): Classification | undefined
}

/** How full a cache is; it has a bound of its own. */
export interface CacheSize {
  readonly entries: number
  /** By estimate. */
  readonly bytes: number
}

/**
 * Turns SQL text into classifications. Synchronous for what is cached or small; a promise where a
 * worker has to read it or the catalog has to look again.
 */
export interface Classifier {
  classify(sql: Buffer, names: SessionNames): Parsed | Promise<Parsed>
  /** A text as a person reads it, where that isn't always UTF-8. */
  textOf?(sql: Buffer): string
}
