/** The package has no types of its own; these are what the tests use. */
declare module 'mysql' {
  export interface ConnectionConfig {
    readonly host?: string
    readonly port?: number
    readonly user?: string
    readonly password?: string
    readonly database?: string
    readonly ssl?: { readonly ca: Buffer }
    readonly multipleStatements?: boolean
  }

  export type QueryError = Error & { readonly sqlState?: string; readonly errno?: number }

  export interface Connection {
    readonly threadId: number
    connect(done: (error: QueryError | null) => void): void
    query(
      sql: string | { readonly sql: string; readonly timeout: number },
      values?: unknown[],
      done?: (error: QueryError | null, rows: unknown) => void,
    ): { stream(): NodeJS.ReadableStream }
    ping(done: (error: QueryError | null) => void): void
    end(done: () => void): void
    destroy(): void
    on(event: 'error', listener: (error: Error) => void): void
  }

  export function createConnection(config: ConnectionConfig): Connection
}
