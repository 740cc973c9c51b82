import { serialize } from 'pg-protocol'
import t, { type Test } from 'tap'
import { type Countersign, startCountersign } from '../support/countersign.ts'
import { exists, loginOf } from '../support/e2e-client.ts'
import { int32, letters, RawClient, rowsOf, typed } from '../support/e2e-raw.ts'
import { startPostgres } from '../support/postgres.ts'

const SCHEMA = `CREATE TABLE numbers (n int); CREATE TABLE victim (n int)`

async function login(t: Test, proxy: Countersign): Promise<RawClient> {
  const { client } = await RawClient.login(proxy.port, loginOf(proxy))
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
})
