import { spawnSync } from 'node:child_process'
import { existsSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { delimiter, join } from 'node:path'
import t, { type Test } from 'tap'
import { rowsOf } from '../support/clients-driver.ts'
import { startPostgresWorld } from '../support/clients-postgres-world.ts'
import { ClientProgram, PROGRAMS, programOf } from '../support/clients-program.ts'
import { tellClientStory } from '../support/clients-story.ts'
import { endsInPeace } from '../support/clients-world.ts'

const DRIVER = '/usr/share/java/postgresql.jar'

t.test('the JDBC driver', async (t) => {
  const command = compiled(t)
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

/** Compiles the client into a folder that ends with the test, and says how to run it. */
function compiled(t: Test): [string, ...string[]] {
  const javac = programOf('javac', 'default-jdk-headless')
  const java = programOf('java', 'default-jdk-headless')
  if (!existsSync(DRIVER)) {
    throw new Error(`${DRIVER} is missing: install the Debian package libpostgresql-jdbc-java`)
  }
  const folder = mkdtempSync(join(tmpdir(), 'csgn-java-'))
  t.teardown(() => rmSync(folder, { recursive: true, force: true }))
  const source = join(PROGRAMS, 'JdbcClient.java')
  const { status, stderr } = spawnSync(javac, ['-cp', DRIVER, '-d', folder, source])
  if (status !== 0) throw new Error(`javac: ${stderr}`)
  const classes = ['-cp', [folder, DRIVER].join(delimiter)]
  return [java, '-XX:TieredStopAtLevel=1', '-Xshare:auto', ...classes, 'JdbcClient']
}
