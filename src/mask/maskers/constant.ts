import { withWriter } from '../../wire/cell-writers.ts'
import { WRITTEN_NULL } from '../../wire/maskers.ts'
import type { Masker } from '../plan.ts'

/** Longer ones are rare, and copied as well by the row. */
const LONGEST = 64

/** The same for every value. */
export function constantMasker(value: Buffer): Masker {
  const masker = () => value
  if (value.length > LONGEST) return masker
  return withWriter(masker, {
    growth: value.length,
    write: (_from, _start, _end, out, at) => {
      for (let i = 0; i < value.length; i++) out[at + i] = value[i] as number
      return at + value.length
    },
  })
}

export const toNull: Masker = withWriter(() => null, { growth: 0, write: () => WRITTEN_NULL })
