import type { Classification } from '../statement.ts'
import { unreadable } from '../unreadable.ts'
import { type Analysis, MAX_WITHIN } from './analysis.ts'
import { Findings } from './findings.ts'
import type { Token } from './token.ts'

/** Code that lies in a schema: names without one are of that schema, whatever the session's is. */
export interface StoredCode {
  readonly schema: string
  /** Equal for the same code. */
  readonly label: string
  /** Null where it can't be read. */
  readonly body: string | null
  /** As a person calls it. */
  readonly what: string
  readonly writtenBy?: 'server'
  /** What of the statement's own text runs it. */
  readonly token?: Token | undefined
}

/** Judges code that the schema holds and the statement runs. */
export function judgeBody(
  analysis: Analysis,
  { schema, label, body, what, writtenBy, token }: StoredCode,
): void {
  const { findings, within } = analysis
  const facts = { ...analysis.facts, database: schema }
  if (analysis.judged.has(label)) return
  analysis.judged.add(label)
  const text =
    body === null || within.length >= MAX_WITHIN
      ? null
      : analysis.read(body, writtenBy ?? 'somebody')
  if (text === null) {
    findings.names.push({ kind: 'deallocate', name: null })
    findings.opaque(`the code of ${what} can't be read`, token)
    return
  }
  const inner = new Findings()
  analysis.program({ ...analysis, facts, findings: inner, within: [...within, label] }, text)
  for (const { effect, reason } of inner.effects) {
    findings.effect(effect, `${what}: ${reason}`, token)
  }
  inner.drop(new Set(inner.effects.map(({ effect }) => effect)))
  findings.include(inner)
  leavePrepared(findings, inner)
}

/** What code prepares is there behind it too, under names of which one can't say what they mean. */
export function leavePrepared(
  findings: Findings,
  { names }: Pick<Findings | Classification, 'names'>,
): void {
  for (const name of names) {
    if (name.kind === 'prepare') {
      const inner = unreadable('', 'other code has prepared it')
      findings.names.push({ kind: 'prepare', name: name.name, inner })
    } else if (name.kind === 'deallocate') findings.names.push(name)
  }
}
