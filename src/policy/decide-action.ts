import { fitsAny } from '../lib/pattern.ts'
import { type Asker, holdsForAsker } from './conditions.ts'
import { DEFAULT_APPROVERS, DEFAULT_RULE, requirementOf } from './decide.ts'
import type { Requirement } from './decision.ts'
import { DEFAULT_EXPIRES_MS, type RuleCondition, type RuleConfig } from './rule.ts'

export interface ActionInput extends Asker {
  /** `model.deploy` */
  readonly action: string
}

/** What the rules say of an action that isn't SQL. */
export type ActionDecision =
  | { readonly kind: 'allow'; readonly rule: string }
  | { readonly kind: 'deny'; readonly rule: string; readonly reason: string }
  | {
      readonly kind: 'require-approval'
      readonly requirement: Requirement
      /** How long the request stays open, in ms. */
      readonly expiresMs: number
    }

const DEFAULT_APPROVAL: ActionDecision = {
  kind: 'require-approval',
  requirement: { rule: DEFAULT_RULE, by: [DEFAULT_APPROVERS], count: 1 },
  expiresMs: DEFAULT_EXPIRES_MS,
}

/** The first rule that holds; where none does somebody is asked. Pure. */
export function decideAction(input: ActionInput, rules: readonly RuleConfig[]): ActionDecision {
  for (const { name: rule, when, then } of rules) {
    if (then.kind === 'unmask' || !reaches(when, then.kind === 'allow', input.action)) continue
    if (!holdsForAsker(when, input)) continue
    if (then.kind === 'allow') return { kind: 'allow', rule }
    if (then.kind === 'deny') return { kind: 'deny', rule, reason: then.reason }
    const expiresMs = then.expires ?? DEFAULT_EXPIRES_MS
    return { kind: 'require-approval', requirement: requirementOf(rule, then), expiresMs }
  }
  return DEFAULT_APPROVAL
}

/**
 * A rule that lets something pass has to name the action, or what was meant for statements would
 * open it; one that stops it may say nothing of what is asked for at all.
 */
function reaches(when: RuleCondition, allows: boolean, action: string): boolean {
  if (when.action) return fitsAny(when.action, action)
  const { agent: _agent, group: _group, hours: _hours, ...ofStatements } = when
  return !allows && Object.keys(ofStatements).length === 0
}
