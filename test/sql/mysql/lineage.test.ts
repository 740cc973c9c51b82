import t, { type Test } from 'tap'
import { lineageOfQuery } from '../../../src/sql/mysql/lineage/lineage.ts'
import { type OutputLineage, shownBy } from '../../../src/sql/output-lineage.ts'
import { WORLD } from './lineage-world.ts'
import { judge, MARIADB_11, MYSQL_9, type SessionOptions, SHOP } from './shop.ts'

const MYSQL: SessionOptions = { dialect: MYSQL_9 }

/** "-" fit to see, a class for a plain column of it, "~class" computed, "?" unknown; null for none. */
function brief(lineage: readonly OutputLineage[] | undefined | null): string | null {
  const one = (line: OutputLineage) => {
    const shown = shownBy(line)
    if (!shown) return '-'
    const { plain, unknown, classes } = shown
    if (unknown) return '?'
    return `${plain && classes.length === 1 ? '' : '~'}${classes.map((name) => name.replace('pii.', '')).join('+')}`
  }
  return lineage ? lineage.map(one).join(' ') : null
}

async function columns(sql: string, options?: SessionOptions): Promise<string | null> {
  const statements = await judge(sql, options)
  const [only] = statements
  return statements.length === 1 && only ? brief(only.lineage) : null
}

/** Each of them, on both servers. */
async function same(
  t: Test,
  cases: readonly (readonly [sql: string, expected: string | null])[],
): Promise<void> {
  for (const [sql, expected] of cases) {
    t.equal(await columns(sql), expected, `MariaDB: ${sql}`)
    t.equal(await columns(sql, MYSQL), expected, `MySQL: ${sql}`)
  }
}

t.test('a plain column is what it is, under whatever name', (t) =>
  same(t, [
    ['SELECT id, name, email, ssn FROM people', '- - email national-id'],
    ['SELECT * FROM people', '- - email national-id -'],
    ['SELECT p.* FROM people p', '- - email national-id -'],
    ['SELECT shop.people.ssn, shop.p.email FROM people, people p', 'national-id email'],
    ['SELECT email AS name, name AS email FROM people', 'email -'],
    ['SELECT email name, name FROM people', 'email -'],
    ["SELECT email 'name' FROM people", 'email'],
    ['SELECT `Email`, EMAIL, (eMail) FROM people', 'email email email'],
    ['SELECT name FROM people WHERE ssn IS NOT NULL GROUP BY name HAVING 1 ORDER BY 1', '-'],
    ['SELECT d.name FROM (SELECT email AS name FROM people) d', 'email'],
    ['SELECT d.b FROM (SELECT id, email AS b FROM people) AS d', 'email'],
    ['SELECT address, id FROM contacts', 'email -'],
    ['SELECT SQL_CALC_FOUND_ROWS DISTINCT email, id FROM people', 'email -'],
    ['SELECT ALL /*!50000 email, */ id FROM people -- x', 'email -'],
  ]),
)

t.test('counts, EXISTS and IS NULL tell no value', (t) =>
  same(t, [
    ['SELECT count(*), COUNT(ssn), count(DISTINCT ssn) FROM people', '- - -'],
    ['SELECT ssn IS NULL, ssn IS NOT NULL, ISNULL(ssn) FROM people', '- - -'],
    ['SELECT EXISTS (SELECT ssn FROM people), NOT EXISTS (SELECT 1)', '- -'],
    ["SELECT IF(ssn IS NULL, 'no', 'yes'), name FROM people", '- -'],
    ['SELECT p.name, (SELECT count(*) FROM sales s WHERE s.person = p.id) FROM people p', '- -'],
    ['SELECT id, NOW(), CURRENT_DATE, UTC_TIMESTAMP() FROM people', '- - - -'],
  ]),
)

