import { serialize } from 'pg-protocol'
import t, { type Test } from 'tap'
import { type Countersign, startCountersign } from '../support/countersign.ts'
import { denyAll, loginOf } from '../support/e2e-client.ts'
import { RawClient } from '../support/e2e-raw.ts'
import {
  codeOf,
  connectAgent,
  errorFrom,
  NEWEST_SIDES,
  rawAgent,
  type Side,
  talkAsAgent,
} from '../support/e2e-sides.ts'

const PEOPLE = 60
const MORE = Array.from(
  { length: PEOPLE - 2 },
  (_, at) => `(${at + 3}, 'P${at + 3}', 'p${at + 3}@x.test', '900-00-${at + 3}')`,
)
const SCHEMA = `INSERT INTO customers VALUES ${MORE.join(', ')};`
const COUNTED = { postgres: 'ANALYZE customers;', mysql: 'ANALYZE TABLE customers;' }
const ALL = 'SELECT id, email FROM customers ORDER BY id'
/** The most that one statement may send. */
const MOST = 10

for (const side of NEWEST_SIDES) t.test(side.name, (t) => limits(t, side))

async function limits(t: Test, side: Side): Promise<void> {
  const db = await side.start(t, {
    schema: { postgres: SCHEMA + COUNTED.postgres, mysql: SCHEMA + COUNTED.mysql },
  })
  if (!db) return

  t.test('past a number of rows a person is asked', async (t) => {
    const proxy = await startCountersign(t, {
      upstream: db.upstream,
      config: { limits: [limit('approve')] },
    })
    const connect = (t: Test, says = {}) => connectAgent(t, side, proxy, says)
    const talk = (t: Test, says = {}) => talkAsAgent(t, side, proxy, says)
    const waiting = (sql: string) => proxy.pending((request) => request.statement === sql)
    t.afterEach(() => denyAll(proxy))

    t.test('the result waits at that row, and goes on from it', async (t) => {
      const client = await connect(t)
      const read = client.query(ALL)
      const request = await waiting(ALL)
      t.match(request, {
        effects: ['read', 'export'],
        reasons: [{}, { reason: 'sends more than 10 rows by one statement of pii.*' }],
      })
      await proxy.approve(request.id)
      const rows = await read
      t.same(
        rows.map(({ id }) => id),
        Array.from({ length: PEOPLE }, (_, at) => at + 1),
      )
      t.match(await proxy.settled(request.id, 'approved'), { outcome: { rows: PEOPLE } })
      const [exceeded, ...others] = proxy.records().filter(isExceeded)
      t.match(exceeded, { rows: MOST, approval: { id: request.id } })
      t.same(others, [])
      t.same(await client.query('SELECT 1 AS one'), [{ one: 1 }])
    })

    t.test('not a row more has left when it is denied, and the session goes on', async (t) => {
      const agent = await talk(t)
      const deny = async () => proxy.decide((await waiting(ALL)).id, 'deny', 'too much')
      const asText = agent.say(ALL)
      await deny()
      const heardText = await asText
      const prepared = agent.prepared(ALL)
      await deny()
      await deny()
      const heard = [heardText, ...(await prepared)]
      const ended = heard.filter(({ code }) => code !== '')
      t.equal(ended.length, 3, 'as text, and in both forms of a prepared statement')
      for (const { code, message } of ended) {
        t.equal(code, '42501')
        t.match(message, /too much/)
      }
      for (const { cells } of heard) t.ok(cells.length <= MOST, `${cells.length} rows`)
      for (const { text } of heard) t.notMatch(text, 'p30@')
      const client = await connect(t)
      const read = codeOf(client.query(ALL))
      await proxy.decide((await waiting(ALL)).id, 'deny', 'again')
      t.equal(await read, '42501')
      t.same(await client.query('SELECT 2 AS two'), [{ two: 2 }])
      const failed = proxy
        .records()
        .filter((one) => one.type === 'statement.outcome' && one.sqlState === '42501')
      t.ok(failed.length >= 2, 'the outcome is an error')
    })

    t.test('past its hold it is a ticket for the whole of it, once', async (t) => {
      const agent = await talk(t, { hold: '300ms' })
      const first = await agent.say(ALL)
      t.equal(first.code, 'ZA001')
      t.equal(first.cells.length, MOST)
      await proxy.approve((await waiting(ALL)).id)
      const again = await agent.say(ALL)
      t.equal(again.code, '')
      t.equal(again.cells.length, PEOPLE)
      t.equal((await agent.say(ALL)).code, 'ZA001', 'once')
    })

    t.test("the planner's estimate warns before a row has left, and stops nothing", async (t) => {
      const agent = await talk(t, { hold: '300ms' })
      const warnings = () => proxy.records().filter(isExpected)
      const before = warnings().length
      const many = await agent.say(`SELECT email, id FROM customers`)
      t.equal(many.cells.length, MOST)
      const [warning, ...others] = warnings().slice(before)
      t.match(warning, { rows: PEOPLE, limit: '10 rows by one statement' })
      t.same(others, [])
      const told = `some ${PEOPLE} rows are expected, and a person is asked for more than 10 rows`
      const at = many.text.indexOf(told)
      if (side.system === 'postgres') t.ok(at >= 0 && at < many.text.indexOf('@x.test'), 'before')
      for (const few of ['LIMIT 5', 'WHERE id = 7']) {
        t.equal((await agent.say(`SELECT email, id FROM customers ${few}`)).code, '', few)
      }
      t.equal(warnings().length, before + 1, 'of none that stays below it')
    })

    t.test('whoever cancels or hangs up withdraws the request', async (t) => {
      const client = await connect(t)
      const sql = `${ALL} LIMIT 50`
      const read = codeOf(client.query(sql))
      const { id } = await waiting(sql)
      await client.cancel()
      t.equal(await read, '57014')
      t.match(await proxy.settled(id), { withdrawn_cause: 'cancelled' })
      t.same(await client.query('SELECT 3 AS three'), [{ three: 3 }])
      const leaving = await connect(t)
      void codeOf(leaving.query(sql))
      const request = await waiting(sql)
      leaving.destroy()
      t.match(await proxy.settled(request.id), { withdrawn_cause: 'disconnected' })
    })

    t.test('a result in pieces is one statement all the same', async (t) => {
      const sql = `${ALL} LIMIT 40`
      if (side.system === 'mysql') return piecesOfMysql(t, proxy, waiting, sql)
      const client = await connect(t)
      for (const fetched of ['FETCH 4 FROM c', 'FETCH FORWARD 4 c']) {
        await client.query('BEGIN')
        await client.query(`DECLARE c CURSOR FOR ${sql}`)
        t.equal((await client.query(fetched)).length, 4)
        t.equal((await client.query(fetched)).length, 4)
        const third = codeOf(client.query(fetched))
        await proxy.decide((await waiting(fetched)).id, 'deny', 'enough')
        t.equal(await third, '42501')
        await client.query('ROLLBACK')
      }
      await client.query('BEGIN')
      await client.query(`DECLARE c CURSOR FOR ${sql}`)
      t.equal((await client.query('FETCH 10 FROM c')).length, MOST)
      await client.query('SAVEPOINT s')
      t.equal(await codeOf(client.query(`DECLARE c CURSOR FOR ${sql}`)), '42P03')
      await client.query('ROLLBACK TO s')
      const again = codeOf(client.query('FETCH 10 FROM c'))
      await proxy.decide((await waiting('FETCH 10 FROM c')).id, 'deny', 'enough')
      t.equal(await again, '42501', 'a DECLARE that failed makes no cursor')
      await client.query('ROLLBACK')
      const raw = await talkInPieces(t, proxy, sql, 4)
      await proxy.decide((await waiting(sql)).id, 'deny', 'enough')
      t.equal(await raw, MOST, 'of a portal')
      const agent = await talk(t)
      const copied = agent.say(`COPY (${sql}) TO STDOUT`)
      const export_ = await waiting(`COPY (${sql}) TO STDOUT`)
      await proxy.approve(export_.id)
      t.equal((await copied).code, '', 'what was signed as a whole is not stopped')
    })

    t.test('what sends nothing classified, or little of it, is counted by nobody', async (t) => {
      const client = await connect(t)
      t.equal((await client.query('SELECT id, name FROM customers')).length, PEOPLE)
      t.equal((await client.query(`${ALL} LIMIT ${MOST}`)).length, MOST)
    })
  })

  t.test('within an hour everything counts together', async (t) => {
    const proxy = await startCountersign(t, {
      upstream: db.upstream,
      config: { limits: [limit('deny', { rows_per_hour: 25 })] },
    })
    const page = (at: number) => `${ALL} LIMIT 10 OFFSET ${at}`
    const client = await connectAgent(t, side, proxy)
    t.equal((await client.query(page(0))).length, 10)
    t.equal((await client.query(page(10), [])).length, 10)
    const other = await talkAsAgent(t, side, proxy)
    const third = await other.say(page(20))
    t.equal(third.cells.length, 5, 'another session counts on')
    t.equal(third.code, '42501')
    t.match(third.message, /more than 25 rows within an hour of pii/)
    t.match(await errorFrom(client.query(page(30))), { code: '42501' })
    t.equal((await client.query('SELECT id FROM orders')).length, 3, 'other data is no part of it')

    t.test('one value is a question, and many are a way to guess', async (t) => {
      const seek = `SELECT id FROM customers WHERE ssn = `
      const mark = side.system === 'mysql' ? '?' : '$1'
      const connect = () => connectAgent(t, side, proxy, { hold: '300ms' })
      const [one, two] = [await connect(), await connect()]
      for (let at = 0; at < 10; at++) {
        t.equal(await codeOf(one.query(`${seek}'${at}'`)), 'done')
        t.equal(await codeOf(two.query(`${seek}${mark}`.replace('$1', '?'), [`p${at}`])), 'done')
      }
      t.equal(
        await codeOf(one.query(`${seek}'3'`)),
        'done',
        'what it has asked before is nothing new',
      )
      t.equal(await codeOf(two.query(`${seek}'x'`)), 'ZA001')
      t.match(await proxy.pending(({ statement }) => statement === `${seek}'x'`), {
        effects: ['read', 'probe'],
      })
      t.equal(await codeOf(two.query(`${seek}${mark}`.replace('$1', '?'), ['y'])), 'ZA001')
      const many = Array.from({ length: 21 }, (_, at) => `'m${at}@x.test'`).join()
      const list = `SELECT id FROM customers WHERE email IN (${many})`
      t.equal(await codeOf(one.query(list)), 'ZA001', 'nor all at once')
      await denyAll(proxy)
    })
  })
}

