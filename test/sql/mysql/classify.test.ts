import t from 'tap'
import type { Classification } from '../../../src/sql/statement.ts'
import { statementCorpus } from './differential-corpus.ts'
import { effectsOf, judge, MARIADB_11, MYSQL_9, openSession } from './shop.ts'

const HELD = ['export', 'ddl', 'privilege', 'server', 'unbounded-write', 'probe', 'opaque']

async function effects(...args: Parameters<typeof judge>): Promise<readonly string[]> {
  return effectsOf(await judge(...args))
}

async function held(...args: Parameters<typeof judge>): Promise<boolean> {
  return (await effects(...args)).some((effect) => HELD.includes(effect))
}

async function one(...args: Parameters<typeof judge>): Promise<Classification> {
  const [first, ...others] = await judge(...args)
  if (!first || others.length > 0) throw new Error(`${args[0]} is no single statement`)
  return first
}

t.test('every statement of the corpus is judged as it says', async (t) => {
  for (const { sql, effects, output } of statementCorpus()) {
    const statements = await judge(sql)
    const classified = statements.some((statement) => statement.output === 'classified')
    const seen = { effects: effectsOf(statements), output: classified ? 'classified' : 'clear' }
    t.same(seen, { effects, output }, sql)
    for (const { effects: reasons } of statements) {
      t.ok(
        reasons.every(({ reason }) => reason.length > 5),
        `reasons of ${sql}`,
      )
    }
  }
})

t.test('a statement does not hide in what looks like a string, a name or a comment', async (t) => {
  const drop = 'DROP TABLE scratch'
  for (const sql of [
    `SELECT 1; ${drop}`,
    `SELECT 1--1; ${drop}`,
    `SELECT 1 /* a /* b */; ${drop} /* */`,
    `/*!50000 ${drop} */`,
    `/*!${drop}*/`,
    `/*M! ${drop} */`,
    `/*M!100100 ${drop} */`,
    `SELECT 'a'';'; ${drop} -- '`,
    `SELECT 1 # '\n; ${drop} # '`,
    `SELECT 1 --\u0001 '\n; ${drop} -- '`,
    `SELECT \`a\`; ${drop} -- \``,
    `DROP\v/**/TABLE\fscratch`,
    `SELECT N'x', _utf8mb4'y', x'41'; ${drop}`,
    `SELECT @'a', @"b"; ${drop}`,
  ]) {
    t.ok(
      (await effects(sql)).some((effect) => effect === 'ddl' || effect === 'opaque'),
      sql,
    )
  }
  for (const sql of [
    `SELECT '${drop}'`,
    `SELECT "a'; ${drop}; -- "`,
    `SELECT 1 /* ${drop} */`,
    `SELECT \`a\`\`; ${drop}; -- \` FROM (SELECT 1 AS \`a\`\`; ${drop}; -- \`) d`,
    `-- ${drop}\nSELECT 1`,
  ]) {
    t.notOk(await held(sql), sql)
  }
})

t.test('a mode that is not known is read both ways', async (t) => {
  const unknown = { facts: { ansiQuotes: undefined, noBackslashEscapes: undefined } } as object
  t.notOk(await held('SELECT "a" FROM goods', unknown), 'the verdict is the same')
  t.ok(await held("SELECT 'a\\'; DROP TABLE scratch; -- '", unknown))
  t.notOk(await held("SELECT 'a\\'; DROP TABLE scratch; -- '"))
  t.same(
    await effects("SELECT 'a\\'; DROP TABLE scratch; -- '", {
      facts: { noBackslashEscapes: true },
    }),
    ['ddl', 'read'],
  )
  t.ok(await held('SELECT "a\\"; DROP TABLE scratch; -- "', { facts: { ansiQuotes: true } }))
  t.ok(await held("SET sql_mode = 'NO_BACKSLASH_ESCAPES'; SELECT 'a\\'; DROP TABLE scratch; -- '"))
  const [swapped] = await judge('SELECT "ssn" FROM people', { facts: { ansiQuotes: true } })
  t.same(swapped?.classes, ['pii.national-id'])
})

