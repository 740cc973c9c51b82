import type { Masker } from '../plan.ts'
import type { ListValues, Values } from '../values.ts'

/*
 * An array in binary (array_send in arrayfuncs.c): Int32 number of dimensions, Int32 1 where there
 * are NULLs, the elements' type; for each dimension Int32 length and Int32 lower bound; the
 * elements, each behind its Int32 length, -1 for NULL.
 */
const HEADER = 12
const DIMENSION = 8
/** MAXDIM, c.h. */
const MOST_DIMENSIONS = 6
const NULL = -1

export function binaryArrays(elementOid: number, elements: Values | null): ListValues {
  const empty = Buffer.alloc(HEADER)
  empty.writeUInt32BE(elementOid, 8)
  return {
    kind: 'list',
    redacted: empty,
    elements,
    map: (cell, masker) => maskElements(cell, masker) ?? empty,
  }
}

/** Null where the bytes aren't an array. */
function maskElements(cell: Buffer, masker: Masker): Buffer | null {
  const count = countOf(cell)
  if (count === null) return null
  let at = HEADER + cell.readInt32BE(0) * DIMENSION
  const head = Buffer.from(cell.subarray(0, at))
  const out: Buffer[] = [head]
  for (let element = 0; element < count; element++) {
    if (at + 4 > cell.length) return null
    const length = cell.readInt32BE(at)
    const end = at + 4 + Math.max(length, 0)
    if (length < NULL || end > cell.length) return null
    const shown = length === NULL ? null : masker(cell.subarray(at + 4, end))
    if (shown === null) head.writeInt32BE(1, 4)
    out.push(...lengthAnd(shown))
    at = end
  }
  return at === cell.length ? Buffer.concat(out) : null
}

/** How many elements there are; null where the header can't be right. */
function countOf(cell: Buffer): number | null {
  if (cell.length < HEADER) return null
  const dimensions = cell.readInt32BE(0)
  if (dimensions < 0 || dimensions > MOST_DIMENSIONS) return null
  if (cell.length < HEADER + dimensions * DIMENSION) return null
  let count = dimensions === 0 ? 0 : 1
  for (let i = 0; i < dimensions; i++) {
    const length = cell.readInt32BE(HEADER + i * DIMENSION)
    if (length < 0) return null
    count *= length
  }
  // Each takes four bytes at least.
  return count * 4 <= cell.length ? count : null
}

function lengthAnd(value: Buffer | null): Buffer[] {
  const length = Buffer.alloc(4)
  length.writeInt32BE(value === null ? NULL : value.length)
  return value === null ? [length] : [length, value]
}
