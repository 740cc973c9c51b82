/** What the parts of a session may do to the whole. */
export interface SessionLife {
  closed(): boolean
  close(reason: string): void
  /** Tells the client why, then closes. */
  fail(error: unknown): void
  /** Does something; what it throws ends the session. */
  guard(work: () => void): void
  /** The server waits for the next request. */
  becameReady(): void
}