/** How many rows leave of a portal that is executed a few rows at a time, until an error. */
async function talkInPieces(t: Test, proxy: Countersign, sql: string, size: number) {
  const { client } = await RawClient.login(proxy.port, loginOf(proxy))
  t.teardown(() => client.destroy())
  client.send(serialize.query('BEGIN'))
  await client.until('Z')
  client.send(serialize.parse({ text: sql }), serialize.bind({}))
  let rows = 0
  for (;;) {
    client.send(serialize.execute({ rows: size }), serialize.flush())
    for (;;) {
      const message = await client.message()
      if (message === null) throw new Error('the connection ended')
      if (message.type === 'D') rows++
      if (message.type === 's') break
      if (message.type === 'C' || message.type === 'E') return rows
    }
  }
}

async function piecesOfMysql(
  t: Test,
  proxy: Countersign,
  waiting: (sql: string) => Promise<{ readonly id: string }>,
  sql: string,
): Promise<void> {
  const client = await rawAgent(t, proxy)
  const { id } = await client.prepare(sql)
  await client.execute(id, [], { cursor: true })
  t.equal((await client.fetch(id, 4)).results[0]?.rows.length, 4)
  t.equal((await client.fetch(id, 4)).results[0]?.rows.length, 4)
  const third = client.fetch(id, 4)
  await proxy.decide((await waiting(sql)).id, 'deny', 'enough')
  t.equal((await third).error?.sqlState, '42000')
}

function limit(action: string, most: object = { rows_per_statement: MOST }) {
  // biome-ignore lint/suspicious/noThenProperty: the file's key; nobody awaits this object
  return { classes: ['pii.*'], ...most, then: action }
}

function isExpected({ type }: Record<string, unknown>): boolean {
  return type === 'statement.expected'
}

function isExceeded({ type }: Record<string, unknown>): boolean {
  return type === 'statement.exceeded'
}
