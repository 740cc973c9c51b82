import pg from 'pg'
import t from 'tap'
import { ClassifiedPatterns } from '../../src/catalog/classified-patterns.ts'
import { openPostgresCatalog, type PostgresCatalog } from '../../src/catalog/postgres-catalog.ts'
import { contextQuery } from '../../src/catalog/postgres-context.ts'
import { readPostgres } from '../../src/catalog/postgres-reading.ts'
import { inspectRole } from '../../src/catalog/role-facts.ts'
import type { Clock } from '../../src/lib/clock.ts'
import { openShop, SHOP_CLASSES, SHOP_SCHEMA } from '../sql/shop.ts'
import { POSTGRES_VERSIONS, startPostgres, withClient } from '../support/postgres.ts'

function classesOf(catalog: PostgresCatalog, name: string): Record<string, string> {
  const [relation] = catalog.current.relationsNamed(name, 'public')
  const classes: Record<string, string> = {}
  for (const column of relation?.columns.values() ?? []) {
    if (column.dataClass) classes[column.name] = `${column.dataClass}${column.derived ? '*' : ''}`
  }
  return classes
}

for (const version of POSTGRES_VERSIONS) {
  t.test(`${version}: classes reach every place that the values reach`, async (t) => {
    const { catalog } = await openShop(t, version)
    const people = {
      email: 'pii.email',
      ssn: 'pii.national-id',
      diary: 'pii.diary',
      label: 'pii.email*',
    }
    t.same(classesOf(catalog, 'people'), people)
    t.same(classesOf(catalog, 'people_gone'), people, 'an inheritance child')
    t.same(classesOf(catalog, 'cards_2026'), { pan: 'pci.pan' }, 'a partition')
    t.same(classesOf(catalog, 'contacts'), { reach: 'pii.email' }, 'a view')
    t.same(classesOf(catalog, 'contacts_again'), { loud: 'pii.email*' }, 'a view on a view')
    t.same(classesOf(catalog, 'directory'), { entry: 'pii.email*' }, 'a materialized view')
    t.same(classesOf(catalog, 'rows_of_people'), { whole: 'derived*' }, 'a whole row')
    t.same(classesOf(catalog, 'public_people'), {})
    t.same(classesOf(catalog, 'headcount'), {})
    t.ok(catalog.current.hasBuiltin('generate_series'))
    t.ok(catalog.current.builtinReturnsSet('generate_series'))
    t.notOk(catalog.current.builtinReturnsSet('upper'))
    t.match(catalog.current.functionsNamed('raised'), [{ securityDefiner: true }])
    t.match(catalog.current.functionsNamed('similarity'), [{ extension: 'pg_trgm' }])
    t.match(catalog.current.typesNamed('watched'), [{ kind: 'd', runsCode: true }])
    t.match(catalog.current.typesNamed('handle'), [{ kind: 'd', runsCode: false }])
  })
}

t.test('changes are noticed by the clock, and a server that is away is reported', async (t) => {
  const postgres = await startPostgres(t, { schema: SHOP_SCHEMA })
  let tick: (() => void) | undefined
  const clock: Clock = {
    now: () => 0,
    monotonic: () => 0,
    after: (_ms, fire) => {
      tick = fire
      return () => {}
    },
  }
  let told: (error: unknown) => void = () => {}
  const catalog = await openPostgresCatalog({
    connect: async () => {
      const client = new pg.Client({ connectionString: postgres.url })
      await client.connect()
      return client
    },
    classified: { ...SHOP_CLASSES, 'people.label': 'none' },
    clock,
    onTrouble: (error) => told(error),
  })
  t.teardown(() => catalog.close())
  t.notOk('label' in classesOf(catalog, 'people'), 'declared to hold nothing')
  const first = catalog.current
  t.equal(await catalog.refresh(), first, 'the same while nothing has changed')
  await postgres.query('ALTER TABLE cards DETACH PARTITION cards_2026')
  await postgres.query('CREATE TABLE another (id int)')
  tick?.()
  const second = await catalog.refresh()
  t.ok(second.version > first.version)
  t.equal(second.relationsNamed('another').length, 1)
  t.same(classesOf(catalog, 'cards_2026'), { pan: 'pci.pan' }, 'detached, and still what it was')
  await postgres.close()
  const trouble = new Promise((resolve) => {
    told = resolve
  })
  tick?.()
  t.ok(await trouble)
  t.equal(catalog.current, second, 'the last reading stays in force')
  await t.rejects(catalog.refresh())
})

