import t from 'tap'
import { rowsOf } from '../support/clients-driver.ts'
import { compiledGo } from '../support/clients-go.ts'
import { startMysqlWorld } from '../support/clients-mysql-world.ts'
import { ClientProgram } from '../support/clients-program.ts'
import { tellClientStory } from '../support/clients-story.ts'
import { endsInPeace } from '../support/clients-world.ts'

t.test('go-sql-driver', async (t) => {
  const command = compiledGo(t, 'go-mysql')
  const world = await startMysqlWorld(t)
  if (!world) return
  const go = new ClientProgram(t, world, command)
  await tellClientStory(t, world, go.driver('go-sql-driver'))
  await t.test('transactions and counts', async (t) => {
    await go.ask('open', 'ways', 'go-sql-driver', 'tls', '')
    const lines = rowsOf(await go.ask('ways', 'ways')).split('\n')
    t.same(Object.fromEntries(lines.map((line) => line.split(': '))), {
      'rolled back': '0',
      changed: '2',
      alive: '<nil>',
    })
    await go.ask('close', 'ways')
  })
  await endsInPeace(t, world)
})
