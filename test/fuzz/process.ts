// biome-ignore-all lint/suspicious/noThenProperty: a rule's action is called so
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import net from 'node:net'
import pg from 'pg'
import { serialize } from 'pg-protocol'
import { type Countersign, startCountersign } from '../support/countersign.ts'
import { loginOf } from '../support/e2e-client.ts'
import { RawClient, startupPacket } from '../support/e2e-raw.ts'
import { startPostgres, type TestPostgres } from '../support/postgres.ts'
import { insist } from './clean.ts'
import { clientMessage } from './letters.ts'
import { mutate } from './mutate.ts'
import type { Random } from './random.ts'
import type { Fuzzer } from './run.ts'
import { clientScript } from './scripts.ts'
import { SECRET, TEXTS } from './texts.ts'

const SCHEMA = ['open_t', 'held_t', 'denied_t', 'people_t']
  .map((table) => `CREATE TABLE ${table} (n int, secret text); INSERT INTO ${table} VALUES (1);`)
  .concat(`UPDATE people_t SET secret = '${SECRET}'`)
  .join('\n')

/** How long a client waits for an answer that its own nonsense may have swallowed. */
const PATIENCE_MS = 50
const CHECK_EVERY = 100
/** What a run may add to the resident memory once it is warm. */
const GROWTH_MIB = 96
const WARM_UP = 500

/** The real command in front of a real PostgreSQL; nobody signs anything. */
export async function openProcessFuzzer(): Promise<Fuzzer> {
  const cleanups: (() => unknown)[] = []
  const scope = { teardown: (fn: () => unknown) => cleanups.unshift(fn) }
  const db = await startPostgres(scope, { schema: SCHEMA })
  const approve = (tables: string) => ({ when: { tables: [tables] }, name: tables })
  const proxy = await startCountersign(scope, {
    upstream: db.superuserUrl,
    database: { classified: { 'public.people_t.secret': 'pii.secret' } },
    config: {
      rules: [
        { ...approve('*.denied_t'), then: { deny: 'no' } },
        { ...approve('*.held_t'), then: { approve: { by: ['approvers'] } } },
      ],
    },
  })
  const bystander = new pg.Client({ connectionString: proxy.url })
  await bystander.connect()
  const watch = new Watch(proxy, db, bystander)
  return {
    async run(random, index) {
      const bytes = random.oneIn(5) ? opening(random) : await conversation(random)
      await talk(random, proxy, bytes)
      if (index % CHECK_EVERY === CHECK_EVERY - 1) await watch.check(index)
    },
    async end() {
      try {
        await watch.checkEnd()
        return watch.notes
      } finally {
        await bystander.end().catch(() => {})
        for (const cleanup of cleanups) await cleanup()
      }
    },
  }
}

interface Talk {
  readonly login: boolean
  readonly bytes: Buffer
}

/** Hostile before anybody has said who they are. */
function opening(random: Random): Talk {
  const packet = startupPacket({ user: 'bot', database: 'shop', options: '-c search_path=a' })
  const messages = [packet, serialize.password('x'), clientMessage(random, TEXTS)]
  return { login: false, bytes: Buffer.concat(mutate(random, messages)) }
}

async function conversation(random: Random): Promise<Talk> {
  const messages = clientScript(random, TEXTS)
  const said = random.oneIn(4) ? messages : mutate(random, messages)
  return { login: true, bytes: Buffer.concat(said) }
}

async function talk(random: Random, proxy: Countersign, { login, bytes }: Talk): Promise<void> {
  if (!login) return talkBefore(proxy, bytes)
  const parameters = { options: '-c countersign.hold=0' }
  const { client } = await RawClient.login(proxy.port, { ...loginOf(proxy), parameters })
  for (const piece of random.pieces(bytes)) client.send(piece)
  client.send(serialize.copyFail('over'), serialize.sync(), serialize.query("SELECT 'sentinel'"))
  const heard = await client.heard('sentinel', PATIENCE_MS)
  client.destroy()
  insist(!heard.includes(SECRET), () => 'a classified value left in clear')
}

async function talkBefore(proxy: Countersign, bytes: Buffer): Promise<void> {
  const socket = net.connect({ port: proxy.port, host: '127.0.0.1' })
  socket.on('error', () => {})
  socket.resume()
  socket.end(bytes)
  await once(socket, 'close')
}

/** What must hold beside it all. */
class Watch {
  readonly #proxy: Countersign
  readonly #db: TestPostgres
  readonly #bystander: pg.Client
  #warm = 0
  #most = 0

  constructor(proxy: Countersign, db: TestPostgres, bystander: pg.Client) {
    this.#proxy = proxy
    this.#db = db
    this.#bystander = bystander
  }

  get notes(): Readonly<Record<string, number>> {
    return { 'resident MiB warm': Math.round(this.#warm), 'at most': Math.round(this.#most) }
  }

  async check(index: number): Promise<void> {
    insist(this.#proxy.exitCode === null, () => `the proxy has ended: ${this.#proxy.stderr}`)
    const { rows } = await this.#bystander.query('SELECT $1::int AS n', [index])
    insist(rows[0]?.n === index, () => 'the bystander got another answer')
    const resident = residentMiB(this.#proxy.pid)
    if (index < WARM_UP || this.#warm === 0) this.#warm = resident
    this.#most = Math.max(this.#most, resident)
    const grown = this.#most - this.#warm
    insist(grown < GROWTH_MIB, () => `resident memory has grown by ${grown} MiB`)
  }

  async checkEnd(): Promise<void> {
    const { client } = await RawClient.login(this.#proxy.port, loginOf(this.#proxy))
    client.destroy()
    for (const table of ['held_t', 'denied_t']) {
      const { rows } = await this.#db.query(`SELECT n FROM ${table}`)
      insist(JSON.stringify(rows) === '[{"n":1}]', () => `${table} has changed`)
    }
    const internal = this.#proxy.records().find(({ reason }) => /^internal/.test(String(reason)))
    insist(internal === undefined, () => `it was surprised: ${JSON.stringify(internal)}`)
  }
}

export function residentMiB(pid: number): number {
  const status = readFileSync(`/proc/${pid}/status`, 'utf8')
  return Number(/VmRSS:\s+(\d+)/.exec(status)?.[1] ?? 0) / 1024
}
