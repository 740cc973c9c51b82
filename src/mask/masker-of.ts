import { assertNever } from '../lib/assert-never.ts'
import { hashMasker } from './maskers/hash.ts'
import { partialMasker } from './maskers/partial.ts'
import { yearMasker } from './maskers/year.ts'
import type { MaskConfig, Masker } from './plan.ts'
import type { Values } from './values.ts'

export interface MaskKeys {
  /** Of the mask `hash`; 32 bytes of chance that stay the same as long as hashes should. */
  readonly hash: Buffer
}

export const toNull: Masker = () => null

/** The masker of one column. A mask that doesn't fit its values becomes `redact`. */
export function maskerOf(config: MaskConfig, values: Values, keys: MaskKeys): Masker {
  return fitting(config, values, keys) ?? (() => values.redacted)
}

function fitting({ mask, keepLast }: MaskConfig, values: Values, keys: MaskKeys): Masker | null {
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
