import { serialize } from 'pg-protocol'
import t, { type Test } from 'tap'
import { type Countersign, startCountersign } from '../support/countersign.ts'
import { codeOf, connect, loginOf } from '../support/e2e-client.ts'
import { errorOf, letters, RawClient, type RawMessage, rowsOf } from '../support/e2e-raw.ts'
import { POSTGRES_VERSIONS, startPostgres, type TestPostgres } from '../support/postgres.ts'
import { SHOP } from '../support/shop.ts'

/** A key of a rule; an object that has it in its text looks like a promise to the linter. */
const THEN = 'then'

const SECRETS = /marsh|larsen|\b96[56]-\d\d|34-5008|87-5553|6164612e6d61727368/i

const text = (messages: readonly RawMessage[]) =>
  messages.map(({ frame }) => frame.toString('latin1')).join('')

/** Nothing is waited for: what needs a signature is refused at once. */
async function login(t: Test, proxy: Countersign): Promise<RawClient> {
  const parameters = { options: '-c countersign.hold=0' }
  const { client } = await RawClient.login(proxy.port, { ...loginOf(proxy), parameters })
  t.teardown(() => client.destroy())
  return client
}

async function loginDirectly(t: Test, db: TestPostgres): Promise<RawClient> {
  const { username, password } = new URL(db.superuserUrl)
  const login = { user: username, password, database: db.database }
  const { client } = await RawClient.login(db.port, login)
  t.teardown(() => client.destroy())
  return client
}

const extended = (sql: string, format: 0 | 1) => [
  serialize.parse({ text: sql }),
  serialize.bind({ binary: format === 1 }),
  serialize.execute({}),
  serialize.sync(),
]

