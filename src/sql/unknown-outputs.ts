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
  const { tables } = classification
  if (tables.every(({ access }) => access === 'write')) return withUnknownOutputs(classification)
  return maybeCopying(
    withUnknownOutputs(classification),
    'may copy what has been classified since it was prepared',
    [],
  )
}

/** A statement that reads variables or settings, in which values of these classes may be. */
export function usingKept(
  classification: Classification,
  classes: readonly string[],
): Classification {
  const reason = 'may write a classified value that the session has kept in a variable or setting'
  const shown =
    classification.usesKept === 'settings' ? withUnknownOutputs(classification) : classification
  return maybeCopying(shown, reason, classes)
}

/** Where it writes, any column may be filled. */
function maybeCopying(
  classification: Classification,
  reason: string,
  classes: readonly string[],
): Classification {
  const written = classification.tables.filter(({ access }) => access === 'write')
  if (written.length === 0) return classification
  const copies = written.map(({ schema, name: table }) => ({
    ...{ schema, table, column: null, classes, plain: false },
  }))
  return {
    ...classification,
    effects: [...classification.effects, { effect: 'export', reason }],
    copies: [...(classification.copies ?? []), ...copies],
  }
}

/** Whether it may run code that closes a cursor and opens another one under its name. */
export function mayOpenCursors({ effects }: Classification): boolean {
  return effects.some(({ effect }) => effect === 'opaque')
}
