import t, { type Test } from 'tap'
import * as command from '../../src/wire/mysql/commands.ts'
import { AGENT, type Countersign, startCountersign } from '../support/countersign.ts'
import { MysqlRaw, textIn, valuesIn } from '../support/e2e-mysql-raw.ts'
import { MYSQL_SIDES, type Side } from '../support/e2e-sides.ts'

/** What can be tried with the bytes of MySQL's protocol and stands in no other file. */
const DEFAULTS = `
  CREATE TABLE kept (id int DEFAULT 41, email varchar(40) DEFAULT 'ada.marsh@x.test');
  CREATE TABLE open_to_all (id int DEFAULT 42);
`

for (const side of MYSQL_SIDES) t.test(side.name, (t) => threats(t, side))

async function open(t: Test, proxy: Countersign): Promise<MysqlRaw> {
  const { port, password } = proxy
  const client = await MysqlRaw.login(port, { user: AGENT, password, database: 'shop' })
  t.teardown(() => client.destroy())
  return client
}

async function threats(t: Test, side: Side): Promise<void> {
  const db = await side.start(t, { schema: { postgres: '', mysql: DEFAULTS } })
  if (!db) return
  const proxy = await startCountersign(t, {
    upstream: db.upstream,
    database: {
      classified: { 'shop.customers.email': 'pii.email', 'shop.kept.email': 'pii.email' },
    },
  })

  t.test('COM_FIELD_LIST shows no default of a column', async (t) => {
    const client = await open(t, proxy)
    const defaultsOf = async (table: string) => {
      client.say(command.COM_FIELD_LIST, Buffer.from(`${table}\0`))
      const payloads: Buffer[] = []
      do payloads.push(await client.packet())
      while (payloads.at(-1)?.[0] === 3)
      return textIn(payloads)
    }
    const kept = await defaultsOf('kept')
    t.match(kept, /email/)
    t.notMatch(kept, /ada|41/)
    t.notMatch(await defaultsOf('open_to_all'), /42/, 'nor elsewhere: SHOW COLUMNS has them')
  })

  t.test(
    'what is pipelined behind a held statement waits, and answers keep their order',
    async (t) => {
      await db.run('CREATE TABLE victim (id int)')
      const client = await open(t, proxy)
      client.say(command.COM_QUERY, Buffer.from('SELECT 1'))
      client.say(command.COM_QUERY, Buffer.from('DROP TABLE victim'))
      client.say(command.COM_STMT_CLOSE, Buffer.from([9, 0, 0, 0]))
      client.say(command.COM_QUERY, Buffer.from("INSERT INTO scratch VALUES (77, 'behind')"))
      client.say(command.COM_QUERY, Buffer.from('SELECT 2'))
      t.same(valuesIn(await client.answer(false)), ['1'])
      const request = await proxy.pending()
      t.ok(await db.exists('victim'))
      t.same(await db.run('SELECT note FROM scratch WHERE id = 77'), [], 'it waits too')
      t.ok(client.quiet)
      await proxy.decide(request.id, 'deny', 'not this one')
      t.match((await client.answer(false)).error?.message, /not this one/)
      t.equal((await client.answer(false)).error, null)
      t.same(valuesIn(await client.answer(false)), ['2'])
      t.ok(await db.exists('victim'))
    },
  )

  t.test('a NUL ends no text', async (t) => {
    const client = await open(t, proxy)
    for (const sql of [
      "SELECT length('a\0; DROP TABLE orders -- ')",
      'SELECT 1 \0; DROP TABLE orders',
    ]) {
      const answer = client.query(sql)
      const first = await Promise.race([answer, proxy.pending()])
      if ('statement' in first) await proxy.decide(first.id, 'deny')
      t.ok((await answer).error, sql)
    }
    t.ok(await db.exists('orders'))
  })

  t.test('a schema’s name ends where the server ends it', async (t) => {
    const client = await open(t, proxy)
    const use = (name: string) => client.command(command.COM_INIT_DB, Buffer.from(name))
    t.equal((await use('shop\0')).error, null, 'as a C string')
    t.same(valuesIn(await client.query('SELECT DATABASE()')), ['shop'])
    t.match((await use('nowhere\0')).error?.message, /denied/)
    client.say(command.COM_INIT_DB, Buffer.from('shop\0nowhere'))
    await client.closed()
  })
}
