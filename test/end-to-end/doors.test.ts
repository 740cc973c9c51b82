import net from 'node:net'
import { setTimeout as after } from 'node:timers/promises'
import mysql from 'mysql2/promise'
import pg from 'pg'
import t, { type Test } from 'tap'
import { AGENT, type Countersign, OWNER, startCountersign } from '../support/countersign.ts'
import {
  type AgentClient,
  codeOf,
  connectAgent,
  errorFrom,
  ONE_SIDE_EACH,
  type Side,
} from '../support/e2e-sides.ts'
import { writeCertificate } from '../support/postgres-certificate.ts'

const SILENT = 1_200

/** What each protocol calls a refusal. */
const CODES = {
  postgres: { login: '28P01', database: '3D000', tls: '28000', full: '53300', idle: '57P05' },
  mysql: { login: '28000', database: '42000', tls: 'HY000', full: '08004', idle: 'HY000' },
} as const

interface Knock {
  readonly user?: string
  readonly password?: string
  readonly database?: string
  readonly tls?: boolean
}

/** One login by the protocol's usual client; the error's code is "done" where it gets in. */
async function knock(side: Side, proxy: Countersign, knock: Knock) {
  const { user = AGENT, password = proxy.password, database = 'shop', tls = false } = knock
  const ssl = { rejectUnauthorized: false }
  const login = { host: '127.0.0.1', port: proxy.port, user, password, database }
  if (side.system === 'postgres') {
    const client = new pg.Client({ ...login, ...(tls ? { ssl } : {}) })
    client.on('error', () => {})
    const told = await errorFrom(client.connect())
    await client.end().catch(() => {})
    return told
  }
  return errorFrom(
    mysql.createConnection({ ...login, ...(tls ? { ssl } : {}) }).then((client) => client.end()),
  )
}

/** A connection that says nothing; resolves when the other end has closed it. */
function silent(t: Test, proxy: Countersign): { socket: net.Socket; closed: Promise<void> } {
  const socket = net.connect(proxy.port, '127.0.0.1').on('error', () => {})
  socket.resume()
  t.teardown(() => socket.destroy())
  return { socket, closed: new Promise((resolve) => socket.on('close', () => resolve())) }
}

for (const side of ONE_SIDE_EACH) t.test(side.name, (t) => doors(t, side))

