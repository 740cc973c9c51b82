import type { Masker } from './plan.ts'

/** Manual, COPY, "Binary Format". */
const SIGNATURE = Buffer.from('PGCOPY\n\xff\r\n\0', 'latin1')
const HEADER = SIGNATURE.length + 8
const TRAILER = -1
const NULL = -1

/** Rows of the format binary: a header, tuples with a length before each field, a trailer. */
export class CopyBinary {
  readonly #maskers: readonly (Masker | null)[]
  readonly #largestRow: number
  #state: 'header' | 'rows' | 'done' = 'header'
  #parts: Buffer[] = []
  #bytes = 0
  /** So many bytes have to be there before it is worth looking again. */
  #needed = HEADER

  constructor(maskers: readonly (Masker | null)[], largestRow: number) {
    this.#maskers = maskers
    this.#largestRow = largestRow
  }

  push(data: Buffer): Buffer {
    if (data.length === 0) return data
    if (this.#state === 'done') throw new Error('COPY data goes on behind its trailer')
    this.#parts.push(Buffer.from(data))
    this.#bytes += data.length
    if (this.#bytes < this.#needed) return Buffer.alloc(0)
    const all = Buffer.concat(this.#parts)
    const out: Buffer[] = []
    const rest = all.subarray(this.#readAll(all, out))
    if (rest.length > 0 && this.#isDone()) throw new Error('COPY data goes on behind its trailer')
    this.#parts = rest.length > 0 ? [rest] : []
    this.#bytes = rest.length
    return Buffer.concat(out)
  }

  end(): Buffer {
    if (!this.#isDone()) throw new Error('COPY data ended without its trailer')
    return Buffer.alloc(0)
  }

  #isDone(): boolean {
    return this.#state === 'done'
  }

  /** Returns how many bytes have been read. */
  #readAll(all: Buffer, out: Buffer[]): number {
    let at = this.#state === 'header' ? this.#readHeader(all, out) : 0
    while (this.#state === 'rows') {
      const end = this.#rowEnd(all, at)
      if (end > all.length) {
        if (end - at > this.#largestRow) throw new Error('a row of COPY data is too large')
        this.#needed = end - at
        return at
      }
      this.#maskRow(all.subarray(at, end), out)
      at = end
    }
    return at
  }

  /** Neither a flag nor an extension is defined, so one that is there isn't understood. */
  #readHeader(all: Buffer, out: Buffer[]): number {
    const known = Buffer.concat([SIGNATURE, Buffer.alloc(8)])
    if (!all.subarray(0, HEADER).equals(known)) throw new Error('not a header of binary COPY data')
    this.#state = 'rows'
    out.push(known)
    return HEADER
  }

  /** Where the row that begins at `at` ends, as far as is known: more bytes than there are if not. */
  #rowEnd(all: Buffer, at: number): number {
    let end = at + 2
    if (end > all.length) return end
    const count = all.readInt16BE(at)
    if (count === TRAILER) return end
    if (count !== this.#maskers.length) {
      throw new Error(`a row of COPY data has ${count} columns, not ${this.#maskers.length}`)
    }
    for (let i = 0; i < count; i++) {
      if (end + 4 > all.length) return end + 4
      const length = all.readInt32BE(end)
      if (length < NULL) throw new Error('a field of COPY data has no valid length')
      end += 4 + Math.max(length, 0)
    }
    return end
  }

  #maskRow(row: Buffer, out: Buffer[]): void {
    out.push(row.subarray(0, 2))
    if (row.readInt16BE(0) === TRAILER) {
      this.#state = 'done'
      return
    }
    let at = 2
    for (const masker of this.#maskers) {
      const length = row.readInt32BE(at)
      const end = at + 4 + Math.max(length, 0)
      if (length === NULL || masker === null) out.push(row.subarray(at, end))
      else writeField(masker(row.subarray(at + 4, end)), out)
      at = end
    }
  }
}

function writeField(value: Buffer | null, out: Buffer[]): void {
  const length = Buffer.alloc(4)
  length.writeInt32BE(value === null ? NULL : value.length)
  out.push(length)
  if (value !== null) out.push(value)
}
