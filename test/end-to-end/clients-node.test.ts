import { pipeline } from 'node:stream/promises'
import type pg from 'pg'
import copyStreams from 'pg-copy-streams'
import Cursor from 'pg-cursor'
import t, { type Test } from 'tap'
import {
  connectNodePostgres,
  connectPostgresJs,
  nodePostgres,
  postgresJs,
} from '../support/clients-node.ts'
import { type PostgresWorld, startPostgresWorld } from '../support/clients-postgres-world.ts'
import { tellClientStory } from '../support/clients-story.ts'
import { endsInPeace } from '../support/clients-world.ts'

const CUSTOMERS = 'SELECT id, email FROM customers ORDER BY id'

t.test('clients for Node', async (t) => {
  const world = await startPostgresWorld(t)
  await tellClientStory(t, world, nodePostgres(world))
  await tellClientStory(t, world, postgresJs(world))
  await t.test('node-postgres: its cursors, streams and binary rows', (t) =>
    nodePostgresWays(t, world),
  )
  await t.test('postgres.js: its cursors, pipelines, transactions and streams', (t) =>
    postgresJsWays(t, world),
  )
  await endsInPeace(t, world)
})

async function nodePostgresWays(t: Test, world: PostgresWorld): Promise<void> {
  const client = await connectNodePostgres(world, { tls: true })
  t.teardown(() => client.end())
  const cursor = client.query(new Cursor('SELECT n FROM generate_series(1, 5) AS n'))
  t.same(await cursor.read(2), [{ n: 1 }, { n: 2 }], 'a cursor reads some rows and waits')
  t.same(await cursor.read(9), [{ n: 3 }, { n: 4 }, { n: 5 }])
  await cursor.close()
  const masked = client.query(new Cursor(CUSTOMERS))
  t.match((await masked.read(1))[0]?.email, /^a\*+@x\.test$/)
  await masked.close()
  const binary = await client.query({ text: CUSTOMERS, binary: true } as pg.QueryConfig)
  t.match(binary.rows[0], { id: 1, email: /^a\*+@x\.test$/ }, 'binary rows are masked alike')
  await copiesOut(t, world, async () => {
    const chunks: Buffer[] = []
    await pipeline(client.query(copyStreams.to('COPY customers TO STDOUT')), async (source) => {
      for await (const chunk of source) chunks.push(chunk as Buffer)
    })
    return Buffer.concat(chunks).toString()
  })
  const table = await world.table()
  const sink = client.query(copyStreams.from(`COPY ${table} FROM STDIN`))
  await pipeline(async function* () {
    yield '1\tone\n'
    yield '2\ttwo\n'
  }, sink)
  t.equal((await client.query(`SELECT note FROM ${table} WHERE id = 2`)).rows[0].note, 'two')
}

async function postgresJsWays(t: Test, world: PostgresWorld): Promise<void> {
  const sql = connectPostgresJs(world, { tls: true })
  t.teardown(() => sql.end({ timeout: 5 }))
  const seen: number[] = []
  for await (const rows of sql`SELECT n FROM generate_series(1, 5) AS n`.cursor(2)) {
    seen.push(...rows.map(({ n }) => n as number))
  }
  t.same(seen, [1, 2, 3, 4, 5], 'a cursor reads all in portions')
  const piped = await Promise.all([1, 2, 3, 4].map((n) => sql`SELECT ${n}::int AS n`))
  t.same(
    piped.map(([row]) => row?.n),
    [1, 2, 3, 4],
    'a pipeline is answered in order',
  )
  const table = await world.table()
  const failed = sql.begin(async (inside) => {
    await inside`INSERT INTO ${inside(table)} VALUES (1, 'one')`
    await inside`SELECT 1/0`
  })
  await t.rejects(failed, { code: '22012' })
  await sql.begin((inside) => inside`INSERT INTO ${inside(table)} VALUES (2, 'two')`)
  t.same(await sql`SELECT id FROM ${sql(table)}`, [{ id: 2 }], 'one rolled back, one committed')
  t.same(await sql`SELECT ARRAY[1, 2] AS list`, [{ list: [1, 2] }], 'array types are known')
  await copiesOut(t, world, async () => {
    const chunks: Buffer[] = []
    for await (const chunk of await sql`COPY customers TO STDOUT`.readable()) chunks.push(chunk)
    return Buffer.concat(chunks).toString()
  })
  const writable = await sql`COPY ${sql(table)} FROM STDIN`.writable()
  await pipeline(async function* () {
    yield '3\tthree\n'
  }, writable)
  t.same(await sql`SELECT note FROM ${sql(table)} WHERE id = 3`, [{ note: 'three' }])
}

/** An export waits for a signature, and comes out masked. */
async function copiesOut(
  t: Test,
  world: PostgresWorld,
  copy: () => Promise<string>,
): Promise<void> {
  const copied = copy()
  const request = await world.waiting('COPY customers')
  t.same(request.effects.includes('export'), true)
  await world.proxy.approve(request.id)
  const lines = (await copied).trimEnd().split('\n')
  t.equal(lines.length, 2)
  t.match(lines[0], /^1\tAda\ta\*+@x\.test\t/)
  t.notMatch(lines.join(), /marsh|5008/)
}
