import { ProxyError } from '../../lib/errors.ts'
import type { Cell, CellMasker } from '../protocol.ts'

/**
 * Writes a DataRow again with some of its cells masked. Throws where the row hasn't as many
 * columns as the plan: then the plan is for another result, and nothing of it may leave.
 */
export function maskDataRow(frame: Buffer, maskers: readonly (CellMasker | null)[]): Buffer {
  if (frame.length < 7 || frame.readUInt16BE(5) !== maskers.length) throw misfit()
  const cells: Cell[] = []
  let grown = 0
  let at = 7
  for (const masker of maskers) {
    if (at + 4 > frame.length) throw misfit()
    const length = frame.readInt32BE(at)
    at += 4
    if (length < 0) {
      cells.push(null)
      continue
    }
    if (at + length > frame.length) throw misfit()
    const cell = frame.subarray(at, at + length)
    at += length
    const shown = masker ? masker(cell) : cell
    grown += (shown?.length ?? 0) - length
    cells.push(shown)
  }
  if (at !== frame.length) throw misfit()
  return encodeDataRow(frame.length + grown, cells)
}

function encodeDataRow(length: number, cells: readonly Cell[]): Buffer {
  const out = Buffer.allocUnsafe(length)
  out[0] = 0x44 // 'D'
  out.writeUInt32BE(length - 1, 1)
  out.writeUInt16BE(cells.length, 5)
  let at = 7
  for (const cell of cells) {
    out.writeInt32BE(cell === null ? -1 : cell.length, at)
    at += 4
    if (cell !== null) at += cell.copy(out, at)
  }
  return out
}

function misfit(): ProxyError {
  return new ProxyError('PROTOCOL_VIOLATION', 'a row does not fit the description of its result')
}
