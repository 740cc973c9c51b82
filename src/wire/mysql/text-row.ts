import { ProxyError } from '../../lib/errors.ts'
import type { Cell, CellMasker } from '../protocol.ts'
import { lenencLength, NULL_CELL, PayloadReader, writeLenenc } from './payload.ts'

/** Reads a text row (manual, "Protocol::ResultsetRow"): each value with its length, 0xfb is NULL. */
export function decodeTextRow(payload: Buffer, columns: number): Cell[] {
  const reader = new PayloadReader(payload)
  const cells: Cell[] = []
  for (let column = 0; column < columns; column++) {
    if (reader.remaining > 0 && payload[reader.position] === NULL_CELL) {
      reader.skip(1)
      cells.push(null)
    } else cells.push(reader.lenencBytes())
  }
  reader.end()
  return cells
}

/**
 * Writes a text row again with some of its values masked. Throws where the row hasn't as many
 * values as the plan: then the plan is for another result, and nothing of it may leave.
 */
export function maskTextRow(payload: Buffer, maskers: readonly (CellMasker | null)[]): Buffer {
  const cells = decodeTextRow(payload, maskers.length)
  let length = 0
  for (const [index, masker] of maskers.entries()) {
    const cell = cells[index] as Cell
    const shown = masker === null || cell === null ? cell : masker(cell)
    cells[index] = shown
    length += shown === null ? 1 : lenencLength(shown.length) + shown.length
  }
  const out = Buffer.allocUnsafe(length)
  let at = 0
  for (const cell of cells) {
    if (cell === null) out[at++] = NULL_CELL
    else at = writeLenenc(out, at, cell.length) + cell.length
    if (cell !== null) cell.copy(out, at - cell.length)
  }
  if (at !== length) throw new ProxyError('INTERNAL', 'a masked row has another length')
  return out
}