t.test('what looks like a count or a test of NULL tells a value all the same', (t) =>
  same(t, [
    ["SELECT count(NULLIF(ssn, '900')), count(ssn + 0) FROM people", '~national-id ~national-id'],
    ["SELECT NULLIF(ssn, '900') IS NULL FROM people", '~national-id'],
    ['SELECT 1 / ssn IS NULL, ssn + 1 IS NULL FROM people', '~national-id ~national-id'],
    ["SELECT (ssn, 1) IS NULL, (ssn = '1') IS NULL FROM people", '~national-id ~national-id'],
    ['SELECT count(x) FROM (SELECT NULLIF(ssn, 1) AS x FROM people) d', '~national-id'],
    ["SELECT ssn BETWEEN 'a' AND NULL IS NULL FROM people", '~national-id'],
    ['SELECT ssn IS TRUE, ssn IS NOT FALSE FROM people', '~national-id ~national-id'],
    ['SELECT count(*) OVER (PARTITION BY ssn) FROM people', '~national-id'],
    ['SELECT sum(ssn IS NULL) + length(ssn) FROM people', '~national-id'],
  ]),
)

t.test('whatever is computed from a classified column has it as a source', (t) =>
  same(t, [
    [
      'SELECT UPPER(email), CONCAT(id, ssn), MAX(ssn), -ssn FROM people',
      '~email ~national-id ~national-id ~national-id',
    ],
    ["SELECT CASE WHEN ssn LIKE '9%' THEN 1 ELSE 0 END FROM people", '~national-id'],
    ["SELECT CASE ssn WHEN '1' THEN name END FROM people", '~national-id'],
    [
      "SELECT IF(ssn > '5', 'a', 'b'), ssn = '1', ssn IN ('1', '2') FROM people",
      '~national-id ~national-id ~national-id',
    ],
    [
      'SELECT (SELECT MAX(ssn) FROM people), id IN (SELECT ssn FROM people) FROM people',
      '~national-id ~national-id',
    ],
    ['SELECT p.name, (SELECT p.ssn) FROM people p', '- ~national-id'],
    ['SELECT GROUP_CONCAT(name ORDER BY ssn DESC SEPARATOR ";") FROM people', '~national-id'],
    [
      'SELECT CAST(ssn AS CHAR(3)), CONVERT(ssn, CHAR), CONVERT(ssn USING latin1) FROM people',
      '~national-id ~national-id ~national-id',
    ],
    [
      'SELECT TRIM(BOTH ssn FROM name), SUBSTRING(ssn FROM 1 FOR 2), POSITION("1" IN ssn) FROM people',
      '~national-id ~national-id ~national-id',
    ],
    [
      'SELECT TRIM(LEADING FROM ssn), MID(ssn, 1, 1), EXTRACT(YEAR FROM ssn) FROM people',
      '~national-id ~national-id ~national-id',
    ],
    [
      'SELECT joined + INTERVAL ssn DAY, DATE_ADD(joined, INTERVAL ssn YEAR_MONTH) FROM people',
      '~national-id ~national-id',
    ],
    [
      'SELECT BINARY ssn, ssn COLLATE utf8mb4_bin, ~ssn, !ssn, NOT ssn FROM people',
      '~national-id ~national-id ~national-id ~national-id ~national-id',
    ],
    [
      "SELECT name LIKE 'a' ESCAPE ssn, ssn SOUNDS LIKE 'x', name NOT REGEXP ssn FROM people",
      '~national-id ~national-id ~national-id',
    ],
    [
      'SELECT ssn -> "$.a", ssn ->> "$[0]", (name, ssn) = (1, 2) FROM people',
      '~national-id ~national-id ~national-id',
    ],
    ['SELECT MATCH (ssn) AGAINST ("9" IN BOOLEAN MODE) FROM people', '~national-id'],
    [
      'SELECT TIMESTAMPDIFF(DAY, joined, ssn), INTERVAL(ssn, 1, 2) FROM people',
      '~national-id ~national-id',
    ],
    [
      'SELECT VALUES(ssn), DEFAULT(ssn), LEFT(ssn, 1) FROM people',
      '~national-id ~national-id ~national-id',
    ],
    ['SELECT name = ANY (SELECT ssn FROM people) FROM people', '~national-id'],
    ['SELECT CONCAT(email, ssn) FROM people', '~email+national-id'],
  ]),
)

