import t, { type Test } from 'tap'
import { type Countersign, startCountersign } from '../support/countersign.ts'
import { denyAll } from '../support/e2e-client.ts'
import {
  codeOf,
  connectAgent,
  errorFrom,
  NEWEST_SIDES,
  type Side,
  type SideServer,
} from '../support/e2e-sides.ts'

const TICKETS = `
  CREATE TABLE tickets (id integer PRIMARY KEY, state varchar(20) NOT NULL, note text);
  INSERT INTO tickets VALUES ${Array.from({ length: 20 }, (_, at) => `(${at + 1}, 'open', '')`)};
  CREATE TABLE parents (id integer PRIMARY KEY, name varchar(20));
  INSERT INTO parents VALUES (1, 'a'), (2, 'b');
`
const SCHEMA = {
  postgres: `${TICKETS}
  CREATE TABLE late (id integer UNIQUE DEFERRABLE INITIALLY DEFERRED);
  INSERT INTO late VALUES (1);`,
  mysql: `${TICKETS}
  CREATE TABLE untaken (id integer) ENGINE=MyISAM;`,
}
const MOST = 5
const RULES = [
  {
    name: 'small-writes-pass',
    when: { effect: ['read', 'write'], tables: ['*.tickets', '*.late', '*.untaken'] },
    // biome-ignore lint/suspicious/noThenProperty: the file's key; nobody awaits this object
    then: { allow: { max_rows: MOST } },
  },
]

for (const side of NEWEST_SIDES) t.test(side.name, (t) => ceilings(t, side))

async function ceilings(t: Test, side: Side): Promise<void> {
  const db = await side.start(t, { schema: SCHEMA })
  if (!db) return
  const proxy = await startCountersign(t, { upstream: db.upstream, config: { rules: RULES } })
  const connect = (says = {}) => connectAgent(t, side, proxy, says)
  const waiting = (sql: string) => proxy.pending((request) => request.statement === sql)
  const closed = async () => (await db.run("SELECT id FROM tickets WHERE state = 'closed'")).length
  t.beforeEach(() => db.run("UPDATE tickets SET state = 'open'"))
  t.afterEach(() => denyAll(proxy))
  const few = "UPDATE tickets SET state = 'closed' WHERE id <= 5"
  const many = "UPDATE tickets SET state = 'closed' WHERE id <= 6"

  t.test('as many rows as allowed are changed, and stay', async (t) => {
    const client = await connect()
    await client.query(few)
    t.equal(await closed(), 5)
    await db.run("UPDATE tickets SET state = 'open'")
    await client.query(few.replace('5', '?'), [3])
    t.equal(await closed(), 3, 'of a prepared statement')
    t.same(await client.query('SELECT 1 AS one'), [{ one: 1 }])
  })

  t.test('one more is taken back, and runs once a person has signed', async (t) => {
    const client = await connect()
    for (const [sql, values] of [[many], [many.replace('6', '?'), [6]]] as const) {
      await db.run("UPDATE tickets SET state = 'open'")
      const updated = codeOf(client.query(sql, values))
      const request = await proxy.pending(({ verb }) => verb === 'UPDATE')
      t.equal(await closed(), 0)
      t.match(JSON.stringify(request.reasons), 'changes 6 rows, more than the 5')
      await proxy.approve(request.id)
      t.equal(await updated, 'done')
      t.equal(await closed(), 6)
      t.match(await proxy.settled(request.id, 'approved'), { outcome: { rows: 6 } })
    }
    await db.run("UPDATE tickets SET state = 'open'")
    const denied = codeOf(client.query(many))
    await proxy.decide((await waiting(many)).id, 'deny')
    t.equal(await denied, '42501')
    t.equal(await closed(), 0)
    t.same(await client.query('SELECT 2 AS two'), [{ two: 2 }])
    const outcomes = proxy.records().filter((one) => one.sqlState === 'ZA001')
    t.ok(outcomes.length >= 3, 'the record says that it did not stay')
  })

  t.test('past its hold it is a ticket', async (t) => {
    const client = await connect({ hold: '300ms' })
    t.equal(await codeOf(client.query(many)), 'ZA001')
    await proxy.approve((await waiting(many)).id)
    t.equal(await closed(), 0)
    t.equal(await codeOf(client.query(many)), 'done')
    t.equal(await closed(), 6)
  })

  t.test("in the agent's transaction it is refused before that can commit", async (t) => {
    const client = await connect()
    await client.query('BEGIN')
    await client.query(few)
    t.match(await errorFrom(client.query(many)), {
      code: '42501',
      message: /changes 6 rows.*taken back/,
    })
    await codeOf(client.query('COMMIT'))
    // PostgreSQL's transaction has failed; MySQL's goes on without the statement.
    t.equal(await closed(), side.system === 'postgres' ? 0 : 5)
  })

  t.test('an error of its own is the one that the database has', async (t) => {
    const client = await connect()
    const sql = "INSERT INTO tickets VALUES (1, 'twice', '')"
    const code = side.system === 'postgres' ? '23505' : '23000'
    t.equal(await codeOf(client.query(sql)), code)
    t.same(await client.query('SELECT 3 AS three'), [{ three: 3 }])
    if (side.system === 'mysql') return
    t.equal(await codeOf(client.query('INSERT INTO late VALUES (1)')), '23505', 'at its commit')
    t.equal((await db.run('SELECT id FROM late')).length, 1)
  })

  t.test('rows that are read are counted as they leave', async (t) => {
    const client = await connect()
    const sql = 'SELECT id FROM tickets ORDER BY id'
    t.equal((await client.query(`${sql} LIMIT 5`)).length, 5)
    const read = client.query(sql)
    const request = await waiting(sql)
    t.match(JSON.stringify(request.reasons), 'more than the 5 rows')
    await proxy.approve(request.id)
    t.equal((await read).length, 20)
  })

  t.test('what is not counted, or can not be taken back, asks first', (t) =>
    uncounted(t, side, proxy, db),
  )
}

/** The ways past a ceiling. */
async function uncounted(t: Test, side: Side, proxy: Countersign, db: SideServer): Promise<void> {
  const client = await connectAgent(t, side, proxy, { hold: '300ms' })
  const ways =
    side.system === 'postgres'
      ? [
          'WITH gone AS (DELETE FROM tickets RETURNING id) DELETE FROM tickets WHERE id = 1',
          'WITH gone AS (DELETE FROM tickets RETURNING id) SELECT count(*) FROM gone',
          "UPDATE tickets SET note = 'x' WHERE id < 4; UPDATE tickets SET note = 'x' WHERE id > 3 AND id < 8",
          "INSERT INTO tickets WITH gone AS (DELETE FROM tickets RETURNING id) SELECT 99, 'x', ''",
          "EXPLAIN ANALYZE UPDATE tickets SET note = 'x' WHERE id < 20",
        ]
      : ['INSERT INTO untaken VALUES (1)', 'REPLACE INTO untaken VALUES (1), (2)']
  for (const way of ways) t.equal(await codeOf(client.query(way)), 'ZA001', way)
  t.equal((await db.run("SELECT id FROM tickets WHERE note = ''")).length, 20)
  if (side.system === 'mysql') t.same(await db.run('SELECT id FROM untaken'), [])
  if (side.system !== 'postgres') return
  const returning = "UPDATE tickets SET note = 'x' WHERE id <= 9 RETURNING id"
  t.equal(await codeOf(client.query(returning)), 'ZA001', 'not a row of it has left')
  t.equal((await db.run("SELECT id FROM tickets WHERE note = ''")).length, 20)
  t.equal((await client.query(returning.replace('9', '5'))).length, 5)
}
