import type { Connection } from 'mysql2/promise'
import t from 'tap'
import { estimateMysqlRows } from '../../../src/session/foresight/mysql-estimate.ts'
import type { Classification } from '../../../src/sql/statement.ts'
import { classified, openMysqlShop } from '../../catalog/mysql-shop.ts'
import { MYSQL_FLAVOURS } from '../../support/mysql.ts'

for (const flavour of MYSQL_FLAVOURS) {
  t.test(`${flavour}: how many rows the planner expects`, async (t) => {
    const shop = await openMysqlShop(t, flavour)
    if (!shop) return
    const { admin } = shop
    await admin.query(`CREATE TABLE many (id int PRIMARY KEY AUTO_INCREMENT, n int, KEY (n))`)
    await admin.query('INSERT INTO many (n) VALUES (1), (1), (1), (2)')
    for (let round = 0; round < 8; round++) {
      await admin.query('INSERT INTO many (n) SELECT n FROM many')
    }
    await admin.query('ANALYZE TABLE many')
    await admin.query('SET GLOBAL log_bin_trust_function_creators = 1').catch(() => {})
    await admin.query('CREATE TABLE ran (i int) ENGINE=MyISAM')
    await admin.query(`CREATE FUNCTION wr(i int) RETURNS int DETERMINISTIC
      BEGIN INSERT INTO ran VALUES (i); RETURN i; END`)
    await admin.query('CREATE VIEW runs AS SELECT wr(1) AS id FROM many WHERE id = 1 LIMIT 1')
    await admin.query('CREATE DATABASE other')
    await admin.query('CREATE TABLE other.many (id int)')
    const catalog = await shop.openCatalog()
    const opened: Connection[] = []
    const connect = async () => {
      const connection = await shop.connect()
      opened.push(connection)
      return connection
    }
    const estimate = async (sql: string, change: Partial<Classification> = {}) => {
      const statement = { ...(await classified(catalog, sql)), ...change }
      return estimateMysqlRows({ statements: [statement], parameters: [] }, connect)
    }

    await t.test('of reads and writes', async (t) => {
      for (const [sql, least, most] of [
        ['SELECT id FROM many', 900, 1200],
        ['SELECT id FROM many WHERE n = 2', 200, 300],
        ['SELECT id FROM many LIMIT 7', 7, 7],
        ['SELECT id FROM many ORDER BY n LIMIT 100, 8', 8, 8],
        ['SELECT id FROM many limit 9 offset 100', 9, 9],
        ['SELECT id FROM many WHERE id = 5', 1, 1],
        ['SELECT a.id FROM many a JOIN many b ON a.id = b.id', 900, 1200],
        ['SELECT a.id FROM many a, many b', 900_000, 1_200_000],
        ['SELECT id FROM many UNION ALL SELECT id FROM shop.many', 1800, 2400],
        ['DELETE FROM many', 900, 1200],
        ['UPDATE many SET n = 3 WHERE id < 101', 40, 110],
        [
          'SELECT id, (SELECT count(*) FROM many b WHERE b.n < a.id) FROM many a WHERE id = 5',
          1,
          1,
        ],
        ['INSERT INTO goods (id, price) SELECT id, n FROM many', 900, 1200],
      ] as const) {
        const rows = await estimate(sql)
        t.ok(rows !== null && rows >= least && rows <= most, `${sql}: ${rows}`)
      }
      t.equal(await estimate('INSERT INTO goods (id) VALUES (1)'), null)
      const [count] = (await admin.query('SELECT count(*) AS n FROM many WHERE n < 3'))[0] as [
        { n: string | number },
      ]
      t.equal(Number(count.n), 1024, 'nothing was changed')
    })

    await t.test('runs nothing', async (t) => {
      const before = opened.length
      for (const call of ['SLEEP(30)', 'benchmark/**/(1000000000, 1)']) {
        t.equal(await estimate(`SELECT d.x FROM (SELECT ${call} AS x) d, many`), null, call)
      }
      t.equal(opened.length, before, 'what keeps the server busy is not even asked about')
      for (const sql of [
        'SELECT id FROM runs',
        'DELETE FROM many WHERE id IN (SELECT id FROM runs)',
        'UPDATE many, runs SET n = 1 WHERE many.id = runs.id',
        'INSERT INTO goods (id) SELECT id FROM runs',
        'SELECT id FROM (SELECT wr(2) AS id) d',
        'DELETE FROM many WHERE id = (SELECT wr(3))',
        'SELECT d.x FROM (SELECT GET_LOCK(1, 30) AS x) d, many',
        'SELECT @a := id FROM many',
        'CALL restock(1)',
        'SELECT id FROM many INTO @a',
        'DROP TABLE many',
      ]) {
        t.equal(await estimate(sql), null, sql)
      }
      const [rows] = await admin.query('SELECT i FROM ran')
      t.same(rows, [])
    })

    await t.test('of nothing that means something else on its connection', async (t) => {
      t.equal(await estimate('SELECT id FROM other.many'), null)
      const statement = await classified(catalog, 'SELECT id FROM many')
      const elsewhere = statement.tables.map((table) => ({ ...table, schema: 'other' }))
      t.equal(await estimate('SELECT id FROM many', { tables: elsewhere }), null)
      t.equal(await estimate('SELECT id FROM many', { connectionBound: true }), null)
      for (const sql of ['ANALYZE SELECT id FROM many', '/* */ SELECT id FROM many']) {
        t.equal(await estimate('SELECT id FROM many', { sql }), null, sql)
      }
      t.equal(
        await estimate('SELECT id FROM many', { sql: 'DELETE FROM many; DROP TABLE many' }),
        null,
      )
      const parameters = [{ typeOid: 0, format: 0 as const, value: null }]
      t.equal(await estimateMysqlRows({ statements: [statement], parameters }, connect), null)
    })

    await t.test('gives its connection back, whatever happens', async (t) => {
      t.ok(opened.length > 10)
      const [left] = (
        await admin.query('SELECT count(*) AS n FROM information_schema.INNODB_TRX')
      )[0] as [{ n: string | number }]
      t.equal(Number(left.n), 0)
      const refused = () => Promise.reject(new Error('no server'))
      const statements = [await classified(catalog, 'SELECT id FROM many')]
      t.equal(await estimateMysqlRows({ statements, parameters: [] }, refused), null)
    })
  })
}
