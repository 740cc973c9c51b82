import { copyBytes } from './cell-writers.ts'
import { rowArea } from './row-area.ts'

/** A longer piece is handed on as it lies there; a shorter one is copied to its neighbours. */
const LONG = 16 * 1024
const NOTHING = Buffer.alloc(0)

/**
 * Rows that lie side by side and are written again. What stays of them is copied in pieces as long
 * as they can be, from behind one masked value up to the next, over the borders of rows.
 */
export class RowRun {
  readonly #rows: Buffer
  readonly #add: (bytes: Buffer) => void
  /** What comes before it in the rows has been written, or left out. */
  #from = 0
  /** Where the row under way begins in the rows. */
  #row = 0
  /** Where it begins in `out`. */
  begin = 0
  /** Where rows are written; nothing while none is open. */
  out: Buffer = NOTHING
  /** Where the next byte of `out` stands. */
  #to = 0

  /** Hands what has been written to `add`, in order. */
  constructor(rows: Buffer, add: (bytes: Buffer) => void) {
    this.#rows = rows
    this.#add = add
  }

  /** A row begins at `at` that takes up to `room` bytes. */
  open(at: number, room: number): void {
    this.#row = at
    if (this.out.length - this.#to < at - this.#from + room) this.#openMemory(at, room)
    this.begin = this.#to + at - this.#from
  }

  /** Writes what stays up to `at`, and returns where the next byte of `out` stands. */
  keep(at: number): number {
    this.#to = copyBytes(this.#rows, this.#from, at, this.out, this.#to)
    this.#from = at
    return this.#to
  }

  /** In place of what is there up to `next`, bytes up to `to` have been written to `out`. */
  replaced(next: number, to: number): void {
    this.#from = next
    this.#to = to
  }

  /** Something of the row under way has been replaced. */
  get changed(): boolean {
    return this.#from > this.#row
  }

  /** How many bytes the row under way has where it ends at `end`. */
  lengthTo(end: number): number {
    return this.#to + end - this.#from - this.begin
  }

  /** Takes back what was written of the row under way, and hands on all before it. */
  takeBack(): void {
    if (this.changed) this.replaced(this.#row, this.begin)
    this.end(this.#row)
  }

  /** Hands on `row` in the place of what is there up to `next`; all before it has been. */
  instead(row: Buffer, next: number): void {
    this.#add(row)
    this.#from = next
  }

  /** Hands on all before `at`. */
  end(at: number): void {
    if (at > this.#from) {
      if (this.out === NOTHING) this.#pass(at)
      else this.keep(at)
    }
    this.#closeMemory()
  }

  #pass(at: number): void {
    this.#add(this.#rows.subarray(this.#from, at))
    this.#from = at
  }

  #openMemory(at: number, room: number): void {
    this.#closeMemory()
    if (at - this.#from > LONG) this.#pass(at)
    this.out = rowArea.open(at - this.#from + room)
    this.#to = rowArea.at
  }

  #closeMemory(): void {
    if (this.out !== NOTHING && this.#to > rowArea.at) this.#add(rowArea.close(this.#to))
    this.out = NOTHING
    this.#to = 0
  }
}