t.test('windows', (t) =>
  same(t, [
    ['SELECT row_number() OVER (ORDER BY id), sum(id) OVER (PARTITION BY name) FROM people', '- -'],
    ['SELECT row_number() OVER (ORDER BY ssn) FROM people', '~national-id'],
    ['SELECT rank() OVER w FROM people WINDOW w AS (ORDER BY ssn)', '~national-id'],
    ['SELECT rank() OVER (w) FROM people WINDOW w AS (PARTITION BY ssn)', '~national-id'],
    [
      'SELECT rank() OVER v FROM people WINDOW w AS (ORDER BY ssn), v AS (w ROWS 1 PRECEDING)',
      '~national-id',
    ],
    [
      'SELECT LAG(ssn) OVER (ORDER BY id ROWS BETWEEN 1 PRECEDING AND CURRENT ROW) FROM people',
      '~national-id',
    ],
    ['SELECT FIRST_VALUE(ssn) RESPECT NULLS OVER (ORDER BY id) FROM people', '~national-id'],
    ['SELECT id, sum(id) OVER () FROM people WHERE id > 1 WINDOW w AS (ORDER BY ssn)', '- -'],
  ]),
)

t.test('UNION and its kin: a column comes from each of the queries', (t) =>
  same(t, [
    ['SELECT name FROM people UNION SELECT email FROM people', 'email'],
    ["SELECT email FROM people UNION ALL SELECT 'none'", 'email'],
    ['SELECT name, ssn FROM people UNION SELECT ssn, name FROM people', 'national-id national-id'],
    ['SELECT name FROM people UNION SELECT UPPER(email) FROM people', '~email'],
    [
      'SELECT name FROM people UNION SELECT ssn FROM people UNION SELECT email FROM people',
      '~email+national-id',
    ],
    ['(SELECT name FROM people) EXCEPT (SELECT email FROM people)', 'email'],
    ['SELECT name FROM people INTERSECT SELECT ssn FROM people ORDER BY 1 LIMIT 1', 'national-id'],
    ['((SELECT name FROM people) UNION (SELECT ssn FROM people)) UNION SELECT 1', 'national-id'],
    ['SELECT d.name FROM (SELECT name FROM people UNION SELECT ssn FROM people) d', 'national-id'],
    ['SELECT name, id FROM people UNION SELECT ssn FROM people', null],
    ['SELECT (SELECT name UNION SELECT ssn) FROM people', '~national-id'],
  ]),
)

t.test('WITH: names hide tables, and lead on', (t) =>
  same(t, [
    ['WITH q AS (SELECT ssn AS name FROM people) SELECT name FROM q', 'national-id'],
    ['WITH q (name, id) AS (SELECT ssn, id FROM people) SELECT q.* FROM q', 'national-id -'],
    ['WITH goods AS (SELECT ssn AS name FROM people) SELECT name FROM goods', 'national-id'],
    ['WITH people AS (SELECT id, name AS ssn FROM people) SELECT ssn FROM people', '-'],
    [
      'WITH goods AS (SELECT ssn AS name FROM people) SELECT goods.name FROM shop.goods, people',
      '-',
    ],
    [
      'WITH q AS (SELECT email FROM people), r AS (SELECT email AS x FROM q) SELECT x FROM r r2',
      'email',
    ],
    [
      'WITH q AS (SELECT id FROM people) SELECT ssn FROM (WITH q AS (SELECT ssn FROM people) SELECT * FROM q) d',
      'national-id',
    ],
    [
      'WITH RECURSIVE q AS (SELECT 1 AS n, name AS a, ssn AS b FROM people UNION ALL SELECT n + 1, b, a FROM q) SELECT * FROM q',
      '- national-id national-id',
    ],
    [
      'WITH RECURSIVE q AS (SELECT name AS a, name AS b, ssn AS c FROM people UNION SELECT b, c, c FROM q) SELECT a FROM q',
      'national-id',
    ],
    ['WITH q (a) AS (SELECT id, ssn FROM people) SELECT a FROM q', null],
    // MariaDB looks for such names without case, MySQL with it.
    ['WITH PEOPLE AS (SELECT 1 AS ssn) SELECT ssn FROM people', null],
    [
      'WITH RECURSIVE q AS (SELECT * FROM goods), goods AS (SELECT ssn AS name FROM people) SELECT name FROM q',
      null,
    ],
  ]),
)

