import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import type { Classification } from '../../../src/sql/statement.ts'
import { POSTGRES_VERSIONS } from '../../support/postgres.ts'
import { projectRoot } from '../../support/project-root.ts'
import { openShop, type Shop } from '../shop.ts'

/** What somebody once put into the database, and an agent may find there. */
const CODE = readFileSync(join(projectRoot, 'fixtures/sql/code.sql'), 'utf8')

function effectsOf(statement: Classification): readonly string[] {
  return [...new Set(statement.effects.map(({ effect }) => effect))].sort()
}

async function openCode(t: Parameters<typeof openShop>[0], version: 'newest' | 'oldest') {
  const shop = await openShop(t, version)
  await shop.postgres.query(CODE)
  await shop.catalog.refresh()
  return shop
}

/** Statement -> the effects that it must have, and no others. */
const JUDGED: Readonly<Record<string, string>> = {
  'SELECT reads(1)': 'read',
  'SELECT atomic(1)': 'read write',
  'SELECT wipes()': 'read unbounded-write write',
  'SELECT drops()': 'ddl read',
  'SELECT grants()': 'privilege read',
  'SELECT exports()': 'export read server',
  "SELECT any_table('notes')": 'opaque read',
  'SELECT becomes()': 'privilege read',
  'SELECT turns()': 'privilege read',
  'SELECT renames()': 'opaque read',
  "SELECT sets('role')": 'opaque read',
  'SELECT keeps()': 'read write',
  'SELECT prepares()': 'opaque read unbounded-write write',
  'SELECT opens()': 'opaque read',
  "SELECT saves('x')": 'read write',
  'SELECT saves(email) FROM people': 'export read write',
  'SELECT saves_one()': 'export read write',
  "SELECT flow_assign('a', 'b')": 'export read write',
  "SELECT flow_number('a')": 'export read write',
  'SELECT flow_row()': 'export read write',
  'SELECT flow_cursor()': 'export read write',
  'SELECT flow_error()': 'export read write',
  'SELECT flow_execute()': 'export read write',
  'SELECT flow_none(1)': 'read write',
  'SELECT native(1)': 'opaque read',
  'SELECT chain_8()': 'read write',
  'SELECT chain_9()': 'opaque read',
  'SELECT ping(1)': 'ddl read',
  'SELECT pong(1)': 'ddl read',
  'SELECT totals(id) FROM goods': 'read unbounded-write write',
  'SELECT totals(id) OVER () FROM goods': 'read unbounded-write write',
  'SELECT sums(id) FROM goods': 'read',
  "SELECT ### '/etc/hostname'": 'read server',
  "SELECT OPERATOR(public.###) '/etc/hostname'": 'read server',
  'SELECT <<>> 1': 'read write',
  'SELECT OPERATOR(public.<->) 1': 'opaque read',
  'SELECT ROW(1, 2)::pair::int': 'read unbounded-write write',
  'INSERT INTO sales (id, amount) SELECT 1, p FROM pairs': 'read unbounded-write write',
  'UPDATE sales SET amount = a_pair() WHERE id = 1': 'export read unbounded-write write',
  "SELECT 'on'::switch": 'opaque read',
  "SELECT switched('on')": 'opaque read',
  "INSERT INTO switches VALUES ('on')": 'opaque write',
  "SELECT domain_in('on', 'switch'::regtype, -1)": 'opaque read',
  'SELECT s FROM switches': 'read',
  "SELECT jsonb_populate_record(s, '{}') FROM switches s": 'opaque read',
  'PREPARE p (switch) AS SELECT 1': 'opaque read session',
  'INSERT INTO defaults (id) VALUES (1)': 'server write',
  'INSERT INTO indexed VALUES (1)': 'unbounded-write write',
  'SELECT id FROM indexed': 'read',
  'SELECT id FROM fenced': 'read write',
  'SELECT id FROM fair': 'read',
  'SELECT text FROM files': 'read server',
  'SELECT rolname FROM hashes': 'export read',
  'SELECT * FROM statements': 'export read',
  'SELECT n FROM touching_again': 'read write',
  'SELECT * FROM plain': 'read',
  'UPDATE watched_rows SET n = 1 WHERE id = 1': 'write',
  'DELETE FROM watched_rows WHERE id = 1': 'opaque write',
  'DELETE FROM parents WHERE id = 1': 'opaque write',
  'UPDATE parents SET id = 2 WHERE id = 1': 'write',
  'INSERT INTO parents VALUES (1)': 'write',
  'DELETE FROM children WHERE id = 1': 'write',
  'INSERT INTO asked VALUES (1)': 'unbounded-write write',
  'UPDATE stamped SET id = 2 WHERE id = 1': 'write',
  'DELETE FROM resting WHERE id = 1': 'write',
  'CALL moves(1)': 'read transaction write',
  'CALL razes()': 'ddl read',
  'CALL nowhere(1)': 'opaque read',
  'SELECT version()': 'read',
  'SELECT version(1)': 'read unbounded-write write',
}

