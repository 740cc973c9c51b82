import type { Decision, Requirement } from '../policy/decision.ts'

/**
 * A query of several statements is decided as one: deny wins, approvals add up. Whose rows are
 * whose can't be told there, so a ceiling lets none of them pass.
 */
export function combineDecisions(given: readonly Decision[]): Decision {
  const first = given[0]
  if (given.length === 1 && first) return first
  const decisions = given.map((one) =>
    one.kind === 'allow' && one.ceiling ? one.ceiling.beyond : one,
  )
  const rules: string[] = []
  const requirements: Requirement[] = []
  const clear: string[] = []
  let counts = false
  let holdMs: number | null = null
  let expiresMs = Number.POSITIVE_INFINITY
  for (const decision of decisions) {
    if (decision.kind === 'deny') return decision
    rules.push(...decision.rules)
    if (decision.kind === 'allow') continue
    requirements.push(...decision.requirements)
    clear.push(...(decision.clear ?? []))
    counts ||= decision.counts ?? false
    expiresMs = Math.min(expiresMs, decision.expiresMs)
    if (decision.holdMs !== null) holdMs = Math.min(holdMs ?? decision.holdMs, decision.holdMs)
  }
  const common = { rules: [...new Set(rules)], unmask: clearedByAll(decisions) }
  if (requirements.length === 0) return { kind: 'allow', ...common }
  return {
    kind: 'require-approval',
    ...common,
    requirements: distinct(requirements),
    ...(clear.length > 0 && { clear: [...new Set(clear)] }),
    ...(counts && { counts: true }),
    holdMs,
    expiresMs,
  }
}

/** What one statement may show in clear isn't cleared for its neighbours. */
function clearedByAll(decisions: readonly Decision[]): string[] {
  const lists = decisions.map((decision) => (decision.kind === 'deny' ? [] : decision.unmask))
  return (lists[0] ?? []).filter((pattern) => lists.every((list) => list.includes(pattern)))
}

function distinct(requirements: readonly Requirement[]): Requirement[] {
  const byText = new Map(requirements.map((item) => [JSON.stringify(item), item]))
  return [...byText.values()]
}