t.test('what another version would run counts as if it ran', async (t) => {
  const hidden = 'SELECT 1 /*!99999 INTO OUTFILE "/x" */'
  t.same(await effects(hidden, { dialect: MYSQL_9 }), ['export', 'read'])
  t.same(await effects(hidden, { dialect: MARIADB_11 }), ['export', 'read'])
  t.ok(await held('SELECT 1 /*M! ; DROP TABLE scratch */', { dialect: MYSQL_9 }))
  const dumped = '/*!40101 SET NAMES utf8mb4 */;\n/*!50503 SET character_set_client = utf8mb4 */;'
  t.same(await effects(dumped), ['session'])
})

t.test('texts of programs keep their semicolons, and what follows them is not lost', async (t) => {
  t.same((await judge('CREATE PROCEDURE p() BEGIN SELECT 1; SELECT 2; END')).length, 1)
  t.same(await effects("CREATE PROCEDURE p() SELECT 1; GRANT ALL ON *.* TO 'u'@'%'"), [
    'ddl',
    'opaque',
  ])
  t.ok(await held('SET STATEMENT max_statement_time = 1 FOR SELECT 1; DROP TABLE scratch'))
  t.ok(await held('a: BEGIN NOT ATOMIC SELECT 1; DROP TABLE scratch; END'))
})

t.test('prepared text is followed, and a name stands for what it was given', async (t) => {
  const session = openSession()
  await session.judge("PREPARE s FROM 'SELECT 1'")
  const [first] = await session.judge('EXECUTE s')
  t.same(effectsOf([first as Classification]), ['read', 'session'].slice(0, 1))
  await session.judge("PREPARE s FROM 'DELETE FROM scratch'")
  const [second] = await session.judge('EXECUTE S')
  t.same(effectsOf([second as Classification]), ['unbounded-write', 'write'])
  t.not(second?.tokens, first?.tokens)
  t.same(await effects("PREPARE s FROM 'DROP TABLE scratch'; EXECUTE s"), ['ddl', 'session'])
  t.same(await effects("PREPARE s FROM 'SELECT \\'a\\'; DROP TABLE scratch'"), [
    'opaque',
    'session',
  ])
})

t.test('code of the schema does what it does wherever it runs', async (t) => {
  t.same(await effects('SELECT twice(1)'), ['read'])
  t.same(await effects('SELECT `touch`(1)'), ['read', 'unbounded-write', 'write'])
  t.same(await effects('SELECT shop . touch (1)'), ['read', 'unbounded-write', 'write'])
  t.ok(await held('UPDATE scratch SET n = 1 WHERE id = nothing_known(1)'))
  t.same(await effects('SELECT * FROM goods WHERE id IN (SELECT touch(id) FROM sales)'), [
    'read',
    'unbounded-write',
    'write',
  ])
  const view = await one('SELECT id FROM contacts')
  t.match(view, { output: 'classified', tables: [{ name: 'contacts' }], classes: [] })
  t.ok(await held('CREATE TEMPORARY TABLE goods SELECT 1 AS id'))
})

t.test('a WHERE that chooses nothing is none', async (t) => {
  const always = [
    '1',
    '(1)',
    '1 = 1',
    "'a'",
    'NOW() > 0',
    '@x',
    '@@version',
    '(SELECT 1)',
    'EXISTS (SELECT 1)',
    'id = id',
    '`ID` = id',
    'id = 1 OR 1',
    "id = 1 || 'a' = 'a'",
    'NOT 0',
    'n IS NULL OR n IS NOT NULL',
    'CURRENT_DATE > 0',
    'CAST(1 AS UNSIGNED)',
    'TRUE AND (1 = 1 AND 2)',
    "v LIKE '%'",
    "DATE '2026-01-01'",
    '1 BETWEEN 0 AND 2',
    '/*!50000 1 OR */ id = 1',
  ]
  for (const where of always) {
    t.ok((await effects(`DELETE FROM scratch WHERE ${where}`)).includes('unbounded-write'), where)
  }
  for (const where of [
    'id = 1',
    'id = ?',
    'id IN (1, 2)',
    'id = 1 AND 1',
    'n BETWEEN 1 AND 2',
    'id IN (SELECT id FROM goods)',
    '0',
    'v = (1 OR id)',
  ]) {
    const found = await effects(`DELETE FROM scratch WHERE ${where}`)
    t.notOk(found.includes('unbounded-write'), where)
  }
})

