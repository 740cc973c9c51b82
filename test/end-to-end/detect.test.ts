import { readFileSync } from 'node:fs'
import { serialize } from 'pg-protocol'
import t, { type Test } from 'tap'
import { startCountersign } from '../support/countersign.ts'
import { loginOf } from '../support/e2e-client.ts'
import { edit } from '../support/e2e-config.ts'
import { RawClient } from '../support/e2e-raw.ts'
import { NEWEST_SIDES, type Side, talkAsAgent } from '../support/e2e-sides.ts'

/** In parts, so that nobody takes this file for one that lost a key. */
const KEY = ['AKIA', 'Z7QK4MNOPQRS2345'].join('')
const PEM = ['-----BEGIN ', 'PRIVATE KEY-----'].join('')
const SECRETS = /4111|Z7QK4M|MIIEvQ|123-45-6789/

const ROWS = `
  INSERT INTO notes (id, body, doc, short) VALUES
    (1, 'pay with 4111 1111 1111 1111, please', '{"n": 4111111111111111, "k": "${KEY}"}', '4111111111111111'),
    (2, 'nothing to see: 東京, 2026-11-22', '{"n": 1}', 'order 17'),
    (3, NULL, NULL, NULL);`
const MORE = {
  postgres: `
    CREATE TYPE pair AS (a text, b int);
    CREATE TABLE notes (id int PRIMARY KEY, body text, doc jsonb, short varchar(16),
      list text[], fit text, one pair, card_number bigint);
    ${ROWS}
    UPDATE notes SET list = ARRAY['a', '${KEY}', NULL], fit = '4111111111111111',
      one = ROW('${KEY}', 1) WHERE id = 1;
    CREATE TABLE large (id int, body text);
    INSERT INTO large VALUES (1, repeat('x ', 30000) || '${KEY} ' || repeat('y ', 60000));`,
  mysql: `
    CREATE TABLE notes (id int PRIMARY KEY, body text, doc json, short varchar(16));
    ${ROWS}
    CREATE TABLE large (id int, body longtext);
    INSERT INTO large VALUES (1, concat(repeat('x ', 30000), '${KEY} ', repeat('y ', 60000)));`,
} as const

const HOLDING = [
  'SELECT body, doc, short FROM notes ORDER BY id',
  "SELECT concat(body, '!') FROM notes ORDER BY id",
  'SELECT body AS b FROM (SELECT * FROM notes) n UNION ALL SELECT short FROM notes',
  `SELECT '${KEY}' AS given`,
  'SELECT body FROM large',
  'SELECT min(short), count(*) FROM notes',
  `SELECT concat('${PEM}', 'MIIEvQ') AS pem, 'ssn 123-45-6789' AS ssn`,
]
const HOLDING_POSTGRES = [
  'SELECT list, one FROM notes ORDER BY id',
  'SELECT n FROM notes n ORDER BY id',
  'SELECT array_agg(short) FROM notes',
  'SELECT doc::text, doc->>$$k$$ FROM notes ORDER BY id',
]
const HONEST = [
  'SELECT id, body, doc, short FROM notes WHERE id > 1 ORDER BY id',
  'SELECT id, name FROM customers ORDER BY id',
  'SELECT count(*), max(id) FROM notes',
]

for (const side of NEWEST_SIDES) t.test(side.name, (t) => detects(t, side))

