import t from 'tap'
import type { Classification } from '../../../src/sql/statement.ts'
import { judge, MARIADB_11, MYSQL_9, openSession } from './shop.ts'

async function last(...args: Parameters<typeof judge>): Promise<Classification> {
  const statements = await judge(...args)
  const found = statements.at(-1)
  if (!found) throw new Error(`${args[0]} is empty`)
  return found
}

async function schemas(...args: Parameters<typeof judge>): Promise<readonly string[]> {
  return [...new Set((await judge(...args)).flatMap((one) => one.schemas ?? []))].sort()
}

t.test('says which schemas a text names', async (t) => {
  for (const [sql, ...expected] of [
    ['SELECT * FROM b.t', 'b'],
    ['SELECT * FROM `b`.`t`', 'b'],
    ['SELECT * FROM b . t', 'b'],
    ['SELECT * FROM goods g JOIN b.t ON t.id = g.id', 'b'],
    ['SELECT * FROM goods STRAIGHT_JOIN (c.t, b.t)', 'b', 'c'],
    ['SELECT b.t.id FROM b.t', 'b'],
    ['SELECT c.t.* FROM b.t', 'b', 'c'],
    ['SELECT b.f(1)', 'b'],
    ['SELECT 1 WHERE EXISTS (TABLE b.t)', 'b'],
    ['WITH q AS (SELECT * FROM b.t) SELECT q.id FROM q', 'b'],
    ['SELECT * FROM LATERAL (SELECT * FROM b.t) d', 'b'],
    ['/*!50000 SELECT * FROM b.t */', 'b'],
    ['SELECT * FROM goods /*!99999 JOIN b.t */', 'b'],
    ['SELECT * FROM Information_Schema.TABLES', 'Information_Schema'],
    ['INSERT INTO b.t (id) SELECT 1', 'b'],
    ['INSERT b.t VALUES (1)', 'b'],
    ['REPLACE LOW_PRIORITY b.t SET id = 1', 'b'],
    ['UPDATE b.t SET id = 1', 'b'],
    ['UPDATE goods g, b.t SET g.id = t.id', 'b'],
    ['WITH q AS (SELECT 1) UPDATE IGNORE b.t SET id = 1', 'b'],
    ['DELETE b.t FROM goods AS b, b.t', 'b'],
    ['DELETE FROM b.t USING b.t JOIN c.t', 'b', 'c'],
    ['DELETE QUICK FROM b.t', 'b'],
    ['CALL b.p', 'b'],
    ['CALL b.p(1)', 'b'],
    ['DO b.f()', 'b'],
    ['USE b', 'b'],
    ['CREATE DATABASE IF NOT EXISTS b', 'b'],
    ['DROP SCHEMA IF EXISTS `b b`', 'b b'],
    ['ALTER DATABASE b CHARACTER SET utf8mb4', 'b'],
    ['ALTER DATABASE CHARACTER SET utf8mb4'],
    ['CREATE TABLE b.t (id int REFERENCES c.t (id))', 'b', 'c'],
    ['CREATE TABLE t LIKE b.t', 'b'],
    ['CREATE TABLE t AS SELECT g.id FROM b.goods g', 'b'],
    ['CREATE TABLE t (id int) ENGINE=MERGE UNION=(b.t, c.t)', 'b', 'c'],
    ['ALTER TABLE t EXCHANGE PARTITION p WITH TABLE b.t', 'b'],
    ['ALTER TABLE t RENAME TO b.t', 'b'],
    ['RENAME TABLE b.t TO c.t', 'b', 'c'],
    ['CREATE VIEW b.v AS SELECT x.id FROM c.t x', 'b', 'c'],
    ['CREATE INDEX i ON b.t (id)', 'b'],
    ['CREATE TRIGGER b.x BEFORE INSERT ON c.t FOR EACH ROW SET NEW.id = OLD.id', 'b', 'c'],
    ['CREATE TRIGGER x AFTER UPDATE ON c.t FOR EACH ROW UPDATE d.t SET id = NEW.id', 'c', 'd'],
    ['CREATE EVENT b.e ON SCHEDULE EVERY 1 DAY DO DELETE FROM c.t', 'b', 'c'],
    [
      'CREATE PROCEDURE b.p() BEGIN SELECT 1; INSERT INTO c.t VALUES (1); UPDATE d.t SET x = 1; END',
      'b',
      'c',
      'd',
    ],
    ['DROP PROCEDURE IF EXISTS b.p', 'b'],
    ['DROP TABLE goods, b.t', 'b'],
    ['TRUNCATE b.t', 'b'],
    ['LOCK TABLES goods AS b READ, b.t READ', 'b'],
    ['HANDLER b.t OPEN', 'b'],
    ['EXPLAIN b.t', 'b'],
    ['DESC b.t id', 'b'],
    ['EXPLAIN SELECT g.id FROM b.t g', 'b'],
    ['EXPLAIN FOR SCHEMA b SELECT 1', 'b'],
    ['SHOW TABLES FROM b', 'b'],
    ['SHOW FULL TABLES IN b LIKE "x"', 'b'],
    ['SHOW TABLE STATUS FROM b', 'b'],
    ['SHOW COLUMNS FROM t FROM b', 'b'],
    ['SHOW INDEX IN t IN b', 'b'],
    ['SHOW COLUMNS FROM b.t', 'b'],
    ['SHOW CREATE TABLE b.t', 'b'],
    ['SHOW CREATE DATABASE b', 'b'],
    ['LOAD DATA INFILE "x" INTO TABLE b.t', 'b'],
    ['GRANT SELECT ON b.* TO x@y.z', 'b'],
    ['GRANT SELECT ON b.t TO x@`y`', 'b'],
    ['CHECK TABLE b.t', 'b'],
    ['ANALYZE TABLE b.t', 'b'],
    ['SELECT NEXTVAL(b.s)', 'b'],
    ['SELECT NEXT VALUE FOR b.s', 'b'],
    ['PREPARE p FROM "SELECT * FROM b.t"', 'b'],
    ['EXECUTE IMMEDIATE "SELECT * FROM b.t"', 'b'],
    ['SET STATEMENT max_statement_time = 1 FOR SELECT * FROM b.t', 'b'],
    ['SET @x = (SELECT id FROM b.t)', 'b'],
  ]) {
    t.same(await schemas(sql as string), expected, sql as string)
  }
})