t.test('joins: what is shared comes once, and from both sides', async (t) => {
  await same(t, [
    [
      'SELECT * FROM people JOIN sales ON sales.person = people.id',
      '- - email national-id - - - - -',
    ],
    ['SELECT * FROM people JOIN sales USING (id)', '- - email national-id - - - -'],
    ['SELECT * FROM people NATURAL JOIN shops', '- - email national-id -'],
    ['SELECT email FROM shops NATURAL JOIN people', 'email'],
    ['SELECT email FROM shops LEFT JOIN people USING (email)', 'email'],
    ['SELECT shops.email, people.email FROM shops LEFT JOIN people USING (email)', '- email'],
    ['SELECT shops.* FROM shops NATURAL LEFT JOIN people', '- - -'],
    // A RIGHT JOIN is a LEFT JOIN turned round.
    ['SELECT * FROM shops RIGHT JOIN people USING (id)', '- - email national-id - - -'],
    [
      'SELECT * FROM people p, LATERAL (SELECT p.ssn AS y, p.name) d',
      '- - email national-id - national-id -',
    ],
    [
      'SELECT p.name FROM (people p, goods g) LEFT JOIN (sales s JOIN shops h ON 1) ON s.person = p.id',
      '-',
    ],
    [
      'SELECT s.email FROM people FORCE INDEX (PRIMARY) STRAIGHT_JOIN shops AS s USE KEY FOR JOIN (x)',
      '-',
    ],
    ['SELECT name FROM people CROSS JOIN (SELECT 1) x', '-'],
    // Servers don't agree on the order.
    ['SELECT * FROM shops s RIGHT JOIN people p ON 1 NATURAL JOIN goods g', null],
    ['SELECT * FROM people JOIN shops USING (ssn)', null],
    ['SELECT * FROM people NATURAL JOIN (SELECT 1 + 1) d', null],
  ])
  t.equal(await columns('TABLE people', MYSQL), '- - email national-id -')
  t.equal(
    await columns('SELECT t.ssn, x FROM (TABLE people) t (w, x, y, ssn, z)', MYSQL),
    'national-id -',
  )
  const values = 'SELECT column_1, v.column_0 FROM (VALUES ROW(1, (SELECT ssn FROM people))) v'
  t.equal(await columns(values, MYSQL), '~national-id -')
})

t.test('names: an alias hides a table, an inner one an outer one', (t) =>
  same(t, [
    ['SELECT p.ssn FROM (SELECT name AS ssn FROM people) p', '-'],
    ['SELECT people.email FROM shops people, people p', '-'],
    ['SELECT (SELECT name FROM goods LIMIT 1) FROM people', '-'],
    ['SELECT (SELECT ssn FROM goods LIMIT 1) FROM people', '~national-id'],
    ['SELECT (SELECT p.name FROM goods p LIMIT 1) FROM (SELECT ssn AS name FROM people) p', '-'],
    ['SELECT (SELECT p.ssn FROM goods p LIMIT 1) FROM people p', '~national-id'],
    ['SELECT ssn AS x, (SELECT x) FROM people', 'national-id ~national-id'],
    ['SELECT ssn AS name, (SELECT name) FROM people', 'national-id -'],
    ['SELECT ssn AS x, (SELECT y FROM (SELECT x AS y) d) FROM people', 'national-id ~national-id'],
    ['SELECT P.name, people.name FROM people p', '? ?'],
    [
      'SELECT max(ssn) FROM people UNION SELECT d.`max(ssn)` FROM (SELECT max(ssn) FROM people) d',
      '?',
    ],
    ['SELECT d.x FROM (SELECT id AS x, ssn AS X FROM people) d', null],
  ]),
)

