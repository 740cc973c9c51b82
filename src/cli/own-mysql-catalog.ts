import type { Connection } from 'mysql2/promise'
import type { ClassMemory } from '../catalog/class-memory.ts'
import { type MysqlCatalog, openMysqlCatalog } from '../catalog/mysql-catalog.ts'
import type { DatabaseConfig } from '../config/config.ts'
import type { Clock } from '../lib/clock.ts'
import { lineageOfQuery } from '../sql/mysql/lineage/lineage.ts'

/** The schema of one database, for a command that judges as the proxy would. The caller closes it. */
export function openOwnMysqlCatalog(
  { classified, trustedFunctions, strict }: DatabaseConfig,
  connect: () => Promise<Connection>,
  clock: Clock,
  memory?: ClassMemory,
): Promise<MysqlCatalog> {
  const trusted = new Set(trustedFunctions)
  return openMysqlCatalog({
    connect,
    classified,
    trustedFunctions,
    strict,
    ...(memory ? { memory } : {}),
    clock,
    lineage: (definition, schema, snapshot) =>
      lineageOfQuery(definition, schema, snapshot, snapshot.dialect, trusted),
  })
}
