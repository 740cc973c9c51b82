import type pg from 'pg'
import { serialize } from 'pg-protocol'
import t, { type Test } from 'tap'
import { type Countersign, startCountersign } from '../support/countersign.ts'
import { codeOf, connect, loginOf } from '../support/e2e-client.ts'
import { errorOf, letters, RawClient, type RawMessage, rowsOf } from '../support/e2e-raw.ts'
import { POSTGRES_VERSIONS, startPostgres, type TestPostgres } from '../support/postgres.ts'
import { SHOP } from '../support/shop.ts'

/** 3 MB on each side of a classification, and more types than text. */
const MORE = `
  CREATE TABLE big (id integer PRIMARY KEY, body text, secret text);
  INSERT INTO big VALUES (1, repeat('body', 786432), repeat('hush', 786432));
  CREATE FUNCTION shout(integer) RETURNS text LANGUAGE sql STABLE
    AS 'SELECT upper(email) FROM customers WHERE id = $1';
  ANALYZE;
`
const CLASSIFIED = {
  'public.customers.email': 'pii.email',
  'public.customers.ssn': 'pii.national-id',
  'public.big.secret': 'pii.note',
}

/** Every column of these is made of classified values. */
const REVEALING = [
  'SELECT email, ssn FROM customers ORDER BY id',
  'SELECT email AS name FROM customers ORDER BY id',
  'SELECT c.email FROM (SELECT * FROM customers) c ORDER BY id',
  'WITH c AS (SELECT email AS e FROM customers) SELECT e FROM c',
  'SELECT email FROM customers UNION ALL SELECT ssn FROM customers',
  'SELECT (SELECT email FROM customers WHERE id = 1)',
  'SELECT upper(email), reverse(ssn), md5(email) FROM customers ORDER BY id',
  "SELECT encode(convert_to(email, 'UTF8'), 'base64') FROM customers ORDER BY id",
  "SELECT email || '', ssn || '!' FROM customers ORDER BY id",
  'SELECT length(email) FROM customers ORDER BY id',
  'SELECT c FROM customers c ORDER BY id',
  'SELECT c::text FROM customers c ORDER BY id',
  'SELECT row_to_json(c) FROM customers c ORDER BY id',
  'SELECT json_agg(c) FROM customers c',
  "SELECT string_agg(email, ',') FROM customers",
  'SELECT array_agg(ssn) FROM customers',
  'SELECT min(ssn), max(email) FROM customers',
  'SELECT first_value(email) OVER (ORDER BY id) FROM customers',
  'SELECT email FROM contacts ORDER BY id',
  'SELECT loud FROM contacts ORDER BY id',
  'SELECT l.x FROM customers c, LATERAL (SELECT c.ssn AS x) l',
  'SELECT CASE WHEN true THEN email END FROM customers ORDER BY id',
  'SELECT coalesce(ssn, email) FROM customers ORDER BY id',
  'VALUES ((SELECT ssn FROM customers WHERE id = 1))',
  'SELECT shout(1)',
  'SELECT s FROM shout(2) s',
  'SELECT unnest(array[email, ssn]) FROM customers',
  "SELECT format('%s', email) FROM customers ORDER BY id",
  'SELECT (c).email FROM customers c ORDER BY id',
  'SELECT to_jsonb(email) FROM customers ORDER BY id',
  'UPDATE customers SET name = name WHERE id = 1 RETURNING email, upper(ssn)',
  'SELECT left(secret, 8), secret FROM big',
  "SELECT query_to_xml('SELECT email FROM customers', true, true, '')::text",
  "SELECT most_common_vals::text || histogram_bounds::text FROM pg_stats WHERE attname = 'email'",
  'SELECT ssn FROM customers WHERE id = 1 FOR UPDATE',
]

/** Whatever these say, it isn't a classified value. */
const TALKATIVE = [
  "UPDATE customers SET name = ''",
  'UPDATE customers SET email = (SELECT email FROM customers WHERE id = 1)',
  'UPDATE customers SET email = ssn, id = 1',
  'SELECT ssn::integer FROM customers',
  "SELECT ('{' || email)::json FROM customers",
  'SELECT email::date FROM customers',
  'SELECT (SELECT email FROM customers)',
  "SELECT set_config('application_name', (SELECT ssn FROM customers WHERE id = 1), false) IS NULL",
  "SELECT set_config('TimeZone', (SELECT email FROM customers WHERE id = 1), false)",
  "SELECT pg_notify('talk', email) FROM customers",
  "DO $$ BEGIN RAISE NOTICE '%', (SELECT email FROM customers WHERE id = 1); END $$",
  'EXPLAIN (ANALYZE, VERBOSE) SELECT * FROM customers WHERE id = 1',
  'EXPLAIN SELECT * FROM customers WHERE email = (SELECT max(email) FROM customers)',
  'SELECT 1 / (length(ssn) - 11) FROM customers',
  'INSERT INTO customers SELECT 7, name, email, ssn FROM customers WHERE id = 1',
  'INSERT INTO scratch SELECT id, ssn FROM customers RETURNING note',
  'COPY customers TO STDOUT',
  'SELECT lo_from_bytea(0, convert_to(ssn, $$UTF8$$)) FROM customers',
  'CREATE TEMP TABLE copied AS SELECT email FROM customers',
  "SELECT query_to_xml('SELECT ssn FROM customers', true, true, '')",
  'SELECT xmlelement(name x, email) FROM customers',
]