/** `version` above makes every call of that name suspect: overloads can't be told apart. */
const BY_NAME = new Set(['SELECT version()'])

for (const version of POSTGRES_VERSIONS) {
  t.test(`${version}: code of the database is judged by what it does`, async (t) => {
    const shop = await openCode(t, version)
    for (const [sql, expected] of Object.entries(JUDGED)) {
      const seen = effectsOf(await shop.one(sql))
      const wanted = BY_NAME.has(sql) ? 'read unbounded-write write' : expected
      t.same(seen, wanted.split(' '), sql)
    }
  })
}

t.test('the order in which code is met changes no verdict', async (t) => {
  const shop = await openCode(t, 'newest')
  const backwards = Object.keys(JUDGED).reverse()
  const verdicts = new Map<string, readonly string[]>()
  for (const sql of backwards) verdicts.set(sql, effectsOf(await shop.one(sql)))
  const again = await openCode(t, 'newest')
  for (const sql of Object.keys(JUDGED)) {
    t.same(effectsOf(await again.one(sql)), verdicts.get(sql), sql)
  }
})

async function effects(shop: Shop, sql: string): Promise<readonly string[]> {
  return effectsOf(await shop.one(sql))
}

t.test('DO is read through, and held whatever it does', async (t) => {
  const shop = await openShop(t)
  const read = {
    'DO $$ BEGIN NULL; END $$': 'opaque',
    "DO 'BEGIN DROP TABLE goods; END'": 'ddl opaque',
    "DO LANGUAGE plpgsql E'BEGIN EXECUTE \\'GRANT ALL ON goods TO public\\'; END'":
      'opaque privilege read',
    'DO $x$ DECLARE n int := pg_terminate_backend(1)::int; BEGIN END $x$': 'opaque read server',
    "DO $$ BEGIN SET ROLE postgres; COPY goods TO PROGRAM 'cat'; END $$":
      'export opaque privilege read server session',
    "DO LANGUAGE plperl 'unlink q(/x)'": 'opaque',
    "DO 'no code at all'": 'opaque',
    'DO $a$ BEGIN DO $b$ BEGIN TRUNCATE goods; END $b$; END $a$': 'opaque unbounded-write write',
  }
  for (const [sql, expected] of Object.entries(read)) {
    t.same(await effects(shop, sql), expected.split(' '), sql)
  }
  const twice = await shop.one('DO $$ BEGIN DELETE FROM goods; END $$')
  t.match(twice.effects, [{}, {}, { reason: /its code: DELETE of goods has no WHERE/ }])
  t.same(await effects(shop, 'DO $$ BEGIN NULL; END $$'), ['opaque'], 'no block stands for another')
})

