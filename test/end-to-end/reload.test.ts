import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { parse, stringify } from 'yaml'
import { type Countersign, startCountersign } from '../support/countersign.ts'
import { codeOf, connect, denyAll, errorFrom, exists } from '../support/e2e-client.ts'
import { startPostgres } from '../support/postgres.ts'
import { SHOP } from '../support/shop.ts'

// biome-ignore lint/suspicious/noExplicitAny: a configuration as a person edits it
type Edited = any

/** Writes the edited configuration and resolves when the proxy has said what it makes of it. */
async function edit(proxy: Countersign, change: (config: Edited) => void): Promise<string> {
  const config = parse(readFileSync(proxy.configPath, 'utf8'))
  change(config)
  return write(proxy, stringify(config))
}

async function write(proxy: Countersign, text: string): Promise<string> {
  const from = proxy.stderr.length
  writeFileSync(proxy.configPath, text)
  await proxy.said(/has been reloaded|stays as it was/, from)
  return proxy.stderr.slice(from)
}

const rule = (name: string, when: object, action: object) => ({
  name,
  when,
  // biome-ignore lint/suspicious/noThenProperty: the configuration's own key
  then: action,
})

t.test('a configuration that is edited while sessions are open', async (t) => {
  const db = await startPostgres(t, { schema: SHOP })
  const proxy = await startCountersign(t, {
    upstream: db.superuserUrl,
    // biome-ignore lint/suspicious/noTemplateCurlyInString: a reference of the configuration
    config: { masks: { 'pii.email': '${file:./mask.txt}', pii: 'redact' } },
    files: { 'mask.txt': 'partial' },
  })
  t.afterEach(() => denyAll(proxy))
  const emailSeen = async (t: Test, client = connect(t, proxy)) =>
    (await (await client).query('SELECT email FROM customers WHERE id = 1')).rows[0].email

  t.test('classes and masks hold from the next statement on', async (t) => {
    const client = connect(t, proxy)
    t.match(await emailSeen(t, client), /^a\*+@x\.test$/)
    await edit(proxy, ({ databases }) => {
      delete databases.shop.classified['public.customers.email']
      databases.shop.classified['public.customers.name'] = 'pii.name'
    })
    t.equal(await emailSeen(t, client), 'ada.marsh@x.test')
    const { rows } = await (await client).query('SELECT name FROM customers WHERE id = 1')
    t.not(rows[0].name, 'Ada')
    await edit(proxy, ({ databases }) => {
      delete databases.shop.classified['public.customers.name']
      databases.shop.classified['public.customers.email'] = 'pii.email'
    })
    t.match(await emailSeen(t, client), /^a\*+@x\.test$/)
  })

  t.test('a statement that was prepared before is judged by the rules of now', async (t) => {
    const client = await connect(t, proxy)
    const query = { name: 'kept', text: "INSERT INTO scratch VALUES (1, 'x')" }
    t.equal(await codeOf(client.query(query)), 'done')
    await edit(proxy, (config) => {
      config.rules = [rule('frozen', { effect: 'write' }, { deny: 'the books are closed' })]
    })
    t.match(await errorFrom(client.query(query)), { code: '42501', message: /books are closed/ })
    t.equal(await codeOf(client.query('SELECT 1')), 'done', 'and the session lives')
    await edit(proxy, (config) => {
      delete config.rules
    })
    t.equal(await codeOf(client.query(query)), 'done')
  })

  t.test('a bad edit is kept out, said and recorded', async (t) => {
    const good = readFileSync(proxy.configPath, 'utf8')
    const client = connect(t, proxy)
    for (const bad of [
      `${good}\nno_such_key: 1\n`,
      'databases: [',
      good.replace('pii: redact', 'pii: blur'),
      '',
    ]) {
      t.match(await write(proxy, bad), /stays as it was/)
      t.match(await emailSeen(t, client), /^a\*+@x\.test$/, 'the old one stays in force')
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
    const client = connect(t, proxy)
    writeFileSync(join(proxy.folder, 'mask.txt'), 'null')
    const from = proxy.stderr.length
    process.kill(proxy.pid, 'SIGHUP')
    await proxy.said(/has been reloaded/, from)
    t.equal(await emailSeen(t, client), null)
    writeFileSync(join(proxy.folder, 'mask.txt'), 'partial')
    const again = proxy.stderr.length
    process.kill(proxy.pid, 'SIGHUP')
    await proxy.said(/has been reloaded/, again)
    t.match(await emailSeen(t, client), /^a\*+@x\.test$/)
  })

  t.test('what was signed under other rules does not run', async (t) => {
    const client = await connect(t, proxy)
    const dropped = errorFrom(client.query('DROP TABLE scratch'))
    const { id } = await proxy.pending(({ statement }) => statement === 'DROP TABLE scratch')
    await edit(proxy, (config) => {
      config.rules = [rule('no-ddl', { effect: 'ddl' }, { deny: 'no more changes' })]
    })
    await proxy.decide(id, 'approve')
    t.match(await dropped, { code: '42501', message: /no more changes/ })
    t.equal(await exists(db, 'scratch'), true)
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

  t.test('a new password ends nothing, and the old one opens nothing', async (t) => {
    const client = await connect(t, proxy)
    const old = proxy.url
    const { password } = await proxy.command(
      ...['agent', 'add', 'bot', '--owner', 'ana@example.com', '--database', 'shop'],
    )
    t.equal(await codeOf(client.query('SELECT 1')), 'done')
    t.equal(await codeOf(connect(t, proxy, { connectionString: old })), '28P01')
    const fresh = old.replace(proxy.password, String(password))
    t.equal(await codeOf(connect(t, proxy, { connectionString: fresh })), 'done')
    proxy.useAgentPassword(String(password))
  })

  t.test('an agent that is struck off loses its session, and what it waits for', async (t) => {
    const idle = await connect(t, proxy)
    const ended = new Promise<string | undefined>((resolve) =>
      idle.once('error', (error: { code?: string }) => resolve(error.code)),
    )
    const waiting = await connect(t, proxy)
    const dropped = codeOf(waiting.query('DROP TABLE scratch'))
    const { id } = await proxy.pending(({ statement }) => statement === 'DROP TABLE scratch')
    await edit(proxy, (config) => {
      config.agents = { other: { ...config.agents.bot, credential: './other.json' } }
    })
    t.equal(await ended, '57P01')
    t.equal(await dropped, '57P01')
    t.match(await proxy.settled(id), { state: 'withdrawn' })
    t.equal(await exists(db, 'scratch'), true)
    t.equal(await codeOf(connect(t, proxy)), '28P01')
  })
})
