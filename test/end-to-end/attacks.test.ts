import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { serialize } from 'pg-protocol'
import t, { type Test } from 'tap'
import { startCountersign } from '../support/countersign.ts'
import {
  MYSQL_ATTACK_SCHEMA,
  MYSQL_CANARY,
  MYSQL_STATISTICS,
  mysqlAttacks,
  runMysqlSteps,
} from '../support/e2e-attacks-mysql.ts'
import { loginOf } from '../support/e2e-client.ts'
import { MysqlRaw } from '../support/e2e-mysql-raw.ts'
import { type Login, RawClient } from '../support/e2e-raw.ts'
import {
  codeOf,
  connectAgent,
  MYSQL_SIDES,
  ONE_SIDE_EACH,
  type Side,
} from '../support/e2e-sides.ts'
import { POSTGRES_VERSIONS, startPostgres } from '../support/postgres.ts'
import { projectRoot } from '../support/project-root.ts'

/** A simple query, or messages of the extended protocol that are sent at once and end in Sync. */
type Step = string | readonly Buffer[]

const parse = (name: string, text: string) => serialize.parse({ name, text, types: [] })
const bind = (portal: string, statement: string) => serialize.bind({ portal, statement })
const execute = (portal: string) => serialize.execute({ portal, rows: 0 })
const MAIL = "SELECT email || '' AS e FROM customers"
const HARMLESS = "SELECT 'x'::text AS e"
const CLASH = 'UPDATE customers SET email = (SELECT email FROM customers WHERE id = 1) WHERE id = 2'

/** Each of them shows a classified value to whom asks the database itself. */
const ATTACKS: Readonly<Record<string, readonly Step[]>> = {
  'a portal takes the name of a closed cursor': [
    `BEGIN; DECLARE c CURSOR FOR ${HARMLESS}; CLOSE c; COMMIT`,
    'BEGIN',
    [parse('', MAIL), bind('c', '')],
    'FETCH ALL FROM c',
  ],
  'a cursor takes the name of a portal that has gone': [
    [parse('', HARMLESS), bind('p', ''), serialize.describe({ type: 'P', name: 'p' })],
    'BEGIN',
    `DECLARE p CURSOR FOR ${MAIL}`,
    [execute('p')],
  ],
  'a prepared name changes in a text that fails': [
    `PREPARE p AS ${HARMLESS}`,
    `DEALLOCATE p; PREPARE p AS ${MAIL}; SELECT 1/0`,
    'EXECUTE p',
  ],
  'a prepared name changes in a transaction that is rolled back': [
    `PREPARE p AS ${HARMLESS}`,
    'BEGIN',
    'DEALLOCATE p',
    `PREPARE p AS ${MAIL}`,
    'ROLLBACK',
    [bind('', 'p'), execute('')],
  ],
  'a name is used before an earlier segment has been answered': [
    [parse('q', MAIL)],
    [
      parse('q', HARMLESS),
      bind('', 'q'),
      execute(''),
      serialize.sync(),
      bind('', 'q'),
      execute(''),
    ],
  ],
  'a name is freed in a segment that is skipped': [
    [parse('q', MAIL)],
    [
      parse('', 'SELECT 1/0'),
      bind('', ''),
      execute(''),
      serialize.close({ type: 'S', name: 'q' }),
      parse('q', HARMLESS),
      serialize.sync(),
      bind('', 'q'),
      execute(''),
    ],
  ],
  'a check that is deferred speaks at Sync': [
    ['SET CONSTRAINTS ALL DEFERRED', CLASH].flatMap((text) => [
      parse('', text),
      bind('', ''),
      execute(''),
    ]),
  ],
  'a deferred check of a write of which rows are left speaks at Sync': [
    [
      parse('', 'SET CONSTRAINTS ALL DEFERRED'),
      bind('', ''),
      execute(''),
      parse('', `${CLASH} RETURNING id`),
      bind('', ''),
      serialize.execute({ rows: 1 }),
    ],
  ],
  'a deferred check speaks at COMMIT': ['BEGIN', 'SET CONSTRAINTS ALL DEFERRED', CLASH, 'COMMIT'],
  'a deferred check speaks when it is made immediate': [
    'BEGIN',
    'SET CONSTRAINTS ALL DEFERRED',
    CLASH,
    'SET CONSTRAINTS ALL IMMEDIATE',
  ],
  'an operator calls a function': ['SELECT !@! 1'],
  'an operator makes an error': ['SELECT (!@! 1)::int'],
  'a cast calls a function': ['SELECT ROW(1)::ticket::text'],
  'a default of a parameter calls a function': ['SELECT greeted(1)'],
  'a default of a column calls a function': ['INSERT INTO defaulted VALUES (1) RETURNING body'],
  'a trigger tells': ["INSERT INTO notes VALUES (1, 'x')"],
  'a rule answers': ["INSERT INTO ruled VALUES (1, 'x')"],
  'a parent shows the rows of its child': ['SELECT badge FROM staff'],
}

const SYNC = serialize.sync()

/** All that the server says to these steps. */
async function runSteps(port: number, login: Login, steps: readonly Step[]): Promise<string> {
  const { client } = await RawClient.login(port, login)
  let said = ''
  for (const step of steps) {
    if (typeof step === 'string') client.send(serialize.query(step))
    else client.send(...step, serialize.sync())
    const syncs = typeof step === 'string' ? 0 : step.filter((each) => each.equals(SYNC)).length
    for (let answers = 0; answers <= syncs; answers++) {
      for (const { frame } of await client.until('Z')) said += frame.toString('latin1')
    }
  }
  client.destroy()
  return said
}

