import type { Latency } from './latency.ts'

/** One way from a client to the same database. */
export interface Path {
  readonly name: PathName
  readonly host: '127.0.0.1'
  readonly port: number
  readonly user: string
  readonly password: string
  /** Of the process whose memory a connection costs; 0 for the direct one. */
  readonly pid: number
}

export type PathName = 'direct' | 'relay' | 'pgbouncer' | 'haproxy' | 'countersign' | 'by socket'

export interface Bulk {
  readonly name: string
  readonly sql: string
}

/** A database system with every path to it, and how each figure is taken there. */
export interface System<Query extends { readonly name: string }> {
  readonly name: 'postgres' | 'mysql'
  /** The proxy by others that ours is compared with. */
  readonly beside: PathName
  readonly paths: readonly Path[]
  readonly versions: Readonly<Record<string, string>>
  readonly queries: readonly Query[]
  readonly bulks: readonly Bulk[]
  latency(
    path: Path,
    query: Query,
    options: { readonly clients: number; readonly seconds: number },
  ): Promise<Latency>
  /** Megabytes (1e6) a second. */
  bulk(path: Path, sql: string): Promise<{ readonly speed: number }>
  /** Connects and logs in; ends it by what is returned. */
  connect(path: Path): Promise<() => unknown>
  /** From a click to the database, in milliseconds: median and slowest. */
  hold(): Promise<{ readonly p50: number; readonly worst: number }>
}
