import type { ClassMemory } from '../catalog/class-memory.ts'
import type { DatabaseConfig } from '../config/config.ts'
import type { Upstream } from '../config/upstream-url.ts'
import type { Clock } from '../lib/clock.ts'
import type { OutputLineage } from '../sql/output-lineage.ts'
import type { Classification, Parsed } from '../sql/statement.ts'

/** One statement as the proxy would judge it. */
export interface Judged {
  readonly statement: Classification
  /** Null where the columns are the server's to say. */
  readonly outputs: readonly OutputLineage[] | null
}

export interface JudgingParts {
  readonly database: DatabaseConfig
  readonly upstream: Upstream
  readonly clock: Clock
  /** What a proxy on the same data folder remembers of its columns. */
  readonly memory: ClassMemory
}

/**
 * The statements of a text.
 *
 * @throws Error where the database can't read it
 */
export function statementsOf(parsed: Parsed, system: string): readonly Classification[] {
  if (parsed.kind === 'syntax-error') throw new Error(`${system} can't read it: ${parsed.message}`)
  return parsed.kind === 'opaque' ? [parsed.classification] : parsed.statements
}

/** A text by itself: no statement was prepared before it, no cursor declared. */
export const NO_NAMES = { prepared: () => undefined, cursor: () => undefined }
