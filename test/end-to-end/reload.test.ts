import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { startCountersign } from '../support/countersign.ts'
import { denyAll } from '../support/e2e-client.ts'
import { edit, rule, write } from '../support/e2e-config.ts'
import {
  type AgentClient,
  codeOf,
  connectAgent,
  errorFrom,
  ONE_SIDE_EACH,
  type Side,
} from '../support/e2e-sides.ts'

for (const side of ONE_SIDE_EACH) {
  t.test(`${side.name}: a configuration that is edited while sessions are open`, (t) =>
    edited(t, side),
  )
}

async function edited(t: Test, side: Side): Promise<void> {
  const db = await side.start(t)
  if (!db) return
  const mysql = side.system === 'mysql'
  const customers = mysql ? 'shop.customers' : 'public.customers'
  const proxy = await startCountersign(t, {
    upstream: db.upstream,
    // biome-ignore lint/suspicious/noTemplateCurlyInString: a reference of the configuration
    config: { masks: { 'pii.email': '${file:./mask.txt}', pii: 'redact' } },
    files: { 'mask.txt': 'partial' },
  })
  t.afterEach(() => denyAll(proxy))
  const connect = (t: Test) => connectAgent(t, side, proxy)
  const emailSeen = async (client: AgentClient) =>
    (await client.query('SELECT email FROM customers WHERE id = 1'))[0]?.email

  t.test('classes and masks hold from the next statement on', async (t) => {
    const client = await connect(t)
    t.match(await emailSeen(client), /^a\*+@x\.test$/)
    await edit(proxy, ({ databases }) => {
      delete databases.shop.classified[`${customers}.email`]
      databases.shop.classified[`${customers}.name`] = 'pii.name'
    })
    t.equal(await emailSeen(client), 'ada.marsh@x.test')
    const [row] = await client.query('SELECT name FROM customers WHERE id = 1')
    t.not(row?.name, 'Ada')
    await edit(proxy, ({ databases }) => {
      delete databases.shop.classified[`${customers}.name`]
      databases.shop.classified[`${customers}.email`] = 'pii.email'
    })
    t.match(await emailSeen(client), /^a\*+@x\.test$/)
  })

  t.test('a statement that was prepared before is judged by the rules of now', async (t) => {
    const client = await connect(t)
    const run = () => client.query('INSERT INTO scratch VALUES (1, ?)', ['x'])
    t.equal(await codeOf(run()), 'done')
    await edit(proxy, (config) => {
      config.rules = [rule('frozen', { effect: 'write' }, { deny: 'the books are closed' })]
    })
    t.match(await errorFrom(run()), { code: '42501', message: /books are closed/ })
    t.equal(await codeOf(client.query('SELECT 1')), 'done', 'and the session lives')
    await edit(proxy, (config) => {
      delete config.rules
    })
    t.equal(await codeOf(run()), 'done')
  })

  t.test('a bad edit is kept out, said and recorded', async (t) => {
    const good = readFileSync(proxy.configPath, 'utf8')
    const client = await connect(t)
    for (const bad of [
      `${good}\nno_such_key: 1\n`,
      'databases: [',
      good.replace('pii: redact', 'pii: blur'),
      '',
    ]) {
      t.match(await write(proxy, bad), /stays as it was/)
      t.match(await emailSeen(client), /^a\*+@x\.test$/, 'the old one stays in force')
    }
    t.match(await write(proxy, `${good}\n# edited\n`), /has been reloaded/)
    const problems = proxy
      .records()
      .filter(({ type }) => type === 'config.reloaded')
      .map((record) => (record.problems as string[]).length)
    t.ok(problems.some((count) => count > 0))
    t.equal((await fetch(`${proxy.control}/healthz`)).status, 200)
  })

  t.test('SIGHUP reads what the configuration refers to again', async (t) => {
    const client = await connect(t)
    writeFileSync(join(proxy.folder, 'mask.txt'), 'null')
    const from = proxy.stderr.length
    process.kill(proxy.pid, 'SIGHUP')
    await proxy.said(/has been reloaded/, from)
    t.equal(await emailSeen(client), null)
    writeFileSync(join(proxy.folder, 'mask.txt'), 'partial')
    const again = proxy.stderr.length
    process.kill(proxy.pid, 'SIGHUP')
    await proxy.said(/has been reloaded/, again)
    t.match(await emailSeen(client), /^a\*+@x\.test$/)
  })

  t.test('what was signed under other rules does not run', async (t) => {
    const client = await connect(t)
    const dropped = errorFrom(client.query('DROP TABLE scratch'))
    const { id } = await proxy.pending(({ statement }) => statement === 'DROP TABLE scratch')
    await edit(proxy, (config) => {
      config.rules = [rule('no-ddl', { effect: 'ddl' }, { deny: 'no more changes' })]
    })
    await proxy.decide(id, 'approve')
    t.match(await dropped, { code: '42501', message: /no more changes/ })
    t.equal(await db.exists('scratch'), true)
    await edit(proxy, (config) => {
      config.rules = [
        rule('by-two', { effect: 'ddl' }, { approve: { by: ['approvers', 'owner'], count: 2 } }),
      ]
      config.people['cy@example.com'] = { groups: ['owner'] }
    })
    const again = codeOf(client.query('DROP TABLE scratch'))
    const second = await proxy.pending(({ statement }) => statement === 'DROP TABLE scratch')
    await proxy.approve(second.id)
    t.match(await proxy.request(second.id), { state: 'pending' }, 'one of two')
    await proxy.decide(second.id, 'deny')
    t.equal(await again, '42501')
    await edit(proxy, (config) => {
      delete config.rules
    })
  })

  t.test('a new password ends what came in by the old one, which opens nothing', async (t) => {
    const client = await connect(t)
    const old = proxy.password
    const { password } = await proxy.command(
      ...['agent', 'add', 'bot', '--owner', 'ana@example.com', '--database', 'shop'],
    )
    t.match(await client.ended, mysql ? /^(08S01|lost)$/ : '57P01')
    t.equal(await codeOf(connect(t)), mysql ? '28000' : '28P01')
    proxy.useAgentPassword(String(password))
    t.equal(await codeOf(connect(t)), 'done')
    t.not(old, proxy.password)
  })

  t.test('an agent that is struck off loses its session, and what it waits for', async (t) => {
    const idle = await connect(t)
    const waiting = await connect(t)
    const dropped = codeOf(waiting.query('DROP TABLE scratch'))
    const { id } = await proxy.pending(({ statement }) => statement === 'DROP TABLE scratch')
    await edit(proxy, (config) => {
      config.agents = { other: { ...config.agents.bot, credential: './other.json' } }
    })
    t.match(await idle.ended, mysql ? /^(08S01|lost)$/ : '57P01')
    t.equal(await dropped, mysql ? '08S01' : '57P01')
    t.match(await proxy.settled(id), { state: 'withdrawn' })
    t.equal(await db.exists('scratch'), true)
    t.equal(await codeOf(connect(t)), mysql ? '28000' : '28P01')
  })
}
