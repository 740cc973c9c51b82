/** What a command needs of the process it runs in; a test gives its own. */
export interface CommandIo {
  readonly env: Readonly<Record<string, string | undefined>>
  /** Writes to standard output, as it is given. */
  out(text: string): void
  /** Writes to standard error, as it is given. */
  err(text: string): void
  /** Sets the exit code; the command returns behind it. */
  exit(code: number): void
}
