import type { Parsed } from './statement.ts'

/** What one output column, and one source of it, take up in memory, by estimate. */
const ENTRY_SIZE = 100

/** Bytes that the lineage of a text's statements takes up. */
export function lineageSize(parsed: Parsed): number {
  const statements = parsed.kind === 'statements' ? parsed.statements : []
  const lines = statements.flatMap(({ lineage }) => lineage ?? [])
  return lines.reduce((size, { sources }) => size + ENTRY_SIZE * (1 + sources.length), 0)
}
