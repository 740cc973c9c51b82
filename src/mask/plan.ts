import type { ResultColumn } from '../wire/columns.ts'
import type { CellMasker } from '../wire/maskers.ts'

export type { ResultColumn }
export type Masker = CellMasker

/** What happens to each column of one result; null where the bytes pass as they are. */
export interface MaskPlan {
  /** One entry a column; `maskers.length` is the column count that a row must have. */
  readonly maskers: readonly (Masker | null)[]
  /** The names of the columns that are masked, for the record. */
  readonly masked: readonly string[]
  /** Data classes that are masked, for the record. */
  readonly classes: readonly string[]
  /** Columns of which lineage and the server don't say the same. */
  readonly disagreements: number
}

export const MASKS = ['redact', 'null', 'partial', 'hash', 'year', 'zero'] as const
export type MaskName = (typeof MASKS)[number]

export const MASKS_STRICTEST_FIRST: readonly MaskName[] = [
  'null',
  'redact',
  'zero',
  'hash',
  'year',
  'partial',
]

export interface MaskConfig {
  readonly mask: MaskName
  /** Characters that `partial` leaves at the end; null means the mask's own default. */
  readonly keepLast: number | null
}
