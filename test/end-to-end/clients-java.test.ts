import t from 'tap'
import { rowsOf } from '../support/clients-driver.ts'
import { compiledJava } from '../support/clients-java.ts'
import { startPostgresWorld } from '../support/clients-postgres-world.ts'
import { ClientProgram } from '../support/clients-program.ts'
import { tellClientStory } from '../support/clients-story.ts'
import { endsInPeace } from '../support/clients-world.ts'

const CLIENT = {
  name: 'JdbcClient',
  driver: '/usr/share/java/postgresql.jar',
  debianPackage: 'libpostgresql-jdbc-java',
}

t.test('the JDBC driver', async (t) => {
  const command = compiledJava(t, CLIENT)
  const world = await startPostgresWorld(t)
  const java = new ClientProgram(t, world, command)
  await tellClientStory(t, world, java.driver('JDBC'))
  await t.test('portions, batches, prepared statements, time limits and the rest', async (t) => {
    await java.ask('open', 'ways', 'JDBC', 'tls', '')
    const lines = rowsOf(await java.ask('ways', 'ways')).split('\n')
    t.match(Object.fromEntries(lines.map((line) => line.split(': '))), {
      valid: 'true',
      'several statements': /^1,a\*+@x\.test,3$/,
      portions: /^1\|a\*+@x\.test;2\|b\*+@y\.test$/,
      often: /^1\|a\*+@x\.test\|t\|1\.5$/,
      batch: '20',
      generated: 'known',
      'time limit': '57014 then 6',
      savepoint: '1',
      copy: '2',
      metadata: '3',
      notify: 'read all about it',
    })
  })
  await endsInPeace(t, world)
})
