import type { Classification, Effect, SessionName, SessionNames } from '../statement.ts'
import type { Analysis } from './analysis.ts'
import { anyNode, type Body, isObject, textOf } from './ast.ts'
import { NO_OUTPUTS, type Outputs } from './taint.ts'

/** What a statement is, beside what the analysis has noted about it. */
export interface Judged {
  readonly verb: string
  readonly outputs: Outputs
  /** The statement before it whose rows it shows: EXECUTE and FETCH. */
  readonly shows?: Classification | undefined
  readonly names: readonly SessionName[]
  /** Its string constants may hold passwords. */
  readonly secret: boolean
}

/** What judging needs beside the analysis. */
export interface Surroundings {
  readonly names: SessionNames
  /** Judges a statement inside this one, as a statement of its own. */
  inner(node: unknown): { readonly classification: Classification; readonly analysis: Analysis }
}

export function judged(verb: string, more: Partial<Judged> = {}): Judged {
  return { verb, outputs: NO_OUTPUTS, names: [], secret: false, ...more }
}

/** A statement of one effect. */
export function simple(analysis: Analysis, verb: string, effect: Effect, reason: string): Judged {
  analysis.findings.effect(effect, reason)
  if (effect === 'opaque') analysis.findings.classified = true
  return judged(verb)
}

/** The tables that a statement of no query names, wherever in it they stand. */
export function noteTables(analysis: Analysis, body: Body): void {
  for (const field of ['relation', 'rel', 'view'] as const) {
    const range = body[field]
    if (isObject(range) && typeof range.relname === 'string') nameTable(analysis, range)
  }
  anyNode(Object.values(body), ({ kind, body: range }) => {
    if (kind === 'RangeVar') nameTable(analysis, range)
    return false
  })
}

export function nameTable(analysis: Analysis, range: Body): void {
  const schema = typeof range.schemaname === 'string' ? range.schemaname : null
  noteRelation(analysis, schema, textOf(range.relname))
}

/** Lists a relation as one that the statement changes, known or not. */
export function noteRelation(analysis: Analysis, schema: string | null, name: string): void {
  const found = analysis.schema.relationsNamed(name, schema ?? undefined)
  if (found.length === 0) analysis.findings.unresolvedTable(schema, name)
  for (const relation of found) {
    analysis.findings.table(relation, 'write')
    // A new index, type or constraint is checked on every row, and its error quotes one.
    if (relation.classified) analysis.findings.classified = true
  }
}
