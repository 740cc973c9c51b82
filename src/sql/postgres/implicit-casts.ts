import type { Analysis } from './analysis.ts'
import { noteCall } from './calls.ts'
import type { SchemaRelation } from './schema.ts'

/** Types below this id came with the server (FirstNormalObjectId, transam.h). */
const FIRST_NORMAL_OID = 16_384

/**
 * The server puts casts where types don't fit, and no text says so. Those of the user's own count
 * wherever a value of the type that they cast from comes in: by a column, or as a function's result.
 */
export function noteImplicitCasts(analysis: Analysis, types: Iterable<number>, at?: number): void {
  const { implicitCasts } = analysis.schema
  if (implicitCasts.length === 0) return
  const met = new Set(types)
  for (const { name, from } of implicitCasts) if (met.has(from)) noteCall(analysis, name, at)
}

export function typesOfColumns(relation: SchemaRelation): readonly number[] {
  return [...relation.columns.values()].map(({ typeOid }) => typeOid)
}

/** A cast from one of the server's own types can stand anywhere. */
export function noteUbiquitousCasts(analysis: Analysis): void {
  for (const { name, from } of analysis.schema.implicitCasts) {
    if (from < FIRST_NORMAL_OID) noteCall(analysis, name)
  }
}
