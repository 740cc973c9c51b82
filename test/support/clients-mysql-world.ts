import type { Test } from 'tap'
import type { OpenOptions } from './clients-driver.ts'
import { ClientsWorld, type StoryWords, startClientsProxy } from './clients-world.ts'
import { AGENT, type Countersign, OWNER } from './countersign.ts'
import { SIDES, type SideServer } from './e2e-sides.ts'
import type { MysqlFlavour } from './mysql.ts'

/** Is held so briefly that nobody can answer: for clients that can't ask for that themselves. */
const HASTY = 'hasty'

const WORDS: StoryWords = {
  failing: { sql: 'SELECT exp(1000) AS much', code: '22003', message: /value is out of range/ },
  noColumn: '42S22',
  taken: '23000',
  oneMore: 'SELECT $1 + 1',
  // A SLEEP that stands alone answers 1 on MySQL when it is interrupted.
  sleeping: 'SELECT id, sleep(60) FROM orders',
  cancelled: '70100',
}

export class MysqlWorld extends ClientsWorld {
  readonly flavour: MysqlFlavour
  readonly #db: SideServer
  readonly #hasty: string
  override readonly words = WORDS

  constructor(options: {
    readonly flavour: MysqlFlavour
    readonly db: SideServer
    readonly proxy: Countersign
    readonly certificate: string
    readonly hasty: string
  }) {
    super(options.proxy, options.certificate)
    this.flavour = options.flavour
    this.#db = options.db
    this.#hasty = options.hasty
  }

  /** The agent's account, or that of the one that never waits. */
  login(hold: OpenOptions['hold']): { readonly user: string; readonly password: string } {
    if (hold) return { user: HASTY, password: this.#hasty }
    return { user: AGENT, password: this.proxy.password }
  }

  override get environment(): NodeJS.ProcessEnv {
    return {
      ...process.env,
      DB_PORT: String(this.proxy.port),
      DB_PASSWORD: this.proxy.password,
      DB_HASTY_PASSWORD: this.#hasty,
      DB_CA: this.certificate,
    }
  }

  override run(sql: string) {
    return this.#db.run(sql)
  }

  override exists(table: string): Promise<boolean> {
    return this.#db.exists(table)
  }

  protected override async runs(word: string): Promise<boolean> {
    const rows = await this.run(`SELECT id FROM information_schema.processlist
      WHERE id <> connection_id() AND info LIKE '%${word}%'`)
    return rows.length > 0
  }

  /** The server's own address and account, past the proxy. */
  get direct(): URL {
    return new URL(this.#db.upstream)
  }
}

/** Null where this machine can't have such a server, which has been said then. */
export async function startMysqlWorld(
  t: Test,
  flavour: MysqlFlavour = 'mariadb',
  config: Readonly<Record<string, unknown>> = {},
): Promise<MysqlWorld | null> {
  const db = await SIDES.find(({ name }) => name === `MySQL, ${flavour}`)?.start(t)
  if (!db) return null
  const agent = (name: string) => ({
    owners: [OWNER],
    databases: ['shop'],
    credential: `./${name}.json`,
  })
  const agents = { [AGENT]: agent(AGENT), [HASTY]: { ...agent(HASTY), hold: '300ms' } }
  const { proxy, certificate } = await startClientsProxy(
    t,
    { upstream: db.upstream, config: { agents, ...config } },
    { mysql: '127.0.0.1:0', mysql_native_password: true },
  )
  const added = await proxy.command(
    ...['agent', 'add', HASTY, '--owner', OWNER, '--database', 'shop'],
  )
  return new MysqlWorld({ flavour, db, proxy, certificate, hasty: String(added.password) })
}
