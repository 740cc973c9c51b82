// biome-ignore-all lint/suspicious/noThenProperty: a rule's action is called so
import mysql from 'mysql2/promise'
import t, { type Test } from 'tap'
import { type Countersign, startCountersign } from '../support/countersign.ts'
import { MYSQL_SIDES } from '../support/e2e-sides.ts'

const SECRET = /ada\.marsh|966-34-5008/

/** What an agent of a MySQL server sees: rows, or an error's number and text. */
async function open(t: Test, proxy: Countersign, multipleStatements = false) {
  const client = await mysql.createConnection({ uri: proxy.url, multipleStatements })
  t.teardown(() => client.destroy())
  return (sql: string): Promise<unknown> =>
    client.query(sql).then(
      ([rows]) => rows,
      ({ errno, message }: { errno?: number; message: string }) => `${errno} ${message}`,
    )
}

for (const side of MYSQL_SIDES) {
  t.test(side.name, async (t) => {
    const db = await side.start(t)
    if (!db) return
    await db.run(`CREATE FUNCTION tell() RETURNS int DETERMINISTIC READS SQL DATA BEGIN
      DECLARE said varchar(100);
      SELECT CONCAT('no column ', email) INTO said FROM shop.customers LIMIT 1;
      SIGNAL SQLSTATE '42S22' SET MYSQL_ERRNO = 1054, MESSAGE_TEXT = said; RETURN 1; END`)
    const proxy = await startCountersign(t, {
      upstream: db.upstream,
      config: { rules: [{ name: 'all', when: {}, then: 'allow' }] },
    })

    t.test('a name that leads nowhere is told in the words of the server', async (t) => {
      const ask = await open(t, proxy)
      t.match(await ask('SELECT nosuch, ssn FROM customers'), /^1054 .*'nosuch'/)
      t.match(await ask('SELECT ssn FROM nowhere'), /^1146 .*nowhere/)
      t.match(await ask('SELECT ssn FROM customers ORDER'), /^1064 /)
    })

    t.test('code that raises the same error says nothing by it', async (t) => {
      const ask = await open(t, proxy)
      const told = await ask('SELECT tell() FROM customers')
      t.match(told, /^1054 .*withheld/)
      t.notMatch(told, SECRET)
    })

    t.test('other errors lose their text', async (t) => {
      const ask = await open(t, proxy)
      for (const sql of [
        "SELECT extractvalue('<a/>', concat('~', email)) FROM customers",
        'INSERT INTO customers SELECT * FROM customers',
        "UPDATE customers SET name = '' WHERE id = 1",
      ]) {
        const told = await ask(sql)
        t.match(told, /withheld/, sql)
        t.notMatch(told, SECRET, sql)
      }
    })

    t.test('warnings are shown where nothing classified can have caused them', async (t) => {
      const ask = await open(t, proxy, true)
      await ask("SELECT CAST('abc' AS SIGNED)")
      t.match(await ask('SHOW WARNINGS'), [{ Code: 1292, Message: /'abc'/ }])
      await ask('SELECT CAST(email AS SIGNED) FROM customers')
      const masked = (rows: unknown) => t.notMatch(JSON.stringify(rows), SECRET)
      masked(await ask('SHOW WARNINGS'))
      await ask('SELECT CAST(email AS SIGNED) FROM customers')
      await ask('SELECT 1')
      masked(await ask('SHOW WARNINGS'))
      await ask('SELECT CAST(email AS SIGNED) FROM customers')
      await ask('SELECT id FROM nowhere')
      masked(await ask('SHOW ERRORS'))
      masked(await ask('SELECT CAST(email AS SIGNED) FROM customers; SHOW WARNINGS'))
      await ask("SELECT id FROM orders WHERE id = 'abc'")
      await ask('SHOW WARNINGS')
      masked(await ask('SELECT CAST(email AS SIGNED) FROM customers; SHOW WARNINGS'))
      await ask("SELECT CAST('abc' AS SIGNED) FROM orders LIMIT 1")
      t.match(await ask('SHOW WARNINGS'), [{ Message: /'abc'/ }], 'a later statement replaced them')
    })
  })
}

t.test('a slip of the pen is the server’s to tell, and nobody is asked', async (t) => {
  const [side] = MYSQL_SIDES
  const db = await side?.start(t)
  if (!side || !db) return
  const proxy = await startCountersign(t, { upstream: db.upstream, agent: { hold: '200ms' } })
  const ask = await open(t, proxy, true)
  t.match(await ask('SELEC 1'), /^1064 .*SELEC/)
  t.match(await ask('DORP TABLE scratch'), /^1064 /)
  t.same(await proxy.requests(), [])
  t.match(
    await ask('BEGIN NOT ATOMIC DROP TABLE scratch; END'),
    /ZA001/,
    'what the server takes waits',
  )
  t.match(await ask('SELEC 1; DROP TABLE scratch'), /ZA001/, 'and so does what holds more')
  t.match(await ask('/*!50000 DROP TABLE scratch */ x'), /1064|ZA001/)
  t.equal(await db.exists('scratch'), true)
})
