import { type CopyOptions, oneByte } from './copy-options.ts'
import type { RowFormat } from './copy-rows.ts'

const LINE_FEED = 0x0a
const CARRIAGE_RETURN = 0x0d

/**
 * The format csv (manual, COPY, "CSV Format"; CopyAttributeOutCSV). A field is quoted as a whole or
 * not at all; only quoted ones hold delimiters, quotes and line feeds.
 */
export class CsvFormat implements RowFormat {
  readonly delimiter: number
  readonly #quote: number
  readonly #escape: number
  readonly #null: Buffer
  #inQuotes = false
  #escaped = false

  constructor(options: CopyOptions) {
    this.delimiter = oneByte('delimiter', options.delimiter)
    this.#quote = oneByte('quote', options.quote)
    this.#escape = oneByte('escape', options.escape)
    if (this.#quote === this.delimiter) throw new Error('COPY delimiter and quote are the same')
    this.#null = Buffer.from(options.null, 'utf8')
  }

  /** Goes on within quotes where an earlier call ended in them. */
  rowEnd(data: Buffer, from: number): number {
    for (let i = from; i < data.length; i++) {
      const byte = data[i]
      // Where escape and quote are one, a doubled quote leaves the quotes and enters them again.
      if (this.#escaped) this.#escaped = false
      else if (this.#inQuotes && byte === this.#escape && this.#escape !== this.#quote) {
        this.#escaped = true
      } else if (byte === this.#quote) this.#inQuotes = !this.#inQuotes
      else if (byte === LINE_FEED && !this.#inQuotes) return i + 1
    }
    return -1
  }

  reset(): void {
    this.#inQuotes = false
    this.#escaped = false
  }

  split(row: Buffer): Buffer[] {
    const fields: Buffer[] = []
    let at = 0
    for (;;) {
      const end = row[at] === this.#quote ? this.#endOfQuoted(row, at) : this.#endOfPlain(row, at)
      fields.push(row.subarray(at, end))
      if (end === row.length) return fields
      if (row[end] !== this.delimiter) throw new Error('COPY data goes on behind a closing quote')
      at = end + 1
    }
  }

  #endOfPlain(row: Buffer, from: number): number {
    const found = row.indexOf(this.delimiter, from)
    const end = found < 0 ? row.length : found
    if (row.subarray(from, end).includes(this.#quote)) {
      throw new Error('a field of COPY data has a quote in its middle')
    }
    return end
  }

  #endOfQuoted(row: Buffer, from: number): number {
    for (let i = from + 1; i < row.length; i++) {
      const next = row[i + 1]
      if (row[i] === this.#escape && (next === this.#quote || next === this.#escape)) i++
      else if (row[i] === this.#quote) return i + 1
    }
    throw new Error('a quoted field of COPY data has no end')
  }

  read(field: Buffer): Buffer | null {
    if (field[0] !== this.#quote) return field.equals(this.#null) ? null : field
    const value = Buffer.alloc(field.length)
    let length = 0
    const end = field.length - 1
    for (let i = 1; i < end; i++) {
      const next = i + 1 < end ? field[i + 1] : undefined
      if (field[i] === this.#escape && (next === this.#quote || next === this.#escape)) i++
      value[length++] = field[i] ?? 0
    }
    return value.subarray(0, length)
  }

  /** Quotes wherever a value could be taken for something else: \. ends the data for old readers. */
  write(value: Buffer | null): Buffer {
    if (value === null) return this.#null
    const special = [this.delimiter, this.#quote, LINE_FEED, CARRIAGE_RETURN, 0x5c]
    const plain = !value.equals(this.#null) && !special.some((byte) => value.includes(byte))
    if (plain) return value
    const bytes = [this.#quote]
    for (const byte of value) {
      if (byte === this.#quote || byte === this.#escape) bytes.push(this.#escape)
      bytes.push(byte)
    }
    bytes.push(this.#quote)
    return Buffer.from(bytes)
  }
}