for (const version of POSTGRES_VERSIONS) {
  t.test(`PostgreSQL, ${version}`, async (t) => {
    const db = await startPostgres(t, { version, schema: SHOP })
    const proxy = await startCountersign(t, {
      upstream: db.superuserUrl,
      config: {
        rules: [{ name: 'no-roles', when: { effect: 'privilege' }, [THEN]: { deny: 'ask first' } }],
      },
    })

    t.test('nor with what others notify, unless a rule unmasks LISTEN', async (t) => {
      const others = "SELECT pg_notify('talk', email) FROM customers WHERE id = 1"
      const agent = await login(t, proxy)
      await agent.query('LISTEN talk')
      await db.query(others)
      t.match(text(await agent.until('A')), /talk\0\[redacted\]/)
      const own = await agent.query("NOTIFY talk, 'constant'")
      t.match(text(own), /talk\0constant/, 'what it says itself it may hear')
      await agent.query('BEGIN')
      await agent.query('UPDATE orders SET total = 10.50 WHERE id = 1')
      await agent.query("NOTIFY talk, 'constant'")
      t.notMatch(text(await agent.query('COMMIT')), /constant/, 'a trigger could have said it')
      agent.send(
        serialize.parse({
          text: 'UPDATE orders SET total = total WHERE id IN (1, 2) RETURNING id',
        }),
        serialize.bind({}),
        serialize.execute({ rows: 1 }),
        ...extended("NOTIFY talk, 'constant'", 0),
      )
      const suspended = await agent.until('Z')
      t.match(letters(suspended), /s/, 'rows are left')
      t.notMatch(text(suspended), /constant/, 'and still a trigger could have said it')
      const rules = [{ name: 'ears', when: { verb: 'LISTEN' }, [THEN]: { unmask: ['pii.*'] } }]
      const hearing = await startCountersign(t, {
        upstream: db.url,
        config: { rules },
      })
      const cleared = await login(t, hearing)
      await cleared.query('LISTEN talk')
      await db.query(others)
      t.match(text(await cleared.until('A')), SECRETS)
    })

    t.test('portals: no Describe, a few rows at a time, other formats each time', async (t) => {
      const agent = await login(t, proxy)
      agent.send(
        serialize.parse({ name: 's', text: 'SELECT id, email FROM customers ORDER BY id' }),
        serialize.bind({ statement: 's', portal: 'p', binary: true }),
        serialize.execute({ portal: 'p', rows: 1 }),
        serialize.execute({ portal: 'p', rows: 1 }),
        serialize.execute({ portal: 'p', rows: 1 }),
        serialize.bind({ statement: 's' }),
        serialize.execute({}),
        serialize.sync(),
      )
      const got = await agent.until('Z')
      t.equal(letters(got), '12DsDsC2DDCZ')
      t.same(
        rowsOf(got).map((row) => row[0]?.toString('hex')),
        ['00000001', '00000002', '31', '32'],
        'ids as they are, binary first',
      )
      t.ok(rowsOf(got).every((row) => /^[ab]\*+@[xy]\.test$/.test(String(row[1]))))
    })

    t.test('cursors of SQL and prepared statements of both kinds', async (t) => {
      const agent = await login(t, proxy)
      for (const sql of [
        'BEGIN',
        'DECLARE c CURSOR FOR SELECT upper(email), id FROM customers ORDER BY id',
        'FETCH 1 FROM c',
        'FETCH ALL FROM c',
        'FETCH ABSOLUTE 1 FROM c',
      ]) {
        t.notMatch(text(await agent.query(sql)), SECRETS, sql)
      }
      agent.send(serialize.execute({ portal: 'c' }), serialize.sync())
      t.notMatch(text(await agent.until('Z')), SECRETS, 'a cursor read as a portal')
      await agent.query('ROLLBACK')
      await agent.query('PREPARE q AS SELECT upper(email), ssn FROM customers')
      t.notMatch(text(await agent.query('EXECUTE q')), SECRETS)
      agent.send(serialize.bind({ statement: 'q' }), serialize.execute({}), serialize.sync())
      t.notMatch(text(await agent.until('Z')), SECRETS, 'bound by protocol, prepared by SQL')
      agent.send(...extended('EXECUTE q', 1))
      t.notMatch(text(await agent.until('Z')), SECRETS)
    })

    t.test(
      'an agent that gives a name another meaning behind the proxy gains nothing',
      async (t) => {
        const innocent = "SELECT 'x'::text"
        const wanted = 'SELECT upper(email) FROM customers'
        const tricks: Record<string, (agent: RawClient) => Promise<void>> = {
          'bound and never executed': async (agent) => {
            await agent.query(`PREPARE q AS ${wanted}`)
            agent.send(
              serialize.parse({ text: `PREPARE q AS ${innocent}` }),
              serialize.bind({}),
              serialize.sync(),
            )
            await agent.until('Z')
          },
          'denied, and never sent': async (agent) => {
            await agent.query(`PREPARE q AS ${wanted}`)
            await agent.query(
              `DEALLOCATE q; PREPARE q AS ${innocent}; GRANT SELECT ON orders TO PUBLIC`,
            )
          },
          'prepared in a query that fails later': async (agent) => {
            await agent.query(`PREPARE q AS ${innocent}`)
            await agent.query(`DEALLOCATE q; PREPARE q AS ${wanted}; SELECT 1/0`)
          },
          'in a transaction that is rolled back': async (agent) => {
            await agent.query(`PREPARE q AS ${innocent}`)
            await agent.query('BEGIN')
            await agent.query(`DEALLOCATE q`)
            await agent.query(`PREPARE q AS ${wanted}`)
            await agent.query('ROLLBACK')
          },
          'skipped behind an error': async (agent) => {
            await agent.query(`PREPARE q AS ${wanted}`)
            agent.send(
              ...extended('SELECT 1/0', 0).slice(0, 3),
              ...extended('DEALLOCATE q', 0).slice(0, 3),
              ...extended(`PREPARE q AS ${innocent}`, 0),
            )
            await agent.until('Z')
          },
          'made twice, and refused the second time': async (agent) => {
            await agent.query(`PREPARE q AS ${wanted}`)
            await agent.query(`PREPARE q AS ${innocent}`)
            agent.send(serialize.parse({ name: 'q', text: innocent }), serialize.sync())
            await agent.until('Z')
          },
          'closed and parsed behind an error': async (agent) => {
            await agent.query(`PREPARE q AS ${wanted}`)
            agent.send(
              ...extended('SELECT 1/0', 0).slice(0, 3),
              serialize.close({ type: 'S', name: 'q' }),
              serialize.parse({ name: 'q', text: innocent }),
              serialize.sync(),
            )
            await agent.until('Z')
          },
          'made anew within one query, and used there': async (agent) => {
            await agent.query(`PREPARE q AS ${innocent}`)
            const said = await agent.query(`DEALLOCATE q; PREPARE q AS ${wanted}; EXECUTE q`)
            t.notMatch(text(said), SECRETS)
          },
          'all at once': async (agent) => {
            agent.send(
              serialize.query(`PREPARE q AS ${innocent}`),
              serialize.query('EXECUTE q'),
              serialize.query('DEALLOCATE ALL'),
              serialize.query(`PREPARE q AS ${wanted}`),
              serialize.query('EXECUTE q'),
            )
            for (let answers = 0; answers < 5; answers++) {
              t.notMatch(text(await agent.until('Z')), SECRETS)
            }
          },
          'longer than the server keeps': async (agent) => {
            const long = 'q'.repeat(63)
            await agent.query(`PREPARE ${long} AS ${wanted}`)
            agent.send(serialize.parse({ name: `${long}z`, text: innocent }), serialize.sync())
            await agent.until('Z')
            agent.send(
              serialize.bind({ statement: `${long}z` }),
              serialize.execute({}),
              serialize.sync(),
            )
            t.notMatch(text(await agent.until('Z')), SECRETS)
          },
        }
        for (const [trick, play] of Object.entries(tricks)) {
          const agent = await login(t, proxy)
          await play(agent)
          t.notMatch(text(await agent.query('EXECUTE q')), SECRETS, trick)
          agent.send(serialize.bind({ statement: 'q' }), serialize.execute({}), serialize.sync())
          t.notMatch(text(await agent.until('Z')), SECRETS, `${trick}, by protocol`)
        }
        const agent = await login(t, proxy)
        agent.send(
          serialize.parse({ text: innocent }),
          serialize.bind({ portal: 'c' }),
          serialize.execute({ portal: 'c' }),
          serialize.sync(),
        )
        await agent.until('Z')
        await agent.query(`BEGIN; DECLARE c CURSOR FOR ${wanted}`)
        agent.send(serialize.execute({ portal: 'c' }), serialize.sync())
        t.notMatch(text(await agent.until('Z')), SECRETS, 'a cursor where a portal was')
        await agent.query('COMMIT')
        await agent.query(`BEGIN; DECLARE d CURSOR FOR ${innocent}`)
        await agent.query('COMMIT')
        await agent.query('BEGIN')
        agent.send(
          serialize.parse({ text: wanted }),
          serialize.bind({ portal: 'd' }),
          serialize.flush(),
        )
        await agent.until('2')
        t.notMatch(
          text(await agent.query('FETCH ALL FROM d')),
          SECRETS,
          'a portal where a cursor was',
        )
      },
    )

    t.test('COPY leaves masked once it is signed', async (t) => {
      for (const options of ['', ' (FORMAT csv, HEADER)', ' (FORMAT binary)']) {
        const sql = `COPY customers (id, name, email, ssn) TO STDOUT${options}`
        const { client } = await RawClient.login(proxy.port, loginOf(proxy))
        client.send(serialize.query(sql))
        const { id } = await proxy.pending(({ statement }) => statement === sql)
        await proxy.approve(id)
        const got = await client.until('Z')
        t.notMatch(text(got), SECRETS, sql)
        t.match(text(got), /Ada/, 'what is not classified is there')
        t.match(text(got), /a\*+@x\.test/)
        t.match(letters(got), /^N*Hd+cCZ$/)
        client.destroy()
      }
      t.equal(await codeOf((await connect(t, proxy)).query('SELECT 1')), 'done')
    })

    t.test('where nothing is classified the bytes are the server’s own', async (t) => {
      const direct = await loginDirectly(t, db)
      const agent = await login(t, proxy)
      for (const [what, messages] of honest()) {
        direct.send(...messages)
        agent.send(...messages)
        const want = text(await direct.until('Z'))
        t.ok(want.length > 0)
        t.equal(text(await agent.until('Z')), want, what)
      }
    })

    t.test('what nobody can know of fails with the server’s code', async (t) => {
      const direct = await loginDirectly(t, db)
      const agent = await login(t, proxy)
      for (const messages of [
        [serialize.query('SELECT * FROM no_such_table')],
        [serialize.bind({ statement: 'unheard' }), serialize.sync()],
        [serialize.execute({ portal: 'unheard' }), serialize.sync()],
        [serialize.describe({ type: 'S', name: 'unheard' }), serialize.sync()],
      ]) {
        direct.send(...messages)
        agent.send(...messages)
        const want = await direct.until('Z')
        const got = await agent.until('Z')
        t.equal(letters(got), letters(want))
        t.equal(errorOf(got).C, errorOf(want).C)
        t.equal(errorOf(got).P, errorOf(want).P)
      }
    })
  })
}

