import { setTimeout as after } from 'node:timers/promises'
import { serialize } from 'pg-protocol'
import t, { type Test } from 'tap'
import { type Countersign, startCountersign } from '../support/countersign.ts'
import { exists, loginOf } from '../support/e2e-client.ts'
import {
  errorOf,
  int32,
  letters,
  RawClient,
  rowsOf,
  startupPacket,
  typed,
} from '../support/e2e-raw.ts'
import { startPostgres, type TestPostgres } from '../support/postgres.ts'

const SCHEMA = 'CREATE TABLE numbers (n int); CREATE TABLE victim (n int);'
const NO_HOLD = { options: '-c countersign.hold=0' }

/** Whatever of it is called writes down that it was. */
const CODE = `
  CREATE TABLE customers (id int, email text);
  INSERT INTO customers VALUES (1, 'ada@x.test');
  CREATE TABLE heard (word text);
  CREATE FUNCTION hear(word text) RETURNS boolean LANGUAGE plpgsql VOLATILE AS
    $$ BEGIN INSERT INTO public.heard VALUES (word); RETURN true; END $$;
  CREATE DOMAIN noisy AS text CHECK (public.hear(value));
  CREATE FUNCTION named(c refcursor) RETURNS refcursor LANGUAGE plpgsql AS $$ BEGIN
    OPEN c FOR EXECUTE format('SELECT 1 AS %I', (SELECT email FROM customers)); RETURN c; END $$;
  CREATE SCHEMA evil;
  CREATE FUNCTION evil.current_setting(text) RETURNS text LANGUAGE sql AS
    $$ SELECT public.hear('setting')::text $$;
  CREATE FUNCTION evil.to_regclass(text) RETURNS regclass LANGUAGE sql AS
    $$ SELECT CASE WHEN public.hear('regclass') THEN 'pg_class'::regclass END $$;
  CREATE FUNCTION evil.json_build_object(VARIADIC "any") RETURNS json LANGUAGE internal AS 'json_build_object';
  CREATE TABLE evil.pg_class (oid oid);
`

/** Backends of closed sessions have ended; the proxy's own connection and this one stay. */
async function onlyOneBackend(db: TestPostgres): Promise<void> {
  const others =
    "SELECT 1 FROM pg_stat_activity WHERE datname = 'shop' AND application_name NOT LIKE 'countersign%' AND pid <> pg_backend_pid() AND backend_type = 'client backend'"
  while ((await db.query(others)).rows.length > 0) await after(10)
}

async function login(
  t: Test,
  proxy: Countersign,
  parameters: Record<string, string> = {},
): Promise<RawClient> {
  const { client } = await RawClient.login(proxy.port, { ...loginOf(proxy), parameters })
  t.teardown(() => client.destroy())
  return client
}