const schema = readFileSync(join(projectRoot, 'fixtures/attacks/schema.sql'), 'utf8')
const database = {
  classified: { 'customers.email': 'pii.email', 'child_staff.badge': 'pii.badge' },
}
const config = { masks: { pii: 'redact' } }

for (const version of POSTGRES_VERSIONS) {
  t.test(`${version}: no way round the masks`, async (t) => {
    const db = await startPostgres(t, { schema, version })
    const proxy = await startCountersign(t, {
      upstream: db.url,
      database,
      config,
      agent: { hold: '100ms' },
    })
    const direct = { user: db.user, password: db.password, database: db.database }
    for (const [name, steps] of Object.entries(ATTACKS)) {
      t.match(await runSteps(db.port, direct, steps), 'canary', `it would work: ${name}`)
      t.notMatch(await runSteps(proxy.port, loginOf(proxy), steps), 'canary', name)
    }
  })
}

for (const side of MYSQL_SIDES) {
  t.test(`${side.name}: no way round the masks`, async (t) => {
    const db = await side.start(t, { schema: { postgres: '', mysql: MYSQL_ATTACK_SCHEMA } })
    if (!db) return
    await db.run(MYSQL_STATISTICS[side.flavour === 'mysql' ? 'mysql' : 'mariadb'])
    const proxy = await startCountersign(t, {
      upstream: db.upstream,
      database: {
        classified: { 'shop.persons.mail': 'pii.email', 'shop.persons.phone': 'pii.phone' },
      },
      config,
      agent: { hold: '50ms' },
    })
    const direct = { user: 'root', password: '', database: 'shop' }
    const { port } = new URL(db.upstream)
    for (const [name, steps] of Object.entries(mysqlAttacks(side))) {
      const open = await MysqlRaw.login(Number(port), direct)
      t.match(await runMysqlSteps(open, steps), MYSQL_CANARY, `it would work: ${name}`)
      const agent = await MysqlRaw.login(proxy.port, loginOf(proxy))
      t.notMatch(await runMysqlSteps(agent, steps), MYSQL_CANARY, name)
    }
  })
}

for (const side of ONE_SIDE_EACH) t.test(side.name, (t) => meanings(t, side))

/** What a name means is looked at when it is used. */
async function meanings(t: Test, side: Side): Promise<void> {
  const db = await side.start(t)
  if (!db) return
  const proxy = await startCountersign(t, { upstream: db.upstream, agent: { hold: '100ms' } })
  const prepare = (text: string) =>
    side.system === 'mysql' ? `PREPARE p FROM '${text}'` : `PREPARE p AS ${text}`

  t.test('a signature for EXECUTE is for the text behind the name', async (t) => {
    await db.run("INSERT INTO scratch VALUES (1, 'x')")
    const client = await connectAgent(t, side, proxy)
    const name = async (text: string, first = false) => {
      if (!first) await client.query('DEALLOCATE PREPARE p')
      return codeOf(client.query(prepare(text)))
    }
    const run = () => codeOf(client.query('EXECUTE p'))
    // A PREPARE is as sensitive as its statement, so the first is signed itself.
    const sign = async () => {
      for (const { id } of await proxy.requests()) await proxy.approve(id)
    }
    const named = async (text: string, first = false) => {
      if ((await name(text, first)) === 'done') return
      await sign()
      t.equal(await codeOf(client.query(prepare(text))), 'done')
    }
    await named('DELETE FROM scratch WHERE 1 = 1', true)
    t.equal(await run(), 'ZA001')
    const [asked] = await proxy.requests()
    t.match(JSON.stringify(asked), 'DELETE FROM scratch WHERE', 'who signs sees the text')
    await named('DELETE FROM orders WHERE 1 = 1')
    await proxy.approve(String(asked?.id)).catch(() => {})
    t.equal(await run(), 'ZA001', 'another text is asked for anew')
    t.equal((await db.run('SELECT id FROM orders')).length, 3)
    await named('DELETE FROM scratch WHERE 1 = 1')
    t.equal(await run(), 'done', 'what was signed runs')
    t.equal((await db.run('SELECT id FROM scratch')).length, 0)
    t.equal(await run(), 'ZA001', 'once')
  })

  t.test('a view that is replaced is seen through by what was prepared before', async (t) => {
    const show = (column: string) =>
      db.run(
        `CREATE OR REPLACE VIEW shown AS SELECT id, concat(${column}, '') AS what FROM customers`,
      )
    for (const kind of ['EXECUTE', 'by protocol']) {
      await show('name')
      const client = await connectAgent(t, side, proxy)
      const text = 'SELECT what FROM shown WHERE id = '
      const run = () =>
        kind === 'EXECUTE' ? client.query('EXECUTE p') : client.query(`${text}?`, [1])
      // A name that nobody knows makes the proxy read the schema again.
      const look = () => codeOf(client.query(`SELECT 1 FROM not_there_${kind[0]}`))
      await look()
      await client.query(prepare(`${text}1`))
      t.same(await run(), [{ what: 'Ada' }], 'names may be seen')
      await show('email')
      await look()
      t.notMatch(JSON.stringify(await run()), 'marsh', kind)
    }
  })
}
