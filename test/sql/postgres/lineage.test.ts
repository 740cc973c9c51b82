import t from 'tap'
import { flowOf, type LineageSource, type OutputLineage } from '../../../src/sql/output-lineage.ts'
import { openShop, type Shop } from '../shop.ts'

let shop: Shop
t.before(async () => {
  shop = await openShop(t)
})

const LETTERS = {
  identity: '=',
  derived: '~',
  'aggregate-safe': '#',
  'predicate-only': '?',
} as const

/** "=people.email!" is its value as it stands, classified; ~ computed, # counted, ? a condition. */
function source(from: LineageSource): string {
  const held = from.kind === 'unknown' ? '!!' : from.dataClass === null ? '' : '!'
  return `${LETTERS[from.flow]}${from.label}${held}`
}

const line = ({ name, sources }: OutputLineage) =>
  [`${name}:`, ...sources.map(source).sort()].join(' ')

async function lineage(sql: string): Promise<string | null> {
  return (await shop.one(sql)).lineage?.map(line).join(', ') ?? null
}

t.test('says of each output column what is behind it, and how', async (t) => {
  for (const [sql, expected] of [
    ['SELECT id, email FROM people', 'id: =people.id, email: =people.email!'],
    ['SELECT email AS id FROM people', 'id: =people.email!'],
    ['SELECT upper(email) FROM people', 'upper: ~people.email!'],
    ['SELECT email::text AS e FROM people', 'e: =people.email!'],
    ['SELECT email::varchar(3) AS e FROM people', 'e: ~people.email!'],
    ['SELECT (p).email FROM people p', 'email: ~people.email!'],
    ['SELECT 1 AS one, email FROM people', 'one:, email: =people.email!'],
    ['SELECT count(email) FROM people', 'count: #people.email!'],
    ['SELECT count(DISTINCT email) AS n FROM people', 'n: #people.email!'],
    ['SELECT email IS NULL AS x FROM people', 'x: #people.email!'],
    ['SELECT sum(pay) FROM staff', 'sum: ~staff.pay!'],
    ['SELECT count(*) FILTER (WHERE email IS NULL) AS n FROM people', 'n: ?people.email!'],
    ["SELECT EXISTS (SELECT ssn FROM people WHERE email = 'x') AS there", 'there: ?people.email!'],
    [
      'SELECT name, (SELECT max(amount) FROM sales s WHERE s.person = p.id) AS m FROM people p WHERE ssn IS NULL',
      'name: =people.name, m: ?people.id ?sales.person ~sales.amount',
    ],
    [
      'SELECT name || pay AS x, coalesce(pay, 0) AS y FROM staff',
      'x: ~staff.name ~staff.pay!, y: ~staff.pay!',
    ],
    ['SELECT CASE WHEN id > 3 THEN email END AS x FROM people', 'x: ~people.email! ~people.id'],
    ['SELECT lag(email) OVER (ORDER BY id) AS x FROM people', 'x: ?people.id ~people.email!'],
    ['SELECT x.e FROM (SELECT upper(email) FROM people) AS x(e)', 'e: ~people.email!'],
    ['SELECT x.n FROM (SELECT count(email) AS n FROM people) x', 'n: #people.email!'],
    ['SELECT x.n + 1 AS m FROM (SELECT count(email) AS n FROM people) x', 'm: #people.email!'],
    ['WITH p(a, b) AS (SELECT id, email FROM people) SELECT b FROM p', 'b: =people.email!'],
    [
      'WITH RECURSIVE r AS (SELECT 1 AS n, email FROM people UNION ALL SELECT n + 1, email FROM r) SELECT n, email FROM r',
      'n:, email: =people.email!',
    ],
    ['SELECT name FROM goods g UNION SELECT email FROM people', 'name: =goods.name =people.email!'],
    ['VALUES (1, (SELECT ssn FROM people))', 'column1:, column2: ~people.ssn!'],
    ['SELECT l.e FROM people p, LATERAL (SELECT p.email AS e) l', 'e: =people.email!'],
    [
      'SELECT reach, anonymous FROM contacts',
      'reach: =contacts.reach!, anonymous: =contacts.anonymous',
    ],
    ['SELECT loud FROM contacts_again', 'loud: ~contacts_again.loud!'],
    ['SELECT entry FROM directory', 'entry: ~directory.entry!'],
    ['SELECT label, initial FROM people', 'label: ~people.label!, initial: =people.initial'],
    [
      'SELECT label FROM people UNION SELECT email FROM people',
      'label: =people.email! ~people.label!',
    ],
    ['SELECT mail_of(id) FROM people', 'mail_of: ~people.email! ~people.id'],
    ['SELECT raised(1) AS r', 'r: ~people.ssn!'],
    ['SELECT to_jsonb(s) AS j FROM staff s', 'j: ~staff.id ~staff.name ~staff.pay! ~staff.team'],
    ["SELECT diary ->> 'a' AS a FROM people", 'a: ~people.diary!'],
    ['UPDATE staff SET team = team RETURNING id, pay', 'id: =staff.id, pay: =staff.pay!'],
    ['DELETE FROM staff RETURNING pay * 2 AS p', 'p: ~staff.pay!'],
    ['SELECT pan FROM cards_2026', 'pan: =cards_2026.pan!'],
    ['SELECT secret FROM unknown_table', 'secret: ~the unknown table unknown_table!!'],
  ]) {
    t.equal(await lineage(sql as string), expected, sql as string)
  }
})