t.test('names that differ in case may be two', async (t) => {
  const hidden = await one('WITH PEOPLE AS (SELECT 1 AS email) SELECT email FROM people')
  t.equal(hidden.output, 'classified')
  const target = await one('DELETE goods FROM scratch AS GOODS JOIN goods ON goods.id = 1')
  t.ok(target.tables.some(({ name, access }) => name === 'goods' && access === 'write'))
  const alias = await one('DELETE s FROM scratch AS s JOIN goods ON goods.id = s.id WHERE s.id = 1')
  t.same(
    alias.tables.filter(({ access }) => access === 'write').map(({ name }) => name),
    ['scratch'],
  )
})

t.test('a classified value is not guessed, kept or carried under another name', async (t) => {
  for (const sql of [
    "SELECT 1 FROM people WHERE ssn > '5'",
    "SELECT 1 FROM people p WHERE (p.`SSN`) > '5'",
    "SELECT name FROM people HAVING MAX(ssn) > '5'",
    'SELECT id FROM people GROUP BY ssn',
    'SELECT ssn, id FROM people ORDER BY 1',
    'SELECT * FROM people ORDER BY 4',
    'SELECT ssn x FROM people ORDER BY x',
    "SELECT 1 FROM (SELECT ssn FROM people) AS d (a) WHERE a LIKE '9%'",
    "WITH c (a) AS (SELECT ssn FROM people) SELECT 1 FROM c WHERE a LIKE '9%'",
    "SELECT 1 FROM (SELECT name AS a FROM shops UNION SELECT ssn FROM people) d WHERE a LIKE '9%'",
    'SELECT name a FROM shops UNION SELECT ssn FROM people ORDER BY a',
    'SELECT 1 FROM people JOIN shops USING (email)',
    "UPDATE scratch SET n = 1 WHERE id = (SELECT 1 FROM people WHERE ssn < '5' LIMIT 1)",
    'SELECT LAST_INSERT_ID(ssn) FROM people',
    'SELECT IF(ssn > 5, BENCHMARK(1, 1), 0) FROM people',
    'SELECT ssn INTO @a FROM people LIMIT 1',
    'SELECT name, ssn INTO @a, @b FROM people LIMIT 1',
    'SELECT * FROM people LIMIT 1 INTO @a, @b, @c, @d, @e',
    'DO @a := (SELECT ssn FROM people LIMIT 1)',
    'SET @a = (SELECT ssn FROM people LIMIT 1)',
    'INSERT INTO scratch (v) SELECT ssn FROM people',
    'CREATE TABLE t1 TABLE people',
    'REPLACE INTO scratch (id, v) SELECT d.a, d.b FROM (SELECT id AS a, ssn AS b FROM people) d',
    'UPDATE people SET name = ssn WHERE id = 1',
    'EXPLAIN SELECT ssn FROM people WHERE id = 1',
  ]) {
    t.ok(await held(sql), sql)
  }
  for (const sql of [
    'SELECT ssn FROM people',
    'SELECT @a',
    'TABLE people',
    'SHOW WARNINGS',
    'SELECT d.x FROM (SELECT ssn AS x FROM people) d',
    'DELETE FROM people WHERE id = 1 RETURNING ssn',
    'SELECT * FROM unknown_table',
  ]) {
    const statement = await one(sql)
    t.equal(statement.output, 'classified', sql)
    t.notOk(await held(sql), `${sql} is masked, not held`)
  }
  t.ok((await one('SELECT @a')).connectionBound)
})

