import t from 'tap'
import type { Classification } from '../../../src/sql/statement.ts'
import { judge, openSession } from './shop.ts'

const GUESSES = new Set(['probe', 'export', 'opaque'])

/** What a text is held for, as far as it is for its guesses. */
async function guesses(...args: Parameters<typeof judge>): Promise<readonly string[]> {
  const statements = await judge(...args)
  const effects = statements.flatMap((one) => one.effects.map(({ effect }) => effect))
  return [...new Set(effects.filter((effect) => GUESSES.has(effect)))]
}

async function one(...args: Parameters<typeof judge>): Promise<Classification> {
  const statements = await judge(...args)
  const last = statements.at(-1)
  if (!last) throw new Error(`${args[0]} is empty`)
  return last
}

t.test('what chooses, sorts, joins or groups by a classified value is a guess', async (t) => {
  for (const sql of [
    "SELECT id FROM people WHERE email LIKE 'a%'",
    "SELECT id FROM people WHERE email > 'm'",
    "SELECT id FROM people WHERE NOT (email < 'm')",
    "SELECT id FROM people WHERE SUBSTR(email, 1, 1) = 'a'",
    "SELECT id FROM people WHERE TRIM(LEADING 'a' FROM email) = ''",
    'SELECT id FROM people WHERE EXTRACT(YEAR FROM ssn) > 1990',
    "SELECT id FROM people WHERE (email, id) = ('a', 1)",
    'SELECT id FROM people WHERE email = name',
    'SELECT id FROM people WHERE email = @x',
    "SELECT id FROM people WHERE email = 'a' COLLATE utf8mb4_bin",
    "SELECT id FROM people WHERE MATCH (email) AGAINST ('ana')",
    "SELECT id FROM people WHERE ssn->>'$.a' = '1'",
    "SELECT id FROM people WHERE CASE WHEN email = 'a' THEN 1 ELSE 0 END",
    'SELECT id FROM people ORDER BY email',
    'SELECT id, email FROM people ORDER BY 2',
    'SELECT id FROM people GROUP BY email',
    "SELECT count(*) FROM people HAVING max(email) > 'm'",
    "SELECT id, email AS e FROM people HAVING e > 'm'",
    'SELECT rank() OVER (PARTITION BY email ORDER BY id) FROM people',
    'SELECT group_concat(id ORDER BY email) FROM people',
    'SELECT id, first_value(id) OVER w FROM people WINDOW w AS (ORDER BY ssn)',
    'SELECT g.id FROM goods g JOIN people p ON p.name = g.name AND p.email = g.notes',
    'SELECT s.id FROM shops s JOIN people p USING (email)',
    'SELECT s.id FROM shops s NATURAL JOIN people p',
    "SELECT x FROM (SELECT id, email AS x FROM people) d WHERE x > 'm'",
    'WITH d (a, b) AS (SELECT id, email FROM people) SELECT a FROM d ORDER BY b',
    "SELECT id FROM contacts WHERE address LIKE 'a%'",
    "DELETE FROM people WHERE email LIKE 'a%'",
    "UPDATE people SET name = 'x' WHERE ssn > '5'",
    "SELECT email.id FROM people email WHERE email.email LIKE 'a%'",
    "SHOW TABLES WHERE (SELECT email FROM people LIMIT 1) LIKE 'a%'",
    'SELECT sleep((SELECT ssn FROM people LIMIT 1))',
  ]) {
    t.same(await guesses(sql), ['probe'], sql)
  }
})

t.test('a query within a condition is one too, whatever it selects by', async (t) => {
  for (const sql of [
    "SELECT id FROM goods WHERE (SELECT email FROM people WHERE id = 1) > 'm'",
    'SELECT id FROM goods WHERE name IN (SELECT email FROM people)',
    'SELECT id FROM goods WHERE (id, name, notes, price, 1) IN (SELECT * FROM people)',
    'SELECT id FROM goods WHERE (id, name, notes, price, 1) IN (TABLE people)',
    'SELECT id FROM goods WHERE name = ANY ((SELECT name FROM goods) UNION ALL (SELECT ssn FROM people))',
    'SELECT id FROM people WHERE id = (SELECT IF(email > name, 1, 2))',
    'SELECT id FROM goods ORDER BY (SELECT email FROM people WHERE people.id = goods.id)',
    'SELECT id FROM goods g WHERE EXISTS (SELECT 1 FROM people p WHERE p.email LIKE g.name)',
    'SELECT id FROM people p WHERE EXISTS (SELECT 1 FROM goods WHERE p.email > name)',
    "SELECT 1 FROM people p JOIN JSON_TABLE(p.ssn, '$' COLUMNS (x INT PATH '$')) j WHERE j.x > 5",
    "SELECT a FROM (SELECT * FROM people) d (a, b, c, e, f) WHERE c > 'm'",
    'WITH d (a, b, c, e, f) AS (TABLE people) SELECT a FROM d ORDER BY c',
  ]) {
    t.same(await guesses(sql), ['probe'], sql)
  }
})

