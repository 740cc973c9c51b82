import t from 'tap'
import type { Classification } from '../../src/sql/statement.ts'
import { POSTGRES_VERSIONS } from '../support/postgres.ts'
import { openShop } from './shop.ts'

/** Code of the database's own that runs without being called by name. `quiet_...` reads nothing. */
const CODE = `
  CREATE OPERATOR !@! (RIGHTARG = int, FUNCTION = mail_of);
  CREATE OPERATOR !+! (RIGHTARG = int, FUNCTION = twice);
  CREATE TYPE ticket AS (i int);
  CREATE FUNCTION show_ticket(v ticket) RETURNS text LANGUAGE sql STABLE AS 'SELECT mail_of(v.i)';
  CREATE CAST (ticket AS text) WITH FUNCTION show_ticket(ticket);
  CREATE FUNCTION greeted(i int, v text DEFAULT mail_of(1)) RETURNS text LANGUAGE sql IMMUTABLE AS 'SELECT v';
  CREATE FUNCTION obey(v text) RETURNS boolean LANGUAGE plpgsql AS $$ BEGIN EXECUTE v; RETURN true; END $$;
  CREATE DOMAIN order_given AS text CHECK (obey(VALUE));
  CREATE DOMAIN order_again AS order_given;
  CREATE TYPE box_of_orders AS (o order_given[]);

  CREATE TABLE inbox (id int PRIMARY KEY, body text);
  CREATE FUNCTION tell() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
    RAISE NOTICE '%', (SELECT email FROM people LIMIT 1); RETURN NEW; END $$;
  CREATE TRIGGER t BEFORE INSERT ON inbox FOR EACH ROW EXECUTE FUNCTION tell();
  CREATE VIEW inbox_view AS SELECT * FROM inbox;
  CREATE TABLE inbox_parent (id int) PARTITION BY LIST (id);
  CREATE TABLE inbox_part PARTITION OF inbox_parent FOR VALUES IN (1);
  CREATE TRIGGER t BEFORE INSERT ON inbox_part FOR EACH ROW EXECUTE FUNCTION tell();
  CREATE TABLE letters (id int REFERENCES inbox ON UPDATE CASCADE);
  CREATE TABLE dynamic (id int);
  CREATE FUNCTION run_text() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN EXECUTE 'SELECT 1'; RETURN NEW; END $$;
  CREATE TRIGGER t BEFORE INSERT ON dynamic FOR EACH ROW EXECUTE FUNCTION run_text();
  CREATE TABLE calling (id int);
  CREATE FUNCTION call_it() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN PERFORM mail_of(1); RETURN NEW; END $$;
  CREATE TRIGGER t BEFORE INSERT ON calling FOR EACH ROW EXECUTE FUNCTION call_it();
  CREATE TABLE quiet (id int PRIMARY KEY, n int, changed timestamptz);
  CREATE FUNCTION stamp() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
    NEW.changed := now(); INSERT INTO notes (id) VALUES (twice(1)) ON CONFLICT DO NOTHING; RETURN NEW; END $$;
  CREATE TRIGGER t BEFORE INSERT ON quiet FOR EACH ROW EXECUTE FUNCTION stamp();

  CREATE TABLE told (id int, body text);
  CREATE RULE r AS ON INSERT TO told DO ALSO SELECT id, email || '' AS e FROM people;
  CREATE RULE d AS ON DELETE TO told DO INSTEAD DELETE FROM notes;
  CREATE VIEW quiet_view AS SELECT id, body FROM notes;
  CREATE RULE r AS ON INSERT TO quiet_view DO INSTEAD INSERT INTO notes (id, body) VALUES (NEW.id, NEW.body);

  CREATE TABLE defaulted (id int, body text DEFAULT mail_of(1), n int DEFAULT twice(2));
  CREATE TABLE checked (id int CHECK (guess(id) <> '' AND mail_of(id) <> ''));
  CREATE TABLE parent_of_staff (name text, badge text);
  CREATE TABLE child_staff (pay text) INHERITS (parent_of_staff);
`

