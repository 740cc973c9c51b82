import { setTimeout as after } from 'node:timers/promises'
import t, { type Test } from 'tap'
import { COM_INIT_DB, COM_PROCESS_KILL } from '../../src/wire/mysql/commands.ts'
import { uint32 } from '../../src/wire/mysql/payload.ts'
import { AGENT, OWNER, startCountersign } from '../support/countersign.ts'
import { denyAll } from '../support/e2e-client.ts'
import { rule } from '../support/e2e-config.ts'
import { type MysqlAnswer, MysqlRaw, textIn, valuesIn } from '../support/e2e-mysql-raw.ts'
import { MYSQL_SIDES, rawAgent, type Side } from '../support/e2e-sides.ts'

/** One server, three schemas: the agent has two of them, one under another name. */
const SCHEMA = `
  CREATE DATABASE backoffice; CREATE DATABASE vault; CREATE DATABASE shop2;
  CREATE TABLE backoffice.staff (id integer, name varchar(40), salary integer, badge varchar(40));
  INSERT INTO backoffice.staff VALUES (1, 'Cy', 4711, 'canary-badge');
  CREATE TABLE backoffice.memos (id integer, body varchar(40));
  CREATE TABLE vault.gold (id integer, weight varchar(40)); 
  INSERT INTO vault.gold VALUES (1, 'canary-gold');
  CREATE TABLE shop2.gold (weight varchar(40)); INSERT INTO shop2.gold VALUES ('canary-gold');
  CREATE FUNCTION vault.weigh() RETURNS varchar(40) DETERMINISTIC RETURN 'canary-gold';
  CREATE PROCEDURE vault.show_gold() READS SQL DATA SELECT weight FROM vault.gold;
`

const OTHER = 'eve'
const CANARY = /canary/
const messageOf = ({ error }: Pick<MysqlAnswer, 'error'>) => error?.message ?? ''

/** How statements can name a schema that the agent hasn't. */
const FOREIGN = [
  'SELECT weight FROM vault.gold',
  'SELECT `weight` FROM `vault`.`gold`',
  'SELECT vault.gold.weight FROM vault . gold',
  'SELECT * FROM orders, vault.gold',
  'SELECT * FROM orders JOIN vault.gold g ON true',
  'SELECT (SELECT weight FROM vault.gold)',
  'SELECT 1 WHERE EXISTS (SELECT 1 FROM vault.gold)',
  'SELECT 1 UNION SELECT weight FROM vault.gold',
  'WITH g AS (SELECT weight FROM vault.gold) SELECT * FROM g',
  'SELECT /*!40000 weight FROM vault.gold */',
  'SELECT vault.weigh()',
  'CALL vault.show_gold()',
  'SHOW TABLES FROM vault',
  'SHOW COLUMNS FROM gold FROM vault',
  'SHOW CREATE TABLE vault.gold',
  'SHOW INDEX FROM vault.gold',
  'SHOW TABLE STATUS IN vault',
  'DESCRIBE vault.gold',
  'EXPLAIN SELECT * FROM vault.gold',
  'INSERT INTO vault.gold VALUES (2, 3)',
  'INSERT INTO scratch SELECT id, weight FROM vault.gold',
  'REPLACE vault.gold VALUES (2, 3)',
  "UPDATE vault.gold SET weight = ''",
  "UPDATE orders, vault.gold SET weight = '' WHERE orders.id = 1",
  'DELETE FROM vault.gold',
  'DELETE vault.gold FROM vault.gold, orders',
  'TRUNCATE vault.gold',
  'DROP TABLE vault.gold',
  'DROP DATABASE vault',
  'ALTER TABLE vault.gold ADD x integer',
  'RENAME TABLE vault.gold TO shop.gold',
  'CREATE TABLE copied LIKE vault.gold',
  'CREATE TABLE copied AS SELECT * FROM vault.gold',
  'CREATE VIEW peep AS SELECT * FROM vault.gold',
  'CREATE TABLE vault.mine (id integer)',
  'LOCK TABLES vault.gold READ',
  'HANDLER vault.gold OPEN',
  'CHECK TABLE vault.gold',
  "LOAD DATA INFILE 'x' INTO TABLE vault.gold",
  "PREPARE p FROM 'SELECT weight FROM vault.gold'",
  'SELECT 1; SELECT weight FROM vault.gold',
  'USE vault',
  'USE `vault`',
  'USE vault; SELECT weight FROM gold',
  'SELECT weight FROM shop2.gold',
]

