import { assertNever } from '../lib/assert-never.ts'
import { CopyBinary } from './copy-binary.ts'
import { CsvFormat } from './copy-csv.ts'
import type { CopyOptions } from './copy-options.ts'
import { CopyRows } from './copy-rows.ts'
import { TextFormat } from './copy-text.ts'
import type { Masker } from './plan.ts'

/** Masks the data of one COPY OUT as it goes by. */
export interface CopyMasker {
  /**
   * Takes the content of one CopyData message, which may begin and end anywhere in a row, and
   * returns what can be sent on: whole rows, or nothing yet.
   *
   * @throws Error when it isn't the data of these options and columns: the session must end
   */
  push(data: Buffer): Buffer
  /** At CopyDone: what is still to be sent. @throws Error when a row is unfinished */
  end(): Buffer
}

/** Bytes of one row that are kept while its end hasn't come; more is refused. */
export const LARGEST_ROW = 64 * 1024 * 1024

/**
 * @param maskers one entry a column; null where its values pass. Made for format 0 (text) where
 *   the COPY is text or csv, and 1 (binary) where it is binary
 * @throws Error where the options aren't those of a COPY that the server accepts
 */
export function copyMasker(
  maskers: readonly (Masker | null)[],
  options: CopyOptions,
  largestRow = LARGEST_ROW,
): CopyMasker {
  switch (options.format) {
    case 'binary':
      return new CopyBinary(maskers, largestRow)
    case 'text':
      return new CopyRows(maskers, new TextFormat(options), options.header, largestRow)
    case 'csv':
      return new CopyRows(maskers, new CsvFormat(options), options.header, largestRow)
    default:
      return assertNever(options.format)
  }
}
