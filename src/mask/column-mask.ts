import { UNJUDGED } from '../catalog/column-ledger.ts'
import { DERIVED } from '../catalog/derive-classes.ts'
import type { Shown } from '../sql/output-lineage.ts'
import { coversClass, maskOfClass } from './data-class.ts'
import { MASKS_STRICTEST_FIRST, type MaskConfig } from './plan.ts'

/** What the catalogs say of columns that have no class of their own: what they hold, nobody knows. */
const NO_CLASSES: ReadonlySet<string> = new Set([DERIVED, UNJUDGED])

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
  const computed = !plain || unknown || classes.some(isNone)
  const alike = configs.every(({ keepLast }) => keepLast === strictest.keepLast)
  return computed || !alike ? WHOLE : strictest
}

function isNone(dataClass: string): boolean {
  return NO_CLASSES.has(dataClass)
}

function rank({ mask }: MaskConfig): number {
  return MASKS_STRICTEST_FIRST.indexOf(mask)
}

/** Whether everything that the column shows may leave in clear. */
export function isCleared({ classes, unknown }: Shown, unmask: readonly string[]): boolean {
  if (unknown || classes.length === 0 || classes.some(isNone)) return false
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
