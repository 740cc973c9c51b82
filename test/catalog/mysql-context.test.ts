import type { Connection } from 'mysql2/promise'
import t from 'tap'
import { mysqlContextQuery } from '../../src/catalog/mysql-context.ts'
import { MYSQL_FLAVOURS } from '../support/mysql.ts'
import { classified, openMysqlShop } from './mysql-shop.ts'

async function ask(session: Connection, sql: string): Promise<string> {
  const [rows] = await session.query({ sql, rowsAsArray: true })
  const all = rows as unknown as readonly (readonly unknown[])[]
  if (all.length !== 1 || all[0]?.length !== 1) throw new Error(`${all.length} rows`)
  return String(all[0]?.[0])
}

for (const flavour of MYSQL_FLAVOURS) {
  t.test(`${flavour}: what names mean is told by the session itself`, async (t) => {
    const shop = await openMysqlShop(t, flavour)
    if (!shop) return
    const { admin } = shop
    const catalog = await shop.openCatalog()
    const query = async (sql: string) =>
      mysqlContextQuery(await classified(catalog, sql), catalog.current)
    const general = await query("SELECT name, twice(1), 'q''\"' FROM goods, contacts_again")

    await t.test('settings of the session', async (t) => {
      const session = await shop.connect()
      const own =
        flavour === 'mysql'
          ? ["SET SESSION default_collation_for_utf8mb4 = 'utf8mb4_general_ci'"]
          : ['SET check_constraint_checks = 0', "SET system_versioning_asof = '2020-01-01'"]
      await admin.query('CREATE ROLE IF NOT EXISTS clerk')
      if (flavour === 'mysql') await admin.query('GRANT clerk TO root@localhost')
      await admin.query('CREATE DATABASE other')
      const changes = [
        'USE other',
        'USE shop',
        "SET sql_mode = 'ANSI_QUOTES,PIPES_AS_CONCAT,HIGH_NOT_PRECEDENCE,IGNORE_SPACE'",
        "SET sql_mode = 'NO_BACKSLASH_ESCAPES,PAD_CHAR_TO_FULL_LENGTH,ONLY_FULL_GROUP_BY'",
        "SET sql_mode = ''",
        "SET time_zone = '+05:00'",
        'SET foreign_key_checks = 0',
        'SET unique_checks = 0',
        'SET sql_safe_updates = 1',
        'SET sql_select_limit = 0',
        'SET sql_select_limit = 3',
        'SET group_concat_max_len = 4',
        'SET autocommit = 0',
        'SET autocommit = 1',
        'SET SESSION TRANSACTION ISOLATION LEVEL SERIALIZABLE',
        'SET SESSION TRANSACTION READ ONLY',
        'SET SESSION TRANSACTION READ WRITE',
        "SET lc_time_names = 'de_DE'",
        'SET div_precision_increment = 9',
        'SET default_week_format = 3',
        'SET sql_auto_is_null = 1',
        'SET character_set_results = latin1',
        "SET collation_connection = 'latin1_swedish_ci'",
        "SET collation_connection = 'ucs2_general_ci'",
        'SET NAMES utf8mb4',
        'SET ROLE clerk',
        ...own,
      ]
      await session.query('SET ROLE NONE')
      let before = await ask(session, general)
      t.match(before, /^[0-9a-f]{64}$/)
      for (const change of changes) {
        await session.query(change)
        const after = await ask(session, general)
        t.equal(await ask(session, general), after, `equal while nothing changes: ${change}`)
        t.not(after, before, change)
        before = after
      }
      await session.query("SET sql_mode = 'ORACLE'").catch(() => {})
      t.match(await ask(session, general), /^[0-9a-f]{64}$/)
    })

    await t.test('definitions, also those that are only reached', async (t) => {
      const session = await shop.connect()
      const long = `concat('${'x'.repeat(5000)}', name)`
      const changes: readonly (readonly [string, string])[] = [
        ['SELECT price FROM goods', 'ALTER TABLE goods ADD COLUMN note varchar(10)'],
        ['SELECT price FROM goods', 'ALTER TABLE goods MODIFY note varchar(11)'],
        ['SELECT price FROM goods', "ALTER TABLE goods ALTER note SET DEFAULT 'x'"],
        ['SELECT id FROM log', 'ALTER TABLE log ENGINE = MyISAM'],
        ['SELECT id FROM log', 'ALTER TABLE log ENGINE = InnoDB'],
        ['SELECT id FROM log', 'ALTER TABLE log CHARACTER SET latin1'],
        [
          'SELECT loud FROM contacts_again',
          'CREATE OR REPLACE VIEW contacts AS SELECT id, ssn AS reach, name FROM people',
        ],
        ['SELECT loud FROM contacts_again', 'ALTER TABLE people ADD COLUMN z int'],
        [
          'SELECT name FROM cheap',
          `CREATE OR REPLACE VIEW cheap AS SELECT ${long} AS name, price FROM goods`,
        ],
        [
          'SELECT name FROM cheap',
          `CREATE OR REPLACE VIEW cheap AS SELECT concat(${long}, '') AS name, price FROM goods`,
        ],
        [
          'SELECT name FROM cheap',
          `CREATE OR REPLACE SQL SECURITY INVOKER VIEW cheap AS SELECT concat(${long}, '') AS name, price FROM goods`,
        ],
        [
          'INSERT INTO goods (id) VALUES (1)',
          'CREATE TRIGGER again AFTER INSERT ON goods FOR EACH ROW INSERT INTO log VALUES (1, 1)',
        ],
        [
          'INSERT INTO goods (id) VALUES (1)',
          'DROP TRIGGER again;CREATE TRIGGER again AFTER INSERT ON goods FOR EACH ROW INSERT INTO log VALUES (2, 2)',
        ],
        ['INSERT INTO goods (id) VALUES (1)', 'DROP TRIGGER again'],
        ['SELECT twice(1)', 'ALTER FUNCTION twice SQL SECURITY INVOKER'],
        ['SELECT shop.twice(1)', 'DROP FUNCTION twice'],
        ['SELECT twice(1)', 'CREATE FUNCTION twice(i int) RETURNS int DETERMINISTIC RETURN i * 3'],
        ['CALL restock(3)', 'ALTER PROCEDURE restock SQL SECURITY INVOKER'],
        ['DELETE FROM cheap WHERE price = 1', 'DROP VIEW cheap'],
      ]
      for (const [sql, change] of changes) {
        const context = await query(sql)
        const before = await ask(session, context)
        t.equal(await ask(session, context), before)
        for (const each of change.split(';')) await admin.query(each)
        t.not(await ask(session, context), before, change.slice(0, 90))
        await catalog.refresh()
      }
    })

    await t.test('a temporary table in the way of a table, where the server tells', async (t) => {
      const session = await shop.connect()
      const context = await query('SELECT price FROM goods')
      const before = await ask(session, context)
      await session.query('CREATE TEMPORARY TABLE goods (id int, price int)')
      const { flavour: name, version } = catalog.current.dialect
      const tells = name === 'mariadb' && version >= 110_200
      t.equal((await ask(session, context)) !== before, tells)
    })

    await t.test('what has nothing to do with the statement changes nothing', async (t) => {
      const session = await shop.connect()
      const context = await query('SELECT price FROM goods')
      const before = await ask(session, context)
      for (const change of [
        'CREATE TABLE another (id int)',
        "INSERT INTO goods (id, name) VALUES (7, 'x')",
        'UPDATE goods SET price = 3',
        'ANALYZE TABLE goods',
        'CREATE OR REPLACE VIEW headcount AS SELECT count(id) AS n FROM people',
        'DROP FUNCTION twice',
      ]) {
        await admin.query(change)
        t.equal(await ask(session, context), before, change)
      }
      await catalog.refresh()
      t.equal(await query('SELECT price FROM goods'), context, 'nor does a newer reading')
    })

    await t.test('it can be asked wherever a statement can be held', async (t) => {
      await admin.query('GRANT LOCK TABLES ON shop.* TO app')
      const session = await shop.connect('app')
      const context = await query("SELECT price, 'it''s' FROM goods, `odd ta``ble`")
      const before = await ask(session, context)
      for (const begin of ['START TRANSACTION READ ONLY', 'BEGIN']) {
        await session.query(begin)
        t.equal(await ask(session, context), before, begin)
        await session.query('ROLLBACK')
      }
      await session.query('LOCK TABLES goods WRITE')
      t.equal(await ask(session, context), before, 'LOCK TABLES')
      await session.query('UNLOCK TABLES')
      const few = flavour === 'mysql' ? 'max_execution_time = 1' : 'max_statement_time = 0.000001'
      await session.query(`SET ${few}`)
      const asked = await ask(session, context).catch((error: Error) => error)
      t.ok(asked instanceof Error || /^[0-9a-f]{64}$/.test(asked), 'an error, or an answer')
    })

    await t.test('names can be anything, and many', async (t) => {
      const session = await shop.connect()
      const statement = await classified(catalog, 'SELECT price FROM goods')
      const [use = { access: 'read', classes: {}, columns: [] }] = statement.tables
      const odd = ['q\'\\"`--', '/*!', 'ä😀', '', 'a.b.c', '%', '?']
      const many = {
        ...statement,
        tables: [...odd, ...Array.from({ length: 120 }, (_, i) => `t${i}`)].map((name, i) => ({
          ...use,
          schema: i % 2 ? null : name,
          name,
        })),
        functions: odd,
      }
      t.match(await ask(session, mysqlContextQuery(many, catalog.current)), /^[0-9a-f]{64}$/)
    })
  })
}
