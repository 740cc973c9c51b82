import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { serialize } from 'pg-protocol'
import t from 'tap'
import { startCountersign } from '../support/countersign.ts'
import { loginOf } from '../support/e2e-client.ts'
import { type Login, RawClient } from '../support/e2e-raw.ts'
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

t.test('a signature for EXECUTE is for the text behind the name', async (t) => {
  const db = await startPostgres(t, { schema })
  const proxy = await startCountersign(t, {
    upstream: db.url,
    database,
    config,
    agent: { hold: '100ms' },
  })
  const { client } = await RawClient.login(proxy.port, loginOf(proxy))
  t.teardown(() => client.destroy())
  const done = async () =>
    (await client.until('Z')).map(({ frame }) => frame.toString('latin1')).join('')
  // A Parse alone runs nothing, so it isn't held.
  const name = async (text: string) => {
    client.send(serialize.close({ type: 'S', name: 'p' }), parse('p', text), serialize.sync())
    await done()
  }
  const run = async () => {
    client.send(serialize.query('EXECUTE p'))
    return done()
  }
  await name('DELETE FROM ruled WHERE true')
  t.match(await run(), 'ZA001')
  const [asked] = await proxy.requests()
  t.match(JSON.stringify(asked), 'DELETE FROM ruled WHERE true', 'who signs sees the text')
  await proxy.approve(String(asked?.id))
  await name('TRUNCATE ruled')
  t.match(await run(), 'ZA001', 'another text is asked for anew')
  await name('DELETE FROM ruled WHERE true')
  t.match(await run(), 'DELETE 0', 'what was signed runs')
  t.match(await run(), 'ZA001', 'once')
})

t.test('a view that is replaced is seen through by what was prepared before', async (t) => {
  const db = await startPostgres(t, { schema })
  await db.query('CREATE VIEW shown AS SELECT id, name::text AS what FROM customers')
  const proxy = await startCountersign(t, { upstream: db.url, database, config })
  for (const kind of ['EXECUTE', 'Bind']) {
    await db.query('CREATE OR REPLACE VIEW shown AS SELECT id, name::text AS what FROM customers')
    const { client } = await RawClient.login(proxy.port, loginOf(proxy))
    const say = async (...frames: Buffer[]) => {
      client.send(...frames)
      return (await client.until('Z')).map(({ frame }) => frame.toString('latin1')).join('')
    }
    const run = () =>
      kind === 'EXECUTE'
        ? say(serialize.query('EXECUTE p'))
        : say(bind('', 'p'), execute(''), serialize.sync())
    // A name that nobody knows makes the proxy read the schema again.
    const look = () => say(serialize.query(`SELECT 1 FROM not_there_${kind}`))
    await look()
    await say(serialize.query("PREPARE p AS SELECT what || '' FROM shown"))
    t.notMatch(await run(), '[redacted]', 'names may be seen')
    await db.query('CREATE OR REPLACE VIEW shown AS SELECT id, email::text AS what FROM customers')
    await look()
    t.notMatch(await run(), 'canary', kind)
    client.destroy()
  }
})
