import { assertNever } from '../lib/assert-never.ts'
import { fitsAny } from '../lib/pattern.ts'
import { reasonWithPlace } from '../sql/effect-place.ts'
import type { Effect } from '../sql/statement.ts'
import { type DecisionInput, holds, holdsForSession, holdsForStatement } from './conditions.ts'
import type { Beyond, Decision, Requirement } from './decision.ts'
import { DEFAULT_EXPIRES_MS, type RuleAction, type RuleConfig } from './rule.ts'

/** Effects that need approval where no rule says anything. */
const SENSITIVE: ReadonlySet<Effect> = new Set([
  'export',
  'ddl',
  'privilege',
  'server',
  'unbounded-write',
  'probe',
  'opaque',
])

export const DEFAULT_RULE = 'default'
export const DEFAULT_APPROVERS = 'approvers'

const ALLOW: EffectVerdict['action'] = { kind: 'allow', maxRows: null }

const DEFAULT_APPROVAL: EffectVerdict['action'] = {
  kind: 'approve',
  by: [DEFAULT_APPROVERS],
  count: 1,
  hold: null,
  expires: null,
}

/** Which rule spoke for one effect of a statement. */
export interface EffectVerdict {
  readonly effect: Effect
  /** Why the statement has it. */
  readonly reasons: readonly string[]
  /** The rule's name; `default` where none matched. */
  readonly rule: string
  readonly action: Exclude<RuleAction, { kind: 'unmask' }>
}

/** A decision and how it came about. */
export interface Explanation {
  readonly decision: Decision
  readonly effects: readonly EffectVerdict[]
  readonly unmask: readonly { readonly rule: string; readonly classes: readonly string[] }[]
}

/** What the rules say of one statement. Pure: equal input, equal decision. */
export function decide(input: DecisionInput, rules: readonly RuleConfig[]): Decision {
  return explain(input, rules).decision
}

/** The decision, with the rule that spoke for each effect. */
export function explain(input: DecisionInput, rules: readonly RuleConfig[]): Explanation {
  const effects = effectsOf(input).map((effect) => verdictOn(effect, input, rules))
  const unmask = rules.flatMap((rule) => unmaskedBy(rule, input))
  const decision = withCeiling(combine(effects, cleared(unmask)), effects, input, rules)
  return { decision, effects, unmask }
}

/** Past a ceiling the rules decide as if those that set one weren't there. */
function withCeiling(
  decision: Decision,
  effects: readonly EffectVerdict[],
  input: DecisionInput,
  rules: readonly RuleConfig[],
): Decision {
  const set = effects.flatMap(({ rule, action }) =>
    action.kind === 'allow' && action.maxRows !== null ? [{ rule, rows: action.maxRows }] : [],
  )
  if (decision.kind !== 'allow' || set.length === 0) return decision
  const without = rules.filter(({ then }) => then.kind !== 'allow' || then.maxRows === null)
  const names = [...new Set(set.map(({ rule }) => rule))]
  const rows = Math.min(...set.map((one) => one.rows))
  const beyond = atLeastApproved(decide(input, without), names)
  return { ...decision, ceiling: { rows, rules: names, beyond } }
}

/** Somebody is asked, also where no rule says so; `rules` are named for it then. */
export function atLeastApproved(decision: Decision, rules: readonly string[]): Beyond {
  if (decision.kind !== 'allow') return decision
  return {
    kind: 'require-approval',
    rules,
    requirements: rules.map((rule) => ({ rule, by: [DEFAULT_APPROVERS], count: 1 })),
    unmask: decision.unmask,
    holdMs: null,
    expiresMs: DEFAULT_EXPIRES_MS,
  }
}

/** Who has to sign where a rule asks for it. */
export function requirementOf(
  rule: string,
  { by, count, escalate, stepUpMs }: Extract<RuleAction, { kind: 'approve' }>,
): Requirement {
  const stepUp = stepUpMs === undefined ? {} : { stepUpMs }
  return escalate ? { rule, by, count, escalate, ...stepUp } : { rule, by, count, ...stepUp }
}

/** A statement without any effect is one that nobody understood. */
function effectsOf(input: DecisionInput): readonly Effect[] {
  const effects = [...new Set(input.classification.effects.map(({ effect }) => effect))]
  return effects.length > 0 ? effects : ['opaque']
}

/** Deny wins, approvals add up, and it is allowed only if every effect is. */
function combine(verdicts: readonly EffectVerdict[], unmask: readonly string[]): Decision {
  const rules = [...new Set(verdicts.map((verdict) => verdict.rule))]
  const requirements = new Map<string, Requirement>()
  let holdMs: number | null = null
  let expiresMs = Number.POSITIVE_INFINITY
  let counts = false
  for (const { rule, action } of verdicts) {
    switch (action.kind) {
      case 'deny':
        return { kind: 'deny', rule, reason: action.reason }
      case 'approve':
        requirements.set(rule, requirementOf(rule, action))
        if (action.hold !== null) holdMs = Math.min(action.hold, holdMs ?? action.hold)
        expiresMs = Math.min(expiresMs, action.expires ?? DEFAULT_EXPIRES_MS)
        counts ||= action.counts ?? false
        break
      case 'allow':
        break
      default:
        assertNever(action)
    }
  }
  if (requirements.size === 0) return { kind: 'allow', rules, unmask }
  const needed = [...requirements.values()]
  return {
    kind: 'require-approval',
    rules: needed.map(({ rule }) => rule),
    requirements: needed,
    unmask,
    ...(counts && { counts: true }),
    holdMs,
    expiresMs,
  }
}

function verdictOn(
  effect: Effect,
  input: DecisionInput,
  rules: readonly RuleConfig[],
): EffectVerdict {
  const reasons = input.classification.effects.flatMap((one) =>
    one.effect === effect ? [reasonWithPlace(one)] : [],
  )
  for (const { name, when, then } of rules) {
    if (then.kind === 'unmask') continue
    const reach = then.kind === 'allow' ? 'covers' : 'meets'
    if (holds(when, effect, input, reach)) return { effect, reasons, rule: name, action: then }
  }
  const action = SENSITIVE.has(effect) ? DEFAULT_APPROVAL : ALLOW
  return { effect, reasons, rule: DEFAULT_RULE, action }
}

/**
 * An unmask rule clears classes and decides no effect. Its tables and columns must cover all that
 * the statement touches; of its classes, those that it clears are enough.
 */
function unmaskedBy(
  rule: RuleConfig,
  input: DecisionInput,
): readonly { readonly rule: string; readonly classes: readonly string[] }[] {
  if (rule.then.kind !== 'unmask') return []
  const { effect, classes, ...rest } = rule.when
  const own = effectsOf(input)
  if (effect && !own.every((one) => effect.includes(one))) return []
  if (classes && !input.classification.classes.some((one) => fitsAny(classes, one))) return []
  if (!holdsForSession(rest, input) || !holdsForStatement(rest, input, 'covers')) return []
  return [{ rule: rule.name, classes: rule.then.classes }]
}

function cleared(unmask: Explanation['unmask']): readonly string[] {
  return [...new Set(unmask.flatMap(({ classes }) => classes))]
}
