import t, { type Test } from 'tap'
import { type Countersign, startCountersign } from '../support/countersign.ts'
import { edit, rule } from '../support/e2e-config.ts'
import {
  type AgentClient,
  codeOf,
  connectAgent,
  ONE_SIDE_EACH,
  type Side,
  type SideServer,
} from '../support/e2e-sides.ts'

for (const side of ONE_SIDE_EACH) {
  t.test(`${side.name}: where classes come from`, (t) => classes(t, side))
}

/** A national id of the shop, which nothing may show. */
const SSN = '966-34-5008'
const EMAIL = 'ada.marsh@x.test'

async function classes(t: Test, side: Side): Promise<void> {
  const db = await side.start(t)
  if (!db) return
  const schema = side.system === 'mysql' ? 'shop' : 'public'
  const proxy = await startCountersign(t, {
    upstream: db.upstream,
    database: { classified: { [`${schema}.customers.ssn`]: 'pii.national-id' }, strict: true },
  })
  const connect = (t: Test) => connectAgent(t, side, proxy, { hold: '300ms' })
  const shown = async (client: AgentClient, column: string, from = 'customers') =>
    (await client.query(`SELECT ${column} FROM ${from} WHERE id = 1`))[0]?.[column.toLowerCase()]

  await t.test(
    'a comment is noticed where nothing was classified and all is allowed',
    async (t) => {
      const open = await startCountersign(t, {
        upstream: db.upstream,
        database: { classified: {} },
        config: { rules: [rule('all', {}, 'allow')] },
        like: proxy,
      })
      const client = await connectAgent(t, side, open)
      const read = () => client.query('SELECT note FROM scratch WHERE id = ?', [7])
      await db.run(`INSERT INTO scratch VALUES (7, '${SSN}')`)
      t.equal((await read())[0]?.note, SSN)
      await db.run(
        side.system === 'mysql'
          ? "ALTER TABLE scratch MODIFY note text COMMENT '@pii.national-id'"
          : "COMMENT ON COLUMN scratch.note IS '@pii.national-id'",
      )
      await until(db, side, async () => (await read())[0]?.note !== SSN)
      t.notMatch(JSON.stringify(await client.query('SELECT upper(note) FROM scratch')), SSN)
    },
  )

  await t.test('a comment from elsewhere is noticed, in sessions that are open too', async (t) => {
    const client = await connect(t)
    t.equal(await shown(client, 'email'), EMAIL)
    await db.run(commentOn(side, '@pii.email'))
    await until(db, side, async () => (await shown(client, 'email')) !== EMAIL)
    t.match(await shown(client, 'email'), /^a\*+@x\.test$/, 'by the mask of its class')
    t.not(await shown(client, 'loud', 'contacts'), EMAIL.toUpperCase(), 'through a view')
  })

  await t.test('changing a comment is a schema change, which waits for a person', async (t) => {
    const client = await connect(t)
    t.not(await codeOf(client.query(commentOn(side, null))), 'done')
    const [request] = await proxy.requests()
    t.same(request?.effects?.map(effectOf), ['ddl'])
    await proxy.decide(request?.id ?? '', 'deny')
  })

  await edit(proxy, (config) => {
    config.rules = [rule('migrations', { effect: ['ddl', 'write', 'opaque'] }, 'allow')]
  })

  await t.test('who may change comments does not see more for it', async (t) => {
    const client = await connect(t)
    await client.query(commentOn(side, null))
    t.match(await shown(client, 'email'), /^a\*+@x\.test$/, 'taken away')
    await client.query(commentOn(side, '@some.other'))
    t.notMatch(await shown(client, 'email'), /x\.test/, 'another class beside it: masked whole')
    await client.query('ALTER TABLE customers RENAME COLUMN email TO reach')
    t.notMatch(await shown(client, 'reach'), /x\.test/, 'under another name')
    await client.query('ALTER TABLE customers RENAME COLUMN reach TO email')
    t.notMatch(await shown(client, 'email'), /x\.test/)
  })

  await t.test('a new column is masked from the next statement on, and named', async (t) => {
    const client = await connect(t)
    const from = proxy.stderr.length
    await client.query('ALTER TABLE customers ADD COLUMN fax varchar(40)')
    await db.run('UPDATE customers SET fax = ssn')
    t.not(await shown(client, 'fax'), SSN, 'own DDL is read at once')
    const [row] = await client.query('SELECT * FROM customers WHERE id = 1')
    t.notMatch(JSON.stringify(row), SSN)
    t.equal(row?.name, 'Ada', 'what was there before')
    await proxy.said(
      new RegExp(`shop: masked until .* judges them: ${schema}\\.customers\\.fax`),
      from,
    )
    await db.run('CREATE TABLE copies AS SELECT id, ssn FROM customers')
    t.not(await shown(client, 'ssn', 'copies'), SSN, 'a copy, by its name')
  })

  await t.test('a statement that was prepared before a column came', async (t) => {
    const client = await connect(t)
    const run = () => client.query('SELECT * FROM customers WHERE id = ?', [1])
    t.equal((await run())[0]?.name, 'Ada')
    await db.run('ALTER TABLE customers ADD COLUMN other varchar(40)')
    await db.run('UPDATE customers SET other = ssn')
    // Known or not, described anew or refused by the server: the value stays.
    const once = await run().catch((error: Error) => [{ error: error.message }])
    t.notMatch(JSON.stringify(once), SSN, 'before it is noticed')
    await until(db, side, async () => proxy.stderr.includes(`${schema}.customers.other`))
    const again = await connect(t)
    t.notMatch(JSON.stringify(await again.query('SELECT * FROM customers WHERE id = ?', [1])), SSN)
  })

  await t.test('a view that is replaced', async (t) => {
    const client = await connect(t)
    t.equal(await shown(client, 'name', 'contacts'), 'Ada')
    const view = (second: string) =>
      `CREATE OR REPLACE VIEW contacts AS SELECT id, ${second} AS name, email, upper(email) AS loud FROM customers`
    const name = side.system === 'mysql' ? 'ssn' : 'ssn::varchar(40)'
    const type = side.system === 'mysql' ? 'name' : 'name::varchar(40)'
    const first = await codeOf(client.query(view(name)))
    // PostgreSQL keeps a view's types: where they differ it has to be made anew.
    if (first !== 'done') await client.query(`DROP VIEW contacts; ${view(name)}`)
    t.not(await shown(client, 'name', 'contacts'), SSN, 'through the proxy: at once')
    await db.run(view(type))
    const isName = async () => (await shown(client, 'name', 'contacts')) === 'Ada'
    await until(db, side, isName)
    t.ok(await isName(), 'from elsewhere: as soon as it is noticed')
  })

  await t.test('it is remembered, told of by check, and judged by the configuration', async (t) => {
    await proxy.kill('SIGTERM')
    await proxy.start()
    const client = await connect(t)
    t.not(await shown(client, 'fax'), SSN, 'after a restart')
    t.notMatch(await shown(client, 'email'), /x\.test/)
    const check = await proxy.command('check')
    t.match(
      JSON.stringify(check.warnings),
      new RegExp(`${schema}\\.customers\\.fax is new and masked`),
    )
    const scan = await proxy.run('scan', '--config', proxy.configPath, '--database', 'shop')
    t.match(scan.out, /waits to be judged, .*"customers","other"/, 'and by scan')
    t.notMatch(scan.out + scan.err, SSN)
    await edit(proxy, ({ databases }) => {
      databases.shop.classified[`${schema}.customers.fax`] = 'none'
      databases.shop.classified[`${schema}.customers.email`] = 'none'
    })
    t.equal(await shown(client, 'fax'), SSN, 'declared fit to see')
    t.equal(await shown(client, 'email'), EMAIL)
    t.match(unjudged(proxy).flat(), [`${schema}.customers.fax`])
  })
}

function unjudged(proxy: Countersign): readonly (readonly string[])[] {
  const events = proxy.records().map((record) => record as { type?: string; columns?: string[] })
  return events
    .filter(({ type }) => type === 'columns.unjudged')
    .map(({ columns }) => columns ?? [])
}

function effectOf(effect: unknown): unknown {
  return typeof effect === 'string' ? effect : (effect as { effect: string }).effect
}

function commentOn({ system }: Side, text: string | null): string {
  if (system === 'postgres') {
    return `COMMENT ON COLUMN customers.email IS ${text === null ? 'NULL' : `'${text}'`}`
  }
  return `ALTER TABLE customers MODIFY email varchar(60) NOT NULL${text === null ? '' : ` COMMENT '${text}'`}`
}

/** Asks again and again, with the database's own clock between; the test's timeout is the limit. */
async function until(db: SideServer, { system }: Side, holds: () => Promise<boolean>) {
  while (!(await holds()))
    await db.run(system === 'mysql' ? 'DO SLEEP(0.2)' : 'SELECT pg_sleep(0.2)')
}
