import { type MaskKeys, maskerOf, toNull } from '../masker-of.ts'
import type { MaskConfig, Masker, ResultColumn } from '../plan.ts'
import { mysqlShapeOf } from './types.ts'
import { mysqlValuesOf } from './values.ts'

/**
 * The masker of one column as a MySQL server describes it. A mask that doesn't fit the type becomes
 * `redact`; a type that isn't known becomes NULL.
 */
export function mysqlMaskerFor(config: MaskConfig, column: ResultColumn, keys: MaskKeys): Masker {
  const shape = mysqlShapeOf(column)
  return shape ? maskerOf(config, mysqlValuesOf(shape), keys) : toNull
}
