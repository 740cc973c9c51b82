import type { Clock } from '../lib/clock.ts'
import type { Copy } from '../sql/statement.ts'
import type { ClassMemory } from './class-memory.ts'
import { type KeeperOptions, ReadingKeeper } from './reading-keeper.ts'

export interface CatalogOptions<Client> {
  /** Opens a connection of the catalog's own. Called again after it has broken. */
  readonly connect: () => Promise<Client>
  /** Column pattern -> data class; `none` declares a column fit to see. */
  readonly classified: Readonly<Record<string, string>>
  /** schema.function: their results are fit to see, in views too. */
  readonly trustedFunctions?: readonly string[]
  /** Mask a new column beside classified ones until it has been judged. */
  readonly strict?: boolean
  /** What was known of columns, over restarts; nothing by default. */
  readonly memory?: ClassMemory
  /** Told of columns that wait to be judged, once of each: schema.table.column. */
  readonly onUnjudged?: (columns: readonly string[]) => void
  readonly clock: Clock
  /** Milliseconds between looks for changes; 4,000 by default. */
  readonly checkEveryMs?: number
  /** Told when the schema can't be read; the reading before it stays in force. */
  readonly onTrouble?: (error: unknown) => void
  /** Told when it can be read again. */
  readonly onRecovery?: () => void
}

/** The schema of one database, kept fresh. */
export interface KeptCatalog<Snapshot> {
  readonly current: Snapshot
  refresh(): Promise<Snapshot>
  /** Classified values are about to be written elsewhere; resolves once that is known for what it is. */
  copied(copies: readonly Copy[]): Promise<Snapshot>
  close(): Promise<void>
}

/** Reads a schema once; rejects where it can't be read. `note` is told of copies before a reading. */
export async function keepCatalog<Connection, Snapshot extends object>(
  options: KeeperOptions<Connection, Snapshot>,
  note: (copies: readonly Copy[], now: Snapshot) => void,
): Promise<KeptCatalog<Snapshot>> {
  const keeper = new ReadingKeeper(options)
  try {
    await keeper.refresh()
  } catch (error) {
    await keeper.close()
    throw error
  }
  return {
    get current() {
      return keeper.current
    },
    refresh: () => keeper.refresh(),
    copied: (copies) => {
      note(copies, keeper.current)
      return keeper.refresh()
    },
    close: () => keeper.close(),
  }
}
