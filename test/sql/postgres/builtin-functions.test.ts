import t from 'tap'
import { builtinUse, isReviewed } from '../../../src/sql/postgres/functions.ts'
import { POSTGRES_VERSIONS } from '../../support/postgres.ts'
import { openShop } from '../shop.ts'

const BUILTINS = `SELECT proname AS name, bool_or(provolatile = 'v') AS volatile FROM pg_proc
  WHERE pronamespace = 'pg_catalog'::regnamespace AND oid < 16384 GROUP BY proname`

/** What no review may lose: each of them takes something out, in, or over. */
const NEVER_HARMLESS = [
  'pg_read_file',
  'pg_ls_dir',
  'lo_export',
  'query_to_xml',
  'database_to_xml',
  'ts_stat',
  'pg_terminate_backend',
  'pg_reload_conf',
  'pg_logical_slot_get_changes',
  'pg_stat_get_activity',
  'set_config',
  'domain_in',
]

for (const version of POSTGRES_VERSIONS) {
  t.test(`${version}: every volatile function of the server was reviewed`, async (t) => {
    const { postgres, one } = await openShop(t, version)
    const { rows } = await postgres.query(BUILTINS)
    const volatile = rows.filter((row) => row.volatile).map((row) => row.name as string)
    t.ok(volatile.length > 150, `${volatile.length} of them`)
    t.same(
      volatile.filter((name) => !isReviewed(name)),
      [],
    )
    for (const name of NEVER_HARMLESS) t.ok(builtinUse(name), name)
    const names = new Set(rows.map((row) => row.name as string))
    t.same(
      NEVER_HARMLESS.filter((name) => !names.has(name)),
      [],
      'the names are real ones',
    )
    const harmless = [
      'now()',
      'random()',
      'pg_backend_pid()',
      'gen_random_uuid()',
      'txid_current()',
    ]
    for (const call of harmless) {
      t.match((await one(`SELECT ${call}`)).effects, [{ effect: 'read' }], call)
    }
  })
}

t.test('a name means what its id says, whoever took it', async (t) => {
  const { postgres, catalog, one } = await openShop(t)
  await postgres.query(`
    CREATE FUNCTION page_header(i int) RETURNS int LANGUAGE sql IMMUTABLE AS 'SELECT i';
    CREATE FUNCTION upper(i int) RETURNS int LANGUAGE sql AS 'DELETE FROM notes; SELECT 1';
    CREATE FUNCTION pg_sleepy(i int) RETURNS int LANGUAGE sql IMMUTABLE AS 'SELECT i'`)
  await catalog.refresh()
  const effects = async (sql: string) => [
    ...new Set((await one(sql)).effects.map(({ effect }) => effect)),
  ]
  t.same(await effects('SELECT page_header(1)'), ['read'], 'no pageinspect is here')
  t.same(await effects('SELECT upper(name) FROM goods'), ['write', 'unbounded-write', 'read'])
  t.same(await effects('SELECT pg_catalog.upper(name) FROM goods'), ['read'])
  t.same(await effects('SELECT public.pg_sleepy(1)'), ['read'])
  t.same(await effects('SELECT get_raw_page($1, 0)'), ['export', 'read'], 'of an extension')
  t.same(await effects('SELECT nobody_knows(1, 2)'), ['opaque', 'read'])
})

t.test('a volatile function that nobody has reviewed is opaque', async (t) => {
  const { postgres, catalog, one } = await openShop(t)
  // As a newer server would bring it: an id of the server's own.
  await postgres.query(`SET allow_system_table_mods = on;
    CREATE FUNCTION pg_catalog.pg_brand_new() RETURNS int LANGUAGE internal AS 'pg_backend_pid';
    UPDATE pg_proc SET oid = 9999 WHERE proname = 'pg_brand_new'`)
  await catalog.refresh()
  t.match((await one('SELECT pg_brand_new()')).effects, [
    { effect: 'opaque', reason: /was not reviewed/, at: 7 },
    { effect: 'read' },
  ])
})