t.test('a star stands for what the server makes of it', async (t) => {
  const staff = 'id: =staff.id, name: =staff.name, team: =staff.team, pay: =staff.pay!'
  for (const [sql, expected] of [
    ['SELECT * FROM staff', staff],
    ['TABLE staff', staff],
    ['SELECT s.*, upper(s.team) AS t FROM staff s', `${staff}, t: ~staff.team`],
    ['SELECT x.* FROM (SELECT * FROM staff) x', staff],
    ['WITH s AS (SELECT * FROM staff) SELECT * FROM s', staff],
    ['DELETE FROM staff RETURNING *', staff],
    [
      'SELECT * FROM staff JOIN notes n USING (id)',
      `id: =notes.id =staff.id${staff.slice(13)}, body: =notes.body, n: =notes.n`,
    ],
    [
      'SELECT * FROM (SELECT pay, id FROM staff) a NATURAL JOIN (SELECT n, id FROM notes) b',
      'id: =notes.id =staff.id, pay: =staff.pay!, n: =notes.n',
    ],
    [
      'SELECT * FROM (staff s CROSS JOIN (SELECT 1 AS one) o) AS j(a, b)',
      'a: =staff.id, b: =staff.name, team: =staff.team, pay: =staff.pay!, one:',
    ],
    [
      'SELECT * FROM staff FULL JOIN notes n USING (id)',
      `id: =notes.id =staff.id${staff.slice(13)}, body: =notes.body, n: =notes.n`,
    ],
    // Which goods, the search path says; what a function gives, only the server knows.
    ['SELECT s.pay, g.* FROM staff s, goods g', null],
    ['SELECT s.pay, x.* FROM staff s, jsonb_each(to_jsonb(s)) x', null],
    ['SELECT (x.home).* FROM people x WHERE email IS NULL', null],
    ['MERGE INTO staff s USING notes n ON s.id = n.id WHEN MATCHED THEN DELETE RETURNING *', null],
  ]) {
    t.equal(await lineage(sql as string), expected, sql as string)
  }
})

t.test('nothing is said where nothing classified is touched, or nothing is certain', async (t) => {
  for (const sql of ['SELECT id, name FROM people', 'SELECT 1', 'CALL tidy()']) {
    t.equal((await shop.one(sql)).lineage, undefined, sql)
  }
  const wide = `SELECT ${Array(1600).fill('ROW(p, s)').join()} FROM people p, staff s`
  t.equal((await shop.one(wide)).lineage, undefined, 'more than anybody asks for')
})

t.test('EXECUTE and FETCH give the columns of the statement behind the name', async (t) => {
  const inner = await shop.one('SELECT upper(email) AS e, count(*) OVER () AS n FROM people')
  const names = { prepared: () => inner, cursor: () => inner }
  for (const sql of ['EXECUTE p', 'FETCH 3 FROM c']) {
    const statement = await shop.one(sql, names)
    t.same(statement.lineage, inner.lineage, sql)
    t.same(statement.safeOutputs, [1], sql)
  }
  const unknown = await shop.one('EXECUTE p')
  t.equal(unknown.lineage, undefined)
  t.same(unknown.safeOutputs, [])
})

t.test('a query that doubles at every level is followed at the cost of its text', async (t) => {
  let twice = 'SELECT email AS x FROM people'
  for (let depth = 0; depth < 60; depth++) {
    twice = `SELECT a.x || a.x || (SELECT a.x) AS x FROM (${twice}) a`
  }
  t.equal(await lineage(twice), 'x: ~people.email!')
  let nested = 'SELECT count(email)::text AS x FROM people'
  for (let depth = 0; depth < 6; depth++) {
    nested = `WITH RECURSIVE r(x, y) AS (SELECT 'a', 'b' UNION SELECT y, (${nested}) || x FROM r) SELECT y FROM r`
  }
  t.equal(
    await lineage(`SELECT email, (${nested}) AS n FROM people`),
    'email: =people.email!, n: #people.email!',
  )
})

t.test('the flow of a column is that of the source that tells the most', async (t) => {
  const flows = async (sql: string) => (await shop.one(sql)).lineage?.map(flowOf)
  t.same(
    await flows(
      'SELECT 1 AS a, email, email || id AS c, count(email) OVER () AS d, EXISTS (SELECT 1 FROM staff WHERE pay > 1) AS e FROM people',
    ),
    [null, 'identity', 'derived', 'aggregate-safe', 'predicate-only'],
  )
})

t.test('a column that only another table of the name has may lead elsewhere', async (t) => {
  await shop.postgres.query('CREATE SCHEMA elsewhere')
  await shop.postgres.query('CREATE TABLE elsewhere.cards (id integer, badge text, ssn text)')
  await shop.catalog.refresh()
  const tells = async (sql: string, what: string) => {
    const { output, lineage = [] } = await shop.one(sql)
    const sources = lineage.flatMap((one) => one.sources)
    t.equal(output, 'classified', sql)
    t.ok(
      sources.some((from) => from.label === what),
      sql,
    )
  }
  await tells('SELECT badge::text FROM cards AS badge', 'cards.pan')
  await tells('SELECT upper(badge::text) FROM cards AS badge', 'cards.pan')
  await tells('SELECT row_to_json(badge) AS x FROM cards AS badge', 'cards.pan')
  await tells(
    'SELECT badge::text FROM generate_series(1, 2) AS g, public.cards AS badge',
    'cards.pan',
  )
  await tells('SELECT (SELECT ssn FROM cards LIMIT 1) AS x FROM people', 'people.ssn')
  await tells('SELECT x.badge FROM cards AS x', 'cards.pan')
  t.match(await lineage('SELECT c.id FROM cards AS c WHERE c.pan IS NULL'), 'id: =cards.id')
  await shop.postgres.query('DROP SCHEMA elsewhere CASCADE')
  await shop.catalog.refresh()
})