t.test('an alias, a row or a variable is no schema', async (t) => {
  for (const sql of [
    'SELECT u.name FROM goods u',
    'SELECT u.name, u.* FROM goods AS u WHERE u.id = 1 ORDER BY u.id',
    'SELECT d.x FROM (SELECT id AS x FROM goods) d',
    'WITH shop AS (SELECT 1 AS id) SELECT shop.id FROM shop',
    'SELECT shop.id FROM goods shop',
    'SELECT goods.id FROM goods WHERE EXISTS (SELECT 1 FROM sales s WHERE s.good = goods.id)',
    'SELECT @@global.max_connections, @a.b, @`shop.x`',
    'SELECT EXTRACT(YEAR FROM s.sold), TRIM(s.x FROM s.y), SUBSTRING(s.x FROM s.y) FROM sales s',
    'SELECT 1.5, .5, "shop.t", /* shop.t */ 2 -- shop.t',
    'INSERT INTO goods (goods.id) VALUES (1) ON DUPLICATE KEY UPDATE id = goods.id',
    'INSERT INTO goods VALUES (1) AS shop ON DUPLICATE KEY UPDATE name = shop.name',
    'UPDATE goods shop SET shop.name = shop.notes',
    'DELETE shop.* FROM goods shop',
    'SELECT v.n FROM (VALUES ROW(1)) AS v (n)',
    'KILL 5',
    'EXPLAIN UPDATE goods shop SET shop.name = 1 WHERE shop.id = 1',
    'ANALYZE DELETE shop.* FROM goods AS shop',
    'EXPLAIN INSERT INTO goods (goods.id) VALUES (1)',
    'CREATE EVENT e ON SCHEDULE EVERY 1 DAY DO UPDATE goods shop SET shop.name = 1',
    'CREATE TRIGGER x AFTER UPDATE ON goods FOR EACH ROW INSERT INTO scratch VALUES (NEW.id, OLD.name)',
    'CREATE PROCEDURE p(shop INT) UPDATE goods AS shop SET shop.name = 1',
    'CREATE FUNCTION f() RETURNS INT RETURN (SELECT g.id FROM goods g)',
    "LOAD DATA INFILE 'x' INTO TABLE goods (id) SET name = goods.notes",
    'SELECT DATABASE(), SCHEMA() FROM goods',
    'SELECT `schema` FROM goods',
    'CREATE TABLE t (`database` INT, `schema` INT)',
    'GRANT SELECT ON goods TO ana@example.com',
  ]) {
    t.same(await schemas(sql), [], sql)
  }
})

t.test('an alias does not hide a schema', async (t) => {
  t.same(await schemas('SELECT b.id FROM goods b JOIN b.t ON b.id = t.id'), ['b'])
  t.same(await schemas('SELECT (SELECT 1 FROM b.t) FROM goods AS b'), ['b'])
  t.same(await schemas('WITH b AS (SELECT 1) SELECT b.f(1) FROM b'), ['b'])
  t.same(await schemas('SELECT shop.id FROM goods'), ['shop'], 'nothing else is called so')
  t.same(await schemas('SELECT 1 AS b FROM goods ORDER BY b.t.id'), ['b'])
})