t.test('what names mean is told by the session itself, whatever its path is', async (t) => {
  const { one, postgres } = await openShop(t)
  const statement = await one("SELECT name, twice(1), 'q''\"' FROM goods, contacts")
  const sql = contextQuery(statement)
  await withClient(postgres.superuserUrl, async (client) => {
    const ask = async () => {
      const result = await client.query(sql)
      return (result.rows[0] as { context: string }).context
    }
    const first = await ask()
    t.equal(await ask(), first, 'equal while nothing changes')
    const changes = [
      'SET search_path = old, public',
      'CREATE TEMP TABLE goods (id int)',
      'CREATE OR REPLACE VIEW contacts AS SELECT id, name, ssn AS reach, false AS anonymous FROM people',
      "CREATE OR REPLACE FUNCTION twice(i integer) RETURNS integer LANGUAGE sql AS 'SELECT 3'",
      "SET TimeZone = 'Asia/Tokyo'",
      'SET row_security = off',
      'SET standard_conforming_strings = off',
      'SET ROLE app',
    ]
    let before = first
    for (const change of changes) {
      await client.query(change)
      const after = await ask()
      t.not(after, before, change)
      before = after
    }
    await client.query(`RESET ROLE; SET search_path = fake, pg_catalog, public; CREATE SCHEMA fake;
      CREATE FUNCTION fake.md5(text) RETURNS text LANGUAGE sql AS $$ SELECT 'x' $$;
      CREATE FUNCTION fake.current_setting(text) RETURNS text LANGUAGE sql AS $$ SELECT 'x' $$`)
    const faked = await ask()
    t.match(faked, /Asia\/Tokyo/, 'functions of the same name change nothing')
    await client.query(
      'CREATE OR REPLACE VIEW public.contacts AS SELECT id, name, name AS reach, true AS anonymous FROM public.people',
    )
    t.not(await ask(), faked, 'and hide no change')
  })
  await postgres.query(contextQuery(await one('SELECT loud FROM contacts_again')))
  const many = {
    ...statement,
    tables: Array.from({ length: 500 }, (_, i) => ({ ...statement.tables[0], name: `t'\\${i}` })),
  }
  await postgres.query(contextQuery(many as typeof statement))
})

t.test('what a name reaches is part of its meaning', async (t) => {
  const { one, postgres } = await openShop(t)
  await postgres.query(`CREATE FUNCTION stamp() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END';
    CREATE TRIGGER stamp BEFORE INSERT ON notes FOR EACH ROW EXECUTE FUNCTION stamp()`)
  const changes = [
    [
      'SELECT loud FROM contacts_again',
      'CREATE OR REPLACE VIEW contacts AS SELECT id, name, name AS reach, true AS anonymous FROM people',
    ],
    [
      'INSERT INTO notes VALUES (1)',
      "CREATE OR REPLACE FUNCTION stamp() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN DELETE FROM goods; RETURN NEW; END'",
    ],
    ['INSERT INTO notes VALUES (1)', 'ALTER TABLE notes DISABLE TRIGGER stamp'],
    [
      'DELETE FROM notes WHERE id = 1',
      'CREATE RULE r AS ON DELETE TO notes DO ALSO DELETE FROM goods',
    ],
    [
      'DELETE FROM notes WHERE id = 1',
      'CREATE OR REPLACE RULE r AS ON DELETE TO notes DO INSTEAD NOTHING',
    ],
  ] as const
  for (const [sql, change] of changes) {
    const context = contextQuery(await one(sql))
    const ask = async () => (await postgres.query(context)).rows[0].context as string
    const before = await ask()
    t.equal(await ask(), before)
    await postgres.query(change)
    t.not(await ask(), before, change)
  }
})

t.test('reading the schema keeps no lock from one question to the next', async (t) => {
  const postgres = await startPostgres(t, { schema: SHOP_SCHEMA })
  const client = new pg.Client({ connectionString: postgres.superuserUrl })
  await client.connect()
  t.teardown(() => client.end())
  const locked: string[] = []
  let taken = 0
  const LOCKS = `SELECT relation::regclass::text AS name FROM pg_locks
    WHERE pid = pg_backend_pid() AND relation >= 16384`
  const watched = {
    async query(sql: string) {
      const result = await client.query(sql)
      if (/^BEGIN|^ROLLBACK$/.test(sql)) return result
      const { rows } = await client.query<{ name: string }>(LOCKS)
      if (sql.startsWith('ROLLBACK TO')) locked.push(...rows.map(({ name }) => name))
      else taken += rows.length
      return result
    },
  }
  await readPostgres(watched as unknown as pg.Client)
  t.ok(taken > 0, 'the server takes locks to write definitions out')
  t.same(locked, [])
})

t.test('a role that can do too much is described', async (t) => {
  const { catalog, postgres } = await openShop(t)
  const facts = (url: string) => withClient(url, (client) => inspectRole(client, catalog.current))
  t.same(await facts(postgres.url), [])
  t.match(await facts(postgres.superuserUrl), [/superuser/])
  await postgres.query('GRANT pg_read_server_files TO app; ALTER ROLE app BYPASSRLS REPLICATION')
  await postgres.query('ALTER TABLE people OWNER TO app')
  await catalog.refresh()
  t.match(await facts(postgres.url), [/BYPASSRLS/, /REPLICATION/, /server_files/, /public\.people/])
})

t.test('a pattern matches within a part, and the closest one counts', async (t) => {
  const patterns = new ClassifiedPatterns({
    '*.*.salary': 'hr.salary',
    'people.mail*': 'pii.email',
    'public.people.mail_hash': 'none',
    'public.a.b+c': 'odd',
  })
  t.equal(patterns.classOf('any', 'thing', 'salary'), 'hr.salary')
  t.equal(patterns.classOf('old', 'people', 'mailbox'), 'pii.email')
  t.equal(patterns.classOf('public', 'people', 'mail_hash'), 'none')
  t.equal(patterns.classOf('public', 'people', 'email'), null)
  t.equal(patterns.classOf('public', 'a', 'bbc'), null)
  t.throws(() => new ClassifiedPatterns({ email: 'pii' }), /schema\.table\.column/)
})