t.test('rows that are compared, or that fail or warn, tell a value', async (t) => {
  for (const sql of [
    'SELECT DISTINCT email FROM people',
    'SELECT count(DISTINCT x) FROM (SELECT email AS x FROM people UNION ALL SELECT 1) d',
    "SELECT email FROM people UNION SELECT 'ana@example.com'",
    "SELECT email FROM people EXCEPT SELECT 'ana@example.com'",
    "SELECT email FROM people INTERSECT ALL SELECT 'ana@example.com'",
    "(SELECT 'ana@example.com') UNION (SELECT email FROM people)",
    "SELECT 1 / (email LIKE 'a%') FROM people",
    "SELECT exp(IF(email LIKE 'a%', 710, 1)) FROM people",
    "SELECT ~0 * (email > 'm') FROM people",
    "SELECT IF(email LIKE 'a%', (SELECT 1 UNION SELECT 2), 1) FROM people",
    "SELECT IF(email LIKE 'a%', JSON_EXTRACT('{', '$'), 1) FROM people",
    "SELECT extractvalue(1, concat('~', email)) FROM people",
    'SELECT cast(email AS SIGNED) FROM people',
    'SELECT ST_GeomFromText(email) FROM people',
    "SELECT 'a' REGEXP email, regexp_instr('a', email) FROM people",
  ]) {
    t.same(await guesses(sql), ['probe'], sql)
  }
})

t.test('what a person asks is none', async (t) => {
  for (const sql of [
    'SELECT * FROM people ORDER BY id LIMIT 10',
    "SELECT id, name, email FROM people WHERE email = 'ana@example.com'",
    "SELECT id FROM people WHERE 'ana@example.com' = email AND name LIKE 'A%'",
    "SELECT id FROM people WHERE (people.email IN ('a', 'b') OR ssn IS NULL) AND NOT ssn = '1'",
    'SELECT id FROM people WHERE email = ? OR email <=> NULL ORDER BY id',
    "SELECT id FROM people WHERE email <> '' AND ssn NOT IN ('a', 'b')",
    'SELECT id, email FROM people ORDER BY 1',
    'SELECT count(*), count(email), count(DISTINCT email) FROM people',
    'SELECT name, max(ssn) FROM people GROUP BY name ORDER BY name',
    "SELECT CASE WHEN email LIKE 'a%' THEN 1 ELSE 2 END FROM people",
    "SELECT id, CONCAT(LEFT(email, 1), '***') AS shown FROM people ORDER BY id",
    "SELECT cast(email AS CHAR), convert(ssn USING utf8mb4), concat(ssn, '!') FROM people",
    "SELECT EXISTS (SELECT 1 FROM people WHERE email = 'a@example.com') AS found",
    'SELECT DISTINCT people.* FROM people JOIN sales ON sales.person = people.id',
    'SELECT id FROM people UNION ALL SELECT id FROM shops',
    'SELECT d.id FROM (SELECT id, email FROM people) d WHERE d.id > 5 ORDER BY d.id',
    'WITH n (i) AS (SELECT 1) SELECT people.id FROM people JOIN n ON n.i = people.id ORDER BY i',
    "INSERT INTO people (id, email) VALUES (1, 'a') ON DUPLICATE KEY UPDATE email = VALUES(email)",
    "INSERT INTO people (id, email) VALUES (1, 'a') AS n ON DUPLICATE KEY UPDATE email = n.email",
    'UPDATE people SET email = lower(email) WHERE id = 1',
    "INSERT INTO sales (id, person) SELECT 5, id FROM people WHERE email = 'a@example.com'",
  ]) {
    t.same(await guesses(sql), [], sql)
  }
})

t.test('a column of another table is not taken for a classified one of its name', async (t) => {
  for (const sql of [
    "SELECT s.email FROM shops s JOIN people p ON p.id = s.id WHERE s.email LIKE 'a%'",
    'SELECT s.id FROM shops s, people p WHERE p.id = s.id ORDER BY s.email',
    "SELECT id FROM people WHERE id IN (SELECT id FROM shops WHERE email LIKE 'a%')",
    'SELECT id FROM shops WHERE EXISTS (SELECT 1 FROM people p WHERE p.id = shops.id) ORDER BY email',
    "UPDATE shops s JOIN people p USING (id) SET s.name = 'x' WHERE s.email LIKE 'a%'",
    'INSERT INTO scratch (id, v) SELECT s.id, s.email FROM shops s JOIN people p USING (id)',
  ]) {
    t.same(await guesses(sql), [], sql)
  }
  for (const sql of [
    "SELECT shops.id FROM people shops JOIN shops people USING (id) WHERE shops.email LIKE 'a%'",
    "SELECT s.id FROM shops s JOIN people S ON s.id = S.id WHERE S.email LIKE 'a%'",
    "WITH shops AS (SELECT * FROM people) SELECT shops.id FROM shops WHERE shops.email LIKE 'a%'",
    "SELECT s.id FROM (SELECT * FROM people) s JOIN goods USING (id) WHERE s.email LIKE 'a%'",
    "SELECT id FROM shops WHERE id IN (SELECT id FROM people WHERE email LIKE 'a%')",
    'SELECT id, ssn AS notes FROM people ORDER BY notes',
  ]) {
    t.same(await guesses(sql), ['probe'], sql)
  }
})