/** A key of a rule; an object that has it in its text looks like a promise to the linter. */
const THEN = 'then'

const SECRETS = /marsh|larsen|\b96[56]-\d\d|34-5008|87-5553|6164612e6d61727368|hushhush/i

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

/** Of a statement whose every cell is secret: the cells that came through as they are. */
function revealed(direct: readonly RawMessage[], proxied: readonly RawMessage[]): string[] {
  const cells = rowsOf(proxied)
  return rowsOf(direct).flatMap((row, number) =>
    row.flatMap((cell, column) => {
      const seen = cells[number]?.[column]
      return cell && seen && cell.length > 0 && cell.equals(seen) ? [cell.toString('latin1')] : []
    }),
  )
}

for (const version of POSTGRES_VERSIONS) {
  t.test(`PostgreSQL, ${version}`, async (t) => {
    const db = await startPostgres(t, { version, schema: SHOP + MORE })
    const proxy = await startCountersign(t, {
      upstream: db.superuserUrl,
      database: { classified: CLASSIFIED },
      config: {
        rules: [
          {
            name: 'no-roles',
            when: { effect: 'privilege' },
            // biome-ignore lint/suspicious/noThenProperty: the configuration's own key
            then: { deny: 'ask the platform team' },
          },
        ],
      },
    })

    t.test('what is made of classified values never arrives, in any format', async (t) => {
      const direct = await loginDirectly(t, db)
      const agent = await login(t, proxy)
      for (const sql of REVEALING) {
        const want = await direct.query(sql)
        const simple = await agent.query(sql)
        t.same(revealed(want, simple), [], sql)
        t.notMatch(text(simple), SECRETS, sql)
        t.equal(letters(simple).at(-1), 'Z', `${sql}: the session goes on`)
        for (const format of [0, 1] as const) {
          direct.send(...extended(sql, format))
          agent.send(...extended(sql, format))
          const got = await agent.until('Z')
          t.same(revealed(await direct.until('Z'), got), [], `${sql}, format ${format}`)
          t.notMatch(text(got), SECRETS, sql)
          t.notMatch(letters(got), 'T', 'a description that nobody asked for is kept')
          t.equal(letters(got).at(-1), 'Z', `${sql}, format ${format}: the session goes on`)
        }
      }
    })

    t.test('nor in errors, notices, plans, settings and notifications', async (t) => {
      const agent = await login(t, proxy)
      await agent.query('LISTEN talk')
      for (const sql of TALKATIVE) {
        const said = await agent.query(sql)
        t.notMatch(text(said), SECRETS, sql)
        t.equal(letters(said).at(-1), 'Z', `${sql}: the session goes on`)
      }
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
        database: { classified: CLASSIFIED },
        config: { rules },
      })
      const cleared = await login(t, hearing)
      await cleared.query('LISTEN talk')
      await db.query(others)
      t.match(text(await cleared.until('A')), SECRETS)
    })

    t.test('masks keep the rest of a row, its types and its NULLs', async (t) => {
      for (const binary of [false, true]) {
        const client = await connect(t, proxy, { binary } as pg.ClientConfig)
        const { rows } = await client.query(
          'SELECT id, name, email, ssn FROM customers ORDER BY id',
        )
        t.match(rows[0], { id: 1, name: 'Ada', email: /^a\*+@x\.test$/ })
        t.match(rows[1], { id: 2, name: 'Bo', email: /^b\*+@y\.test$/ })
        const mixed = await client.query(
          'SELECT o.total, c.email, o.id FROM orders o JOIN customers c ON c.id = o.customer_id ORDER BY o.id',
        )
        t.equal(mixed.rows.length, 3)
        if (!binary) t.match(mixed.rows[0], { total: '10.50', email: /^a\*+@x\.test$/, id: 1 })
      }
      const client = await connect(t, proxy)
      const { rows } = await client.query(
        'SELECT count(*)::int AS n, count(email)::int AS m FROM customers',
      )
      t.same(rows, [{ n: 2, m: 2 }], 'counts stay readable')
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

    t.test('values of 3 MB pass and are masked alike', async (t) => {
      const client = await connect(t, proxy)
      const { rows } = await client.query('SELECT id, body, secret FROM big')
      t.equal(rows[0].body.length, 3 * 1024 * 1024)
      t.notMatch(rows[0].secret, /hush/)
    })

    t.test('errors of classified tables keep code and place, not the values', async (t) => {
      const agent = await login(t, proxy)
      const check = errorOf(await agent.query("UPDATE customers SET name = '' WHERE id = 1"))
      t.match(check, { C: '23514', t: 'customers' })
      t.equal(check.D, undefined, 'the failing row is not shown')
      const unique = errorOf(
        await agent.query("INSERT INTO customers VALUES (8, 'x', 'ada.marsh@x.test', '1')"),
      )
      t.match(unique, { C: '23505', n: 'customers_email_key' })
      t.equal(unique.D, undefined)
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