t.test('bytes that are meant to be read as something else', async (t) => {
  const db = await startPostgres(t, { schema: SCHEMA })
  const proxy = await startCountersign(t, { upstream: db.superuserUrl })

  t.test('a COPY that fails in the middle of a message shifts no boundary', async (t) => {
    const client = await login(t, proxy)
    client.send(
      serialize.parse({ text: 'COPY numbers FROM STDIN' }),
      serialize.bind({}),
      serialize.execute({}),
      serialize.flush(),
    )
    t.equal(letters(await client.until('G')), '12G')
    // What would be read as messages if the rest of the second CopyData were not sent on.
    const hidden = Buffer.concat([serialize.sync(), serialize.query('DROP TABLE victim')])
    const parse = serialize.parse({ text: 'SELECT $1::bytea' })
    const bind = serialize.bind({ values: [hidden] })
    const taken = serialize.sync().length + parse.length + bind.indexOf(hidden)
    client.send(
      typed('d', Buffer.from('not a number\n')),
      Buffer.concat([Buffer.from('d'), int32(4 + 10 + taken), Buffer.alloc(10, 0x31)]),
    )
    t.equal(letters(await client.until('E')), 'E')
    client.send(Buffer.alloc(taken, 0x31), serialize.sync())
    client.send(parse, bind, serialize.execute({}), serialize.sync())
    t.equal(letters(await client.until('Z')), 'Z')
    const answer = await client.until('Z')
    t.equal(letters(answer), '12DCZ')
    t.ok(String(rowsOf(answer)[0]?.[0]).startsWith('\\x53'), 'the value is a value')
    t.ok(await exists(db, 'victim'))
  })

  t.test('the end of a COPY that nobody began holds nothing up', async (t) => {
    const client = await login(t, proxy, NO_HOLD)
    client.send(
      serialize.copyDone(),
      serialize.copyFail('no'),
      serialize.copyData(Buffer.from('x')),
    )
    t.match(errorOf(await client.query('DROP TABLE victim')).C, /^ZA00[12]$/)
    t.ok(await exists(db, 'victim'))
  })

  t.test('a statement in the middle of COPY data ends the session', async (t) => {
    for (const statement of ['DROP TABLE victim', 'SELECT 1']) {
      const client = await login(t, proxy)
      client.send(serialize.query('COPY numbers FROM STDIN'))
      t.equal(letters(await client.until('G')), 'G')
      client.send(serialize.copyData(Buffer.from('1\n')), serialize.query(statement))
      t.match(errorOf(await client.untilEnd()), { C: '08P01' }, statement)
    }
    t.same((await db.query('SELECT * FROM numbers')).rows, [])
    t.ok(await exists(db, 'victim'))
  })

  t.test(
    'a COPY that fails in a pipeline leaves the session as the server leaves it',
    async (t) => {
      const client = await login(t, proxy)
      const copy = [
        serialize.parse({ text: 'COPY numbers FROM STDIN' }),
        serialize.bind({}),
        serialize.execute({}),
      ]
      const bad = serialize.copyData(Buffer.from('not a number\n'))
      for (const ends of [
        [bad, serialize.copyDone(), serialize.sync()],
        [bad, serialize.sync()],
        [serialize.copyFail('no'), serialize.sync()],
      ]) {
        client.send(...copy, serialize.flush())
        t.equal(letters(await client.until('G')), '12G')
        client.send(...ends)
        t.equal(letters(await client.until('Z')), 'EZ')
        t.equal(letters(await client.query('SELECT 1')), 'TDCZ')
      }
    },
  )

  t.test('a CopyData that its client never finishes is finished by nobody', async (t) => {
    const client = await login(t, proxy)
    client.send(serialize.query('COPY numbers FROM STDIN'))
    await client.until('G')
    // Exactly as long as a Terminate is missing.
    client.send(Buffer.concat([Buffer.from('d'), int32(4 + 2 + 5), Buffer.from('7\n')]))
    client.destroy()
    const busy =
      "SELECT 1 FROM pg_stat_activity WHERE query LIKE 'COPY numbers%' AND state = 'active'"
    while ((await db.query(busy)).rows.length > 0) await after(10)
    t.same((await db.query('SELECT * FROM numbers')).rows, [])
  })

  t.test('lengths that wrap, run past the end or are negative end the session', async (t) => {
    const value = (length: number) =>
      typed('B', Buffer.from('\0\0\0\0\0\x01', 'latin1'), int32(length), Buffer.from('x\0\0'))
    for (const bytes of [
      Buffer.concat([Buffer.from('Q'), int32(0xffffffff), Buffer.from('SELECT 1\0')]),
      Buffer.concat([Buffer.from('B'), int32(0x80000000)]),
      Buffer.concat([Buffer.from('d'), int32(0xfffffffb)]),
      value(0x7fffffff),
      value(0xfffffffe),
      value(2 ** 31),
    ]) {
      const client = await login(t, proxy)
      client.send(bytes, serialize.query('INSERT INTO numbers VALUES (8)'))
      t.equal(errorOf(await client.untilEnd()).C, '08P01')
    }
    t.same((await db.query('SELECT * FROM numbers')).rows, [])
  })

  t.test('what is sent before the password is proved is never run', async (t) => {
    const startup = startupPacket({ user: 'bot', database: 'shop' })
    const client = await RawClient.open(proxy.port)
    t.teardown(() => client.destroy())
    client.send(startup, serialize.query('INSERT INTO numbers VALUES (9)'), serialize.sync())
    const said = await client.untilEnd()
    t.equal(letters(said), 'RE')
    t.equal(errorOf(said).C, '08P01')
    t.same((await db.query('SELECT * FROM numbers')).rows, [])
  })

  t.test('what stands behind Terminate, or was never finished, is never run', async (t) => {
    const insert = serialize.query('INSERT INTO numbers VALUES (10)')
    const saying = await login(t, proxy)
    saying.send(serialize.end(), insert)
    t.same(await saying.untilEnd(), [])
    const cut = await login(t, proxy)
    cut.send(insert.subarray(0, -1))
    cut.destroy()
    const unsynced = await login(t, proxy)
    unsynced.send(
      serialize.parse({ text: 'INSERT INTO numbers VALUES (11)' }),
      serialize.bind({}),
      serialize.execute({}),
      serialize.flush(),
    )
    t.equal(letters(await unsynced.until('C')), '12C')
    unsynced.destroy()
    await onlyOneBackend(db)
    t.same((await db.query('SELECT * FROM numbers')).rows, [], 'nothing was committed')
  })

  t.test('replication is refused, however it is spelt', async (t) => {
    for (const replication of ['true', 'on', 'yes', '1', 'database', 'off']) {
      const client = await RawClient.open(proxy.port)
      t.teardown(() => client.destroy())
      const parameters = { replication }
      const said = await client.authenticate({ ...loginOf(proxy), parameters })
      t.match(errorOf(said), { C: '42501', S: 'FATAL' }, replication)
    }
    const client = await login(t, proxy)
    for (const command of ['IDENTIFY_SYSTEM', 'BASE_BACKUP', 'START_REPLICATION 0/0']) {
      t.equal(errorOf(await client.query(command)).C, '42601', command)
    }
  })
})

