import { rulesChanged, severalWait, standsBehind } from './flow-errors.ts'
import type { Refusal } from './refusals.ts'
import type { RunStep, Step } from './step.ts'

/**
 * A person is shown one statement and what its names mean now. What stands before it in its batch
 * isn't sent before it is signed, so it must neither change that meaning nor wait itself.
 */
export function conflictIn(
  steps: readonly Step[],
  waitsForPerson: (step: RunStep) => boolean,
): Refusal | null {
  const waits = (step: Step) => step.kind === 'run' && waitsForPerson(step)
  const first = steps.findIndex(waits)
  if (first < 0) return null
  if (steps.findLastIndex(waits) !== first) return { at: first, error: severalWait() }
  const changer = steps.slice(0, first).find(changesMeaning)
  return changer ? { at: first, error: standsBehind(changer) } : null
}

/** The first step that rules of this moment don't allow any more. */
export function nowForbidden(
  steps: readonly Step[],
  allowedNow: (step: RunStep) => boolean,
): Refusal | null {
  const at = steps.findIndex(
    (step) => step.kind === 'run' && step.exchange.approval === null && !allowedNow(step),
  )
  return at < 0 ? null : { at, error: rulesChanged() }
}

/** True for a step that could give the names of a later one another meaning. */
function changesMeaning(step: Step): boolean {
  if (step.kind !== 'run') return false
  const harmless = new Set(['read', 'write', 'transaction'])
  return step.exchange.statements.some((statement) =>
    statement.effects.some(({ effect }) => !harmless.has(effect)),
  )
}
