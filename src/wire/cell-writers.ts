import type { CellMasker, CellWriter } from './protocol.ts'

/** Below this a loop is faster than a call of the system's copy. */
const SHORT = 40

export function copyBytes(
  from: Buffer,
  start: number,
  end: number,
  out: Buffer,
  at: number,
): number {
  if (end - start >= SHORT) return at + from.copy(out, at, start, end)
  let to = at
  for (let index = start; index < end; index++) out[to++] = from[index] as number
  return to
}

/** By how much a row can grow by these writers; null where one of the maskers has none. */
export function growthOf(maskers: readonly (CellMasker | null)[]): number | null {
  let known = growths.get(maskers)
  if (known === undefined) {
    known = addedUp(maskers)
    growths.set(maskers, known)
  }
  return known
}

/** A plan is used for every row of many results. */
const growths = new WeakMap<readonly (CellMasker | null)[], number | null>()

function addedUp(maskers: readonly (CellMasker | null)[]): number | null {
  let growth = 0
  for (const masker of maskers) {
    if (masker === null) continue
    if (!masker.writer) return null
    growth += masker.writer.growth
  }
  return growth
}

export function withWriter(
  masker: (cell: Buffer) => Buffer | null,
  writer: CellWriter,
): CellMasker {
  return Object.assign(masker, { writer })
}
