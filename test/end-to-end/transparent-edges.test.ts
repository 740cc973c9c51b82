import { readFileSync, writeFileSync } from 'node:fs'
import { serialize } from 'pg-protocol'
import t, { type Test } from 'tap'
import { parse as parseYaml, stringify } from 'yaml'
import {
  type Countersign,
  type CountersignOptions,
  startCountersign,
} from '../support/countersign.ts'
import { loginOf } from '../support/e2e-client.ts'
import { errorOf, letters, RawClient, type RawMessage, rowsOf } from '../support/e2e-raw.ts'
import { startPostgres, type TestPostgres } from '../support/postgres.ts'
import { SHOP } from '../support/shop.ts'
import { bind, execute, parse, SYNC } from '../support/transparent-conversation.ts'
import { type Place, play } from '../support/transparent-play.ts'

// biome-ignore lint/suspicious/noThenProperty: the file's key; nobody awaits this object
const ALL = { name: 'all', when: {}, then: 'allow' }
const NOTHING_CLASSIFIED = { database: { classified: {} }, config: { rules: [ALL] } }

const valuesOf = (messages: readonly RawMessage[]) => rowsOf(messages).flat().map(String)

interface Sides {
  readonly direct: Place
  readonly proxied: Place
}

async function start(t: Test, db: TestPostgres, options: Partial<CountersignOptions>) {
  return startCountersign(t, { upstream: db.superuserUrl, ...options })
}

function sidesOf(db: TestPostgres, proxy: Countersign): Sides {
  const { username, password } = new URL(db.superuserUrl)
  return {
    direct: { port: db.port, login: { user: username, password, database: 'shop' } },
    proxied: { port: proxy.port, login: loginOf(proxy) },
  }
}

async function login(t: Test, { port, login }: Place, more = {}) {
  const { client, greeting } = await RawClient.login(port, { ...login, ...more })
  t.teardown(() => client.destroy())
  return { client, greeting }
}

t.test('logins', async (t) => {
  const db = await startPostgres(t, { schema: SHOP })
  const proxy = await start(t, db, NOTHING_CLASSIFIED)
  const sides = sidesOf(db, proxy)

  t.test('are the same in every version of the protocol, with options nobody knows', async (t) => {
    for (const minor of [0, 1, 2, 9, 9999]) {
      for (const startup of [{}, { '_pq_.one': '1', '_pq_.two': '' }]) {
        const version = (3 << 16) | minor
        const [direct, proxied] = await Promise.all(
          Object.values(sides).map((place: Place) =>
            play(
              { ...place, login: { ...place.login, version } },
              { name: '', steps: [], startup },
            ),
          ),
        )
        t.same(proxied, direct, `3.${minor} ${Object.keys(startup)}`)
      }
    }
  })

  /** Where the proxy answers otherwise by design: what is asked, and both SQLSTATEs. */
  const EXCEPTIONS: readonly {
    readonly why: string
    readonly login: (place: Place) => Place['login']
    readonly direct: string
    readonly proxied: string
  }[] = [
    {
      why: 'nobody learns which agents there are',
      login: ({ login }) => ({ ...login, password: 'wrong' }),
      direct: '28P01 password authentication failed for user "postgres"',
      proxied: '28P01 password authentication failed',
    },
    {
      why: 'databases that an agent may not enter are told like those that are not there',
      login: ({ login }) => ({ ...login, database: 'nowhere' }),
      direct: '3D000 database "nowhere" does not exist',
      proxied: '3D000 database "nowhere" does not exist or bot has no access to it',
    },
    {
      why: 'settings could change what statements mean, so only a few are taken at the start',
      login: ({ login }) => ({ ...login, parameters: { options: '-c row_security=off' } }),
      direct: '',
      proxied: '42501 setting "row_security" is not accepted in the startup packet',
    },
    {
      why: 'statements are read as UTF-8',
      login: ({ login }) => ({ ...login, parameters: { client_encoding: 'LATIN1' } }),
      direct: '',
      proxied: '42501 setting "client_encoding" does not accept this value',
    },
    {
      why: 'replication has a language of its own, and sends whole databases',
      login: ({ login }) => ({ ...login, parameters: { replication: 'database' } }),
      direct: '',
      proxied: '42501 setting "replication" is not accepted in the startup packet',
    },
  ]
  for (const { why, ...exception } of EXCEPTIONS) {
    t.test(`differ where ${why}`, async (t) => {
      for (const side of ['direct', 'proxied'] as const) {
        const place = sides[side]
        const { greeting } = await login(t, { ...place, login: exception.login(place) })
        const { C = '', M = '' } = errorOf(greeting)
        t.equal(`${C} ${M}`.trim(), exception[side], side)
      }
    })
  }

  t.test('pin two settings, which pg_settings can tell', async (t) => {
    const sql = `SELECT name, setting, source FROM pg_settings
      WHERE name IN ('client_encoding', 'standard_conforming_strings') ORDER BY 1`
    const { client: direct } = await login(t, sides.direct)
    t.same(valuesOf(await direct.query(sql)).slice(1, 3), ['UTF8', 'default'])
    const { client: proxied } = await login(t, sides.proxied)
    // A server that reads its configuration again must not begin to read text otherwise.
    t.same(valuesOf(await proxied.query(sql)), [
      ...['client_encoding', 'UTF8', 'client'],
      ...['standard_conforming_strings', 'on', 'client'],
    ])
  })

  t.test('end with the last word of the server and nothing behind it', async (t) => {
    const said = await Promise.all(
      Object.values(sides).map(async (place: Place) => {
        const { client } = await login(t, place)
        client.send(serialize.query('SELECT pg_terminate_backend(pg_backend_pid())'))
        return (await client.untilEnd()).map(({ frame }) => String(frame))
      }),
    )
    t.match(String(said[0]), /57P01/)
    t.same(said[1], said[0])
  })
})

