import { type CopyOptions, oneByte } from './copy-options.ts'
import type { RowFormat } from './copy-rows.ts'

const BACKSLASH = 0x5c
const LINE_FEED = 0x0a

/** What stands behind a backslash for a byte that must not stand for itself. */
const ESCAPES: ReadonlyMap<number, number> = new Map([
  [0x08, 0x62], // \b
  [0x09, 0x74], // \t
  [0x0a, 0x6e], // \n
  [0x0b, 0x76], // \v
  [0x0c, 0x66], // \f
  [0x0d, 0x72], // \r
])
const UNESCAPES: ReadonlyMap<number, number> = new Map(
  [...ESCAPES].map(([byte, letter]) => [letter, byte]),
)

/**
 * The format text (manual, COPY, "Text Format"; CopyAttributeOutText). Line feeds and delimiters
 * within values are escaped, so a bare one always ends the row or the field.
 */
export class TextFormat implements RowFormat {
  readonly delimiter: number
  readonly #null: Buffer

  constructor(options: CopyOptions) {
    this.delimiter = oneByte('delimiter', options.delimiter)
    if (this.delimiter === BACKSLASH) throw new Error('a COPY delimiter can not be a backslash')
    this.#null = Buffer.from(options.null, 'utf8')
  }

  rowEnd(data: Buffer, from: number): number {
    return data.indexOf(LINE_FEED, from) + 1 || -1
  }

  reset(): void {}

  split(row: Buffer): Buffer[] {
    const fields: Buffer[] = []
    let start = 0
    for (let i = 0; i < row.length; i++) {
      const byte = row[i]
      if (byte === BACKSLASH) i++
      else if (byte === this.delimiter) {
        fields.push(row.subarray(start, i))
        start = i + 1
      }
    }
    fields.push(row.subarray(start))
    return fields
  }

  read(field: Buffer): Buffer | null {
    if (field.equals(this.#null)) return null
    if (!field.includes(BACKSLASH)) return field
    const value = Buffer.alloc(field.length)
    let length = 0
    for (let i = 0; i < field.length; i++) {
      let byte = field[i] ?? 0
      if (byte === BACKSLASH) {
        i++
        if (i === field.length) throw new Error('a field of COPY data ends with a backslash')
        const escaped = field[i] ?? 0
        byte = UNESCAPES.get(escaped) ?? escaped
      }
      value[length++] = byte
    }
    return value.subarray(0, length)
  }

  write(value: Buffer | null): Buffer {
    if (value === null) return this.#null
    const bytes: number[] = []
    for (const byte of value) {
      const letter = ESCAPES.get(byte)
      if (letter !== undefined) bytes.push(BACKSLASH, letter)
      else if (byte === BACKSLASH || byte === this.delimiter) bytes.push(BACKSLASH, byte)
      else bytes.push(byte)
    }
    return Buffer.from(bytes)
  }
}
