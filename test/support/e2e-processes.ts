import { chmodSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import {
  type EmbeddedPostgres,
  startEmbeddedPostgres,
} from '../../src/cli/demo/embedded-postgres.ts'
import { freePort } from '../../src/cli/demo/free-port.ts'
import { binariesOf, withClient } from './postgres.ts'

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

/** A PostgreSQL that can be killed and started again on the same port and data. */
export class MortalPostgres {
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

  /** SIGQUIT is an immediate shutdown: no backend finishes anything, recovery follows. */
  async crash(): Promise<void> {
    const pid = Number(
      readFileSync(join(this.#folder, 'data', 'postmaster.pid'), 'utf8').split('\n')[0],
    )
    process.kill(pid, 'SIGQUIT')
    await this.#server?.stop()
    this.#server = null
  }

  // biome-ignore lint/suspicious/noExplicitAny: rows of any shape, as pg gives them
  query(sql: string, values?: unknown[]): Promise<any[]> {
    return withClient(this.url, async (client) => (await client.query(sql, values)).rows)
  }

  async exists(table: string): Promise<boolean> {
    const [row] = await this.query('SELECT to_regclass($1) IS NOT NULL AS there', [table])
    return row.there
  }
}