t.test('bytes that are meant to be judged as something else', async (t) => {
  const db = await startPostgres(t, { schema: SCHEMA + CODE })
  const proxy = await startCountersign(t, { upstream: db.superuserUrl })
  const unsigned = /^ZA00[12]$/
  const ran = async () => (await db.query('SELECT word FROM heard')).rows.map(({ word }) => word)

  t.test('what looks empty and is not', async (t) => {
    const client = await login(t, proxy, NO_HOLD)
    for (const empty of ['', ';', ' ;; ', '-- nothing', '/* DROP /* TABLE */ victim */']) {
      t.equal(letters(await client.query(empty)), 'IZ', JSON.stringify(empty))
    }
    for (const full of [
      '-- a comment\rDROP TABLE victim',
      '/**/;DROP/**/TABLE victim',
      '\fDROP TABLE victim',
    ]) {
      t.match(errorOf(await client.query(full)).C, unsigned, JSON.stringify(full))
    }
    t.ok(await exists(db, 'victim'))
  })

  t.test('text that is not UTF-8, and text that goes on behind a NUL', async (t) => {
    const client = await login(t, proxy, NO_HOLD)
    client.send(typed('Q', Buffer.from("SELECT '\xbf\\'; DROP TABLE victim; --'\0", 'latin1')))
    t.match(errorOf(await client.until('Z')).C, unsigned)
    const parse = Buffer.from("\0SELECT '\xff'\0\0\0", 'latin1')
    client.send(typed('P', parse), serialize.bind({}), serialize.execute({}), serialize.sync())
    t.match(errorOf(await client.until('Z')).C, /^(22021|ZA00[12])$/)
    client.send(typed('Q', Buffer.from('SELECT 1\0; DROP TABLE victim\0')))
    t.equal(errorOf(await client.untilEnd()).C, '08P01')
    t.ok(await exists(db, 'victim'))
  })

  t.test('a simple query in the middle of a pipeline', async (t) => {
    const client = await login(t, proxy, NO_HOLD)
    client.send(
      serialize.parse({ text: "INSERT INTO heard VALUES ('before')" }),
      serialize.bind({}),
      serialize.execute({}),
      serialize.query('DROP TABLE victim'),
    )
    const answer = await client.until('Z')
    t.match(letters(answer), /^N?12C/, 'what stood before it')
    t.match(errorOf(answer).C, unsigned)
    t.ok(await exists(db, 'victim'))
    await db.query('DELETE FROM heard')
  })

  t.test('a COPY that hides in a pipeline', async (t) => {
    const client = await login(t, proxy, NO_HOLD)
    client.send(
      serialize.parse({ text: 'SELECT 1' }),
      serialize.bind({}),
      serialize.execute({}),
      serialize.parse({ text: 'COPY customers TO STDOUT' }),
      serialize.bind({}),
      serialize.execute({}),
      serialize.sync(),
    )
    const answer = await client.until('Z')
    t.match(errorOf(answer).C, unsigned)
    t.notMatch(letters(answer), /[Hd]/, 'nothing is copied')
  })

  t.test('code that runs when a value is read', async (t) => {
    const { rows } = await db.query("SELECT 'noisy'::regtype::oid::int AS oid")
    const client = await login(t, proxy, NO_HOLD)
    client.send(
      serialize.parse({ text: 'SELECT $1', types: [rows[0].oid] }),
      serialize.bind({ values: ['at Bind'] }),
      serialize.execute({}),
      serialize.sync(),
    )
    t.match(errorOf(await client.until('Z')).C, unsigned)
    t.same(await ran(), [])
  })

  t.test('binary rows in answer to a simple query', async (t) => {
    const client = await login(t, proxy, NO_HOLD)
    await client.query('BEGIN')
    await client.query(
      'DECLARE c BINARY CURSOR FOR SELECT id, email, email || email FROM customers',
    )
    const [row] = rowsOf(await client.query('FETCH ALL FROM c'))
    t.equal(row?.[0]?.toString('hex'), '00000001', 'it is binary')
    t.match(String(row?.[1]), /^a\*+@x\.test$/)
    t.equal(String(row?.[2]), '[redacted]')
  })

  t.test('names of columns that carry values', async (t) => {
    const client = await login(t, proxy, NO_HOLD)
    await client.query('BEGIN')
    const opened = await client.query("SELECT named('c')")
    t.match(errorOf(opened).C, unsigned)
    t.notMatch(String(Buffer.concat(opened.map(({ frame }) => frame))), 'ada@')
  })

  t.test(
    "a path on which other functions stand does not reach the proxy's questions",
    async (t) => {
      const options = '-c countersign.hold=0 -c search_path=evil,pg_catalog,public'
      const client = await login(t, proxy, { options })
      t.match(errorOf(await client.query('DROP TABLE victim')).C, unsigned, 'it could be asked')
      t.same(await ran(), [], 'and nothing of theirs was called')
    },
  )

  t.test('nothing of one session is found by the next', async (t) => {
    const first = await login(t, proxy, NO_HOLD)
    for (const sql of [
      'SET search_path = evil',
      'CREATE TEMP TABLE left_behind (n int)',
      'PREPARE left_behind AS SELECT 1',
      'SELECT pg_advisory_lock(7)',
      'LISTEN left_behind',
    ]) {
      await first.query(sql)
    }
    first.send(serialize.end())
    await first.untilEnd()
    await onlyOneBackend(db)
    const second = await login(t, proxy)
    const value = async (sql: string) => String(rowsOf(await second.query(sql))[0]?.[0])
    t.equal(await value('SHOW search_path'), '"$user", public')
    t.equal(await value('SELECT pg_try_advisory_lock(7)'), 't')
    t.equal(await value('SELECT count(*) FROM pg_prepared_statements'), '0')
    t.equal(await value('SELECT count(*) FROM pg_listening_channels()'), '0')
  })
})