/** Conversations that end in one ReadyForQuery each, and whose answers are the same every time. */
function honest(): [string, Buffer[]][] {
  const simple = [
    '',
    ';',
    '-- nothing',
    'SELECT 1 AS one, NULL AS none',
    "SELECT 'ä€😀'::text, E'\\\\x00ff'::bytea, 1.50::numeric, true, '2020-01-02'::date",
    "SELECT array[1,2,3], '{\"a\": 1}'::jsonb, '10.0.0.0/8'::inet, '[1,5)'::int4range",
    'SELECT id, total FROM orders ORDER BY id',
    'SELECT id, name FROM customers ORDER BY id',
    'SELECT count(*) FROM customers',
    'SELECT name, count(*) FROM customers GROUP BY name ORDER BY name',
    'SELECT c.name, o.total FROM customers c JOIN orders o ON o.customer_id = c.id ORDER BY o.id',
    'SELECT id, name FROM contacts ORDER BY id',
    'SELECT * FROM orders WHERE false',
    'SELECT 1; SELECT 2, 3; SELECT 4',
    'SELECT 1; SELECT 1/0; SELECT 2',
    'SELECT 1/0',
    'SELECT nope',
    'SELEC 1',
    "SELECT 'abc'::integer",
    'INSERT INTO scratch VALUES (1, $$one$$), (2, $$two$$)',
    'INSERT INTO scratch VALUES (3, $$three$$) RETURNING *',
    'UPDATE scratch SET note = $$uno$$ WHERE id = 1',
    'BEGIN; DELETE FROM scratch WHERE id = 3 RETURNING note; ROLLBACK',
    'INSERT INTO orders (id, customer_id) VALUES (1, 1)',
    'BEGIN; INSERT INTO scratch VALUES (9); ROLLBACK',
    'BEGIN',
    'SELECT 1/0',
    'SELECT 1',
    'ROLLBACK',
    'ROLLBACK',
    "SET datestyle = 'German'",
    "SELECT '2020-01-02'::date",
    'RESET datestyle',
    "SET application_name = 'byte for byte'",
    'SHOW application_name',
    'LISTEN nobody',
    'UNLISTEN *',
    'EXPLAIN (COSTS OFF) SELECT id FROM orders WHERE id = 1',
    'PREPARE plain AS SELECT $1::integer + 1',
    'EXECUTE plain(41)',
    'DEALLOCATE plain',
    'BEGIN; DECLARE c CURSOR FOR SELECT g FROM generate_series(1, 5) g; FETCH 2 FROM c; COMMIT',
    'SELECT g, repeat(chr(64 + g), 2000) FROM generate_series(1, 26) g',
    'SELECT g FROM generate_series(1, 20000) g',
    'VALUES (1, $$a$$), (2, $$b$$)',
    'SHOW server_version',
  ]
  const parse = (sql: string, name = '') => serialize.parse({ name, text: sql })
  const sync = serialize.sync()
  const conversations: [string, Buffer[]][] = [
    [
      'Parse, Describe, Bind, Describe, Execute',
      [
        parse('SELECT $1::int + 1 AS next, $2::text AS word'),
        serialize.describe({ type: 'S' }),
        serialize.bind({ values: ['41', 'x'] }),
        serialize.describe({ type: 'P' }),
        serialize.execute({}),
        sync,
      ],
    ],
    ['binary results', extended("SELECT 1.5::numeric, 'x'::text, now() - now(), 7::int8", 1)],
    ['an error at Parse', [parse('SELECT nope'), serialize.bind({}), serialize.execute({}), sync]],
    ['a syntax error at Parse', [parse('SELEC'), serialize.bind({}), serialize.execute({}), sync]],
    ['an error at Bind', [parse('SELECT $1::int'), serialize.bind({ values: ['x'] }), sync]],
    ['an error at Execute', extended('SELECT 1/0', 0)],
    ['a Query that is skipped', [parse('SELECT nope'), serialize.query('SELECT 7'), sync]],
    [
      'rows by twos',
      [
        parse('SELECT g FROM generate_series(1, 5) g'),
        serialize.bind({}),
        ...Array.from({ length: 3 }, () => serialize.execute({ rows: 2 })),
        sync,
      ],
    ],
    [
      'named statements, closed and named again',
      [
        parse('SELECT 1', 'n'),
        serialize.close({ type: 'S', name: 'n' }),
        parse('SELECT 2', 'n'),
        serialize.bind({ statement: 'n' }),
        serialize.execute({}),
        serialize.close({ type: 'S', name: 'n' }),
        serialize.close({ type: 'P', name: 'none' }),
        sync,
      ],
    ],
    [
      'COPY in',
      [
        serialize.query('COPY scratch FROM STDIN'),
        serialize.copyData(Buffer.from('70\tseventy\n71\t')),
        serialize.copyData(Buffer.from('\\N\n')),
        serialize.copyDone(),
      ],
    ],
    [
      'COPY in that fails',
      [
        serialize.query('COPY scratch FROM STDIN'),
        serialize.copyData(Buffer.from('not a number\n')),
        serialize.copyDone(),
      ],
    ],
    [
      'COPY in that is given up',
      [serialize.query('COPY scratch FROM STDIN'), serialize.copyFail('no')],
    ],
    ['an empty statement', extended('', 0)],
    ['Sync alone', [sync]],
  ]
  return [
    ...simple.map((sql): [string, Buffer[]] => [sql, [serialize.query(sql)]]),
    ...conversations,
  ]
}
