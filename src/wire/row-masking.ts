import type { CellMasker } from './maskers.ts'
import { rowArea } from './row-area.ts'
import { RowRun } from './row-run.ts'

type Maskers = readonly (CellMasker | null)[]

/**
 * How one kind of row lies on the wire. Whatever finds that bytes aren't a row of as many columns as
 * there are maskers throws: then they are of another result, and nothing of them may leave.
 */
export interface RowLayout {
  /** Where the row ends that begins at `at`. */
  endOf(rows: Buffer, at: number, maskers: Maskers): number
  /** Writes one row by the maskers' writers; false where it can't be written so. */
  writeStraight(run: RowRun, rows: Buffer, at: number, end: number, maskers: Maskers): boolean
  /** Says in a row that begins at `begin` that it has this many bytes. */
  setLength(out: Buffer, begin: number, length: number): void
  /** One row, written anew value by value. */
  writeByCells(row: Buffer, maskers: Maskers): Buffer
}

/** Masks the rows of one result. */
export class RowMasking {
  readonly maskers: Maskers
  readonly #layout: RowLayout
  /** By how many bytes a row can grow at most; null where one of the maskers has no writer. */
  readonly #growth: number | null

  constructor(layout: RowLayout, maskers: Maskers) {
    this.maskers = maskers
    this.#layout = layout
    this.#growth = growthOf(maskers)
  }

  /** A row of so many bytes can be written straight, if its values allow it. */
  takes(length: number): boolean {
    return this.#growth !== null && rowArea.holds(length + this.#growth)
  }

  /**
   * Writes whole rows that follow each other again, with some of their values masked, to `add`.
   * Where it throws, what stands before the row at fault has left.
   */
  mask(rows: Buffer, add: (bytes: Buffer) => void): void {
    const run = new RowRun(rows, add)
    let at = 0
    try {
      while (at < rows.length) at = this.#maskOne(run, rows, at)
    } finally {
      run.end(at)
    }
  }

  /** Returns where the row ends. */
  #maskOne(run: RowRun, rows: Buffer, at: number): number {
    const end = this.#layout.endOf(rows, at, this.maskers)
    if (!this.#wroteStraight(run, rows, at, end)) {
      run.end(at)
      run.instead(this.#layout.writeByCells(rows.subarray(at, end), this.maskers), end)
    }
    return end
  }

  /** False, with nothing of the row written, where it has to be written value by value. */
  #wroteStraight(run: RowRun, rows: Buffer, at: number, end: number): boolean {
    if (this.#growth === null || !this.takes(end - at)) return false
    run.open(at, end - at + this.#growth)
    let written = false
    try {
      written = this.#layout.writeStraight(run, rows, at, end, this.maskers)
    } finally {
      if (!written) run.takeBack()
    }
    if (run.changed) this.#layout.setLength(run.out, run.begin, run.lengthTo(end))
    return written
  }
}

function growthOf(maskers: Maskers): number | null {
  let growth = 0
  for (const masker of maskers) {
    if (masker === null) continue
    if (!masker.writer) return null
    growth += masker.writer.growth
  }
  return growth
}
