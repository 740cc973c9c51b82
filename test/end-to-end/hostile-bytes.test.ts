import { setTimeout as after } from 'node:timers/promises'
import { serialize } from 'pg-protocol'
import t, { type Test } from 'tap'
import { type Countersign, startCountersign } from '../support/countersign.ts'
import { exists, loginOf } from '../support/e2e-client.ts'
import { errorOf, int32, letters, RawClient, rowsOf, typed } from '../support/e2e-raw.ts'
import { startPostgres } from '../support/postgres.ts'

const SCHEMA = `CREATE TABLE numbers (n int); CREATE TABLE victim (n int)`

async function login(
  t: Test,
  proxy: Countersign,
  parameters: Record<string, string> = {},
): Promise<RawClient> {
  const { client } = await RawClient.login(proxy.port, { ...loginOf(proxy), parameters })
  t.teardown(() => client.destroy())
  return client
}

t.test('bytes that are meant to be read as something else', async (t) => {
  const db = await startPostgres(t, { schema: SCHEMA })
  const proxy = await startCountersign(t, { upstream: db.superuserUrl })

  t.test('a COPY that fails in the middle of a message shifts no boundary', async (t) => {
    const client = await login(t, proxy)
    client.send(
      serialize.parse({ text: 'COPY numbers FROM STDIN' }),
      serialize.bind({}),
      serialize.execute({}),
      serialize.flush(),
    )
    t.equal(letters(await client.until('G')), '12G')
    // What would be read as messages if the rest of the second CopyData were not sent on.
    const hidden = Buffer.concat([serialize.sync(), serialize.query('DROP TABLE victim')])
    const parse = serialize.parse({ text: 'SELECT $1::bytea' })
    const bind = serialize.bind({ values: [hidden] })
    const taken = serialize.sync().length + parse.length + bind.indexOf(hidden)
    client.send(
      typed('d', Buffer.from('not a number\n')),
      Buffer.concat([Buffer.from('d'), int32(4 + 10 + taken), Buffer.alloc(10, 0x31)]),
    )
    t.equal(letters(await client.until('E')), 'E')
    client.send(Buffer.alloc(taken, 0x31), serialize.sync())
    client.send(parse, bind, serialize.execute({}), serialize.sync())
    t.equal(letters(await client.until('Z')), 'Z')
    const answer = await client.until('Z')
    t.equal(letters(answer), '12DCZ')
    t.ok(String(rowsOf(answer)[0]?.[0]).startsWith('\\x53'), 'the value is a value')
    t.ok(await exists(db, 'victim'))
  })

  t.test('the end of a COPY that nobody began holds nothing up', async (t) => {
    const client = await login(t, proxy, { options: '-c countersign.hold=0' })
    client.send(
      serialize.copyDone(),
      serialize.copyFail('no'),
      serialize.copyData(Buffer.from('x')),
    )
    t.match(errorOf(await client.query('DROP TABLE victim')).C, /^ZA00[12]$/)
    t.ok(await exists(db, 'victim'))
  })

  t.test('a statement in the middle of COPY data ends the session', async (t) => {
    for (const statement of ['DROP TABLE victim', 'SELECT 1']) {
      const client = await login(t, proxy)
      client.send(serialize.query('COPY numbers FROM STDIN'))
      t.equal(letters(await client.until('G')), 'G')
      client.send(serialize.copyData(Buffer.from('1\n')), serialize.query(statement))
      t.match(errorOf(await client.untilEnd()), { C: '08P01' }, statement)
    }
    t.same((await db.query('SELECT * FROM numbers')).rows, [])
    t.ok(await exists(db, 'victim'))
  })

  t.test(
    'a COPY that fails in a pipeline leaves the session as the server leaves it',
    async (t) => {
      const client = await login(t, proxy)
      const copy = [
        serialize.parse({ text: 'COPY numbers FROM STDIN' }),
        serialize.bind({}),
        serialize.execute({}),
      ]
      const bad = serialize.copyData(Buffer.from('not a number\n'))
      for (const ends of [
        [bad, serialize.copyDone(), serialize.sync()],
        [bad, serialize.sync()],
        [serialize.copyFail('no'), serialize.sync()],
      ]) {
        client.send(...copy, serialize.flush())
        t.equal(letters(await client.until('G')), '12G')
        client.send(...ends)
        t.equal(letters(await client.until('Z')), 'EZ')
        t.equal(letters(await client.query('SELECT 1')), 'TDCZ')
      }
    },
  )

  t.test('a CopyData that its client never finishes is finished by nobody', async (t) => {
    const client = await login(t, proxy)
    client.send(serialize.query('COPY numbers FROM STDIN'))
    await client.until('G')
    // Exactly as long as a Terminate is missing.
    client.send(Buffer.concat([Buffer.from('d'), int32(4 + 2 + 5), Buffer.from('7\n')]))
    client.destroy()
    const busy =
      "SELECT 1 FROM pg_stat_activity WHERE query LIKE 'COPY numbers%' AND state = 'active'"
    while ((await db.query(busy)).rows.length > 0) await after(10)
    t.same((await db.query('SELECT * FROM numbers')).rows, [])
  })
})
