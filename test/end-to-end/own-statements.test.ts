import mysql from 'mysql2/promise'
import pg from 'pg'
import t, { type Test } from 'tap'
import { AGENT, OWNER, startCountersign } from '../support/countersign.ts'
import { connectAgent, errorFrom, ONE_SIDE_EACH, type Side } from '../support/e2e-sides.ts'
import { LOGINS, type LogIn } from '../support/one-login.ts'

const REQUESTS = 'SELECT * FROM countersign.requests'
const REFUSED = { postgres: '0A000', mysql: '42000' } as const

t.jobs = ONE_SIDE_EACH.length
for (const side of ONE_SIDE_EACH) t.test(side.name, { buffered: true }, (t) => own(t, side))

async function own(t: Test, side: Side): Promise<void> {
  const schema = `CREATE SCHEMA countersign; CREATE TABLE countersign.requests (id text);
    INSERT INTO countersign.requests VALUES ('a trap'); ALTER ROLE ALL SET search_path = countersign, public;`
  const db = await side.start(t, { schema: { postgres: schema, mysql: '' } })
  if (!db) return
  const { system } = side
  const agent = { owners: [OWNER], databases: ['shop'], hold: '200ms' }
  const proxy = await startCountersign(t, {
    upstream: db.upstream,
    config: {
      agents: {
        [AGENT]: { ...agent, credential: './bot.json' },
        other: { ...agent, credential: './other.json' },
      },
      groups: { approvers: { clears: ['pii.*'] } },
    },
  })
  const { password } = await proxy.command('agent', 'add', 'other')
  const by = (user: string, sql: string, logIn: LogIn = plain) =>
    logIn({
      ...{ port: proxy.port, user, sql, tls: false },
      password: user === AGENT ? proxy.password : String(password),
    })
  const clients: Readonly<Record<string, LogIn>> = LOGINS[system]
  const [plain] = Object.values(clients) as [LogIn]

  t.test('an agent sees what it waits for, and what to do next', async (t) => {
    const client = await connectAgent(t, side, proxy)
    const sql = `DROP TABLE scratch /* ${'é'.repeat(300)} */`
    const { message } = await errorFrom(client.query(sql))
    const [, id = ''] = /request (\w+)/.exec(message) ?? []
    t.match(message, /It runs once|it runs once/, 'the message says what to do')
    const shown = {
      id,
      state: 'pending',
      database: 'shop',
      url: new RegExp(id),
      message: /A person decides at http.* Send exactly the same statement once it is approved/,
    }
    for (const rows of [
      await client.query(REQUESTS),
      await client.query(`${REQUESTS} WHERE id = '${id}'`),
      await client.query(`SHOW countersign.request '${id}'`),
      await client.query(REQUESTS, []),
      await client.query(`${REQUESTS} WHERE id = '${id}'`, []),
    ]) {
      t.match(rows, [shown])
      t.equal([...String(rows[0]?.statement)].length, 200)
      t.ok(String(rows[0]?.statement).startsWith('DROP TABLE scratch /* éé'))
    }
    const [first] = await client.query(REQUESTS)
    t.ok(Date.parse(String(first?.expires_at)) > Date.parse(String(first?.created_at)))
    await proxy.approve(id)
    t.match(await client.query(REQUESTS), [{ state: 'approved', message: /^Approved\. Send/ }])
    await client.query(sql)
    await proxy.settled(id, 'approved')
    t.match(await client.query(REQUESTS, []), [{ state: 'executed', message: /has run/ }])

    const denied = await errorFrom(client.query('DROP TABLE orders'))
    const [, second = ''] = /request (\w+)/.exec(denied.message) ?? []
    await proxy.decide(second, 'deny', 'not "today"')
    t.match(await client.query(`SHOW countersign.request '${second}'`), [
      { state: 'denied', message: /not "today". Do not rephrase/ },
    ])
    t.same((await client.query(REQUESTS)).length, 2)

    t.equal(await by('other', REQUESTS), 'undefined', "nobody's but its own")
    t.equal(await by('other', `${REQUESTS} WHERE id = '${id}'`), 'undefined')
    t.equal(await by('other', `SHOW countersign.request '${id}'`), 'undefined')
    for (const [name, logIn] of Object.entries(clients)) {
      const answer = await by(AGENT, `${REQUESTS} WHERE id = '${id}'`, logIn)
      t.equal(answer.split(/[|\t]/)[0], id, name)
    }
  })

  t.test('every client shows what to do, in its words', async (t) => {
    for (const [name, logIn] of Object.entries(clients)) {
      const told = await by(AGENT, 'DROP VIEW contacts', logIn)
      t.match(
        told,
        /DROP VIEW needs a person's approval: request \w+, http:\S+\/v1\/\w+\/\w+\. /,
        name,
      )
      t.match(told, /Then (start the transaction again and )?send exactly the same statement/, name)
      t.notMatch(told, /the-rest|approvers/, 'and nothing of the rules')
    }
  })

  t.test('what it says of itself holds from then on', async (t) => {
    const client = await connectAgent(t, side, proxy)
    await client.query("SET countersign.reason = 'it''s <monthly>'")
    await client.query("SET countersign.hold = '0s'", [])
    t.same(await client.query('SHOW countersign.hold'), [{ 'countersign.hold': '0s' }])
    t.same(await client.query('SHOW countersign.reason', []), [
      { 'countersign.reason': "it's <monthly>" },
    ])
    const told = await errorFrom(client.query('DROP TABLE customers'))
    const [, id = ''] = /request (\w+)/.exec(told.message) ?? []
    t.match(await proxy.request(id), { claim: "it's <monthly>" })
    await client.query("SET countersign.hold = '60m'")
    t.equal((await errorFrom(client.query('DROP TABLE customers'))).code, 'ZA002', 'no longer')

    await client.query('BEGIN')
    await client.query("SET countersign.reason = 'in a transaction'")
    await client.query('ROLLBACK')
    t.match(await client.query('SHOW countersign.claim'), [
      { 'countersign.claim': 'in a transaction' },
    ])
    await client.query('RESET countersign.reason')
    t.match(await client.query('SHOW countersign.claim'), [{ 'countersign.claim': '' }])
    await client.query("SET countersign.clear = 'pii.email'")
    const asked = await errorFrom(client.query('SELECT email FROM customers'))
    t.match(asked.code, /ZA00[12]/, 'it asks for more, and so waits')
    await client.query('SET countersign.clear = DEFAULT')
    t.equal((await errorFrom(client.query('SELECT email FROM customers'))).code, 'done')
    const said = proxy.records().flatMap(({ type, decision, stmt }) => {
      const { verb, sql } = (stmt ?? {}) as { readonly verb?: string; readonly sql?: string }
      const own = verb === 'SET' && sql?.includes('countersign')
      return own && type === 'statement.intent' ? [[decision, sql]] : []
    })
    t.same(said.slice(0, 2), [
      ['allowed', 'SET countersign.reason = ?'],
      ['allowed', "SET countersign.hold = '0s'"],
    ])
    t.notMatch(JSON.stringify(proxy.records()), 'monthly', 'its words may quote anything')
  })

  t.test('ways around it lead nowhere', async (t) => {
    const client = await connectAgent(t, side, proxy)
    const none = async (sql: string, why: RegExp) => {
      const { code, message } = await errorFrom(client.query(sql))
      t.equal(code, REFUSED[system], sql)
      t.match(message, why)
      t.match(await client.query('SELECT 1 AS one'), [{ one: 1 }], 'and the session goes on')
    }
    for (const sql of [
      'SELECT id FROM countersign.requests',
      'SELECT * FROM countersign.requests r JOIN customers c ON true',
      'WITH x AS (SELECT * FROM countersign.requests) SELECT * FROM x',
      'DELETE FROM countersign.requests WHERE id = 1',
      'EXPLAIN SELECT * FROM countersign.requests',
      `SELECT 1; ${REQUESTS}`,
      `${REQUESTS}; SELECT 1`,
    ]) {
      await none(sql, /in these forms only|by itself/)
    }
    await none("SELECT 1; SET countersign.hold = '60m'", /by itself/)
    await none("SET countersign.hold = '60m'; SELECT 1", /by itself/)
    await none("SET countersign.on_behalf_of = 'bo@example.com'", /when the connection begins/)
    await none(`${REQUESTS} WHERE id = 'x'' OR ''1'' = ''1'`, /not the id/)
    await none(`SET countersign.reason = '${'x'.repeat(501)}'`, /over 500/)
    const before = await client.query('SHOW countersign.hold')
    await errorFrom(client.query("/*!SET countersign.hold = '60m' */"))
    await errorFrom(client.query("/* SET countersign.hold = '60m' */"))
    if (system === 'postgres') {
      await client.query("SELECT set_config('countersign.hold', '60m', false)")
      await client.query("DO $$BEGIN SET countersign.hold = '60m'; END$$").catch(() => {})
    }
    t.same(await client.query('SHOW countersign.hold'), before)
  })

  if (system === 'postgres') t.test('in its order, as the server would', (t) => pipelines(t))
  else t.test('by cursors and by resets', (t) => commands(t))

  async function pipelines(t: Test): Promise<void> {
    const client = new pg.Client({ connectionString: proxy.url })
    await client.connect()
    t.teardown(() => client.end())
    await client.query('BEGIN')
    await errorFrom(client.query('SELECT 1 / 0'))
    t.equal((await errorFrom(client.query(REQUESTS))).code, '25P02', 'a failed transaction')
    await client.query("SET countersign.reason = 'still heard'")
    await client.query('ROLLBACK')
    const ahead = [
      client.query('SELECT 1 AS a'),
      client.query("SET countersign.reason = 'ahead'"),
      client.query('SHOW countersign.reason'),
      client.query({ text: REQUESTS, values: [], rowMode: 'array' }),
      client.query('SELECT 2 AS b'),
    ]
    const [a, set, shown, , b] = await Promise.all(ahead)
    t.same([a?.rows, set?.command, b?.rows], [[{ a: 1 }], 'SET', [{ b: 2 }]])
    t.same(shown?.rows, [{ 'countersign.reason': 'ahead' }])
    const named = { name: 'mine', text: REQUESTS }
    const counted = (await client.query(named)).rowCount ?? 0
    t.ok(counted >= 3)
    await errorFrom(client.query('TRUNCATE orders'))
    t.equal((await client.query(named)).rowCount, counted + 1, 'prepared once, and never stale')
    t.same((await client.query({ text: 'EXECUTE mine' })).rows, [], 'by SQL it is what it is')
    await client.query('DISCARD ALL')
    t.same((await client.query('SHOW countersign.reason')).rows, [{ 'countersign.reason': '' }])
    t.same((await client.query('SELECT count(*)::int AS n FROM pg_settings')).rowCount, 1)
  }

  async function commands(t: Test): Promise<void> {
    const client = await connectAgent(t, side, proxy)
    await client.query("SET countersign.reason = 'before'")
    const raw = await mysql.createConnection({ uri: proxy.url })
    t.teardown(() => raw.destroy())
    await raw.query("SET countersign.reason = 'before'")
    await raw.reset()
    const [rows] = await raw.query('SHOW countersign.reason')
    t.same(rows, [{ 'countersign.reason': '' }])
    const latin = await mysql.createConnection({ uri: proxy.url, charset: 'LATIN1_SWEDISH_CI' })
    t.teardown(() => latin.destroy())
    const [found] = await latin.query<mysql.RowDataPacket[]>(REQUESTS)
    t.ok(
      found.some(({ statement }) => /\?\?\?/.test(statement)),
      'what it can not show is marked',
    )
  }
}
