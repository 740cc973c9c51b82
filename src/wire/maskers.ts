import type { Cell } from './columns.ts'

/** Writes the masked form of one non-NULL cell; null makes it SQL NULL. The input isn't changed. */
export interface CellMasker {
  (cell: Buffer): Cell
  /** The same from one memory to another, where that takes less time. */
  readonly writer?: CellWriter
}

/** What `CellWriter.write` returns in the place of an end. */
export const WRITTEN_NULL = -1
export const NOT_WRITTEN = -2

/** Writes the masked form of a cell straight into a row. */
export interface CellWriter {
  /** So many bytes more than the cell has are written at most. */
  readonly growth: number
  /**
   * Reads from[start, end), writes from out[at] on and returns the index behind the last byte;
   * WRITTEN_NULL for SQL NULL; NOT_WRITTEN where only the masker itself can do it. Bytes behind the
   * returned end may have been written, within `growth`.
   */
  write(from: Buffer, start: number, end: number, out: Buffer, at: number): number
}

/** Rewrites COPY OUT data as it streams; throws when it can't follow the data. */
export interface CopyMasker {
  push(data: Buffer): Buffer
  end(): Buffer
}

/** How a COPY to the client is laid out, as the server announces it. */
export interface CopyShape {
  readonly format: 'text' | 'binary'
  readonly columns: number
}
