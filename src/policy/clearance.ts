import { fitsAny } from '../lib/pattern.ts'
import type { Decision, Requirement } from './decision.ts'
import { DEFAULT_EXPIRES_MS } from './rule.ts'

/** Group -> the data classes (with wildcards) that its members may let leave in clear. */
export type ClearingGroups = ReadonlyMap<string, readonly string[]>

/**
 * The decision where an agent asks to see classes in clear: for each of them that the statement
 * touches, and that no rule unmasks already, somebody of a group that clears it has to sign.
 * `asked`: data classes with wildcards; `touched`: those of the statement.
 */
export function withClearance(
  decision: Decision,
  asked: readonly string[],
  touched: readonly string[],
  groups: ClearingGroups,
): Decision {
  if (asked.length === 0 || decision.kind === 'deny') return decision
  const clear = touched.filter((one) => fitsAny(asked, one) && !fitsAny(decision.unmask, one))
  if (clear.length === 0) return decision
  const requirements: Requirement[] = []
  for (const dataClass of clear) {
    const by = [...groups].flatMap(([group, clears]) => (fitsAny(clears, dataClass) ? group : []))
    if (by.length === 0) return nobodyMayShow(dataClass)
    requirements.push({ rule: `show ${dataClass}`, by, count: 1 })
  }
  const rules = requirements.map(({ rule }) => rule)
  if (decision.kind === 'require-approval') {
    return {
      ...decision,
      rules: [...decision.rules, ...rules],
      requirements: [...decision.requirements, ...requirements],
      clear,
    }
  }
  const { unmask } = decision
  const expiresMs = DEFAULT_EXPIRES_MS
  return { kind: 'require-approval', rules, requirements, unmask, clear, holdMs: null, expiresMs }
}

function nobodyMayShow(dataClass: string): Decision {
  const reason = `nobody may show ${dataClass} in clear: leave it out of countersign.clear`
  return { kind: 'deny', rule: `show ${dataClass}`, reason }
}
