import type { Config, DatabaseConfig } from './config/config.ts'
import { parseUpstream } from './config/upstream-url.ts'
import { mysqlProtocol } from './wire/mysql/mysql-protocol.ts'
import { postgresProtocol } from './wire/postgres/postgres-protocol.ts'

/** The protocols that are spoken; each has a door of its own. */
export const PROTOCOLS = { postgres: postgresProtocol, mysql: mysqlProtocol } as const

export type ProtocolName = keyof typeof PROTOCOLS

/** A URL that can't be read is told of when its house is built. */
export function protocolOf({ upstream }: DatabaseConfig): ProtocolName {
  const parsed = parseUpstream(upstream)
  return !('problem' in parsed) && parsed.system === 'mysql' ? 'mysql' : 'postgres'
}

/** The databases whose protocol is spoken here. */
export function served({ databases, listen }: Config): DatabaseConfig[] {
  return [...databases.values()].filter((database) => listen[protocolOf(database)] !== null)
}
