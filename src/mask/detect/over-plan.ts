import type { Masker, MaskPlan, ResultColumn } from '../plan.ts'

/**
 * The plan with a look at those columns that pass, where `look` has one for them. The record doesn't
 * call them masked, for most of their values aren't.
 */
export function overPlan(
  plan: MaskPlan | null,
  columns: readonly ResultColumn[],
  look: (column: ResultColumn, index: number) => Masker | null,
): MaskPlan | null {
  const maskers = columns.map((column, index) => plan?.maskers[index] ?? look(column, index))
  if (maskers.every((masker) => masker === null)) return plan
  return { masked: [], classes: [], disagreements: 0, ...plan, maskers }
}
