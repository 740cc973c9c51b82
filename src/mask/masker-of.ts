import { assertNever } from '../lib/assert-never.ts'
import { constantMasker, toNull } from './maskers/constant.ts'
import { hashMasker } from './maskers/hash.ts'
import { partialMasker } from './maskers/partial.ts'
import { yearMasker } from './maskers/year.ts'
import type { MaskConfig, Masker } from './plan.ts'
import type { ListValues, RecordValues, Values } from './values.ts'

export interface MaskKeys {
  /** Of the mask `hash`; 32 bytes of chance that stay the same as long as hashes should. */
  readonly hash: Buffer
}

export { toNull }

/** The masker of one column. A mask that doesn't fit its values becomes `redact`. */
export function maskerOf(config: MaskConfig, values: Values, keys: MaskKeys): Masker {
  if (config.mask === 'null') return toNull
  if (values.kind === 'record') return (cell) => values.hidden(cell)
  const masker =
    values.kind === 'list' ? listMasker(config, values, keys) : fitting(config, values, keys)
  return masker ?? constantMasker(values.redacted)
}

/**
 * Of a list that is redacted nothing is told, not how many elements it has and which are NULL: it may
 * be computed. The masks that leave something of a value leave the list's shape, too.
 */
function listMasker(config: MaskConfig, values: ListValues, keys: MaskKeys): Masker | null {
  if (config.mask === 'redact' || config.mask === 'zero' || !values.elements) return null
  const masker = maskerOf(config, values.elements, keys)
  return (cell) => values.map(cell, masker)
}

type SingleValues = Exclude<Values, ListValues | RecordValues>

function fitting(
  { mask, keepLast }: MaskConfig,
  values: SingleValues,
  keys: MaskKeys,
): Masker | null {
  switch (mask) {
    case 'redact':
    case 'zero': // what `redact` puts in the place of a number is zero
      return null
    case 'null':
      return toNull
    case 'partial':
      return partialMasker(values, keepLast)
    case 'hash':
      return hashMasker(values, keys.hash)
    case 'year':
      return yearMasker(values)
    default:
      return assertNever(mask)
  }
}
