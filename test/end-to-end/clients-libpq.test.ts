import t, { type Test } from 'tap'
import { type PostgresWorld, startPostgresWorld } from '../support/clients-postgres-world.ts'
import { type Finished, libpqProgram, psql, runLibpq } from '../support/clients-psql.ts'
import { tellClientStory } from '../support/clients-story.ts'
import { endsInPeace } from '../support/clients-world.ts'
import { withClient } from '../support/postgres.ts'

t.test("libpq's programs", async (t) => {
  for (const program of ['psql', 'pgbench', 'pg_dump']) libpqProgram(program)
  // pg_dump refuses a server that is newer than itself.
  const world = await startPostgresWorld(t, 'oldest')
  await tellClientStory(t, world, psql(world))
  await t.test('psql: what it asks the catalog is answered as by the server', (t) =>
    describes(t, world),
  )
  await t.test('psql: it is told that it waits, and copies in and out', (t) => psqlWays(t, world))
  await t.test('pgbench: fills its tables, statement by statement signed', (t) => fills(t, world))
  for (const mode of ['simple', 'extended', 'prepared']) {
    await t.test(`pgbench: ${mode}`, (t) => benches(t, world, mode))
  }
  await t.test('pg_dump: each export is signed, the dump is whole and masked', (t) =>
    dumps(t, world),
  )
  await t.test('what an agent would try with these programs', (t) => triesRound(t, world))
  await endsInPeace(t, world)
})

const COMMANDS = [
  ...['\\d', '\\d+ customers', '\\d orders', '\\d+ contacts', '\\dt *', '\\di', '\\ds', '\\dv'],
  ...['\\df', '\\dn+', '\\dT', '\\dx', '\\du', '\\l', '\\dp', '\\ddp', '\\dD', '\\dC', '\\do'],
  ...['\\db', '\\dF', '\\dL', '\\dO', '\\dRp', '\\des', '\\det', '\\sv contacts'],
]

/** Nothing of this touches a classified value, so no byte of it may differ. */
async function describes(t: Test, world: PostgresWorld): Promise<void> {
  const { host, port, user, password } = world.db
  const direct = { PGHOST: host, PGHOSTADDR: host, PGPORT: String(port), PGUSER: user }
  for (const command of COMMANDS) {
    const args = ['-X', '-c', command]
    const asked = await runLibpq(world, 'psql', args, { tls: false, hold: '0' })
    const env = { ...direct, PGPASSWORD: password, PGOPTIONS: '' }
    const expected = await runLibpq(world, 'psql', args, { tls: false, env })
    t.same(asked, expected, command)
  }
}

async function psqlWays(t: Test, world: PostgresWorld): Promise<void> {
  const table = await world.table()
  let approving: Promise<void> | undefined
  const dropped = await runLibpq(world, 'psql', ['-X', '-c', `DROP TABLE ${table}`], {
    tls: true,
    onError: (text) => {
      const id = /NOTICE: {2}waiting for approval: request (\w+)\n/.exec(text)?.[1]
      if (id) approving ??= world.proxy.approve(id)
    },
  })
  await approving
  t.match(dropped, { code: 0, out: 'DROP TABLE\n' })
  t.equal(await world.exists(table), false)
  const approver = world.approveAll()
  const cursors = `BEGIN; TRUNCATE scratch; SELECT count(*) FROM pg_cursors; COMMIT`.split('; ')
  const looked = cursors.flatMap((text) => ['-c', text])
  const { out } = await runLibpq(world, 'psql', ['-XAtq', ...looked], { tls: false })
  await approver.stop()
  t.equal(out, '0\n', 'what the proxy asked in the transaction has left nothing behind')
  const script = "BEGIN; INSERT INTO scratch VALUES (1, 'psql'); SELECT 1/0; COMMIT;"
  const failed = await runLibpq(world, 'psql', ['-X', '-c', script], { tls: true })
  t.match(failed, { code: 1, err: /division by zero/ })
  const portions = [
    '-XAt',
    '-v',
    'FETCH_COUNT=1',
    '-c',
    'SELECT id, email FROM customers ORDER BY 1',
  ]
  t.match(
    (await runLibpq(world, 'psql', portions, { tls: true })).out,
    /^1\|a\*+@x\.test\n2\|b\*+@/,
  )
  const copied = runLibpq(world, 'psql', ['-X', '-c', '\\copy customers to stdout csv header'], {
    tls: true,
  })
  await world.proxy.approve((await world.waiting('COPY')).id)
  t.match((await copied).out, /^id,name,email,ssn\n1,Ada,a\*+@x\.test,/)
}

async function fills(t: Test, world: PostgresWorld): Promise<void> {
  const approver = world.approveAll()
  const filled = await runLibpq(world, 'pgbench', ['-i', '-I', 'dtgpf', '-s', '1'], { tls: true })
  const statements = await approver.stop()
  t.equal(filled.code, 0, filled.err)
  t.ok(statements.some((text) => text.includes('create table pgbench_accounts')))
  const { rows } = await world.db.query('SELECT count(*)::int AS n FROM pgbench_accounts')
  t.equal(rows[0].n, 100_000)
}

