import type { Connection } from 'mysql2/promise'
import type { Clock } from '../lib/clock.ts'
import type { MysqlSchemaSource } from '../sql/mysql/schema.ts'
import type { Copy } from '../sql/statement.ts'
import type { ClassMemory } from './class-memory.ts'
import { ClassifiedPatterns } from './classified-patterns.ts'
import { ColumnLedger } from './column-ledger.ts'
import { folded, MysqlClassDerivation, type MysqlLineage } from './mysql-classes.ts'
import { bareTables, routinesOf } from './mysql-parts.ts'
import {
  ask,
  MYSQL_CHANGE_CHECK,
  type MysqlReading,
  readMysql,
  sessionSettings,
} from './mysql-reading.ts'
import { type MysqlServer, readServer } from './mysql-server.ts'
import type { MysqlSnapshot } from './mysql-snapshot.ts'
import { copyInto } from './noted-copies.ts'
import { ReadingKeeper } from './reading-keeper.ts'

export interface MysqlCatalogOptions {
  /** Opens a connection of the catalog's own. Called again after it has broken. */
  readonly connect: () => Promise<Connection>
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
  /** What a view's columns are computed from. */
  readonly lineage: MysqlLineage
}

export interface MysqlCatalog extends MysqlSchemaSource {
  readonly current: MysqlSnapshot
  refresh(): Promise<MysqlSnapshot>
  /** Classified values are about to be written elsewhere; resolves once that is known for what it is. */
  copied(copies: readonly Copy[]): Promise<MysqlSnapshot>
  close(): Promise<void>
}

/**
 * Reads what the role may see of all schemas of a MySQL (8.0 to 9) or MariaDB (10.6 to 11.8), and
 * keeps it fresh. Rejects where it can't be read.
 */
export async function openMysqlCatalog(options: MysqlCatalogOptions): Promise<MysqlCatalog> {
  const reader = new SnapshotReader(options)
  const keeper = new ReadingKeeper<Session, MysqlSnapshot>({
    connect: (broken) => openSession(options.connect, broken),
    disconnect: async ({ connection }) => hangUp(connection),
    read: (session, before) => reader.read(session, before),
    clock: options.clock,
    checkEveryMs: options.checkEveryMs,
    onTrouble: options.onTrouble,
    onRecovery: options.onRecovery,
  })
  try {
    await keeper.refresh()
    return {
      get current() {
        return keeper.current
      },
      refresh: () => keeper.refresh(),
      copied: (copies) => {
        reader.note(copies, keeper.current)
        return keeper.refresh()
      },
      close: () => keeper.close(),
    }
  } catch (error) {
    await keeper.close()
    throw error
  }
}

interface Session {
  readonly connection: Connection
  readonly server: MysqlServer
}

async function openSession(
  connect: () => Promise<Connection>,
  broken: () => void,
): Promise<Session> {
  const connection = await connect()
  try {
    connection.on('error', broken)
    const server = await readServer(connection)
    for (const sql of sessionSettings(server.dialect)) await ask(connection, sql)
    return { connection, server }
  } catch (error) {
    connection.destroy()
    throw error
  }
}

/** Says goodbye where nothing is under way, and waits for no answer that doesn't come. */
function hangUp(connection: Connection): void {
  connection.end().catch(() => {})
  connection.destroy()
}

/** Turns readings into snapshots, and knows what the last of them were made from. */
class SnapshotReader {
  readonly #options: MysqlCatalogOptions
  readonly #ledger: ColumnLedger
  #content = ''
  #state = ''

  constructor(options: MysqlCatalogOptions) {
    this.#options = options
    this.#ledger = new ColumnLedger(options)
  }

  note(copies: readonly Copy[], names: MysqlSnapshot): void {
    const into = copies.map((copy) => copyInto(copy))
    this.#ledger.note(into.map(({ name, classes }) => ({ name: folded(name, names), classes })))
  }

  async read(session: Session, before: MysqlSnapshot | null): Promise<MysqlSnapshot> {
    await this.#ledger.open()
    const snapshot = await this.#newest(session, before)
    await this.#ledger.save()
    return snapshot
  }

  async #newest(session: Session, before: MysqlSnapshot | null): Promise<MysqlSnapshot> {
    const { connection, server } = session
    const state = JSON.stringify([server, await ask(connection, MYSQL_CHANGE_CHECK)])
    if (this.#ledger.takeNews()) {
      this.#state = ''
      this.#content = ''
    }
    if (before && state === this.#state) return before
    const reading = await readMysql(connection)
    const content = JSON.stringify([server, reading])
    const same = before !== null && content === this.#content
    const snapshot = same ? before : this.#snapshotOf(reading, server, before)
    this.#state = state
    this.#content = content
    return snapshot
  }

  #snapshotOf(
    reading: MysqlReading,
    server: MysqlServer,
    before: MysqlSnapshot | null,
  ): MysqlSnapshot {
    const { classified, lineage, trustedFunctions } = this.#options
    const tables = server.lowerCaseTableNames !== 0
    const parts = {
      version: (before?.version ?? 0) + 1,
      server,
      routines: routinesOf(reading),
      schemas: reading.schemas.map(({ name }) => name),
    }
    const derivation = new MysqlClassDerivation(parts, {
      patterns: new ClassifiedPatterns(classified, { tables, columns: true }),
      lineage,
      trusted: new Set(trustedFunctions),
      before,
      ledger: this.#ledger,
    })
    return derivation.run(bareTables(reading, server.dialect))
  }
}