t.test('equal tokens are one statement; comments and blanks are none', async (t) => {
  const tokens = async (sql: string) => (await one(sql)).tokens
  const base = await tokens('SELECT id FROM goods WHERE id = 1')
  t.equal(await tokens('SELECT/* a */id  FROM goods -- b\nWHERE id = 1'), base)
  for (const other of [
    'SELECT id FROM goods WHERE id = 2',
    'SELECT id FROM goods WHERE id = 1 /*!50000 */',
    'SELECT /*+ NO_ICP(goods) */ id FROM goods WHERE id = 1',
    'SELECT id FROM goods WHERE id = 1 /*!99999 OR 1 */',
  ]) {
    t.not(await tokens(other), base, other)
  }
  t.not(await tokens('SELECT NOW()'), await tokens('SELECT NOW ()'))
  const [one1, two] = [await one('SELECT 1, "a"'), await one("SELECT 22, 'bc'")]
  t.equal(one1.fingerprint, two.fingerprint)
  t.equal(one1.withoutLiterals, 'SELECT ?, ?')
})

t.test('passwords are not written down', async (t) => {
  for (const sql of [
    "CREATE USER 'u'@'%' IDENTIFIED BY 'hunter2'",
    "ALTER USER 'u'@'%' IDENTIFIED WITH caching_sha2_password AS 0x68756e74657232",
    "SET PASSWORD FOR 'u'@'%' = 'hunter2'",
    "SET PASSWORD = PASSWORD('hunter2')",
    "GRANT SELECT ON shop.* TO 'u'@'%' IDENTIFIED BY 'hunter2'",
    "CHANGE MASTER TO MASTER_PASSWORD = 'hunter2'",
    "START REPLICA USER = 'u' PASSWORD = 'hunter2'",
    "CREATE SERVER s FOREIGN DATA WRAPPER mysql OPTIONS (PASSWORD 'hunter2')",
    "CREATE TABLE t (id INT) ENGINE=FEDERATED CONNECTION='mysql://u:hunter2@192.0.2.1/d/t'",
    "SELECT AES_DECRYPT(name, 'hunter2') FROM goods",
    "PREPARE s FROM 'SET PASSWORD = \\'hunter2\\''",
    "SELECT 1 /*!99999 IDENTIFIED BY 'hunter2' */",
  ]) {
    const statement = await one(sql)
    t.notMatch(statement.redacted, /hunter2|68756e74657232/i, sql)
    for (const { reason } of statement.effects) t.notMatch(reason, /hunter2/, `reasons of ${sql}`)
  }
  t.equal((await one("SELECT 'a' FROM goods")).redacted, "SELECT 'a' FROM goods")
})

t.test('texts made to be slow are read in one go or refused, and nothing is thrown', async (t) => {
  const many = 40_000
  for (const sql of [
    'SELECT '.concat('1+'.repeat(many), '1'),
    `SELECT ${'/*!99999 /* */ '.repeat(many)}`,
    `(${'WITH a '.repeat(many)}`,
    `WITH ${'a AS (SELECT 1), '.repeat(many)} b AS (SELECT 1) SELECT 1`,
    `DELETE FROM scratch WHERE ${'a = '.repeat(many)}a`,
    `DELETE FROM scratch WHERE ${'a IS NULL OR '.repeat(many)}b`,
    `SELECT 1 INTO ${'@a,'.repeat(many)}@a`,
    `SELECT * FROM ${'contacts,'.repeat(many)}contacts`,
    `SELECT ${'f('.repeat(many)}`,
    `SELECT * FROM ${'information_schema.routines,'.repeat(many)}goods`,
    `SELECT ${"'a' ".repeat(many)}`,
    `SELECT ${'\\'.repeat(many)}`,
    `SELECT email FROM people WHERE ${'email IN (1) OR '.repeat(many)}1`,
  ]) {
    const began = performance.now()
    t.ok((await judge(sql)).length > 0, `${sql.slice(0, 40)} of ${sql.length} bytes`)
    t.comment(`${Math.round(performance.now() - began)} ms for ${sql.slice(0, 30)}`)
  }
})

