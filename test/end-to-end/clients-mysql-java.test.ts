import t from 'tap'
import { rowsOf } from '../support/clients-driver.ts'
import { compiledJava } from '../support/clients-java.ts'
import { startMysqlWorld } from '../support/clients-mysql-world.ts'
import { ClientProgram } from '../support/clients-program.ts'
import { tellClientStory } from '../support/clients-story.ts'
import { endsInPeace } from '../support/clients-world.ts'

const CLIENT = {
  name: 'MariadbJdbcClient',
  driver: '/usr/share/java/mariadb-java-client.jar',
  debianPackage: 'libmariadb-java',
}

t.test("MariaDB's JDBC driver", async (t) => {
  const command = compiledJava(t, CLIENT)
  const world = await startMysqlWorld(t)
  if (!world) return
  const java = new ClientProgram(t, world, command)
  await tellClientStory(t, world, java.driver('JDBC'))
  await t.test('several statements, portions, batches, time limits and the rest', async (t) => {
    await java.ask('open', 'ways', 'JDBC', 'tls', '')
    const lines = rowsOf(await java.ask('ways', 'ways')).split('\n')
    t.match(Object.fromEntries(lines.map((line) => line.split(': '))), {
      valid: 'true',
      'several statements': /^1,a\*+@x\.test,3$/,
      portions: /^1\|a\*+@x\.test;2\|b\*+@y\.test$/,
      batch: '20',
      generated: 'known',
      'time limit': /^70100 then 6$/,
      savepoint: 'kept',
      metadata: '3',
    })
  })
  await endsInPeace(t, world)
})
