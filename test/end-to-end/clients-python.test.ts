import { join } from 'node:path'
import t, { type Test } from 'tap'
import { startPostgresWorld } from '../support/clients-postgres-world.ts'
import { ClientProgram, PROGRAMS } from '../support/clients-program.ts'
import { needModule, PYTHON, waysOf } from '../support/clients-python.ts'
import { tellClientStory } from '../support/clients-story.ts'
import { endsInPeace } from '../support/clients-world.ts'

t.test('clients for Python', async (t) => {
  needModule('psycopg2', 'python3-psycopg2')
  needModule('psycopg', 'python3-psycopg')
  needModule('asyncpg', 'python3-asyncpg')
  const world = await startPostgresWorld(t)
  await world.db.query("CREATE TYPE mood AS ENUM ('sad', 'glad')")
  const libpq = new ClientProgram(t, world, [PYTHON, join(PROGRAMS, 'libpq_clients.py')])
  const asyncpg = new ClientProgram(t, world, [PYTHON, join(PROGRAMS, 'asyncpg_client.py')])
  await tellClientStory(t, world, libpq.driver('psycopg 2'))
  await tellClientStory(t, world, libpq.driver('psycopg 3'))
  await tellClientStory(t, world, libpq.driver('psycopg 3, binary'))
  await tellClientStory(t, world, asyncpg.driver('asyncpg'))
  await t.test('psycopg 2: its named cursors, copies and transactions', async (t) => {
    t.match(await waysOf(world, libpq, 'psycopg 2'), {
      'named cursor': /^1\|a\*+@x\.test;2\|b\*+@y\.test$/,
      copy: '2',
      transaction: '0',
    })
  })
  for (const driver of ['psycopg 3', 'psycopg 3, binary']) {
    await t.test(
      `${driver}: its pipelines, cursors, batches, copies and notifications`,
      async (t) => psycopg3Ways(t, await waysOf(world, libpq, driver)),
    )
  }
  await t.test('asyncpg: its cursors, batches, copies, types and time limits', async (t) => {
    t.match(await waysOf(world, asyncpg, 'asyncpg'), {
      value: '2',
      cursor: /^1\|a\*+@x\.test;2\|b\*+@y\.test$/,
      many: '20',
      copy: '2',
      types: "['sad', 'glad']",
      timeout: '6',
      reset: '7',
      notify: 'read all about it',
    })
  })
  await endsInPeace(t, world)
})

function psycopg3Ways(t: Test, ways: Readonly<Record<string, string>>): void {
  t.match(ways, {
    pipeline: /^Ada;1\|a\*+@x\.test;2\|b\*+@y\.test;third$/,
    'failed pipeline': '22012 then 7',
    'server cursor': /^1\|a\*+@x\.test;2\|b\*+@y\.test$/,
    many: '20',
    copy: '1',
    notify: 'read all about it',
  })
}
