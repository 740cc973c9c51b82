import type { Connection } from 'mysql2/promise'
import type { Copy } from '../sql/statement.ts'
import { ClassifiedPatterns } from './classified-patterns.ts'
import { ColumnLedger } from './column-ledger.ts'
import { type CatalogOptions, type KeptCatalog, keepCatalog } from './kept-catalog.ts'
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

export interface MysqlCatalogOptions extends CatalogOptions<Connection> {
  /** What a view's columns are computed from. */
  readonly lineage: MysqlLineage
}

export type MysqlCatalog = KeptCatalog<MysqlSnapshot>

/**
 * Reads what the role may see of all schemas of a MySQL (8.0 to 9) or MariaDB (10.6 to 11.8), and
 * keeps it fresh. Rejects where it can't be read.
 */
export async function openMysqlCatalog(options: MysqlCatalogOptions): Promise<MysqlCatalog> {
  const reader = new SnapshotReader(options)
  const { clock, checkEveryMs, onTrouble, onRecovery } = options
  return keepCatalog<Session, MysqlSnapshot>(
    {
      connect: (broken) => openSession(options.connect, broken),
      disconnect: async ({ connection }) => hangUp(connection),
      read: (session, before) => reader.read(session, before),
      clock,
      checkEveryMs,
      onTrouble,
      onRecovery,
    },
    (copies, now) => reader.note(copies, now),
  )
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