async function doors(t: Test, side: Side): Promise<void> {
  const db = await side.start(t)
  if (!db) return
  const code = CODES[side.system]
  const own = { [side.system]: '127.0.0.1:0', control: '127.0.0.1:0' }
  const agent = { owners: [OWNER], databases: ['shop'], credential: './bot.json' }
  const tls = { ...writeCertificate(t.testdir({})), require: true }
  const open = await startCountersign(t, {
    upstream: db.upstream,
    config: {
      listen: { ...own, tls: { ...tls, require: false } },
      databases: {
        shop: { upstream: db.upstream },
        hidden: { upstream: db.upstream },
      },
      agents: {
        [AGENT]: agent,
        far: { ...agent, networks: ['10.0.0.0/8'], credential: './far.json' },
        old: { ...agent, expires: '2020-01-01', credential: './old.json' },
        new: { ...agent, credential: './none.json' },
      },
    },
  })

  t.test('nobody learns from a refusal who exists', async (t) => {
    const secretOf = async (name: string) =>
      String((await open.command('agent', 'add', name, '--owner', OWNER)).password)
    const [far, old] = [await secretOf('far'), await secretOf('old')]
    const refusals = await Promise.all(
      [
        { user: AGENT, password: 'wrong' },
        { user: 'nob', password: 'wrong' },
        { user: 'nob' },
        { user: 'far', password: far },
        { user: 'far', password: 'wrong' },
        { user: 'old', password: old },
        { user: 'new' },
        { user: 'nob', database: 'nowhere' },
      ]
        .flatMap((who) => [who, { ...who, tls: true }])
        .map(async (who) => {
          const { code, message } = await knock(side, open, who)
          return { code, message: message.replace(/'...'@|\(using password: ...\)/g, '') }
        }),
    )
    t.same(
      refusals,
      refusals.map(() => refusals[0]),
    )
    t.equal(refusals[0]?.code, code.login)
    t.equal((await knock(side, open, {})).code, 'done')
    t.equal((await knock(side, open, { tls: true })).code, 'done')
    const elsewhere = await knock(side, open, { database: 'hidden' })
    t.equal(elsewhere.code, code.database, 'what exists is told to those who are in')
    const nowhere = await knock(side, open, { database: 'nowhere' })
    t.same(nowhere.message.replaceAll('nowhere', 'hidden'), elsewhere.message, 'not even that')
    const refused = open.records().filter(({ type }) => type === 'session.refused')
    t.ok(refused.length >= 10, 'each leaves a record')
    t.notMatch(JSON.stringify(refused), open.password)
  })

  t.test('those who stay silent do not stand in the way', async (t) => {
    const crowd = Array.from({ length: SILENT }, () => silent(t, open))
    await Promise.all(crowd.map(({ socket }) => (socket.connecting ? once(socket) : null)))
    t.equal((await knock(side, open, {})).code, 'done')
    t.equal((await knock(side, open, {})).code, 'done')
    for (const { socket } of crowd) socket.destroy()
  })

  t.test('SIGTERM lets what runs finish, and nobody in', async (t) => {
    const client = await connectAgent(t, side, open)
    const slow = side.system === 'mysql' ? 'SELECT sleep(1) AS s' : 'SELECT pg_sleep(1)::text AS s'
    const running = client.query(slow)
    await after(200)
    const gone = open.kill('SIGTERM')
    t.not((await knock(side, open, {})).code, 'done')
    t.equal((await running).length, 1)
    await gone
    t.equal(open.exitCode, 0, open.stderr)
  })

  const strict = await startCountersign(t, {
    upstream: db.upstream,
    config: {
      listen: { ...own, tls, max_connections: 3, deadlines: { login: '500ms', idle: '900ms' } },
    },
  })

  t.test('where TLS is required the password is not taken in clear', async (t) => {
    const { code: told, message } = await knock(side, strict, {})
    t.equal(told, code.tls)
    t.match(message, /TLS|secure|SSL/i)
    t.equal((await knock(side, strict, { tls: true })).code, 'done')
  })

  const enter = (t: Test): Promise<AgentClient> => connectAgent(t, side, strict, { tls: true })

  t.test('sessions have a cap, and a place that is given back is given out again', async (t) => {
    const [first] = await Promise.all([1, 2, 3].map(() => enter(t)))
    t.equal((await knock(side, strict, { tls: true })).code, code.full)
    await first?.end()
    while ((await knock(side, strict, { tls: true })).code !== 'done') await after(20)
    t.pass('again')
  })

  t.test('an idle session ends, and one that waits for a person does not', async (t) => {
    await after(1_000)
    const idle = await enter(t)
    const busy = await enter(t)
    const dropped = codeOf(busy.query('DROP TABLE scratch'))
    const { id } = await strict.pending()
    t.match(await idle.ended, new RegExp(`${code.idle}|lost|4031|PROTOCOL`))
    await after(300)
    await strict.approve(id)
    t.equal(await dropped, 'done')
  })

  t.test('a login has a deadline, however busily it drips', async (t) => {
    const quiet = silent(t, strict)
    const slow = silent(t, strict)
    const dripping = setInterval(() => slow.socket.write(Buffer.from([0x20])), 40)
    await Promise.all([quiet.closed, slow.closed])
    clearInterval(dripping)
    t.pass('both are cut off')
  })
}

const once = (socket: net.Socket) => new Promise((resolve) => socket.once('connect', resolve))
