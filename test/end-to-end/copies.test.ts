import { serialize } from 'pg-protocol'
import t, { type Test } from 'tap'
import { AGENT, startCountersign } from '../support/countersign.ts'
import { errorOf, RawClient } from '../support/e2e-raw.ts'
import {
  type AgentClient,
  codeOf,
  connectAgent,
  NEWEST_SIDES,
  type Side,
} from '../support/e2e-sides.ts'

const TABLES = `
  CREATE TABLE notes (id integer, body varchar(80), other varchar(80));
  CREATE TABLE kept (id integer, body varchar(80));
  CREATE TABLE upserts (id integer PRIMARY KEY, body varchar(80), other varchar(80));
  CREATE TABLE sources (id integer, body varchar(80));
  CREATE TABLE later (id integer, body varchar(80));
  CREATE TABLE renamed (id integer, body varchar(80));
  CREATE TABLE remembered (id integer, body varchar(80));
  CREATE TABLE plain (id integer, body varchar(80));
`
/** Nothing waits, so what is copied is copied. */
const RULES = [
  // biome-ignore lint/suspicious/noThenProperty: the file's key; nobody awaits this object
  { name: 'all', when: {}, then: 'allow' },
]
const VARIABLES = {
  unrelated: "SET @v = 'open'",
  fill: 'SELECT email INTO @v FROM customers ORDER BY id LIMIT 1',
  kept: '@v',
}
const SETTINGS = {
  unrelated: "SELECT set_config('my.v', 'open', false)",
  fill: "SELECT set_config('my.v', email, false) FROM customers ORDER BY id LIMIT 1",
  kept: "current_setting('my.v')",
}
/** Statements behind which `naming` gives a row whose first column has a computed name. */
const NAMING: Readonly<Record<Side['system'], (alias: string) => readonly string[]>> = {
  mysql: (alias) => [
    `SET @s = CONCAT('SELECT 7 AS \`', ${alias}, '\`, id FROM customers')`,
    'PREPARE naming FROM @s',
  ],
  postgres: (alias) => [
    'BEGIN',
    `DO $$ DECLARE c refcursor := 'naming'; BEGIN
       OPEN c FOR EXECUTE format('SELECT 7 AS %I, id FROM customers', ${alias}); END $$`,
  ],
}
const CLEAR = /ada\.marsh|bo\.larsen|966-34|965-87/i
const MASKED = /^[ab]\*+@[xy]\.test$/

for (const side of NEWEST_SIDES) t.test(side.name, (t) => copies(t, side))

