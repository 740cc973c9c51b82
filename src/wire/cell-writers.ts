import type { CellMasker, CellWriter } from './maskers.ts'

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

export function withWriter(
  masker: (cell: Buffer) => Buffer | null,
  writer: CellWriter,
): CellMasker {
  return Object.assign(masker, { writer })
}