t.test('names beyond ASCII are the same only where they are spelled alike', async (t) => {
  await same(t, [
    ['SELECT `é` FROM (SELECT ssn AS `é` FROM people) d', 'national-id'],
    ['SELECT `É` FROM (SELECT name AS `é` FROM people) d', '?'],
    ['SELECT (SELECT `\u212a` FROM (SELECT 1 AS k) d) FROM people', '?'],
    ['SELECT (SELECT `\u017fsn` FROM (SELECT 1 AS x, 2 AS ssn) d) FROM people', '?'],
  ])
})

t.test('what a user variable is given is told of, what it holds is not known', (t) =>
  same(t, [
    ['SELECT @x := ssn, name FROM people', '~national-id -'],
    ['SELECT @x := name, @x, name FROM people', '- ? -'],
    ['SELECT 1 + @x := id + ssn, @y := id = 1 FROM people', '~national-id -'],
    ['SELECT @x := @y := ssn, @x := @y FROM people', '~national-id ?'],
    ['SELECT (@x := name) IS NULL, count(@x := ssn), id FROM people', '- ~national-id -'],
    ['SELECT (SELECT @x := ssn LIMIT 1) FROM people', '~national-id'],
    ['SELECT d.x, d.name FROM (SELECT @v := ssn AS x, name FROM people) d', '~national-id -'],
  ]),
)

t.test('arguments that say their type, as dynamic columns of MariaDB have them', async (t) => {
  const cases = [
    ["SELECT COLUMN_GET(COLUMN_CREATE('k', name), 'k' AS CHAR) FROM people", '-'],
    [
      "SELECT COLUMN_GET(COLUMN_CREATE('k', name AS CHAR(9), 's', ssn AS CHAR, 'i', id), 's' AS CHAR), id FROM people",
      '~national-id -',
    ],
  ] as const
  for (const [sql, expected] of cases) t.equal(await columns(sql), expected, sql)
  await same(t, [
    ['SELECT CAST(ssn AS CHAR(9)), CAST(name AS DECIMAL(9, 2)) FROM people', '~national-id -'],
    ['SELECT CAST(name AS CHAR, ssn) FROM people', '~national-id'],
  ])
})

t.test('what is not known is not fit to see', (t) =>
  same(t, [
    ['SELECT @x, name FROM people', '? -'],
    ['SELECT @@version, @@session.sql_mode, name FROM people', '? ? -'],
    ['SELECT name FROM people WHERE (@x := ssn) IS NOT NULL', null],
    ['SELECT name, LAST_INSERT_ID(), LOAD_FILE("/x") FROM people', '- ? ?'],
    ['SELECT nowhere.x, people.name FROM people, nowhere', '? -'],
    ['SELECT * FROM people, nowhere', null],
    [
      'SELECT (SELECT k FROM sales FOR SYSTEM_TIME ALL s JOIN (SELECT ssn AS k FROM people) d LIMIT 1) FROM (SELECT 1 AS k) g, people',
      null,
    ],
    ['SELECT name FROM people LIMIT 1, (SELECT ssn FROM people)', '-'],
    ['SELECT name FROM people WHERE 1 FOR UPDATE', '-'],
    ['SELECT name FROM people LOCK IN SHARE MODE', '-'],
    ['SELECT nobody FROM people', '?'],
    ['SELECT table_name, name FROM information_schema.tables, people', '? -'],
    ['SELECT name INTO @x FROM people', null],
    ['SELECT name FROM people INTO OUTFILE "/x"', null],
    ['SELECT j.x FROM people, JSON_TABLE(ssn, "$" COLUMNS (x INT PATH "$")) j', null],
    ['SELECT `count`(ssn), name FROM people WHERE `count` (1)', '- -'],
  ]),
)

