import type pg from 'pg'
import type { ClassMemory } from '../catalog/class-memory.ts'
import { openPostgresCatalog, type PostgresCatalog } from '../catalog/postgres-catalog.ts'
import type { DatabaseConfig } from '../config/config.ts'
import type { Clock } from '../lib/clock.ts'

/** The schema of a PostgreSQL for a command: read as the proxy would. The caller closes it. */
export function openOwnPostgresCatalog(
  { classified, trustedFunctions, strict }: DatabaseConfig,
  connect: () => Promise<pg.Client>,
  clock: Clock,
  memory: ClassMemory,
): Promise<PostgresCatalog> {
  return openPostgresCatalog({ connect, classified, trustedFunctions, strict, memory, clock })
}
