import type { Findings } from './findings.ts'
import type { Schema, SchemaRelation } from './schema.ts'
import type { Scope } from './scope.ts'
import type { Outputs, Taint } from './taint.ts'

/**
 * One statement under analysis. The parts of the analysis call each other through this, so that
 * none of them has to know where another one lives.
 */
export interface Analysis {
  readonly schema: Schema
  readonly findings: Findings
  /** schema.function: functions whose results are known to be fit to see. */
  readonly trusted: ReadonlySet<string>
  /** SQL functions whose bodies are being read, against recursion. */
  readonly bodies: ReadonlySet<string>
  /** Counts work done; throws when a statement is made to cost more than any honest one does. */
  spend(steps: number): void
  /** The value of `make` for this node in this scope, made once: nested CASEs would double it each. */
  once<T>(node: object, scope: Scope | null, make: () => T): T
  /** The columns of SELECT, VALUES, or a writing statement's RETURNING. */
  query(node: unknown, scope: Scope | null): Outputs
  /** What a value is computed from; notes every column that it reads. */
  value(node: unknown, scope: Scope): Taint
  /** Notes a probe where a condition tells more about classified values than it may. */
  predicate(node: unknown, scope: Scope, where: string): void
  /** Brings what a member of FROM names into scope. */
  from(node: unknown, scope: Scope): void
  /** What calling a function of this name on these arguments gives. */
  call(name: readonly string[], taint: Taint): Taint
  /** The columns of a function's body where that is SQL that can be read; null where it isn't. */
  body(sql: string, parameters: readonly string[], key: string): Taint | null
  /** Notes what a rule does beside, or instead of, a statement that writes this relation. */
  rule(definition: string, relation: SchemaRelation): void
}
