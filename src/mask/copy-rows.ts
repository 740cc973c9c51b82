import type { Masker } from './plan.ts'

/** What differs between text and csv. */
export interface RowFormat {
  /** The index behind the row's last byte in `data`, searched from `from` on; -1: not there yet. */
  rowEnd(data: Buffer, from: number): number
  /** Forgets where in a row it is: a new one begins. */
  reset(): void
  /** The fields of one row without its line feed, as they are written. @throws Error */
  split(row: Buffer): Buffer[]
  /** The value of a written field; null is SQL NULL. @throws Error */
  read(field: Buffer): Buffer | null
  write(value: Buffer | null): Buffer
  readonly delimiter: number
}

const LINE_FEED = Buffer.of(0x0a)

/** Rows that end with a line feed: the formats text and csv. */
export class CopyRows {
  readonly #maskers: readonly (Masker | null)[]
  readonly #format: RowFormat
  readonly #largestRow: number
  readonly #delimiter: Buffer
  #header: boolean
  /** The part of a row whose end hasn't come. */
  #rest: Buffer[] = []
  #restBytes = 0

  constructor(
    maskers: readonly (Masker | null)[],
    format: RowFormat,
    header: boolean,
    largestRow: number,
  ) {
    this.#maskers = maskers
    this.#format = format
    this.#header = header
    this.#largestRow = largestRow
    this.#delimiter = Buffer.of(format.delimiter)
  }

  push(data: Buffer): Buffer {
    const out: Buffer[] = []
    let start = 0
    for (
      let end = this.#format.rowEnd(data, start);
      end >= 0;
      end = this.#format.rowEnd(data, start)
    ) {
      this.#maskRow(this.#take(data.subarray(start, end - 1)), out)
      this.#format.reset()
      start = end
    }
    if (start < data.length) this.#keep(data.subarray(start))
    return Buffer.concat(out)
  }

  end(): Buffer {
    if (this.#restBytes > 0) throw new Error('COPY data ended in the middle of a row')
    return Buffer.alloc(0)
  }

  /** Copied, for the bytes may be those of a buffer that is read into again. */
  #keep(part: Buffer): void {
    this.#restBytes += part.length
    if (this.#restBytes > this.#largestRow) throw new Error('a row of COPY data is too large')
    this.#rest.push(Buffer.from(part))
  }

  #take(last: Buffer): Buffer {
    if (this.#restBytes === 0) return last
    const row = Buffer.concat([...this.#rest, last])
    this.#rest = []
    this.#restBytes = 0
    return row
  }

  #maskRow(row: Buffer, out: Buffer[]): void {
    const fields = this.#format.split(row)
    // A table without columns sends empty rows, which read as one empty field.
    const empty = this.#maskers.length === 0 && row.length === 0
    if (!empty && fields.length !== this.#maskers.length) {
      throw new Error(
        `a row of COPY data has ${fields.length} columns, not ${this.#maskers.length}`,
      )
    }
    if (this.#header || empty) {
      this.#header = false
      out.push(row, LINE_FEED)
      return
    }
    fields.forEach((field, i) => {
      const masker = this.#maskers[i]
      if (i > 0) out.push(this.#delimiter)
      out.push(masker ? this.#mask(masker, field) : field)
    })
    out.push(LINE_FEED)
  }

  #mask(masker: Masker, field: Buffer): Buffer {
    const value = this.#format.read(field)
    return value === null ? field : this.#format.write(masker(value))
  }
}