t.test('every expression of a routine is read', async (t) => {
  const shop = await openShop(t)
  await shop.postgres.query(`
    CREATE TABLE marks (id int);
    CREATE FUNCTION mark(i int) RETURNS int LANGUAGE sql AS 'INSERT INTO marks VALUES (i); SELECT i'`)
  await shop.catalog.refresh()
  const places = [
    'DECLARE n int := mark(1); BEGIN END',
    'DECLARE n int NOT NULL DEFAULT mark(1); BEGIN END',
    'DECLARE c CURSOR FOR SELECT mark(1); BEGIN END',
    'DECLARE c CURSOR (k int) FOR SELECT 1; BEGIN OPEN c(mark(1)); END',
    'DECLARE c CURSOR (k int) FOR SELECT 1; BEGIN FOR r IN c(mark(1)) LOOP NULL; END LOOP; END',
    'DECLARE n int; BEGIN n := mark(1); END',
    'DECLARE n int; BEGIN n = mark(1); END',
    'DECLARE a int[]; BEGIN a[mark(1)] := 2; END',
    'DECLARE r goods; BEGIN r.id := mark(1); END',
    'BEGIN PERFORM mark(1); END',
    'DECLARE n int; BEGIN SELECT mark(1) INTO STRICT n; END',
    'BEGIN IF mark(1) > 0 THEN NULL; END IF; END',
    'BEGIN IF false THEN NULL; ELSIF mark(1) > 0 THEN NULL; END IF; END',
    'BEGIN IF true THEN NULL; ELSE PERFORM mark(1); END IF; END',
    'BEGIN CASE mark(1) WHEN 1 THEN NULL; END CASE; END',
    'BEGIN CASE 1 WHEN mark(1) THEN NULL; ELSE NULL; END CASE; END',
    'BEGIN CASE WHEN mark(1) > 0 THEN NULL; END CASE; END',
    'BEGIN WHILE mark(1) > 0 LOOP EXIT; END LOOP; END',
    'BEGIN LOOP EXIT WHEN mark(1) > 0; END LOOP; END',
    'BEGIN FOR i IN 1..mark(1) LOOP NULL; END LOOP; END',
    'BEGIN FOR i IN REVERSE mark(1)..1 BY 2 LOOP NULL; END LOOP; END',
    'BEGIN FOR i IN 1..3 BY mark(1) LOOP NULL; END LOOP; END',
    'DECLARE r record; BEGIN FOR r IN SELECT mark(1) LOOP NULL; END LOOP; END',
    "DECLARE r record; BEGIN FOR r IN EXECUTE 'SELECT mark(1)' LOOP NULL; END LOOP; END",
    "DECLARE r record; BEGIN FOR r IN EXECUTE 'SELECT $1' USING mark(1) LOOP NULL; END LOOP; END",
    'DECLARE n int; BEGIN FOREACH n IN ARRAY ARRAY[mark(1)] LOOP NULL; END LOOP; END',
    "BEGIN EXECUTE 'SELECT ' || 'mark(1)'; END",
    "BEGIN EXECUTE 'SELECT $1' USING mark(1); END",
    "BEGIN RAISE NOTICE '%', mark(1); END",
    'BEGIN RAISE EXCEPTION USING MESSAGE = mark(1)::text; END',
    'BEGIN ASSERT mark(1) > 0; END',
    'BEGIN ASSERT true, mark(1)::text; END',
    'DECLARE c CURSOR FOR SELECT 1; n int; BEGIN OPEN c; FETCH RELATIVE mark(1) FROM c INTO n; END',
    'BEGIN NULL; EXCEPTION WHEN others THEN PERFORM mark(1); END',
    'BEGIN DECLARE m int := mark(1); BEGIN NULL; END; END',
    'BEGIN UPDATE goods SET price = 1 WHERE id = mark(1); END',
    'BEGIN EXPLAIN ANALYZE SELECT mark(1); END',
  ]
  for (const body of places) {
    const { effects: found } = await shop.one(`DO $do$ ${body} $do$`)
    const marked = found.some(({ reason }) => /public\.mark\(\): inserts into marks/.test(reason))
    t.ok(marked, body)
    t.notOk(
      found.some(({ reason }) => /cannot be read/.test(reason)),
      `${body} is read whole`,
    )
  }
})
