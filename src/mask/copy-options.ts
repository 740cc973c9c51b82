/** The options of a COPY ... TO STDOUT, with the defaults of its format filled in. */
export interface CopyOptions {
  readonly format: 'text' | 'csv' | 'binary'
  /** One character of one byte, as the others. */
  readonly delimiter: string
  readonly null: string
  readonly quote: string
  readonly escape: string
  readonly header: boolean
}

/** Fills in what the server takes where an option isn't given (manual, COPY). */
export function copyOptions(given: Partial<CopyOptions>): CopyOptions {
  const format = given.format ?? 'text'
  const quote = given.quote ?? '"'
  return {
    format,
    delimiter: given.delimiter ?? (format === 'csv' ? ',' : '\t'),
    null: given.null ?? (format === 'csv' ? '' : '\\N'),
    quote,
    escape: given.escape ?? quote,
    header: given.header ?? false,
  }
}

/** The byte of an option that has to be one. */
export function oneByte(name: string, value: string): number {
  const bytes = Buffer.from(value, 'utf8')
  const [byte] = bytes
  if (bytes.length !== 1 || byte === undefined || byte === 0x0a || byte === 0x0d) {
    throw new Error(`the COPY option ${name} is not one byte`)
  }
  return byte
}
