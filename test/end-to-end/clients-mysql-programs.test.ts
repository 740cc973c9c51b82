import { copyFileSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import t, { type Test } from 'tap'
import { parse } from 'yaml'
import {
  type CommandLine,
  commandLine,
  connecting,
  type Finished,
  runCommandLine,
} from '../support/clients-mysql-cli.ts'
import { type MysqlWorld, startMysqlWorld } from '../support/clients-mysql-world.ts'
import { programOf } from '../support/clients-program.ts'
import { tellClientStory } from '../support/clients-story.ts'
import { endsInPeace } from '../support/clients-world.ts'
import { mysqlProgram } from '../support/mysql.ts'

/** What an agent that may do anything needs: no signature, yet masks and records. */
const ALLOWED = { rules: parse('[{ name: anything, when: {}, then: allow }]') }
const SECRETS = /marsh|larsen|5008|5553/

const DEBIAN_CLIENT: CommandLine = {
  family: 'mariadb',
  program: programOf('mariadb', 'mariadb-client-core'),
}
const DEBIAN_DUMP: CommandLine = {
  family: 'mariadb',
  program: programOf('mariadb-dump', 'mariadb-client'),
}
const SYSBENCH: CommandLine = { family: 'mariadb', program: programOf('sysbench', 'sysbench') }

t.test('command lines and dumps, mariadb', async (t) => {
  const world = await startMysqlWorld(t, 'mariadb')
  if (!world) return
  await tellClientStory(t, world, commandLine(world, DEBIAN_CLIENT, 'the command line of MariaDB'))
  const newer = mysqlProgram('mariadb', 'mariadb')
  if (newer) {
    const which: CommandLine = { family: 'mariadb', program: newer }
    await tellClientStory(t, world, commandLine(world, which, 'the same, 11.8'))
  }
  await t.test('mariadb-dump', (t) => dumps(t, world, DEBIAN_DUMP, ['--single-transaction']))
  await endsInPeace(t, world)
})

t.test('command lines and dumps, mysql', async (t) => {
  const world = await startMysqlWorld(t, 'mysql')
  const client = mysqlProgram('mysql', 'mysql')
  const dump = mysqlProgram('mysql', 'mysqldump')
  if (!world || !client || !dump) return
  const which: CommandLine = { family: 'mysql', program: client }
  await tellClientStory(t, world, commandLine(world, which, 'the command line of MySQL'))
  await tellClientStory(t, world, commandLine(world, DEBIAN_CLIENT, "MariaDB's"))
  await t.test('mysqldump', (t) => dumps(t, world, { family: 'mysql', program: dump }, []))
  await endsInPeace(t, world)
})

t.test('with a rule that allows it nothing waits', async (t) => {
  const world = await startMysqlWorld(t, 'mariadb', ALLOWED)
  if (!world) return
  await t.test('mariadb-dump', async (t) => {
    const { args, env } = connecting(world, 'mariadb', { tls: true })
    const through = await runCommandLine(DEBIAN_DUMP, [...args, 'shop'], { env })
    isTheDump(t, through, await directly(world, DEBIAN_DUMP))
  })
  for (const tls of [false, true]) {
    await t.test(`sysbench, ${tls ? 'TLS' : 'without TLS'}`, (t) => benches(t, world, tls))
  }
  t.same(await world.proxy.requests(), [])
  await endsInPeace(t, world)
})

async function dumps(
  t: Test,
  world: MysqlWorld,
  dump: CommandLine,
  how: readonly string[],
): Promise<void> {
  const expected = await directly(world, dump)
  const hasty = connecting(world, dump.family, { tls: true, hold: '0' })
  for (const more of [[], ['--single-transaction'], ['--skip-lock-tables', '--no-tablespaces']]) {
    const refused = await runCommandLine(dump, [...hasty.args, ...more, 'shop'], { env: hasty.env })
    t.not(refused.code, 0, 'without a signature nothing is dumped')
    t.not((await world.proxy.requests()).length, 0, 'a person has been asked')
    t.notMatch(refused.out, /INSERT INTO/)
  }
  const { args, env } = connecting(world, dump.family, { tls: true })
  const approver = world.approveAll()
  const dumped = await runCommandLine(dump, [...args, ...how, 'shop'], { env })
  const statements = await approver.stop()
  t.not(statements.length, 0, 'somebody has signed')
  isTheDump(t, dumped, expected)
}

/** What the program makes past the proxy, as the database's own user. */
async function directly(world: MysqlWorld, dump: CommandLine): Promise<string> {
  const { port, username, password } = world.direct
  const off = dump.family === 'mysql' ? '--get-server-public-key' : '--skip-ssl'
  const args = ['--no-defaults', '--host=127.0.0.1', `--port=${port}`, `--user=${username}`, off]
  const env = { ...process.env, MYSQL_PWD: password }
  const { code, out, err } = await runCommandLine(dump, [...args, 'shop'], { env })
  if (code !== 0) throw new Error(err)
  return out
}

/** Line by line the same, but for masked values and the time at which it was made. */
function isTheDump(t: Test, { code, out, err }: Finished, expected: string): void {
  t.equal(code, 0, err)
  t.notMatch(out, SECRETS)
  const masked = expected
    .replace(/'ada\.marsh@x\.test','[-\d]+'/, "'a***@x.test','[redacted]'")
    .replace(/'bo\.larsen@y\.test','[-\d]+'/, "'b***@y.test','[redacted]'")
  t.same(lasting(out), lasting(masked))
}

function lasting(dump: string): readonly string[] {
  return dump.split('\n').filter((line) => !/^-- (Dump completed|Host)|GTID_PURGED/.test(line))
}

async function benches(t: Test, world: MysqlWorld, tls: boolean): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'csgn-sysbench-'))
  t.teardown(() => rmSync(folder, { recursive: true, force: true }))
  // The names of these files can't be told to it, and it wants a certificate of its own.
  copyFileSync(world.certificate, join(folder, 'cacert.pem'))
  copyFileSync(world.certificate, join(folder, 'client-cert.pem'))
  copyFileSync(join(dirname(world.certificate), 'server.key'), join(folder, 'client-key.pem'))
  const { user, password } = world.login(undefined)
  const where = ['--mysql-host=127.0.0.1', `--mysql-port=${world.proxy.port}`, '--mysql-db=shop']
  const who = [`--mysql-user=${user}`, `--mysql-password=${password}`]
  const size = ['--tables=2', '--table-size=500', '--threads=2', '--events=40', '--time=0']
  const args = ['oltp_read_write', '--db-driver=mysql', ...where, ...who, ...size]
  for (const step of ['prepare', 'run', 'cleanup']) {
    const ran = await runCommandLine(
      SYSBENCH,
      [...args, `--mysql-ssl=${tls ? 'on' : 'off'}`, step],
      {
        env: process.env,
        cwd: folder,
      },
    )
    t.equal(ran.code, 0, ran.out + ran.err)
    if (step === 'run') t.match(ran.out, /transactions: +40 /)
  }
}