const CLASSES = { 'child_staff.badge': 'pii.badge' }

function effectsOf(statement: Classification): readonly string[] {
  return [...new Set(statement.effects.map(({ effect }) => effect))].sort()
}

for (const version of POSTGRES_VERSIONS) {
  t.test(`${version}: code that nobody calls by name is seen all the same`, async (t) => {
    const shop = await openShop(t, version, CLASSES)
    await shop.postgres.query(CODE)
    await shop.catalog.refresh()
    const masked = [
      'SELECT !@! 1',
      'SELECT !@! id FROM goods',
      'SELECT (!@! 1)::int',
      'SELECT ROW(1)::ticket::text',
      'SELECT text(ROW(1)::ticket)',
      'SELECT greeted(1)',
      'SELECT badge FROM parent_of_staff',
      'SELECT upper(badge) FROM parent_of_staff',
      'SELECT body FROM defaulted',
    ]
    for (const sql of masked)
      t.match(await shop.one(sql), { output: 'classified', safeOutputs: [] }, sql)
    const guarded = [
      "INSERT INTO inbox VALUES (1, 'x')",
      'INSERT INTO inbox_view (id) VALUES (1)',
      'INSERT INTO inbox_parent VALUES (1)',
      'COPY inbox FROM STDIN',
      'MERGE INTO inbox i USING goods g ON i.id = g.id WHEN NOT MATCHED THEN INSERT (id) VALUES (g.id)',
      'WITH x AS (INSERT INTO inbox VALUES (1) RETURNING id) SELECT 1 FROM x',
      'INSERT INTO dynamic VALUES (1)',
      'INSERT INTO calling VALUES (1)',
      'INSERT INTO checked VALUES (1)',
      'INSERT INTO defaulted (id) VALUES (1) RETURNING upper(body)',
    ]
    for (const sql of guarded) t.equal((await shop.one(sql)).output, 'classified', sql)
    const told = await shop.one("INSERT INTO told VALUES (1, 'x') RETURNING 1")
    t.match(told, { output: 'classified', safeOutputs: [] }, 'the rows are the rule’s')
    t.same(effectsOf(await shop.one('DELETE FROM told WHERE id = 1')), ['unbounded-write', 'write'])
    t.same(effectsOf(await shop.one("SELECT watched('x')")), ['read'], 'its check only computes')
    const opaque = [
      "SELECT order_given('x')",
      "SELECT 'x'::order_again",
      `SELECT '("{x}")'::box_of_orders`,
      "SELECT pg_input_is_valid('x', 'public.order_given')",
      "SELECT pg_input_error_info('x', name) FROM goods",
    ]
    for (const sql of opaque) t.ok(effectsOf(await shop.one(sql)).includes('opaque'), sql)
  })

  t.test(`${version}: code that reads nothing changes nothing`, async (t) => {
    const shop = await openShop(t, version, CLASSES)
    await shop.postgres.query(CODE)
    await shop.catalog.refresh()
    const clear = [
      'SELECT !+! 2, 1 + 1, id::text FROM goods',
      "SELECT oid::regclass::text, relname::text, 'a'::text FROM pg_class WHERE relname::text = 'goods'",
      'INSERT INTO quiet VALUES (1, 2) RETURNING id, n + 1',
      "INSERT INTO quiet_view VALUES (1, 'x')",
      'UPDATE quiet SET n = 1 WHERE id = 1',
      'SELECT name FROM parent_of_staff',
      'SELECT n FROM defaulted',
      ...(version === 'newest' ? ["SELECT pg_input_is_valid('x', 'int4')"] : []),
    ]
    for (const sql of clear) {
      const statement = await shop.one(sql)
      t.equal(statement.output, 'clear', sql)
      t.notOk(effectsOf(statement).includes('opaque'), sql)
    }
  })
}
