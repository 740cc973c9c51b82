import { type Connection, createConnection } from 'mysql2/promise'
import { lineageOfQuery } from '../../../src/sql/mysql/lineage/lineage.ts'
import { type OutputLineage, shownBy } from '../../../src/sql/output-lineage.ts'
import { Random, seedOf } from '../../fuzz/random.ts'
import type { TestMysql } from '../../support/mysql.ts'
import { WORLD, worldOf } from './lineage-world.ts'
import { RandomQuery } from './random-query.ts'

export interface LineageReport {
  readonly count: number
  /** Queries that the server ran. */
  readonly ran: number
  /** Of these, those of which every column was followed. */
  readonly followed: number
  /** Their output columns, and how many were said to be fit to see. */
  readonly columns: number
  readonly fit: number
  /** Queries in which a classified value came out somewhere. */
  readonly telling: number
  readonly findings: readonly string[]
}

/**
 * Sends each query to two databases that differ in their classified values alone. A column that is
 * said to be fit to see has to be the same in both, whatever the query makes of the values.
 */
export async function runLineageDifferential(options: {
  readonly server: TestMysql
  readonly seed: number
  readonly count: number
  readonly from?: number
}): Promise<LineageReport> {
  const { server, seed, count } = options
  const flavour = server.dialect.flavour
  const worlds = await openWorlds(server)
  const tally = { ran: 0, followed: 0, columns: 0, fit: 0, telling: 0 }
  const findings: string[] = []
  for (let index = options.from ?? 0; index < (options.from ?? 0) + count; index++) {
    const sql = new RandomQuery(new Random(seedOf(seed, index)), flavour).make()
    const lineage = lineageOfQuery(sql, 'one', WORLD.current, server.dialect)
    const results = await Promise.all(worlds.map((world) => world.run(sql)))
    const [one, other] = results
    if (!one || !other) continue
    tally.ran++
    if (JSON.stringify(sorted(one.rows)) !== JSON.stringify(sorted(other.rows))) tally.telling++
    if (!lineage) continue
    tally.followed++
    tally.columns += lineage.length
    tally.fit += lineage.filter((line) => shownBy(line) === null).length
    const wrong = problems(sql, lineage, one, other)
    if (wrong) findings.push(`${server.version} case ${index} of seed ${seed}: ${wrong}: ${sql}`)
  }
  for (const world of worlds) world.close()
  return { count, ...tally, findings }
}

interface Answer {
  readonly names: readonly string[]
  readonly rows: readonly (readonly unknown[])[]
}

async function openWorlds(server: TestMysql): Promise<readonly World[]> {
  return [await World.open(server, 'one', 60), await World.open(server, 'two', 80)]
}

/** A query that runs away is none that counts. */
const TIMEOUT_MS = 5000
const MOST_ROWS = 20_000

/** One of the databases. */
class World {
  readonly #server: TestMysql
  readonly #database: string
  #connection: Connection | null = null

  private constructor(server: TestMysql, database: string) {
    this.#server = server
    this.#database = database
  }

  static async open(server: TestMysql, database: string, marker: number): Promise<World> {
    const world = new World(server, database)
    const connection = await world.#connect()
    await connection.query(worldOf(database, marker))
    await connection.end()
    world.#connection = null
    return world
  }

  /** Null where it isn't run, or not to its end. */
  async run(sql: string): Promise<Answer | null> {
    const connection = this.#connection ?? (await this.#connect(this.#database))
    try {
      const [rows, fields] = await connection.query({ sql, timeout: TIMEOUT_MS })
      const cells = rows as unknown as readonly (readonly unknown[])[]
      if (cells.length > MOST_ROWS) return null
      return { names: fields.map(({ name }) => name), rows: cells.map((row) => row.map(String)) }
    } catch (error) {
      // Servers may hang before they look at the time that a query has taken.
      if ((error as { code?: string }).code === 'PROTOCOL_SEQUENCE_TIMEOUT') this.close()
      return null
    }
  }

  close(): void {
    this.#connection?.destroy()
    this.#connection = null
  }

  async #connect(database?: string): Promise<Connection> {
    const connection = await createConnection({
      host: '127.0.0.1',
      port: this.#server.port,
      user: 'root',
      multipleStatements: true,
      rowsAsArray: true,
      ...(database === undefined ? {} : { database }),
    })
    const mysql = this.#server.dialect.flavour === 'mysql'
    const limit = mysql ? 'max_execution_time = 1000' : 'max_statement_time = 1'
    await connection.query(`SET SESSION group_concat_max_len = 100000, ${limit}`)
    // Of the rows of a group MariaDB would give any one's values.
    await connection.query("SET sql_mode = CONCAT(@@sql_mode, ',ONLY_FULL_GROUP_BY')")
    this.#connection = connection
    return connection
  }
}

function problems(
  sql: string,
  lineage: readonly OutputLineage[],
  one: Answer,
  other: Answer,
): string | null {
  if (lineage.length !== one.names.length) {
    return `${lineage.length} columns, and the server has ${one.names.length}`
  }
  const said = lineage.map(({ name }) => name.toLowerCase())
  const named = one.names.map((name) => name.toLowerCase())
  // Servers mix up the names of one column that is selected twice; other columns are in another order.
  const placed = said.every((name, index) => name === '' || name === named[index])
  if (!placed && sorted(said).join() === sorted(named).join()) {
    return `its columns are ${said}, and ${named} at the server`
  }
  // They compare computed values, so which rows are left tells of them; that is judged as a guess.
  if (COMPARES.test(sql) && one.rows.length !== other.rows.length) return null
  const fit = lineage.flatMap((line, index) => (shownBy(line) === null ? [index] : []))
  const shown = ({ rows }: Answer) => sorted(rows.map((row) => fit.map((index) => row[index])))
  const same = JSON.stringify(distinct(shown(one))) === JSON.stringify(distinct(shown(other)))
  return same || fit.length === 0 ? null : `columns ${fit} tell of classified values`
}

const COMPARES = /EXCEPT|INTERSECT|NATURAL|USING/

/** DISTINCT and UNION leave more or fewer rows that look alike. */
function distinct(rows: readonly string[]): readonly string[] {
  return [...new Set(rows)]
}

function sorted(rows: readonly unknown[]): readonly string[] {
  return rows.map((row) => JSON.stringify(row)).sort()
}
