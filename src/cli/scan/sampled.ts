import type { TypeFamily } from './kinds.ts'

export interface TableColumn {
  readonly name: string
  readonly family: TypeFamily
  /** True where it has a class already. */
  readonly classified: boolean
  /** True where it waits to be judged (strict). */
  readonly unjudged: boolean
}

export interface ScannedTable {
  readonly schema: string
  readonly name: string
  readonly columns: readonly TableColumn[]
  /** Null where its rows can't be read cheaply: of another server. */
  readonly rows: 'here' | 'elsewhere'
}

/** Characters of one value that are read. */
export const LONGEST_VALUE = 256
/** Milliseconds that the server may take for the rows of one table. */
export const TABLE_MS = 5000

/** One database, opened for a scan; all it runs are reads in read-only transactions. */
export interface ScanSource {
  readonly tables: readonly ScannedTable[]
  /** Up to `limit` rows, each a list of the columns asked for. Rejects with the server's error. */
  rows(
    table: ScannedTable,
    columns: readonly TableColumn[],
    limit: number,
  ): Promise<readonly (readonly (string | null)[])[]>
  close(): Promise<void>
}

/** The server's code of an error, which unlike its message quotes no value. */
export function codeOf(error: unknown): string {
  const { code } = (error ?? {}) as { readonly code?: unknown }
  return typeof code === 'string' && /^[A-Z0-9_]{1,40}$/.test(code) ? code : 'unknown error'
}