for (const side of MYSQL_SIDES) t.test(side.name, (t) => schemas(t, side))

async function schemas(t: Test, side: Side): Promise<void> {
  const db = await side.start(t, { schema: { postgres: '', mysql: SCHEMA } })
  if (!db) return
  const at = (schema: string) => db.upstream.replace(/\/shop$/, `/${schema}`)
  const proxy = await startCountersign(t, {
    upstream: db.upstream,
    config: {
      databases: {
        shop: { upstream: db.upstream, classified: { 'shop.customers.ssn': 'pii.national-id' } },
        people: {
          upstream: at('backoffice'),
          classified: {
            'backoffice.staff.salary': 'hr.salary',
            'backoffice.staff.badge': 'hr.badge',
          },
        },
        treasury: { upstream: at('vault') },
      },
      agents: {
        [AGENT]: { owners: [OWNER], databases: ['shop', 'people'], credential: './bot.json' },
        [OTHER]: { owners: [OWNER], databases: ['treasury', 'shop'], credential: './eve.json' },
      },
      masks: { pii: 'redact', hr: 'redact' },
      rules: [
        rule('hr-is-read-only', { database: 'people', effect: 'write' }, { deny: 'HR says no' }),
        rule('shop-may', { database: 'shop', effect: 'write' }, 'allow'),
      ],
    },
  })
  const { password } = await proxy.command('agent', 'add', OTHER, '--owner', OWNER)
  const eve = async (t: Test) => {
    const login = { user: OTHER, password: String(password), database: 'shop' }
    const client = await MysqlRaw.login(proxy.port, login)
    t.teardown(() => client.destroy())
    return client
  }
  t.afterEach(() => denyAll(proxy))
  const schemaOf = async (client: MysqlRaw) => valuesIn(await client.query('SELECT DATABASE()'))[0]

  t.test('a schema that is none of the agent’s is refused in every form', async (t) => {
    const agent = await rawAgent(t, proxy, { hold: '0' })
    for (const sql of FOREIGN) {
      const text = await agent.query(sql)
      t.match(messageOf(text), /^42501: .*(vault|shop2)/, sql)
      t.notMatch(textIn(text.payloads), CANARY, sql)
      const { error, payloads } = await agent.run(sql)
      t.not(error, null, `${sql}, prepared`)
      t.notMatch(textIn(payloads), CANARY)
    }
    t.match(messageOf(await agent.command(COM_INIT_DB, Buffer.from('vault'))), /^42501: /)
    t.equal(await schemaOf(agent), 'shop')
    t.same(await proxy.requests(), [], 'nobody is asked')
    t.same(await db.run('SELECT weight FROM vault.gold'), [{ weight: 'canary-gold' }])
  })

  t.test('nor does another database of the proxy open it', async (t) => {
    const agent = await rawAgent(t, proxy, { hold: '0' })
    for (const name of ['treasury', 'TREASURY', 'vault', 'shop2', '', 'nowhere']) {
      const answer = await agent.command(COM_INIT_DB, Buffer.from(name))
      t.not(answer.error, null, name)
    }
    await t.rejects(rawAgent(t, proxy, { database: 'treasury' }), /treasury/)
    await t.rejects(rawAgent(t, proxy, { database: 'vault' }), /vault/)
    await t.rejects(rawAgent(t, proxy, { database: 'backoffice' }), /backoffice/, 'nor a schema')
  })

  t.test('another database of its own is entered by its alias and its schema', async (t) => {
    const agent = await rawAgent(t, proxy, { hold: '0' })
    const enter = {
      'USE people': () => agent.query('USE people'),
      'USE backoffice': () => agent.query('USE `backoffice`'),
      'COM_INIT_DB people': () => agent.command(COM_INIT_DB, Buffer.from('people')),
      'COM_INIT_DB backoffice': () => agent.command(COM_INIT_DB, Buffer.from('backoffice')),
    }
    for (const [how, act] of Object.entries(enter)) {
      t.equal((await act()).error, null, how)
      t.equal(await schemaOf(agent), 'backoffice', how)
      const seen = await agent.query('SELECT name, badge, salary FROM staff')
      t.same(valuesIn(seen), ['Cy', '[redacted]', '0'], `${how}: its classes hold`)
      t.equal((await agent.query('USE shop')).error, null)
      t.equal(await schemaOf(agent), 'shop')
    }
    const named = await agent.query('SELECT name, badge FROM backoffice.staff')
    t.same(valuesIn(named), ['Cy', '[redacted]'], 'and where it is only named')
    const both = await agent.query(
      'SELECT c.ssn, s.badge FROM customers c JOIN backoffice.staff s ON c.id = s.id',
    )
    t.same(valuesIn(both), ['[redacted]', '[redacted]'], 'of both')
    t.match(messageOf(await agent.query('SELECT 1; USE people')), /by itself/)
    t.not((await agent.prepare('USE people')).error, null)
    t.not((await agent.query('SELECT * FROM people.staff')).error, null, 'an alias is no schema')
  })

  t.test('the rules of both databases count', async (t) => {
    const agent = await rawAgent(t, proxy, { hold: '0' })
    t.equal((await agent.query("INSERT INTO scratch VALUES (1, 'x')")).error, null)
    for (const sql of [
      "INSERT INTO backoffice.memos VALUES (1, 'x')",
      "UPDATE orders, backoffice.memos SET body = 'x' WHERE orders.id = 1 AND memos.id = 1",
      'INSERT INTO scratch SELECT id, body FROM backoffice.memos',
    ]) {
      t.match(messageOf(await agent.query(sql)), /HR says no/, sql)
      t.match(messageOf(await agent.run(sql)), /HR says no/, `${sql}, prepared`)
    }
    await agent.query('USE people')
    t.match(messageOf(await agent.query("INSERT INTO memos VALUES (1, 'x')")), /HR says no/)
    t.match(
      messageOf(await agent.query("INSERT INTO shop.scratch VALUES (1, 'x')")),
      /HR says no/,
      'also where the session only stands there',
    )
    const people = await rawAgent(t, proxy, { database: 'people', hold: '0' })
    t.match(messageOf(await people.query("INSERT INTO shop.scratch VALUES (1, 'x')")), /HR says no/)
    t.same(await db.run('SELECT * FROM backoffice.memos'), [])
  })

  t.test('a statement that was prepared elsewhere is not what it was', async (t) => {
    const agent = await rawAgent(t, proxy, { hold: '0' })
    const { id } = await agent.prepare("INSERT INTO backoffice.memos VALUES (1, 'x')")
    t.equal(id, 0, 'a denied one is not prepared')
    const staff = await agent.prepare('SELECT badge FROM backoffice.staff')
    await agent.query('USE information_schema')
    t.notMatch(textIn((await agent.execute(staff.id)).payloads), CANARY)
    await agent.query('USE people')
    t.notMatch(textIn((await agent.execute(staff.id)).payloads), CANARY)
  })

  t.test('system schemas may be named, and show no more than they may', async (t) => {
    const agent = await rawAgent(t, proxy, { hold: '0' })
    t.equal((await agent.query('USE information_schema')).error, null)
    t.equal(await schemaOf(agent), 'information_schema')
    t.equal((await agent.query('SELECT table_name FROM tables LIMIT 1')).error, null)
    t.match(messageOf(await agent.query('SELECT * FROM processlist')), /^ZA00[12]/)
    t.equal((await agent.command(COM_INIT_DB, Buffer.from('mysql'))).error, null)
    t.match(messageOf(await agent.query('SELECT * FROM user')), /^ZA00[12]/)
    t.match(messageOf(await agent.query('DELETE FROM user')), /^ZA00[12]/)
    t.notMatch(textIn(await agent.fieldList('user')), /caching_sha2|native_password/)
  })

  t.test('without a database the session is in the agent’s first', async (t) => {
    const agent = await rawAgent(t, proxy, { database: '' })
    t.equal(await schemaOf(agent), 'shop')
    t.notMatch(textIn((await agent.query('SELECT ssn FROM customers')).payloads), /966/)
    t.equal(await schemaOf(await rawAgent(t, proxy, { database: 'people' })), 'backoffice')
  })

  t.test('a held statement is ended by KILL, by any id of its session', async (t) => {
    const kills: Record<string, (id: number, other: MysqlRaw) => Promise<MysqlAnswer>> = {
      'KILL QUERY': (id, other) => other.query(`KILL QUERY ${id}`),
      'KILL QUERY in a comment that runs': (id, other) =>
        other.query(`/*!40000 KILL QUERY ${id} */`),
      'KILL CONNECTION': (id, other) => other.query(`KILL CONNECTION ${id}`),
      KILL: (id, other) => other.query(`kill ${id}`),
      COM_PROCESS_KILL: (id, other) => other.command(COM_PROCESS_KILL, uint32(id)),
    }
    const other = await rawAgent(t, proxy)
    for (const [how, kill] of Object.entries(kills)) {
      for (const own of [true, false]) {
        const agent = await rawAgent(t, proxy)
        const backend = Number(valuesIn(await agent.query('SELECT CONNECTION_ID()'))[0])
        const { connectionId } = agent.greeting
        t.not(connectionId, backend, 'the proxy gives ids of its own')
        const dropping = agent.query('DROP TABLE orders').catch((error: Error) => error)
        const { id } = await proxy.pending(({ statement }) => statement === 'DROP TABLE orders')
        t.equal((await kill(own ? connectionId : backend, other)).error, null, how)
        const ended = await dropping
        t.match('error' in ended ? ended.error?.number : 'gone', /^(1317|gone)$/, how)
        t.match(await proxy.settled(id), { state: 'withdrawn' })
        if (how.includes('QUERY')) t.equal((await agent.query('SELECT 1')).error, null)
        else await agent.closed()
      }
    }
    t.equal(await db.exists('orders'), true)
  })

  t.test('so is one that runs', async (t) => {
    const other = await rawAgent(t, proxy)
    const agent = await rawAgent(t, proxy)
    const sleeping = agent.query('SELECT sleep(20), 1 FROM orders')
    const running =
      "SELECT id FROM information_schema.processlist WHERE info LIKE 'SELECT sleep(20)%'"
    while ((await db.run(running)).length === 0) await after(10)
    t.equal((await other.query(`KILL QUERY ${agent.greeting.connectionId}`)).error, null)
    const { error, results } = await sleeping
    t.ok(error?.number === 1317 || results.length > 0, 'it ends before its time')
    while ((await db.run(running)).length > 0) await after(10)
    t.equal((await agent.query('SELECT 1')).error, null)
  })

  t.test('nobody ends a session of another agent', async (t) => {
    const bot = await rawAgent(t, proxy)
    const backend = Number(valuesIn(await bot.query('SELECT CONNECTION_ID()'))[0])
    const dropping = bot.query('DROP TABLE orders')
    const { id } = await proxy.pending(({ statement }) => statement === 'DROP TABLE orders')
    const intruder = await eve(t)
    const forms = ['KILL', 'KILL QUERY', 'KILL CONNECTION']
    if (side.flavour === 'mariadb') forms.push('KILL HARD QUERY', 'KILL SOFT CONNECTION')
    const admin = await db.run('SELECT CONNECTION_ID() AS id')
    for (const target of [bot.greeting.connectionId, backend, Number(admin[0]?.id), 1, 999_999]) {
      for (const form of forms) {
        t.equal((await intruder.query(`${form} ${target}`)).error?.number, 1094, form)
      }
      const { error } = await intruder.command(COM_PROCESS_KILL, uint32(target))
      t.equal(error?.number, 1094)
    }
    t.match(await proxy.request(id), { state: 'pending' })
    await proxy.decide(id, 'deny')
    t.match(messageOf(await dropping), /^42501/)
    t.same(await db.run('SELECT 1 AS one'), [{ one: 1 }], 'nor the administrator’s')
  })

  t.test('KILL in any other form is refused or held', async (t) => {
    const agent = await rawAgent(t, proxy, { hold: '0' })
    const target = (await rawAgent(t, proxy)).greeting.connectionId
    for (const sql of [
      `SELECT 1; KILL ${target}`,
      `KILL ${target}; SELECT 1`,
      `KILL QUERY ${target}; DROP TABLE orders`,
      `KILL (SELECT ${target})`,
      `KILL ${target} + 0`,
      'KILL CONNECTION_ID()',
      'KILL USER app',
      'KILL QUERY ID 5',
      `PREPARE p FROM 'KILL ${target}'`,
      "SET @k = 'KILL 1'; PREPARE p FROM @k",
    ]) {
      t.match(messageOf(await agent.query(sql)), /^(42501|ZA00[12])|syntax/, sql)
    }
    t.not((await agent.prepare(`KILL ${target}`)).error, null)
    const records = () =>
      proxy.records().filter(({ stmt }) => JSON.stringify(stmt ?? '').includes('KILL'))
    await agent.query('SELECT 1')
    t.ok(records().length > 10, 'each leaves a record')
  })
}
