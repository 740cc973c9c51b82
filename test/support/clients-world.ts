import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Test } from 'tap'
import { type Countersign, type ShownRequest, startCountersign } from './countersign.ts'
import { type PostgresVersion, startPostgres, type TestPostgres } from './postgres.ts'
import { writeCertificate } from './postgres-certificate.ts'
import { SHOP } from './shop.ts'

/** A database, a proxy in front of it that takes TLS as well as plain connections, and a person. */
export class ClientsWorld {
  readonly db: TestPostgres
  readonly proxy: Countersign
  /** The proxy's certificate, which signs itself: also the root that clients may trust. */
  readonly certificate: string
  #tables = 0

  constructor(db: TestPostgres, proxy: Countersign, certificate: string) {
    this.db = db
    this.proxy = proxy
    this.certificate = certificate
  }

  /** A new table that the agent's role owns. Its name is in no other statement. */
  async table(columns = 'id integer, note text'): Promise<string> {
    const name = `made_${++this.#tables}_`
    await this.db.query(`CREATE TABLE ${name} (${columns}); ALTER TABLE ${name} OWNER TO app`)
    return name
  }

  async exists(table: string): Promise<boolean> {
    const { rows } = await this.db.query('SELECT to_regclass($1) IS NOT NULL AS there', [table])
    return rows[0].there
  }

  /** The request that waits for a statement with this word in it. */
  waiting(word: string): Promise<ShownRequest> {
    return this.proxy.pending(({ statement }) => statement.includes(word))
  }

  /** Signs whatever comes until it is stopped; then tells the statements, in order. */
  approveAll(): { stop(): Promise<string[]> } {
    const seen = new Map<string, string>()
    let wake = () => {}
    const stopped = new Promise<null>((resolve) => {
      wake = () => resolve(null)
    })
    const approving = (async () => {
      for (;;) {
        const next = this.proxy.pending(({ id }) => !seen.has(id)).catch(() => undefined)
        const request = await Promise.race([next, stopped])
        if (request === null) return
        if (request === undefined) continue
        seen.set(request.id, request.statement)
        await this.proxy.decide(request.id, 'approve')
      }
    })()
    return {
      stop: async () => {
        wake()
        await approving
        return [...seen.values()]
      },
    }
  }

  /** Resolves once the database runs a statement with this word in it. */
  async running(word: string): Promise<void> {
    const text = `SELECT count(*)::int AS n FROM pg_stat_activity
      WHERE state = 'active' AND pid <> pg_backend_pid() AND query LIKE $1`
    const found = async () => (await this.db.query(text, [`%${word}%`])).rows[0].n > 0
    const deadline = Date.now() + 20_000
    while (!(await found())) {
      if (Date.now() > deadline) throw new Error(`the database never ran ${word}`)
    }
  }

  /** How the sessions of the trail were opened: the name of their TLS, or null. */
  sessions(): (string | null)[] {
    return this.proxy
      .records()
      .filter(({ type }) => type === 'session.opened')
      .map(({ actor }) => (actor as { tls: string | null }).tls)
  }
}

/** The agent's role owns the shop, so that what holds a statement back is the proxy alone. */
const OWNED = `${SHOP}
  ALTER TABLE customers OWNER TO app; ALTER TABLE orders OWNER TO app;
  ALTER TABLE scratch OWNER TO app; ALTER VIEW contacts OWNER TO app;`

export async function startClientsWorld(
  t: Test,
  version: PostgresVersion = 'newest',
): Promise<ClientsWorld> {
  const folder = mkdtempSync(join(tmpdir(), 'csgn-clients-'))
  t.teardown(() => rmSync(folder, { recursive: true, force: true }))
  const tls = writeCertificate(folder)
  const db = await startPostgres(t, { version, schema: OWNED })
  const proxy = await startCountersign(t, {
    upstream: db.url,
    config: {
      listen: {
        postgres: '127.0.0.1:0',
        control: '127.0.0.1:0',
        tls: { ...tls, require: false },
      },
    },
  })
  return new ClientsWorld(db, proxy, tls.cert)
}

/** Whatever the clients did, the proxy stops when it is asked to, and its trail is whole. */
export async function endsInPeace(t: Test, { proxy }: ClientsWorld): Promise<void> {
  await proxy.kill('SIGTERM')
  t.equal(proxy.exitCode, 0, proxy.stderr)
  const { code, out } = await proxy.run('audit', 'verify', '--config', proxy.configPath)
  t.equal(code, 0, out)
}