t.test('a classified value is not put where it has no class', async (t) => {
  for (const sql of [
    'INSERT INTO scratch (id, v) SELECT id, email FROM people',
    'INSERT INTO scratch (id, v) VALUES (1, (SELECT email FROM people LIMIT 1))',
    "INSERT INTO people (id) VALUES (1) ON DUPLICATE KEY UPDATE name = CONCAT(email, '')",
    'INSERT INTO scratch (id) VALUES (1) ON DUPLICATE KEY UPDATE v = (SELECT ssn FROM people LIMIT 1)',
    'UPDATE people SET name = email WHERE id = 1',
    'UPDATE people SET email = ssn WHERE id = 1',
    'UPDATE shops SET email = (SELECT email FROM people WHERE id = 1) WHERE id = 1',
    'UPDATE shops s JOIN people p USING (id) SET s.email = p.email WHERE s.id = 1',
    'CREATE TABLE made AS SELECT * FROM people',
  ]) {
    t.ok((await guesses(sql)).includes('export'), sql)
  }
})

t.test('values that an agent has are counted', async (t) => {
  const email = 'shop.people.email'
  const looked = async (sql: string) =>
    (await one(sql)).lookups?.map(({ dataClass, column, values }) => [dataClass, column, ...values])
  t.same(await looked("SELECT id FROM people WHERE email = 'it''s' 'x'"), [
    ['pii.email', email, "it'sx"],
  ])
  t.same(await looked("SELECT id FROM people WHERE id = ? AND ssn IN (?, 'b', N'c')"), [
    ['pii.national-id', 'shop.people.ssn', { parameter: 2 }, 'b', 'c'],
  ])
  t.same(await looked("DELETE FROM people WHERE email = x'414243' OR 'b' = people.email"), [
    ['pii.email', email, 'ABC'],
    ['pii.email', email, 'b'],
  ])
  t.same(await looked("EXPLAIN SELECT id FROM people WHERE email = 'a'"), [
    ['pii.email', email, 'a'],
  ])
  t.same(await looked("EXECUTE IMMEDIATE 'SELECT id FROM people WHERE email = \\'a\\''"), [
    ['pii.email', email, 'a'],
  ])
  t.same(await looked("SELECT x FROM (SELECT email AS x FROM people) d WHERE x = 'a'"), [
    ['pii.email', 'x', 'a'],
    ['pii.national-id', 'x', 'a'],
  ])
  t.same(await looked("SELECT id FROM people WHERE email != 'a' AND email NOT IN ('b', 'c')"), [
    ['pii.email', email, 'a'],
    ['pii.email', email, 'b', 'c'],
  ])
  t.equal(await looked('SELECT id FROM people WHERE id = 5'), undefined)
  t.equal(await looked("SELECT id FROM shops WHERE email = 'a'"), undefined)
  const list = Array.from({ length: 600 }, (_, index) => `'${index}'`)
  t.same(await guesses(`SELECT id FROM people WHERE email IN (${list})`), ['probe'])
  const each = list.map((value) => `email = ${value}`).join(' OR ')
  t.same(await guesses(`SELECT id FROM people WHERE ${each}`), ['probe'], 'nor one by one')
})

t.test(
  'a text is not compared with a number, which is a comparison with its beginning',
  async (t) => {
    t.same(await guesses('SELECT id FROM people WHERE ssn = 123'), ['probe'])
    t.same(await guesses("SELECT id FROM people WHERE email IN ('a', 0)"), ['probe'])
    t.same(await guesses('SELECT id FROM people WHERE -1 = ssn'), ['probe'])
    t.same(await guesses("SELECT id FROM people WHERE ssn = '123'"), [])
  },
)

t.test('what a variable holds is not looked for uncounted', async (t) => {
  const session = openSession()
  const effects = async (sql: string) =>
    (await session.judge(sql)).flatMap((one) => one.effects.map(({ effect }) => effect))
  await session.judge("PREPARE p FROM 'SELECT id FROM people WHERE email = ?'")
  await session.judge("PREPARE q FROM 'SELECT id FROM people WHERE id = ?'")
  t.ok((await effects('EXECUTE p USING @x')).includes('probe'))
  t.notOk((await effects('EXECUTE q USING @x')).includes('probe'))
  const immediate = "EXECUTE IMMEDIATE 'SELECT id FROM people WHERE email = ?' USING @x"
  t.ok((await effects(immediate)).includes('probe'))
})
