import { existsSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { check } from '../../../src/cli/check.ts'
import { isFree } from '../../../src/cli/demo/free-port.ts'
import { mysqlOfMachine } from '../../../src/cli/demo/mysql-binaries.ts'
import { prepareDemo } from '../../../src/cli/demo/prepare-demo.ts'
import { type DemoParts, registerDemo } from '../../../src/cli/demo.ts'
import { readConfig } from '../../../src/config/config-file.ts'
import { connectMysqlClient } from '../../../src/config/mysql-upstream-client.ts'
import { parseUpstream } from '../../../src/config/upstream-url.ts'
import { Credentials } from '../../../src/identity/credentials.ts'
import { PersonTokens } from '../../../src/identity/person-tokens.ts'
import { systemClock } from '../../../src/lib/clock.ts'
import { withClient } from '../../support/postgres.ts'
import { runCommand } from '../command.ts'

/** Runs the demo until `use` is done with it; `use` stands in the place of the proxy. */
async function runDemo(folder: string, use: (configPath: string) => Promise<void>) {
  const stop = new AbortController()
  const events: string[] = []
  const parts: DemoParts = {
    signal: stop.signal,
    async startProxy(configPath) {
      events.push('proxy started')
      await use(configPath)
      stop.abort()
      return {
        postgres: '127.0.0.1:1',
        mysql: null,
        control: 'http://127.0.0.1:2',
        close: async () => void events.push('proxy closed'),
      }
    },
  }
  const ran = await runCommand(
    (program, io) => registerDemo(program, io, parts),
    ['demo', '--folder', folder],
  )
  return { ...ran, events }
}

async function configOf(t: Test, path: string) {
  const read = await readConfig({ path, env: {} })
  if (!read.ok) throw new Error(read.problems.join('\n'))
  t.same(read.warnings, [])
  t.same(read.config.unsupported, [])
  return read.config
}

async function seesBlog(t: Test, url: string): Promise<void> {
  const upstream = parseUpstream(url)
  if ('problem' in upstream) throw new Error(upstream.problem)
  const client = await connectMysqlClient(upstream)
  const [rows] = await client.query('SELECT count(*) AS n, min(email) AS email FROM users')
  t.match(rows, [{ email: /@example\.com/ }])
  await t.rejects(client.query('DROP TABLE posts'), { message: /denied/ })
  await t.rejects(client.query('SELECT * FROM mysql.user'), { message: /denied/ })
  await t.rejects(client.query(`SELECT 1 INTO OUTFILE '/tmp/x'`), { message: /FILE/ })
  await client.end()
}

t.test('makes a shop, says how to use it, and is there again the second time', async (t) => {
  const folder = join(t.testdir({}), 'demo')
  let upstream = ''
  const first = await runDemo(folder, async (configPath) => {
    const config = await configOf(t, configPath)
    upstream = config.databases.get('shop')?.upstream ?? ''
    await withClient(upstream, async (client) => {
      const { rows } = await client.query(`SELECT current_user, count(*)::int AS n,
        min(email) AS email, order_total(1) > 0 AS bought FROM customers`)
      t.match(rows, [{ current_user: 'app', n: 120, email: /@example\.com/, bought: true }])
      for (const table of ['orders', 'payments', 'employees', 'tickets', 'order_overview']) {
        t.ok((await client.query(`SELECT FROM ${table}`)).rowCount, table)
      }
      await t.rejects(client.query('DROP TABLE tickets'), { code: '42501' })
      await t.rejects(client.query('CREATE TABLE x ()'), { code: '42501' })
      await t.rejects(client.query('UPDATE employees SET salary = 0'), { code: '42501' })
      await t.rejects(client.query(`COPY orders TO '/tmp/x'`), { code: '42501' })
    })
    if (mysqlOfMachine()) await seesBlog(t, config.databases.get('blog')?.upstream ?? '')
    t.same(await check(configPath, {}, systemClock), { problems: [], warnings: [] })
    const credential = config.agents.get('demo-agent')?.credential ?? ''
    t.ok(new Credentials().find('demo-agent', credential))
    t.match(config.agents.get('demo-agent')?.owners, ['bo@example.com'])
  })
  t.match(first, { code: 0, events: ['proxy started', 'proxy closed'] })
  t.match(first.out, /^postgres {2}postgres:\/\/demo-agent:.{32}@127\.0\.0\.1:1\/shop\n/)
  t.match(first.out, /SELECT name, email.*\n.*UPDATE orders/)
  const parsed = parseUpstream(upstream)
  t.ok('port' in parsed && (await isFree(parsed.port)), 'the database has gone with it')

  const token = join(folder, 'secrets', 'ana.token')
  const data = join(folder, 'countersign-data')
  const person = new PersonTokens({ data, clock: systemClock }).authenticate(
    readFileSync(token, 'utf8'),
  )
  t.equal(person, 'ana@example.com')
  t.match(first.out, token)
  const secret = readFileSync(token, 'utf8')
  t.match(first.out, `\ninbox  http://127.0.0.1:2/#${secret}\n`)
  for (const file of ['ana.token', 'app-password', 'demo-agent-password']) {
    t.equal(statSync(join(folder, 'secrets', file)).mode & 0o777, 0o600, file)
  }

  const config = join(folder, 'countersign.yaml')
  writeFileSync(config, `${readFileSync(config, 'utf8')}\n# edited\n`)
  const began = performance.now()
  const second = await runDemo(folder, async () => {})
  t.ok(performance.now() - began < 10_000)
  t.match(second, { code: 0, err: 'stopping\n' })
  t.equal(second.out, first.out, 'the same secrets')
  t.match(readFileSync(config, 'utf8'), /# edited/)
})

t.test('takes other ports where its own are in use', async (t) => {
  const busy = createServer()
  const mine = await new Promise<boolean>((resolve) => {
    busy.once('error', () => resolve(false))
    busy.listen(6432, '127.0.0.1', () => resolve(true))
  })
  t.teardown(() => mine && busy.close())
  await runDemo(join(t.testdir({}), 'demo'), async (configPath) => {
    const { listen } = await configOf(t, configPath)
    t.not(listen.postgres?.port, 6432)
    t.ok(listen.postgres && listen.postgres.port < 32_768)
  })
})

t.test('leaves nothing running when the proxy does not start', async (t) => {
  const folder = join(t.testdir({}), 'demo')
  let port = 0
  const ran = await runDemo(folder, async (configPath) => {
    const parsed = parseUpstream(
      (await configOf(t, configPath)).databases.get('shop')?.upstream ?? '',
    )
    port = 'port' in parsed ? parsed.port : 0
    throw new Error('no proxy today')
  })
  t.match(ran, { code: 1, err: /no proxy today\n$/ })
  t.ok(await isFree(port))

  const none = await runCommand(
    (program, io) =>
      registerDemo(program, io, {
        startProxy: () => Promise.reject(),
        signal: new AbortController().signal,
      }),
    ['demo', '--folder', folder, '--postgres-bin', join(folder, 'nothing')],
  )
  t.match(none, { code: 1, err: /holds no PostgreSQL that runs here/ })
  t.ok(existsSync(folder))
})

t.test('says what to do where the server of its configuration has gone', async (t) => {
  const folder = t.testdir({ 'countersign.yaml': '# file:./ports/mysql-database' })
  const options = { folder, postgresBin: null, mysql: null, clock: systemClock, progress() {} }
  await t.rejects(prepareDemo(options), { message: /no MySQL or MariaDB server any more: install/ })
})
