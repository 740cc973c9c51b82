import type { Classification } from './statement.ts'

/** The same statement, of whose columns nothing that was found out counts any more. */
export function withUnknownOutputs(classification: Classification): Classification {
  const { lineage: _lineage, ...rest } = classification
  return { ...rest, output: 'classified', safeOutputs: [] }
}

/**
 * A statement that was judged by another reading of the schema. What it copies from table to table
 * may be classified by now.
 */
export function asJudgedBefore(classification: Classification): Classification {
  const unknown = withUnknownOutputs(classification)
  const { tables, effects } = classification
  const written = tables.filter(({ access }) => access === 'write')
  if (written.length === 0 || tables.length === written.length) return unknown
  const reason = 'may copy what has been classified since it was prepared'
  return {
    ...unknown,
    effects: [...effects, { effect: 'export', reason }],
    copies: written.map(({ schema, name: table }) => ({
      ...{ schema, table, column: null, classes: [], plain: false },
    })),
  }
}

/** Whether it may run code that closes a cursor and opens another one under its name. */
export function mayOpenCursors({ effects }: Classification): boolean {
  return effects.some(({ effect }) => effect === 'opaque')
}