t.test('words that are operators, options or literals on one server only', async (t) => {
  t.equal(await columns('SELECT SQL_CACHE name FROM people'), '-')
  const other = await columns('SELECT SQL_CACHE name FROM people', MYSQL)
  t.equal(other, null, 'a column and its alias, and the second reader takes it for an option')
  await same(t, [
    [
      "SELECT _utf8mb4'ssn', N'ssn', x'41', 0x41, b'1' , DATE '2026-01-01' FROM people",
      '- - - - - -',
    ],
    ["SELECT _ssn 'x' FROM (SELECT ssn AS _ssn FROM people) d", 'national-id'],
    ['SELECT CURRENT_ROLE FROM (SELECT ssn AS CURRENT_ROLE FROM people) d', 'national-id'],
    ["SELECT 'a' 'b' 'c', name FROM people", '- -'],
    ['SELECT ssn MEMBER, name SOUNDS, id AGAINST FROM people', 'national-id - -'],
    ['SELECT 1 ESCAPE ssn FROM people', '~national-id'],
  ])
})

t.test('says which names are no tables, where nothing classified is read', async (t) => {
  const notTables = async (sql: string) =>
    (await judge(sql))[0]?.lineage?.map((line) => line.notTables ?? null)
  const made = 'WITH people AS (SELECT id, name AS email FROM shops)'
  t.same(await notTables(`${made} SELECT email FROM people`), [['people']])
  t.same(await notTables(`${made} SELECT p.email, 1 FROM people p`), [['people'], ['people']])
  t.equal(await notTables('WITH p AS (SELECT id FROM shops) SELECT id FROM p'), undefined)
  t.same(await notTables(`${made} SELECT email FROM people, shop.people p`), [null], 'or else none')
  t.same(await notTables('WITH people AS (SELECT * FROM people) SELECT id FROM people'), [null])
})

t.test('strings and names are told apart by the mode, or by neither', async (t) => {
  const sql = 'SELECT "ssn", name FROM people'
  const ansi = { facts: { ansiQuotes: true } }
  t.equal(await columns(sql), '- -')
  t.equal(await columns(sql, ansi), 'national-id -')
  const unknown = { facts: { ansiQuotes: undefined } } as object
  t.equal(await columns(sql, unknown), null, 'every column is masked where the mode is not known')
  t.equal(await columns('SELECT "ssn", ssn FROM people'), '- national-id')
  const [doubtful] = await judge('SELECT "ssn", ssn FROM people', unknown)
  t.same(
    doubtful?.effects.map(({ effect }) => effect),
    ['read'],
    'the verdict is the same',
  )
  t.equal(doubtful?.lineage, undefined, 'and what the columns are is not')
  t.equal(await columns('SELECT name /*!99999 , ssn */ FROM people'), null, 'nor with a doubt')
  t.equal(await columns('SELECT /*!99999 ssn AS */ name FROM people'), null)
})

t.test('INSERT, REPLACE and DELETE with RETURNING, which MariaDB has', async (t) => {
  for (const [sql, expected] of [
    [
      "INSERT INTO people VALUES (1, 'a', 'b', 'c', NULL) RETURNING id, email, UPPER(ssn)",
      '- email ~national-id',
    ],
    ['INSERT INTO people (id) SELECT id FROM sales RETURNING *', '- - email national-id -'],
    ['REPLACE shop.people SET id = 1 RETURNING people.ssn AS name', 'national-id'],
    [
      'DELETE FROM people WHERE id = 1 RETURNING name, (SELECT MAX(ssn) FROM people)',
      '- ~national-id',
    ],
    ['DELETE FROM goods WHERE id = 1 RETURNING name', null],
    [
      "INSERT INTO goods VALUES (1, 'a', 1, '') RETURNING (SELECT ssn FROM people), id",
      '~national-id -',
    ],
    ['DELETE p FROM people p RETURNING ssn', null],
  ] as const) {
    t.equal(await columns(sql), expected, sql)
    t.equal(await columns(sql, MYSQL), null, `MySQL: ${sql}`)
  }
})

