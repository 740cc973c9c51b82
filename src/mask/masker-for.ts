import { type MaskKeys, maskerOf, toNull } from './masker-of.ts'
import { valuesOf } from './maskers/postgres-values.ts'
import type { MaskConfig, Masker } from './plan.ts'
import type { TypeShape } from './types.ts'

export type { MaskKeys }

/**
 * The masker of one column of PostgreSQL. A mask that doesn't fit the type becomes `redact`; a type
 * that can't be masked within itself (`shape` null) becomes NULL.
 */
export function maskerFor(config: MaskConfig, shape: TypeShape | null, keys: MaskKeys): Masker {
  return shape ? maskerOf(config, valuesOf(shape), keys) : toNull
}
