import t, { type Test } from 'tap'
import { type ShownRequest, startCountersign } from '../support/countersign.ts'
import { denyAll } from '../support/e2e-client.ts'
import { codeOf, connectAgent, errorFrom, ONE_SIDE_EACH, type Side } from '../support/e2e-sides.ts'

const PEOPLE = `
  CREATE TABLE tickets (id integer PRIMARY KEY, state varchar(20) NOT NULL, owner varchar(60));
  INSERT INTO tickets VALUES (1, 'open', 'ada.marsh@x.test'), (2, 'open', 'bo.larsen@y.test'),
    (3, 'shut', NULL), (4, 'open', 'ada.marsh@x.test'), (5, 'open', NULL);
`
const RULES = [
  {
    name: 'counted',
    when: { effect: ['write', 'unbounded-write'] },
    // biome-ignore lint/suspicious/noThenProperty: the file's key; nobody awaits this object
    then: { approve: { by: ['approvers'], impact: 'count' } },
  },
]
const CLEAR = /ada\.marsh|bo\.larsen/
const NO_COUNT = { rows: null, columns: [], sample: [] }

for (const side of ONE_SIDE_EACH) t.test(side.name, (t) => impact(t, side))

async function impact(t: Test, side: Side): Promise<void> {
  const schema = { postgres: PEOPLE, mysql: PEOPLE }
  const db = await side.start(t, { schema })
  if (!db) return
  const classified = { '*.tickets.owner': 'pii.email', '*.customers.email': 'pii.email' }
  const proxy = await startCountersign(t, {
    upstream: db.upstream,
    database: { classified },
    config: { rules: RULES },
  })
  const client = await connectAgent(t, side, proxy)
  const open = async () => (await db.run("SELECT id FROM tickets WHERE state = 'open'")).length
  t.afterEach(() => denyAll(proxy))

  /** Sends a statement, shows what was asked of a person, and then does as `act` says. */
  const asked = async (sql: string, act: (id: string) => unknown, values?: readonly unknown[]) => {
    const done = codeOf(client.query(sql, values))
    const request = await proxy.pending((one) => one.verb !== 'SELECT')
    await act(request.id)
    return { request: request as ShownRequest & { impact: unknown }, code: await done }
  }
  const deny = () => denyAll(proxy)
  const approve = (id: string) => proxy.approve(id)

  t.test('the rows are counted, and some are shown, masked', async (t) => {
    const sql = "UPDATE tickets SET state = 'x' WHERE state = 'open' AND id < 5"
    const { request, code } = await asked(sql, approve)
    t.match(request.impact, { rows: 3, columns: ['id', 'state', 'owner'] })
    const { sample } = request.impact as { readonly sample: readonly (readonly string[])[] }
    t.same(
      sample.map(([id, state, owner]) => [Number(id), state, owner]).sort(),
      [1, 2, 4].map((id) => [id, 'open', '[masked]']),
    )
    t.notMatch(JSON.stringify(request), CLEAR)
    t.equal(code, 'done')
    await db.run("UPDATE tickets SET state = 'open' WHERE state = 'x'")
  })

  t.test('values of a prepared statement count with it', async (t) => {
    const sql = 'UPDATE tickets SET state = ? WHERE state = ? AND id > ?'
    const { request } = await asked(sql, deny, ['x', 'open', 3])
    t.match(request.impact, { rows: 2 })
    const { sample } = request.impact as { readonly sample: readonly (readonly string[])[] }
    t.same(sample.map(String).sort(), ['4,open,[masked]', '5,open,'])
    const none = await asked(sql, deny, ['x', "no' OR 'a' = 'a", 0])
    t.match(none.request.impact, { rows: 0, sample: [] })
  })

  t.test('it runs for no more rows than were counted', async (t) => {
    const before = await open()
    const sql = "DELETE FROM tickets WHERE state = 'open' AND id > 2"
    const done = codeOf(client.query(sql))
    const { id, impact } = await proxy.pending((request) => request.statement === sql)
    t.match(impact, { rows: 2 })
    await db.run("INSERT INTO tickets VALUES (9, 'open', 'x')")
    await proxy.approve(id)
    const again = await proxy.pending((request) => request.id !== id && request.statement === sql)
    t.match(JSON.stringify(again.reasons), 'changes 3 rows, more than the 2 that its count allows')
    t.equal(await open(), before + 1, 'it was taken back')
    await deny()
    t.equal(await done, '42501')
    t.match(await proxy.request(id), { state: 'failed', outcome: { rows: null } })
    await db.run('DELETE FROM tickets WHERE id = 9')
  })

  t.test('nothing runs for the sake of the count, and nothing is guessed', async (t) => {
    const sleep = side.system === 'mysql' ? 'sleep(30) = 0' : 'pg_sleep(30) IS NOT NULL'
    const uncounted = [
      `DELETE FROM tickets WHERE id = 1 AND ${sleep}`,
      'DELETE FROM tickets WHERE owner IN (SELECT email FROM customers)',
      'UPDATE tickets SET state = (SELECT max(name) FROM customers) WHERE id = 1',
    ]
    for (const sql of uncounted) {
      const { request, code } = await asked(sql, deny)
      t.same(request.impact, NO_COUNT, sql)
      t.not(code, 'done')
    }
    t.equal(await open(), 4)
  })

  t.test('not in a transaction, of which others see nothing', async (t) => {
    await client.query('BEGIN')
    const { request, code } = await asked("UPDATE tickets SET state = 'y' WHERE id = 1", approve)
    t.same(request.impact, NO_COUNT)
    t.equal(code, 'done')
    await client.query('ROLLBACK')
  })

  t.test('a slip of the pen is told at once', async (t) => {
    const error = await errorFrom(client.query('UPDATE tickets SET state = = 1'))
    t.match(error, { code: side.system === 'mysql' ? '42000' : '42601', message: /syntax/ })
    t.same(await proxy.requests(), [])
  })
}