t.test('functions of the schema are unknown unless they are trusted', async (t) => {
  t.equal(await columns('SELECT twice(id), shop.twice(ssn), name FROM people'), '? ? -')
  const sql = 'SELECT twice(id), twice(ssn) FROM people'
  const lineage = lineageOfQuery(sql, 'shop', SHOP.current, MARIADB_11, new Set(['shop.twice']))
  t.equal(brief(lineage), '- ~national-id')
  t.equal(await columns('SELECT nobody(id), name FROM people'), null, 'it may do anything')
})

t.test('nothing is said of what is no single query', async (t) => {
  for (const sql of [
    'EXPLAIN SELECT name FROM people',
    'SHOW WARNINGS',
    "PREPARE p FROM 'SELECT name FROM people'",
    'UPDATE people SET name = ssn WHERE id = 1',
    'HANDLER people OPEN',
    'CALL cheap()',
    'DO (SELECT ssn FROM people)',
  ]) {
    t.equal(await columns(sql), null, sql)
  }
  t.equal(await columns('SELECT id FROM goods'), null, 'nor where nothing is masked')
})

t.test('an invisible column is not in a star', async (t) => {
  const of = (sql: string) => brief(lineageOfQuery(sql, 'one', WORLD.current, MARIADB_11))
  t.equal(of('SELECT * FROM veiled'), '- - -')
  t.equal(of('SELECT secret, veiled.secret FROM veiled'), 'national-id national-id')
  t.equal(of('SELECT * FROM veiled UNION SELECT id, ssn, city FROM people'), '- national-id -')
  t.equal(of('SELECT secret FROM veiled NATURAL JOIN (SELECT 1 AS secret) d'), '-')
  t.equal(of('SELECT * FROM veiled JOIN (SELECT 1 AS secret) d USING (secret)'), null)
})

t.test("follows a view's query as the server writes it", async (t) => {
  const of = (sql: string) => brief(lineageOfQuery(sql, 'shop', SHOP.current, MYSQL_9))
  const view =
    "select `p`.`id` AS `id`,concat(lower(`p`.`email`),':',`p`.`ssn`) AS `k`,(case when (`p`.`name` is null) then _utf8mb4'x' else `p`.`name` end) AS `n` from (`shop`.`people` `p` left join `shop`.`sales` `s` on((`s`.`person` = `p`.`id`)))"
  t.equal(of(view), '- ~email+national-id -')
  t.equal(of('select 1; select 2'), null)
  t.equal(of('drop table people'), null)
  t.equal(of('select name from people /*!99999 , goods */'), null)
  t.equal(brief(lineageOfQuery('select email from people', null, SHOP.current, MYSQL_9)), '?')
})

t.test('what is too large or too deep is not followed', async (t) => {
  const deep = `${'('.repeat(150)}ssn${')'.repeat(150)}`
  t.equal(await columns(`SELECT ${deep}, name FROM people`), null)
  const nested = `${'SELECT * FROM ('.repeat(70)}SELECT ssn FROM people${') d'.repeat(70)}`
  t.equal(await columns(nested), null)
  t.equal(await columns(`SELECT ${'1 + '.repeat(3000)} id, ssn FROM people`), null)
  const doubling = ['q0 AS (SELECT * FROM people)']
  for (let index = 1; index < 20; index++) {
    doubling.push(`q${index} AS (SELECT a.* FROM q${index - 1} a JOIN q${index - 1} b ON 1)`)
  }
  t.equal(
    await columns(`WITH ${doubling.join(', ')} SELECT name FROM q19`),
    '-',
    'each is read once',
  )
  const wide = Array.from({ length: 12 }, (_, index) => `(SELECT * FROM people) p${index}`)
  t.equal((await columns(`SELECT * FROM ${wide.join(', ')}`))?.split(' ').length, 60)
})
