import { once } from 'node:events'
import type { Connection as CallbackConnection } from 'mysql2'
import t, { type Test } from 'tap'
import type { Driver } from '../support/clients-driver.ts'
import {
  askMysqljs,
  connectMariadb,
  connectMysql2,
  connectMysqljs,
  nodeMariadb,
  nodeMysql2,
  nodeMysqljs,
} from '../support/clients-mysql-node.ts'
import { type MysqlWorld, startMysqlWorld } from '../support/clients-mysql-world.ts'
import { tellClientStory } from '../support/clients-story.ts'
import { endsInPeace } from '../support/clients-world.ts'

const CUSTOMERS = 'SELECT id, email FROM customers ORDER BY id'
const MASKED = [
  [1, /^a\*+@x\.test$/],
  [2, /^b\*+@y\.test$/],
]

/** The protocol is the same for both servers, so each driver needs the newer one once only. */
const DRIVERS: Readonly<Record<'mariadb' | 'mysql', (world: MysqlWorld) => readonly Driver[]>> = {
  mariadb: (world) => [
    ...[false, true].flatMap((binary) => [nodeMysql2(world, binary), nodeMariadb(world, binary)]),
    nodeMysqljs(world),
  ],
  mysql: (world) => [nodeMysql2(world, true), nodeMariadb(world, false), nodeMysqljs(world)],
}

for (const flavour of ['mariadb', 'mysql'] as const) {
  t.test(`clients for Node, ${flavour}`, async (t) => {
    const world = await startMysqlWorld(t, flavour)
    if (!world) return
    for (const driver of DRIVERS[flavour](world)) await tellClientStory(t, world, driver)
    await t.test('mysql2: several statements, streams, transactions, its caches', (t) =>
      mysql2Ways(t, world),
    )
    await t.test('mariadb for Node: pipelines, batches, streams, resets', (t) =>
      mariadbWays(t, world),
    )
    await t.test('mysqljs: several statements, streams, time limits', (t) => mysqljsWays(t, world))
    await t.test('what a driver may not do is said in words', (t) => refusals(t, world))
    await endsInPeace(t, world)
  })
}

async function mysql2Ways(t: Test, world: MysqlWorld): Promise<void> {
  const client = await connectMysql2(world, { tls: true }, { multipleStatements: true })
  t.teardown(() => client.end())
  const [several] = await client.query({
    sql: `SELECT 1; ${CUSTOMERS}; SELECT 3`,
    rowsAsArray: true,
  })
  t.match(several, [[[1]], MASKED, [[3]]])
  const { connection } = client as unknown as { connection: CallbackConnection }
  const stream = connection.query({ sql: CUSTOMERS, rowsAsArray: true }).stream()
  const streamed: unknown[] = []
  for await (const row of stream) streamed.push(row)
  t.match(streamed, MASKED, 'streamed rows are masked alike')
  const table = await world.table()
  await client.beginTransaction()
  await client.execute(`INSERT INTO ${table} VALUES (?, ?)`, [1, null])
  await client.rollback()
  const [, [, note]] = await client.execute(`SELECT id, note FROM ${table}`)
  t.equal(note?.name, 'note')
  const statement = await client.prepare('SELECT ? AS a, ? AS b')
  const when = new Date(Date.UTC(2026, 1, 3))
  for (const values of [
    [1, 'x'],
    ['y', when],
    [null, Buffer.from('z')],
  ]) {
    t.equal((await statement.execute(values)).length, 2, 'the types may change with each execution')
  }
  await statement.close()
  await client.reset()
  t.match(await client.ping(), true, 'a reset session goes on')
}

async function mariadbWays(t: Test, world: MysqlWorld): Promise<void> {
  const client = await connectMariadb(world, { tls: true }, { multipleStatements: true })
  t.teardown(() => client.end())
  const rowsAsArray = true
  const piped = await Promise.all(
    [1, 2, 3, 4].map((n) => client.query({ sql: 'SELECT ?', rowsAsArray }, [n])),
  )
  t.same(piped.flat(2), [1, 2, 3, 4], 'a pipeline is answered in order')
  const table = await world.table()
  const rows = Array.from({ length: 20 }, (_, n) => [n, `batch ${n}`])
  await client.batch(`INSERT INTO ${table} VALUES (?, ?)`, rows)
  const several = `${CUSTOMERS}; SELECT count(*) FROM ${table}`
  t.match(await client.query({ sql: several, rowsAsArray }), [MASKED, [[20n]]])
  const streamed: unknown[] = []
  for await (const row of client.queryStream({ sql: CUSTOMERS, rowsAsArray })) streamed.push(row)
  t.match(streamed, MASKED)
  const prepared = await client.prepare('SELECT email FROM customers WHERE id = ?')
  t.match(await prepared.execute([1]), [{ email: /^a\*+@x\.test$/ }])
  prepared.close()
  await client.reset()
  await client.ping()
  t.equal(client.isValid(), true)
}

async function mysqljsWays(t: Test, world: MysqlWorld): Promise<void> {
  const client = await connectMysqljs(world, { tls: true }, { multipleStatements: true })
  t.teardown(() => client.destroy())
  await askMysqljs(client, 'SET @a = 1; SELECT 2; SELECT 3')
  const streamed: unknown[] = []
  const query = client.query(CUSTOMERS).stream()
  query.on('data', (row) => streamed.push(Object.values(row)))
  await once(query, 'end')
  t.match(streamed, MASKED)
  await new Promise<void>((resolve, reject) => {
    client.ping((error) => (error ? reject(error) : resolve()))
  })
  const table = await world.table()
  const hasty = await connectMysqljs(world, { tls: true })
  const dropping = new Promise((resolve) =>
    hasty.query({ sql: `DROP TABLE ${table}`, timeout: 300 }, [], resolve),
  )
  const request = await world.waiting(table)
  t.match(await dropping, { code: 'PROTOCOL_SEQUENCE_TIMEOUT' })
  t.match(await world.proxy.settled(request.id), { state: 'withdrawn' }, 'it hangs up')
}

/** No story could be told of these, for the connection is refused or the command. */
async function refusals(t: Test, world: MysqlWorld): Promise<void> {
  await t.rejects(connectMysqljs(world, { tls: false }), /TLS|ER_ACCESS_DENIED|AUTH/)
  const compressed = await connectMysql2(world, { tls: false }, { compress: true })
  const [rows] = await compressed.query({ sql: 'SELECT 1', rowsAsArray: true })
  t.same(rows, [[1]], 'compression is not offered, so it is not used')
  await compressed.end()
  const client = await connectMysql2(world, { tls: true })
  const changing = client.changeUser({ user: 'bot', password1: world.proxy.password } as never)
  await t.rejects(changing, /connect again|not|refused/i)
  client.destroy()
}
