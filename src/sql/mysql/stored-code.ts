import { type Analysis, MAX_WITHIN } from './analysis.ts'
import { Findings } from './findings.ts'

/** Judges code that the schema holds and the statement runs. */
export function judgeBody(
  analysis: Analysis,
  label: string,
  body: string | null,
  what: string,
): void {
  const { findings, within } = analysis
  if (analysis.judged.has(label)) return
  analysis.judged.add(label)
  const text = body === null || within.length >= MAX_WITHIN ? null : analysis.read(body)
  if (text === null) {
    findings.opaque(`the code of ${what} can't be read`)
    return
  }
  const inner = new Findings()
  analysis.program({ ...analysis, findings: inner, within: [...within, label] }, text)
  for (const { effect, reason } of inner.effects) {
    findings.effect(effect, `${what}: ${reason}`)
  }
  inner.drop(new Set(inner.effects.map(({ effect }) => effect)))
  findings.include(inner)
}
