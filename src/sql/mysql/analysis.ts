import type { Classification, SessionNames } from '../statement.ts'
import type { Dialect, LexMode, SessionFacts } from './dialect.ts'
import type { Findings } from './findings.ts'
import type { MysqlSchema } from './schema.ts'
import type { StatementText } from './statement-text.ts'

/** What the judgement of one statement knows and notes. */
export interface Analysis {
  readonly schema: MysqlSchema
  readonly facts: SessionFacts
  readonly dialect: Dialect
  readonly mode: LexMode
  readonly trusted: ReadonlySet<string>
  readonly names: SessionNames
  readonly findings: Findings
  /** Routines and statements inside statements that are being judged, for none may judge itself. */
  readonly within: readonly string[]
  /** What of the schema's code has been judged for this statement: once is enough. */
  readonly judged: Set<string>
  /** Judges a text as a statement of its own, as PREPARE does; null where it can't be read. */
  inner(sql: string): Classification | null
  /** By where each parameter of the statement begins: which it is, from 1. */
  parameters(): ReadonlyMap<number, number>
  /** Notes what the statements of stored code do, whichever of them run. */
  program(analysis: Analysis, text: StatementText): void
  /**
   * Reads code that the schema holds; null where it can't be. A routine's body was read with the
   * modes of whoever made it; a view's query the server itself has written, in modes of its own.
   */
  read(sql: string, writtenBy: 'somebody' | 'server'): StatementText | null
}

/** Code in one another deeper than this isn't followed. */
export const MAX_WITHIN = 8