async function benches(t: Test, world: PostgresWorld, mode: string): Promise<void> {
  const before = await world.db.query('SELECT count(*)::int AS n FROM pgbench_history')
  for (const tls of [false, true]) {
    const ran = await runLibpq(
      world,
      'pgbench',
      ['-n', '-M', mode, '-c', '4', '-j', '2', '-t', '25'],
      { tls, hold: '0' },
    )
    t.equal(ran.code, 0, ran.err)
    t.match(ran.out, /actually processed: 100\/100/)
  }
  const after = await world.db.query('SELECT count(*)::int AS n FROM pgbench_history')
  t.equal(after.rows[0].n - before.rows[0].n, 200)
}

async function dumps(t: Test, world: PostgresWorld): Promise<void> {
  const refused = await runLibpq(world, 'pg_dump', ['-t', 'customers'], { tls: true, hold: '0' })
  t.not(refused.code, 0, 'without a signature nothing is dumped')
  t.match(refused.err, /needs a person's approval/)
  t.notMatch(refused.out, /COPY public.customers/)
  const approver = world.approveAll()
  const dumped = await runLibpq(world, 'pg_dump', ['-T', 'pgbench*'], { tls: true })
  const statements = await approver.stop()
  t.equal(dumped.code, 0, dumped.err)
  const copied = statements.filter((text) => text.startsWith('COPY public.'))
  t.equal(new Set(copied).size, copied.length, 'nothing is asked for twice')
  t.notMatch(dumped.out, /marsh|larsen|5008|5553/)
  await restores(t, world, dumped)
}

/** The dump, loaded into a database of its own, holds what the other holds, but masked. */
async function restores(t: Test, world: PostgresWorld, { out }: Finished): Promise<void> {
  await world.db.query('CREATE DATABASE restored')
  const url = world.db.superuserUrl.replace(/\/shop(?=$|\?)/, '/restored')
  const loaded = await runLibpq(
    world,
    'psql',
    ['-X', '-q', '-v', 'ON_ERROR_STOP=1', '-f', '-', url],
    {
      tls: false,
      input: out,
    },
  )
  t.equal(loaded.code, 0, loaded.err)
  const all = 'SELECT id, name, email FROM customers ORDER BY id'
  const count = `SELECT (SELECT count(*) FROM orders) AS orders, (SELECT sum(total) FROM orders) AS
    total, (SELECT count(*) FROM contacts) AS contacts, (SELECT last_value FROM orders_id_seq) AS seq`
  await withClient(url, async (client) => {
    t.match((await client.query(all)).rows, [
      { id: 1, name: 'Ada', email: /^a\*+@x\.test$/ },
      { id: 2, name: 'Bo', email: /^b\*+@y\.test$/ },
    ])
    t.same((await client.query(count)).rows, (await world.db.query(count)).rows)
  })
}

/** Other roads to the same rows, and to a statement that nobody has signed. */
async function triesRound(t: Test, world: PostgresWorld): Promise<void> {
  const table = await world.table()
  const dropped = await runLibpq(world, 'psql', ['-XAtq', '-f', '-'], {
    ...{ tls: true, hold: '0', input: `SELECT 'DROP TABLE ${table}' \\gexec\n` },
  })
  t.match(dropped.err, /DROP TABLE needs a person's approval/, 'text that psql runs is text')
  t.equal(await world.exists(table), true)
  const kept = 'SELECT email AS mail FROM customers WHERE id = 1 \\gset'
  const said = await runLibpq(world, 'psql', ['-XAtq', '-f', '-'], {
    ...{ tls: true, hold: '0', input: `${kept}\n\\echo :mail\nSELECT :'mail' AS again;\n` },
  })
  t.match(said.out, /^a\*+@x\.test\na\*+@x\.test\n$/, 'a variable holds what was sent, no more')
  const approver = world.approveAll()
  const binary = '\\copy (SELECT upper(email) AS x, ssn FROM customers) to stdout (format binary)'
  const copied = await runLibpq(world, 'psql', ['-X', '-c', binary], { tls: true })
  t.match(copied, { code: 0, out: /PGCOPY/ })
  t.notMatch(copied.out, /marsh|5008/i, 'nor does a signed binary copy of expressions')
  const inserts = ['--inserts', '--rows-per-insert=2', '-t', 'customers', '-t', 'contacts']
  const dumped = await runLibpq(world, 'pg_dump', inserts, { tls: true })
  await approver.stop()
  t.match(dumped, { code: 0, out: /INSERT INTO public\.customers VALUES/ })
  t.notMatch(dumped.out, /marsh|larsen|5008|5553/, 'nor does a dump that reads by cursors')
}