t.test("the schema's own code names nothing of the text", async (t) => {
  t.same(await schemas('SELECT address FROM contacts'), [])
  t.same(await schemas('CALL cheap()'), [])
})

t.test('USE holds for the statements behind it', async (t) => {
  t.equal((await last('USE b')).uses, 'b')
  t.equal((await last('USE `b``b`')).uses, 'b`b')
  t.equal((await last("EXECUTE IMMEDIATE 'USE b'")).uses, 'b')
  t.notOk('uses' in (await last('SELECT 1')))
  const there = await last('USE b; SELECT * FROM people')
  t.same(
    there.tables.map(({ schema }) => schema),
    ['b'],
  )
  t.equal(there.output, 'classified', 'nobody knows what b.people holds')
  t.equal((await last('USE b; USE shop; SELECT id FROM goods')).output, 'clear')
  const back = await last('SELECT id FROM goods; USE shop; SELECT email FROM people', {
    facts: { database: 'other' },
  })
  t.same(back.classes, ['pii.email'], 'a schema chosen in the text counts')
})

t.test('a default schema that was chosen out of sight is none', async (t) => {
  for (const sql of [
    "SET @x = CONCAT('US', 'E b'); EXECUTE IMMEDIATE @x; SELECT id FROM goods",
    'EXECUTE p; SELECT id FROM goods',
    "EXECUTE IMMEDIATE 'USE b'; SELECT id FROM goods",
    "PREPARE q FROM 'USE b'; EXECUTE q; SELECT id FROM goods",
    '/*!50000 USE b */; SELECT id FROM goods',
    'SET STATEMENT max_statement_time = 1 FOR USE b; SELECT id FROM goods',
  ]) {
    t.equal((await last(sql)).output, 'classified', sql)
  }
  t.equal((await last('/*!99999 USE b */; SELECT id FROM goods')).output, 'classified')
})

t.test('says which connection a KILL is for', async (t) => {
  const kill = async (sql: string) => (await last(sql)).kill
  t.same(await kill('KILL 7'), { connectionId: 7, onlyQuery: false })
  t.same(await kill('KILL CONNECTION 7'), { connectionId: 7, onlyQuery: false })
  t.same(await kill('kill /* x */ query 0042'), { connectionId: 42, onlyQuery: true })
  t.same(await kill('KILL HARD QUERY 7'), { connectionId: 7, onlyQuery: true })
  for (const sql of [
    'KILL 7 + 1',
    'KILL (7)',
    'KILL -7',
    'KILL 7.0',
    'KILL 7e0',
    'KILL 0x7',
    "KILL '7'",
    'KILL @x',
    'KILL ?',
    'KILL QUERY ID 7',
    'KILL USER ana',
    'KILL (SELECT 7)',
    'KILL QUERY 7 /*!99999 + 1 */',
    'KILL 99999999999999999999',
    'EXPLAIN 7',
  ]) {
    t.equal(await kill(sql), undefined, sql)
  }
})

t.test('says what may give any number of results', async (t) => {
  for (const sql of [
    'CALL cheap()',
    'EXECUTE p',
    "EXECUTE IMMEDIATE 'CALL cheap()'",
    'BEGIN NOT ATOMIC SELECT 1; SELECT 2; END',
    'IF 1 THEN SELECT 1; END IF',
    'x: LOOP SELECT 1; END LOOP',
    'SET STATEMENT max_statement_time = 1 FOR CALL cheap()',
    'SET STATEMENT max_statement_time = 1 FOR BEGIN NOT ATOMIC SELECT 1; END',
    'CREATE PROCEDURE p() SELECT 1; SELECT 2',
    'FROBNICATE goods',
    'SELECT \u0000',
    '/*!99999 CALL cheap() */ SELECT 1',
  ]) {
    t.equal((await last(sql)).anyResults, true, sql)
  }
  for (const sql of [
    'SELECT 1',
    'SELECT nobody()',
    'SHOW TABLES',
    "EXECUTE IMMEDIATE 'SELECT 1'",
    "PREPARE p FROM 'CALL cheap()'",
  ]) {
    for (const dialect of [MARIADB_11, MYSQL_9]) {
      t.equal((await last(sql, { dialect })).anyResults, undefined, sql)
    }
  }
  const session = openSession()
  await session.judge("PREPARE p FROM 'USE b'")
  t.equal((await session.judge('EXECUTE p'))[0]?.uses, 'b')
})
