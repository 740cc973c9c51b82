import type { Findings } from './findings.ts'
import type { RawStatement } from './pg-query.ts'
import type { Routine } from './plpgsql.ts'
import type { Schema, SchemaFunction } from './schema.ts'
import type { Scope } from './scope.ts'
import type { Outputs, Taint } from './taint.ts'

/** Reads code that stands in the database; null where it can't be read at once. */
export interface CodeSource {
  parseBody(sql: string): readonly RawStatement[] | null
  parseRoutine(definition: string): Routine | null
}

/** A piece of the database's code that one statement runs. */
export interface Code {
  /** Tells it from all others, against recursion. */
  readonly key: string
  /** What it is given. */
  readonly parameters: Taint
  /** The agent's own text: what was found about it is kept for no other statement. */
  readonly passing?: true
  /** How many levels it lies below what runs it: 0 for a view, whose names are all known. */
  readonly depth: 0 | 1
}

/**
 * One statement under analysis. The parts of the analysis call each other through this, so that
 * none of them has to know where another one lives.
 */
export interface Analysis {
  readonly schema: Schema
  readonly findings: Findings
  readonly source: CodeSource
  /** schema.function: functions whose results are known to be fit to see. */
  readonly trusted: ReadonlySet<string>
  /** Names that stand outside of every query: a function's parameters and variables. */
  base: Scope | null
  /** What $1, $2 ... stand for, where they aren't the statement's own. */
  parameters: Taint
  /** Forgets what `once` and `query` have kept: `base` has changed. */
  forget(): void
  /** Counts work done; throws when a statement is made to cost more than any honest one does. */
  spend(steps: number): void
  /** The value of `make` for this node in this scope, made once: nested CASEs would double it each. */
  once<T>(node: object, scope: Scope | null, make: () => T): T
  /** The columns of SELECT, VALUES, or a writing statement's RETURNING. */
  query(node: unknown, scope: Scope | null): Outputs
  /** Judges a statement of any kind that code holds. */
  statement(node: unknown): Outputs
  /** What a value is computed from; notes every column that it reads. */
  value(node: unknown, scope: Scope): Taint
  /** Notes a probe where a condition tells more about classified values than it may. */
  predicate(node: unknown, scope: Scope, where: string): void
  /** Brings what a member of FROM names into scope. */
  from(node: unknown, scope: Scope): void
  /** What calling a function of this name on these arguments gives. */
  call(name: readonly string[], taint: Taint, at?: number): Taint
  /** Runs a function of the user's own; null where its result isn't known. */
  run(fn: SchemaFunction, args: Taint, at?: number): Taint | null
  /**
   * Analyses code under what is being analysed; null where that runs in a circle already, or lies
   * too deep. `use` gets an analysis of its own, whose findings are kept for the next statement
   * where nothing but the schema bears on them.
   */
  within(code: Code, use: (inner: Analysis) => Taint | null): CodeResult | 'circle' | 'too deep'
}

/** What running code comes to. */
export interface CodeResult {
  readonly findings: Findings
  /** What its result is computed from; null where that isn't known. */
  readonly taint: Taint | null
}