async function copies(t: Test, side: Side): Promise<void> {
  const db = await side.start(t, { schema: { postgres: TABLES, mysql: TABLES } })
  if (!db) return
  const proxy = await startCountersign(t, { upstream: db.upstream, config: { rules: RULES } })
  const connect = () => connectAgent(t, side, proxy)
  const client = await connect()

  /** Reads through a client, and past the proxy: there the values are in clear. */
  const masked = async (sql: string, by: AgentClient = client, inClear = true) => {
    if (inClear) t.match(JSON.stringify(await db.run(sql)), CLEAR, `${sql}: is there`)
    const rows = await by.query(sql)
    t.ok(rows.length > 0, sql)
    t.notMatch(JSON.stringify(rows), CLEAR, sql)
    return rows
  }

  t.test('what is copied into a table is masked there as it was', async (t) => {
    await client.query('INSERT INTO notes (id, body) SELECT id, email FROM customers')
    for (const { id, body } of await masked('SELECT id, body FROM notes')) {
      t.match(body, MASKED)
      t.ok(id === 1 || id === 2, 'and what else stands there is as it is')
    }
    const other = await connect()
    await masked('SELECT upper(body) AS loud FROM notes', other)
    await other.query("UPDATE notes SET other = 'free' WHERE id = 1")
    t.match(await other.query('SELECT other FROM notes WHERE id = 1'), [{ other: 'free' }])
    await client.query('DELETE FROM notes')
  })

  t.test('a table that is made of it has the classes of its columns', async (t) => {
    await client.query('CREATE TABLE made AS SELECT id, email AS e, name FROM customers')
    for (const row of await masked('SELECT * FROM made')) {
      t.match(row, { e: MASKED, name: /^(?:Ada|Bo)$/ })
    }
    await client.query('CREATE TABLE made_again AS SELECT m.e AS again FROM made m')
    await masked('SELECT again FROM made_again')
    await client.query('CREATE TABLE loud AS SELECT id, upper(email) AS l FROM customers')
    await masked('SELECT l FROM loud', await connect())
  })

  t.test('so is what is set, inserted value by value, or prepared', async () => {
    await client.query("INSERT INTO notes VALUES (1, 'x', 'y')")
    await client.query('UPDATE notes SET other = (SELECT max(ssn) FROM customers) WHERE id = 1')
    await masked('SELECT other FROM notes')
    const statement = 'INSERT INTO kept SELECT id, email FROM customers WHERE id = ?'
    await client.query(statement, [1])
    await masked('SELECT body FROM kept')
  })

  t.test('so is what an upsert sets from the row that it would have inserted', async () => {
    await db.run("INSERT INTO upserts VALUES (1, 'x', 'y'), (2, 'x', 'y')")
    const set =
      side.system === 'mysql'
        ? 'ON DUPLICATE KEY UPDATE other = VALUES(body)'
        : 'ON CONFLICT (id) DO UPDATE SET other = excluded.body'
    await client.query(`INSERT INTO upserts (id, body) SELECT id, email FROM customers ${set}`)
    await masked('SELECT other FROM upserts')
  })

  t.test('so is what was prepared by SQL before anything was classified there', async () => {
    const copy = 'INSERT INTO later SELECT id, body FROM sources'
    await client.query(
      side.system === 'mysql' ? `PREPARE p FROM '${copy}'` : `PREPARE p AS ${copy}`,
    )
    await client.query('INSERT INTO sources SELECT id, email FROM customers')
    await client.query('EXECUTE p')
    await masked('SELECT body FROM later')
  })

  t.test('also in a temporary table, and behind a transaction', async () => {
    await client.query('CREATE TEMPORARY TABLE passing AS SELECT email AS e FROM customers')
    await masked('SELECT e FROM passing', client, false)
    await client.query('BEGIN')
    await client.query('CREATE TEMPORARY TABLE filled (a integer, b varchar(80))')
    await client.query('INSERT INTO filled SELECT id, email FROM customers')
    await masked('SELECT b FROM filled', client, false)
    await masked("SELECT concat('', b) AS c FROM filled", client, false)
    await client.query('COMMIT')
    await masked('SELECT b FROM filled', client, false)
  })

  t.test('so is what the session has kept in a variable or a setting meanwhile', async (t) => {
    const session = await connect()
    const { fill, kept, unrelated } = side.system === 'mysql' ? VARIABLES : SETTINGS
    await session.query(unrelated)
    await session.query(`INSERT INTO plain SELECT 1, ${kept}`)
    t.match(
      await session.query('SELECT body FROM plain'),
      [{ body: 'open' }],
      'nothing was kept yet',
    )
    await session.query(fill)
    t.notMatch(JSON.stringify(await session.query(`SELECT ${kept} AS shown`)), CLEAR)
    await session.query(`INSERT INTO remembered SELECT 1, ${kept}`)
    await masked('SELECT body FROM remembered', await connect())
  })

  t.test('a column is not called by a value, in a text that nobody sent', async (t) => {
    const session = await connect()
    const names = async (alias: string) => {
      for (const sql of NAMING[side.system](alias)) await session.query(sql)
      const rows = await session.query(
        side.system === 'mysql' ? 'EXECUTE naming' : 'FETCH ALL FROM naming',
      )
      await codeOf(session.query(side.system === 'mysql' ? 'DO 1' : 'COMMIT'))
      return Object.keys(rows[0] ?? {})
    }
    t.same(await names('(SELECT max(email) FROM customers)'), ['column 1', 'id'])
    t.same(await names("'sum of all'"), ['column 1', 'id'], 'nor by what could be one')
    t.same(await names("'name'"), ['name', 'id'], 'a column of the schema is called by its name')
  })

  if (side.system === 'postgres') {
    t.test('nor is it by the description of a statement', async (t) => {
      const { client: raw } = await RawClient.login(proxy.port, {
        user: AGENT,
        password: proxy.password,
        database: 'shop',
      })
      t.teardown(() => raw.destroy())
      const describe = [serialize.describe({ type: 'S', name: 'f' }), serialize.sync()]
      const naming = NAMING.postgres('(SELECT max(email) FROM customers)')
      for (const sql of ['BEGIN', 'DECLARE naming CURSOR FOR SELECT id FROM customers']) {
        await raw.query(sql)
      }
      const parse = serialize.parse({ name: 'f', text: 'FETCH ALL FROM naming' })
      raw.send(parse, ...describe)
      t.ok(
        (await raw.until('Z')).some(({ type }) => type === 'T'),
        'what was declared is described',
      )
      await raw.query('CLOSE naming')
      await raw.query(String(naming[1]))
      raw.send(...describe)
      const late = await raw.until('Z')
      t.equal(errorOf(late).C, '0A000')
      t.notMatch(late.map(({ frame }) => frame.toString('latin1')).join(), CLEAR)
      await raw.query('ROLLBACK')
      for (const sql of ['DEALLOCATE f', ...naming]) await raw.query(sql)
      raw.send(parse, ...describe)
      const first = await raw.until('Z')
      t.equal(errorOf(first).C, '0A000')
      t.notMatch(first.map(({ frame }) => frame.toString('latin1')).join(), CLEAR)
    })
  }

  t.test('another name takes it along', async () => {
    await client.query('INSERT INTO renamed SELECT id, email FROM customers')
    await client.query('ALTER TABLE renamed RENAME COLUMN body TO harmless')
    await masked('SELECT harmless FROM renamed')
  })

  t.test('and it is remembered when the proxy begins anew', async () => {
    await proxy.kill('SIGTERM')
    await proxy.start()
    const later = await connect()
    await masked('SELECT e FROM made', later)
    await masked('SELECT body FROM kept', later)
    await masked('SELECT l FROM loud', later)
  })
}
