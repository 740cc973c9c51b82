/** What became of one statement, in the words that all drivers share. */
export type Outcome =
  /** Cells joined by "|", rows by ";"; an SQL NULL reads NULL. */
  { readonly rows: string } | { readonly code: string; readonly message: string }

export type Value = string | number

/** One connection of some driver. */
export interface DriverSession {
  /** Never rejects for an error that the server sent. Parameters are $1, $2 and so on. */
  run(sql: string, ...values: readonly Value[]): Promise<Outcome>
  /** Cancels what runs, as this driver does it. */
  cancel(): Promise<void>
  close(): Promise<void>
}

export interface OpenOptions {
  readonly tls: boolean
  /** Sent as the startup option countersign.hold. */
  readonly hold?: string
}

/** A client library as the stories use it. */
export interface Driver {
  readonly name: string
  /** Where all that it knows to prove itself by is refused in clear. */
  readonly tlsOnly?: true
  open(options: OpenOptions): Promise<DriverSession>
}

export function rowsOf(outcome: Outcome): string {
  return 'rows' in outcome ? outcome.rows : `${outcome.code}: ${outcome.message}`
}

export function codeOf(outcome: Outcome): string {
  return 'code' in outcome ? outcome.code : 'done'
}
