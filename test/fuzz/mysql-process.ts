// biome-ignore-all lint/suspicious/noThenProperty: a rule's action is called so
import { once } from 'node:events'
import net from 'node:net'
import { type Countersign, startCountersign } from '../support/countersign.ts'
import { MysqlRaw, valuesIn } from '../support/e2e-mysql-raw.ts'
import { startMysql, type TestMysql } from '../support/mysql.ts'
import { insist } from './clean.ts'
import { anyCommand, query } from './mysql-letters.ts'
import { mutatePackets } from './mysql-mutate.ts'
import { MYSQL_TEXTS } from './mysql-texts.ts'
import { residentMiB } from './process.ts'
import type { Random } from './random.ts'
import type { Fuzzer } from './run.ts'
import { SECRET } from './texts.ts'

const TABLES = ['open_t', 'held_t', 'denied_t', 'people_t']
const SCHEMA = `CREATE USER app IDENTIFIED BY 'app-password'; GRANT ALL ON *.* TO app;
  ${TABLES.map((table) => `CREATE TABLE ${table} (n int, secret text); INSERT INTO ${table} VALUES (1, NULL);`).join('\n')}
  UPDATE people_t SET secret = '${SECRET}';`

/** How long a client waits for an answer that its own nonsense may have swallowed. */
const PATIENCE_MS = 50
const CHECK_EVERY = 100
/** What a run may add to the resident memory once it is warm. */
const GROWTH_MIB = 96
const WARM_UP = 500

/** The real command in front of a real MariaDB; nobody signs anything. */
export async function openMysqlProcessFuzzer(): Promise<Fuzzer> {
  const cleanups: (() => unknown)[] = []
  const scope = { teardown: (fn: () => unknown) => cleanups.unshift(fn) }
  const db = await startMysql(scope, 'mariadb', { schema: SCHEMA })
  if (!db) throw new Error('there is no MariaDB')
  const when = (table: string) => ({ name: table, when: { tables: [table] } })
  const proxy = await startCountersign(scope, {
    upstream: `mysql://app:app-password@127.0.0.1:${db.port}/shop`,
    database: { classified: { 'shop.people_t.secret': 'pii.secret' } },
    config: {
      rules: [
        { ...when('*.denied_t'), then: { deny: 'no' } },
        { ...when('*.held_t'), then: { approve: { by: ['approvers'] } } },
      ],
    },
  })
  const watch = new Watch(proxy, db, await logIn(proxy))
  return {
    async run(random, index) {
      if (random.oneIn(5)) await talkBefore(random, proxy)
      else await talk(random, proxy)
      if (index % CHECK_EVERY === CHECK_EVERY - 1) await watch.check(index)
    },
    async end() {
      try {
        await watch.checkEnd()
        return watch.notes
      } finally {
        for (const cleanup of cleanups) await cleanup()
      }
    },
  }
}

function logIn(proxy: Countersign): Promise<MysqlRaw> {
  const attributes = { 'countersign.hold': '0' }
  const { password } = proxy
  return MysqlRaw.login(proxy.port, { user: 'bot', password, database: 'shop', attributes })
}

async function talk(random: Random, proxy: Countersign): Promise<void> {
  const client = await logIn(proxy)
  const commands = Array.from({ length: 1 + random.below(5) }, () => anyCommand(random, TEXTS))
  const said = random.oneIn(4) ? commands : mutatePackets(random, commands)
  for (const piece of random.pieces(Buffer.concat(said))) client.send(piece)
  client.send(query("SELECT 'sentinel'"))
  const heard = await client.heard('sentinel', PATIENCE_MS)
  client.destroy()
  insist(!heard.includes(SECRET), () => 'a classified value left in clear')
}

const TEXTS = MYSQL_TEXTS.map((text) => text.replace('#', '17'))

/** Hostile before anybody has said who they are. */
async function talkBefore(random: Random, proxy: Countersign): Promise<void> {
  const socket = net.connect({ port: proxy.port, host: '127.0.0.1' })
  socket.on('error', () => {})
  socket.resume()
  const packets = [random.bytes(4 + random.below(80)), anyCommand(random, TEXTS)]
  socket.end(Buffer.concat(mutatePackets(random, packets)))
  await once(socket, 'close')
}

/** What must hold beside it all. */
class Watch {
  readonly #proxy: Countersign
  readonly #db: TestMysql
  readonly #bystander: MysqlRaw
  #warm = 0
  #most = 0

  constructor(proxy: Countersign, db: TestMysql, bystander: MysqlRaw) {
    this.#proxy = proxy
    this.#db = db
    this.#bystander = bystander
  }

  get notes(): Readonly<Record<string, number>> {
    return { 'resident MiB warm': Math.round(this.#warm), 'at most': Math.round(this.#most) }
  }

  async check(index: number): Promise<void> {
    insist(this.#proxy.exitCode === null, () => `the proxy has ended: ${this.#proxy.stderr}`)
    const answer = valuesIn(await this.#bystander.query(`SELECT ${index}`))
    insist(answer[0] === `${index}`, () => 'the bystander got another answer')
    const resident = residentMiB(this.#proxy.pid)
    if (index < WARM_UP || this.#warm === 0) this.#warm = resident
    this.#most = Math.max(this.#most, resident)
    const grown = this.#most - this.#warm
    insist(grown < GROWTH_MIB, () => `resident memory has grown by ${grown} MiB`)
  }

  async checkEnd(): Promise<void> {
    const client = await logIn(this.#proxy)
    client.destroy()
    this.#bystander.destroy()
    const admin = await this.#db.open()
    for (const table of ['held_t', 'denied_t']) {
      const [result] = await admin.query(`SELECT n, secret FROM ${table}`)
      insist(JSON.stringify(result?.rows) === '[["1",null]]', () => `${table} has changed`)
    }
    const internal = this.#proxy.records().find(({ reason }) => /^internal/.test(String(reason)))
    insist(internal === undefined, () => `it was surprised: ${JSON.stringify(internal)}`)
  }
}
