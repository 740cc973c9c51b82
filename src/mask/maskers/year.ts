import type { Masker } from '../plan.ts'
import type { Values } from '../values.ts'

/** The first of January of the same year, at midnight; null for other types. */
export function yearMasker(values: Values): Masker | null {
  if (values.kind !== 'date') return null
  return (cell) => {
    const year = values.year(cell)
    return year !== null && year >= 1 && year <= 9999 ? values.newYear(year) : values.redacted
  }
}
