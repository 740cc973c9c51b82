import type { Classification } from './statement.ts'

/** The same statement, of whose columns nothing that was found out counts any more. */
export function withUnknownOutputs(classification: Classification): Classification {
  const { lineage: _lineage, ...rest } = classification
  return { ...rest, output: 'classified', safeOutputs: [] }
}

/** Whether it may run code that closes a cursor and opens another one under its name. */
export function mayOpenCursors({ effects }: Classification): boolean {
  return effects.some(({ effect }) => effect === 'opaque')
}