t.test('a list of assignments is judged one by one, with the scope that goes on', async (t) => {
  const cases: readonly (readonly [string, readonly string[]])[] = [
    ['SET @a = 1, GLOBAL max_connections = 5', ['server', 'session']],
    ['SET GLOBAL wait_timeout = 1, SESSION sql_notes = 0', ['server', 'session']],
    ['SET SESSION wait_timeout = 1, @@GLOBAL.sql_notes = 0', ['server', 'session']],
    ["SET wait_timeout = 1, PASSWORD FOR 'u'@'%' = 'x'", ['privilege', 'session']],
    ["SET NAMES utf8mb4, sql_mode = 'ANSI_QUOTES'", ['opaque', 'session']],
    ["SET sql_mode = 'ORACLE'", ['opaque', 'session']],
    ["PREPARE p FROM 'SET sql_mode = ANSI_QUOTES'", ['opaque', 'session']],
    ["SET time_zone = '+00:00', NAMES gbk", ['opaque', 'session']],
    ['SET wait_timeout = touch(1)', ['opaque', 'session', 'unbounded-write', 'write']],
    ["SET character_set_results = 'utf8mb4', autocommit = 1", ['session', 'transaction']],
    ["CREATE OR REPLACE USER 'u'@'%' IDENTIFIED BY 'x'", ['privilege']],
  ]
  for (const [sql, expected] of cases) t.same(await effects(sql), expected, sql)
  const { effects: found } = await one('SET GLOBAL wait_timeout = 1, sql_log_bin = 0')
  t.match(
    found.map(({ reason }) => reason),
    [/session/, /wait_timeout for the whole server/, /sql_log_bin for the whole server/],
  )
})

t.test('what drivers and tools say by themselves is let through', async (t) => {
  for (const sql of [
    'select @@version_comment limit 1',
    'select USER()',
    'SELECT DATABASE()',
    'SET AUTOCOMMIT = 0',
    'SET NAMES utf8mb4',
    'SET SQL_AUTO_IS_NULL = 0',
    'SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED',
    '/* a driver */SELECT @@session.auto_increment_increment AS auto_increment_increment, @@character_set_client AS character_set_client, @@session.transaction_isolation AS transaction_isolation',
    "SELECT VERSION(), @@sql_mode, @@lower_case_table_names, CONVERT_TZ('2001-01-01 01:00:00', 'UTC', 'UTC') IS NOT NULL",
    "SET @@SESSION.sql_mode = CONCAT(CONCAT(@@sql_mode, ',STRICT_ALL_TABLES'), ',NO_AUTO_VALUE_ON_ZERO'), @@SESSION.sql_auto_is_null = 0, @@SESSION.wait_timeout = 2147483647",
    "set session_track_schema=1, autocommit=1, sql_mode = concat(@@sql_mode,',STRICT_TRANS_TABLES')",
    '/*!40101 SET NAMES utf8mb4 */',
    "/*!40103 SET TIME_ZONE='+00:00' */",
    'SELECT /*!40001 SQL_NO_CACHE */ `id`, `name` FROM `goods`',
    "SHOW FUNCTION STATUS WHERE Db = 'shop'",
    "SHOW TABLE STATUS LIKE 'goods'",
    'SHOW FULL TABLES FROM `shop` WHERE TABLE_TYPE != "VIEW"',
    "SELECT COUNT(*) FROM information_schema.tables WHERE table_schema = 'shop'",
    'SHOW SESSION VARIABLES LIKE "version%"',
    'INSERT INTO `goods` (`id`, `name`) VALUES (?, ?)',
    'UPDATE `goods` SET `price` = ? WHERE `goods`.`id` = ?',
    'SELECT `g`.* FROM `goods` `g` WHERE `g`.`id` IN (?, ?) ORDER BY `g`.`id` DESC LIMIT ?, ?',
    'SAVEPOINT `s1`',
    'ROLLBACK TO SAVEPOINT `s1`',
  ]) {
    t.notOk(await held(sql), sql)
    t.notOk(await held(sql, { dialect: MYSQL_9 }), `${sql} on MySQL`)
  }
})

t.test('stored code means the tables of its own schema, whatever the session is in', async (t) => {
  const away = openSession({ facts: { database: 'elsewhere' } })
  const [call] = await away.judge('CALL shop.cheap()')
  t.match(call?.tables, [{ schema: 'shop', name: 'goods' }])
  const [touch] = await away.judge('SELECT shop.touch(1)')
  t.match(touch?.tables, [{ schema: 'shop', name: 'scratch', access: 'write' }])
})
