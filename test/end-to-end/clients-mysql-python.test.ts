import { join } from 'node:path'
import t from 'tap'
import { startMysqlWorld } from '../support/clients-mysql-world.ts'
import { ClientProgram, PROGRAMS } from '../support/clients-program.ts'
import { needModule, PYTHON, waysOf } from '../support/clients-python.ts'
import { tellClientStory } from '../support/clients-story.ts'
import { endsInPeace } from '../support/clients-world.ts'

for (const flavour of ['mariadb', 'mysql'] as const) {
  t.test(`clients for Python, ${flavour}`, async (t) => {
    needModule('pymysql', 'python3-pymysql')
    needModule('MySQLdb', 'python3-mysqldb')
    const world = await startMysqlWorld(t, flavour)
    if (!world) return
    const program = new ClientProgram(t, world, [PYTHON, join(PROGRAMS, 'mysql_clients.py')])
    for (const driver of ['PyMySQL', 'mysqlclient']) {
      await tellClientStory(t, world, program.driver(driver))
      await t.test(`${driver}: its streams, batches, transactions and other ways`, async (t) => {
        t.match(await waysOf(world, program, driver), {
          streamed: /^1\|a\*+@x\.test;2\|b\*+@y\.test$/,
          many: '20',
          transaction: '0',
          several: /^1,a\*+@x\.test,3$/,
          // Lineage isn't followed through EXECUTE, so it may be masked whole.
          prepared: /^(a\*+@x\.test|\[redacted\])$/,
          ping: '7',
          killed: 'gone',
        })
      })
    }
    await endsInPeace(t, world)
  })
}
