import { once } from 'node:events'
import { chmodSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import net from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import mysql from 'mysql2/promise'
import { type EmbeddedMysql, startEmbeddedMysql } from '../../src/cli/demo/embedded-mysql.ts'
import {
  type EmbeddedPostgres,
  startEmbeddedPostgres,
} from '../../src/cli/demo/embedded-postgres.ts'
import { freePort } from '../../src/cli/demo/free-port.ts'
import { MYSQL_SHOP, MYSQL_USER, type Side } from './e2e-sides.ts'
import { binariesOf as mysqlBinariesOf } from './mysql.ts'
import { binariesOf, withClient } from './postgres.ts'
import { SHOP } from './shop.ts'

interface Teardown {
  teardown(fn: () => unknown): unknown
}

/** Process ids of the children of a process, as Linux tells them. */
export function childrenOf(pid: number): number[] {
  return readdirSync(`/proc/${pid}/task`).flatMap((task) =>
    readFileSync(`/proc/${pid}/task/${task}/children`, 'utf8')
      .split(' ')
      .filter((id) => id.trim() !== '')
      .map(Number),
  )
}

/** A database server that can be killed and started again where it was, with its data. */
export interface MortalDatabase {
  /** For a proxy, as a user who may do everything. */
  readonly url: string
  start(): Promise<void>
  /** Nothing is finished, recovery follows. */
  crash(): Promise<void>
  query(sql: string): Promise<readonly Readonly<Record<string, unknown>>[]>
  exists(table: string): Promise<boolean>
  /** The statement that tells the server's own number of a session as `id`. */
  readonly ownId: string
  /** Ends that session. */
  endSession(id: unknown): Promise<void>
}

/** A server with the shop in it, of the newest of its kind. */
export function openMortal(t: Teardown, system: Side['system']): Promise<MortalDatabase> {
  return system === 'postgres' ? MortalPostgres.open(t, SHOP) : MortalMysql.open(t)
}

class MortalPostgres implements MortalDatabase {
  readonly ownId = 'SELECT pg_backend_pid() AS id'
  readonly #folder: string
  readonly #port: number
  #server: EmbeddedPostgres | null = null

  private constructor(folder: string, port: number) {
    this.#folder = folder
    this.#port = port
  }

  static async open(t: Teardown, schema: string): Promise<MortalPostgres> {
    const folder = mkdtempSync(join(tmpdir(), 'csgn-test-'))
    chmodSync(folder, 0o711)
    const postgres = new MortalPostgres(join(folder, 'cluster'), await freePort())
    t.teardown(async () => {
      await postgres.#server?.stop()
      rmSync(folder, { recursive: true, force: true })
    })
    await postgres.start()
    await postgres.query(schema)
    return postgres
  }

  get url(): string {
    return this.#server?.superuserUrl('postgres') ?? ''
  }

  async start(): Promise<void> {
    this.#server = await startEmbeddedPostgres({
      binaries: binariesOf('newest'),
      folder: this.#folder,
      port: this.#port,
      settings: { max_connections: '300' },
    })
  }

  /** SIGQUIT is an immediate shutdown: no backend finishes anything. */
  async crash(): Promise<void> {
    const file = join(this.#folder, 'data', 'postmaster.pid')
    process.kill(Number(readFileSync(file, 'utf8').split('\n')[0]), 'SIGQUIT')
    await this.#server?.stop()
    this.#server = null
  }

  query(sql: string) {
    return withClient(this.url, async (client) => (await client.query(sql)).rows)
  }

  async exists(table: string): Promise<boolean> {
    const [row] = await this.query(`SELECT to_regclass('${table}') IS NOT NULL AS there`)
    return row.there
  }

  async endSession(id: unknown): Promise<void> {
    await this.query(`SELECT pg_terminate_backend(${Number(id)})`)
  }
}

/** MariaDB; a relay keeps the port, which is another one at each start. */
class MortalMysql implements MortalDatabase {
  readonly ownId = 'SELECT CONNECTION_ID() AS id'
  readonly #folder: string
  readonly #relay: net.Server
  #port = 0
  #server: EmbeddedMysql | null = null

  private constructor(folder: string, relay: net.Server) {
    this.#folder = folder
    this.#relay = relay
  }

  static async open(t: Teardown): Promise<MortalMysql> {
    const folder = mkdtempSync(join(tmpdir(), 'csgn-test-'))
    chmodSync(folder, 0o711)
    const relay = net.createServer((socket) => mariadb.#connect(socket))
    relay.listen(0, '127.0.0.1')
    await once(relay, 'listening')
    const mariadb = new MortalMysql(join(folder, 'server'), relay)
    t.teardown(async () => {
      relay.close()
      await mariadb.#server?.stop()
      rmSync(folder, { recursive: true, force: true })
    })
    await mariadb.start()
    const root = await mysql.createConnection({ port: mariadb.#port, user: 'root' })
    await root.query('CREATE DATABASE shop CHARACTER SET utf8mb4')
    await root.end()
    await mariadb.query(`${MYSQL_USER} ${MYSQL_SHOP}`)
    return mariadb
  }

  #connect(socket: net.Socket): void {
    const server = net.connect(this.#port, '127.0.0.1')
    for (const end of [socket, server]) end.setNoDelay(true).on('error', () => {})
    socket.on('close', () => server.destroy())
    server.on('close', () => socket.end())
    socket.pipe(server)
    server.pipe(socket)
  }

  get url(): string {
    const { port } = this.#relay.address() as net.AddressInfo
    return `mysql://app:app-password@127.0.0.1:${port}/shop`
  }

  async start(): Promise<void> {
    const binaries = mysqlBinariesOf('mariadb')
    if (!binaries) throw new Error('there is no MariaDB')
    const settings = { 'max-connections': '300' }
    this.#server = await startEmbeddedMysql({ binaries, folder: this.#folder, settings })
    this.#port = this.#server.port
  }

  async crash(): Promise<void> {
    process.kill(Number(readFileSync(join(this.#folder, 'pid'), 'utf8')), 'SIGKILL')
    await this.#server?.stop()
    this.#server = null
  }

  async query(sql: string) {
    const options = { port: this.#port, user: 'root', database: 'shop', multipleStatements: true }
    const client = await mysql.createConnection(options)
    try {
      const [rows] = await client.query(sql)
      return rows as Readonly<Record<string, unknown>>[]
    } finally {
      await client.end()
    }
  }

  async exists(table: string): Promise<boolean> {
    return (await this.query(`SHOW TABLES LIKE '${table}'`)).length > 0
  }

  async endSession(id: unknown): Promise<void> {
    // It may have ended by itself.
    await this.query(`KILL ${Number(id)}`).catch(() => {})
  }
}
