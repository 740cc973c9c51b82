import type { Shown } from '../sql/output-lineage.ts'
import { coversClass, maskOfClass } from './data-class.ts'
import { MASKS_STRICTEST_FIRST, type MaskConfig } from './plan.ts'

/** The class that the catalogs give to what is computed from several: which, nobody knows. */
const SEVERAL = 'derived'

const WHOLE: MaskConfig = { mask: 'redact', keepLast: null }

type Masks = Readonly<Record<string, MaskConfig>>

/**
 * The mask of a column that shows this. A value as it stands keeps what its class's mask does. What
 * is computed from values could be made so that a mask which keeps a part keeps the part that is
 * wanted: it is masked whole, and to NULL where any class asks for that.
 */
export function maskOfShown({ classes, unknown, plain }: Shown, masks: Masks): MaskConfig {
  const configs = classes.map((dataClass) => maskOfClass(dataClass, masks))
  const [strictest = WHOLE] = configs.toSorted((one, other) => rank(one) - rank(other))
  if (strictest.mask === 'null') return strictest
  const computed = !plain || unknown || classes.includes(SEVERAL)
  const alike = configs.every(({ keepLast }) => keepLast === strictest.keepLast)
  return computed || !alike ? WHOLE : strictest
}

function rank({ mask }: MaskConfig): number {
  return MASKS_STRICTEST_FIRST.indexOf(mask)
}

/** Whether everything that the column shows may leave in clear. */
export function isCleared({ classes, unknown }: Shown, unmask: readonly string[]): boolean {
  if (unknown || classes.length === 0 || classes.includes(SEVERAL)) return false
  return classes.every((dataClass) => unmask.some((pattern) => coversClass(pattern, dataClass)))
}

/** Both at once: what either of them shows. */
export function together(one: Shown, other: Shown): Shown {
  return {
    classes: [...new Set([...one.classes, ...other.classes])].sort(),
    unknown: one.unknown || other.unknown,
    plain: one.plain && other.plain,
  }
}