async function detects(t: Test, side: Side) {
  const db = await side.start(t, { schema: MORE })
  if (!db) return
  const isPostgres = side.system === 'postgres'
  const detect = ['api-key', 'private-key', 'card', 'national-id']
  const proxy = await startCountersign(t, {
    upstream: db.upstream,
    database: { detect, ...(isPostgres ? { classified: { 'public.notes.fit': 'none' } } : {}) },
  })
  const direct = await db.talk(t)
  const agent = await talkAsAgent(t, side, proxy, { hold: '0' })

  await t.test('what looks like a secret is hidden, in both formats', async (t) => {
    for (const sql of isPostgres ? [...HOLDING, ...HOLDING_POSTGRES] : HOLDING) {
      const want = await direct.say(sql)
      t.match(want.text, SECRETS, `${sql}: it is there`)
      const seen = await agent.say(sql)
      t.notMatch(seen.text, SECRETS, sql)
      t.equal(seen.cells.length, want.cells.length)
      for (const form of await agent.prepared(sql)) t.notMatch(form?.text ?? '', SECRETS, sql)
    }
    const { cells } = await agent.say('SELECT body, doc, short FROM notes ORDER BY id')
    const [body, doc, short] = cells[0] ?? []
    t.equal(String(body), `pay with ${'*'.repeat(19)}, please`, 'the rest of the text stays')
    t.same(JSON.parse(String(doc)), { n: 0, k: '*'.repeat(20) }, 'a document stays one')
    t.equal(String(short), '*'.repeat(16), 'within its limit')
    const { cells: large } = await agent.say('SELECT body FROM large')
    t.equal(large[0]?.[0]?.length, 180_021, 'a large row, too')
  })

  await t.test('all else is the server’s own, byte for byte', async (t) => {
    for (const sql of HONEST) {
      const want = await direct.say(sql)
      t.ok(want.cells.length > 0)
      t.equal((await agent.say(sql)).text, want.text, sql)
    }
    if (isPostgres) {
      const { cells } = await agent.say('SELECT fit FROM notes WHERE id = 1')
      t.equal(String(cells[0]?.[0]), '4111111111111111', 'declared to be fit to see')
    }
  })

  await t.test('columns are named once, kinds are counted, values are told nobody', async (t) => {
    await proxy.said(/holds what looks like a card: classify it/)
    const column = isPostgres ? 'public.notes.body' : '[a-z_0-9]+.notes.body'
    const named = proxy.stderr.match(
      new RegExp(`shop: ${column} holds what looks like a card`, 'g'),
    )
    t.equal(named?.length, 1)
    t.notMatch(proxy.stderr, SECRETS)
    const records = proxy.records().filter(({ type }) => type === 'column.detected')
    t.ok(records.some(({ column, kind }) => /notes.body$/.test(`${column}`) && kind === 'card'))
    // Hashes and times hold any digits.
    t.notMatch(JSON.stringify(records.map(({ column, kind }) => [column, kind])), SECRETS)
  })

  if (isPostgres) await t.test('cursors, portals and COPY', (t) => otherRoads(t, proxy))

  await t.test('a reload begins and ends it', async (t) => {
    await edit(proxy, (config) => {
      config.databases.shop.detect = []
    })
    const sql = 'SELECT short FROM notes WHERE id = 1'
    const later = await talkAsAgent(t, side, proxy, { hold: '0' })
    t.match((await later.say(sql)).text, SECRETS)
    t.equal((await agent.say(sql)).text, (await direct.say(sql)).text, 'of old sessions, too')
    await edit(proxy, (config) => {
      config.databases.shop.detect = ['card']
    })
    t.notMatch((await later.say(sql)).text, SECRETS)
    t.match((await later.say(`SELECT '${KEY}' AS k`)).text, SECRETS, 'not asked for')
  })
  t.ok(readFileSync(proxy.configPath, 'utf8').includes('detect'))
}

async function otherRoads(t: Test, proxy: Awaited<ReturnType<typeof startCountersign>>) {
  const { client } = await RawClient.login(proxy.port, loginOf(proxy))
  t.teardown(() => client.destroy())
  const text = async () =>
    (await client.until('Z')).map(({ frame }) => frame.toString('latin1')).join('')
  for (const sql of [
    'BEGIN',
    'DECLARE c CURSOR FOR SELECT body, short FROM notes ORDER BY id',
    'FETCH 1 FROM c',
    'FETCH ALL FROM c',
  ]) {
    client.send(serialize.query(sql))
    t.notMatch(await text(), SECRETS, sql)
  }
  client.send(serialize.execute({ portal: 'c' }), serialize.query('ROLLBACK'))
  t.notMatch(await text(), SECRETS)
  client.send(
    serialize.parse({ text: 'SELECT short, body FROM notes ORDER BY id' }),
    serialize.bind({ binary: true }),
    serialize.execute({ rows: 1 }),
    serialize.execute({}),
    serialize.sync(),
  )
  const undescribed = await text()
  t.match(undescribed, /nothing to see/)
  t.notMatch(undescribed, SECRETS, 'rows that the client had nobody describe')
  for (const options of ['', ' (FORMAT csv, HEADER)', ' (FORMAT binary)']) {
    const sql = `COPY notes (id, body, doc, short, list) TO STDOUT${options}`
    client.send(serialize.query(sql))
    const { id } = await proxy.pending(({ statement }) => statement === sql)
    await proxy.approve(id)
    const got = await text()
    t.match(got, /nothing to see/)
    t.notMatch(got, SECRETS, sql)
  }
}