t.test('what a trigger says at the login', async (t) => {
  const db = await startPostgres(t, { schema: SHOP })
  await db.query(`
    CREATE FUNCTION welcome() RETURNS event_trigger LANGUAGE plpgsql AS $$
      BEGIN RAISE NOTICE 'welcome, %', (SELECT email FROM customers WHERE id = 1); END $$;
    CREATE EVENT TRIGGER welcome ON login EXECUTE FUNCTION welcome();
    ALTER EVENT TRIGGER welcome ENABLE ALWAYS`)

  t.test('is heard where nothing is classified', async (t) => {
    const sides = sidesOf(db, await start(t, db, NOTHING_CLASSIFIED))
    const [direct, proxied] = await Promise.all(
      Object.values(sides).map((place: Place) => play(place, { name: '', steps: [] })),
    )
    t.match(String(direct), /welcome, ada\.marsh/)
    t.same(proxied, direct)
  })

  t.test('and quotes no classified value where something is', async (t) => {
    const { proxied } = sidesOf(db, await start(t, db, {}))
    const heard = String(await play(proxied, { name: '', steps: [] }))
    t.match(heard, /details withheld/)
    t.notMatch(heard, /ada/)
  })
})

t.test('names that only the server knows', async (t) => {
  const db = await startPostgres(t, { schema: SHOP })
  const config = {
    rules: [
      // biome-ignore lint/suspicious/noThenProperty: as above
      { name: 'keep', when: { verb: ['DELETE'] }, then: { deny: 'nothing is deleted' } },
      ALL,
    ],
  }
  const proxy = await start(t, db, { config })
  const place = sidesOf(db, proxy).proxied
  const orders = async () => (await db.query('SELECT count(*)::int AS n FROM orders')).rows[0].n
  const sneak = (what: string) => serialize.query(`DO $do$ BEGIN EXECUTE $$${what}$$; END $do$`)

  t.test('a statement that hidden code has prepared is not run by the protocol', async (t) => {
    for (const name of ['sneak', 'grüße', 'x'.repeat(70)]) {
      const { client } = await login(t, place)
      client.send(sneak(`PREPARE "${name}" AS DELETE FROM orders`))
      t.match(letters(await client.until('Z')), /CZ$/, 'the block itself is allowed')
      client.send(bind({ statement: name }), execute(), SYNC)
      const answer = await client.until('Z')
      t.match(errorOf(answer), { C: '26000', R: 'FetchPreparedStatement' }, "the server's error")
      t.equal(letters(answer), 'EZ')
      t.equal(await orders(), 3)
    }
  })

  t.test('nor a portal, in the middle of a pipeline either', async (t) => {
    const { client } = await login(t, place)
    client.send(serialize.query('BEGIN'))
    await client.until('Z')
    client.send(sneak('DECLARE hidden CURSOR FOR SELECT email FROM customers'))
    await client.until('Z')
    client.send(parse('SELECT 1'), bind(), execute(), execute('hidden'), execute(), SYNC)
    const answer = await client.until('Z')
    t.equal(letters(answer), '12DCEZ')
    t.equal(errorOf(answer).C, '34000')
  })
})

t.test('a session that reads text otherwise than the proxy', async (t) => {
  const db = await startPostgres(t, { schema: SHOP })

  t.test('ends where a rule depends on what a statement says', async (t) => {
    const { proxied } = sidesOf(db, await start(t, db, { config: { rules: [ALL] } }))
    for (const setting of ['standard_conforming_strings = off', "client_encoding = 'SJIS'"]) {
      const { client } = await login(t, proxied)
      client.send(serialize.query(`SET ${setting}`))
      t.match(errorOf(await client.untilEnd()), { S: 'FATAL', C: '08P01' }, setting)
    }
  })

  t.test('ends at the next statement once such a rule comes', async (t) => {
    const proxy = await start(t, db, NOTHING_CLASSIFIED)
    const { client } = await login(t, sidesOf(db, proxy).proxied)
    await client.query('SET standard_conforming_strings = off')
    t.same(valuesOf(await client.query("SELECT 'a\\'b'")), ["a'b"])
    const config = parseYaml(readFileSync(proxy.configPath, 'utf8'))
    config.rules = []
    writeFileSync(proxy.configPath, stringify(config))
    await proxy.said(/has been reloaded/)
    // Read by the grammar's rules, this is one harmless string; by the server's, a DELETE.
    client.send(serialize.query("SELECT '\\'; DELETE FROM orders; --'"))
    t.match(errorOf(await client.untilEnd()), { S: 'FATAL', C: '08P01' })
    t.equal((await db.query('SELECT count(*)::int AS n FROM orders')).rows[0].n, 3)
  })

  t.test('says so in its records', async (t) => {
    const proxy = await start(t, db, NOTHING_CLASSIFIED)
    const { client } = await login(t, sidesOf(db, proxy).proxied)
    await client.query('SET standard_conforming_strings = off')
    await client.query("SELECT '\\'; DELETE FROM scratch; --'")
    await client.query('SELEC 1')
    await proxy.kill('SIGTERM')
    const intents = proxy.records().filter(({ type }) => type === 'statement.intent')
    t.match(JSON.stringify(intents[1]), /standard_conforming_strings is/)
    t.equal(intents.length, 3, 'what the server refuses is recorded too')
  })
})
