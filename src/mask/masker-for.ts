import { assertNever } from '../lib/assert-never.ts'
import { hashMasker } from './maskers/hash.ts'
import { partialMasker } from './maskers/partial.ts'
import { redactedValue } from './maskers/redact.ts'
import { yearMasker } from './maskers/year.ts'
import type { MaskConfig, Masker } from './plan.ts'
import type { TypeShape } from './types.ts'

export interface MaskKeys {
  /** Of the mask `hash`; 32 bytes of chance that stay the same as long as hashes should. */
  readonly hash: Buffer
}

const toNull: Masker = () => null

/**
 * The masker of one column. A mask that doesn't fit the type becomes `redact`; a type that can't be
 * masked within itself (`shape` null) becomes NULL.
 */
export function maskerFor(config: MaskConfig, shape: TypeShape | null, keys: MaskKeys): Masker {
  if (!shape) return toNull
  const redacted = redactedValue(shape)
  return fitting(config, shape, keys, redacted) ?? (() => redacted)
}

function fitting(
  { mask, keepLast }: MaskConfig,
  shape: TypeShape,
  keys: MaskKeys,
  redacted: Buffer,
): Masker | null {
  switch (mask) {
    case 'redact':
    case 'zero': // what `redact` puts in the place of a number is zero
      return null
    case 'null':
      return toNull
    case 'partial':
      return partialMasker(shape, keepLast, redacted)
    case 'hash':
      return hashMasker(shape, keys.hash, redacted)
    case 'year':
      return yearMasker(shape, redacted)
    default:
      return assertNever(mask)
  }
}
