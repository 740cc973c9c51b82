import t from 'tap'
import { startCountersign } from '../support/countersign.ts'
import { codeOf, connect } from '../support/e2e-client.ts'
import { POSTGRES_VERSIONS, startPostgres, withClient } from '../support/postgres.ts'

/** What whoever made the database has left in it, each for an honest reason. */
const SCHEMA = `
  CREATE TABLE victim (id int PRIMARY KEY, note text);
  INSERT INTO victim VALUES (1, 'x'), (2, 'y');
  CREATE TABLE goods (id int);
  INSERT INTO goods VALUES (1), (2);
  CREATE FUNCTION step(total int, i int) RETURNS int LANGUAGE plpgsql AS $$ BEGIN DELETE FROM victim; RETURN i; END $$;
  CREATE AGGREGATE totals (int) (SFUNC = step, STYPE = int);
  CREATE OPERATOR ### (RIGHTARG = text, FUNCTION = pg_read_file);
  CREATE FUNCTION wiped() RETURNS void LANGUAGE sql AS 'DELETE FROM victim';
  CREATE FUNCTION calm() RETURNS int LANGUAGE plpgsql STABLE AS $$ BEGIN PERFORM wiped(); RETURN 1; END $$;
  CREATE VIEW files AS SELECT pg_read_file('PG_VERSION') AS text;
  CREATE VIEW people_of_the_server AS SELECT rolname, rolpassword FROM pg_authid;
  CREATE DOMAIN switch AS text CHECK (set_config('row_security', VALUE, false) IS NOT NULL);
  CREATE TABLE defaults (id int, file text DEFAULT pg_read_file('PG_VERSION'));
  CREATE FUNCTION on_delete() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
    EXECUTE 'TRUNCATE ' || TG_ARGV[0]; RETURN NULL; END $$;
  CREATE TABLE parents (id int PRIMARY KEY);
  CREATE TABLE children (id int REFERENCES parents ON DELETE CASCADE);
  CREATE TRIGGER t AFTER DELETE ON children FOR EACH ROW EXECUTE FUNCTION on_delete('victim');
  INSERT INTO parents VALUES (1); INSERT INTO children VALUES (1);
  CREATE TABLE asked (id int);
  CREATE FUNCTION says_yes(i int) RETURNS boolean LANGUAGE plpgsql AS $$ BEGIN PERFORM wiped(); RETURN true; END $$;
  CREATE FUNCTION nothing() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RETURN NEW; END $$;
  CREATE TRIGGER t BEFORE INSERT ON asked FOR EACH ROW WHEN (says_yes(NEW.id)) EXECUTE FUNCTION nothing();
  CREATE TABLE people (id int, email text);
  INSERT INTO people VALUES (1, 'ana@example.com');
  CREATE FUNCTION fair(i int) RETURNS text LANGUAGE plpgsql AS $$ BEGIN
    UPDATE victim SET note = 'z' WHERE id = i; RAISE NOTICE '%', (SELECT email FROM people); RETURN 'done'; END $$;
`

/** What shows, on the database itself, that an attack has done something; and what it shows. */
const EMPTIED = ['SELECT count(*) = 0 AS seen FROM victim'] as const
const SHOWN = null

/** Statement that looks like a read or a small write -> how it is seen to be more. */
const ATTACKS: Readonly<Record<string, readonly string[] | null>> = {
  'SELECT totals(id) FROM goods': EMPTIED,
  'SELECT totals(id) OVER (ORDER BY id) FROM goods': EMPTIED,
  "SELECT ### 'PG_VERSION'": SHOWN,
  'SELECT calm()': EMPTIED,
  'SELECT text FROM files': SHOWN,
  'SELECT * FROM people_of_the_server': SHOWN,
  "SELECT 'off'::switch": ["SELECT current_setting('row_security') = 'off' AS seen"],
  "SELECT domain_in('off', 'switch'::regtype, -1) IS NULL": [
    "SELECT current_setting('row_security') = 'off' AS seen",
  ],
  'INSERT INTO defaults (id) VALUES (1) RETURNING file': SHOWN,
  'DELETE FROM parents WHERE id = 1': EMPTIED,
  'INSERT INTO asked VALUES (1)': EMPTIED,
  'SELECT sqrt(ascii(email) - 97) FROM people': SHOWN,
  "SELECT (ascii(email) + 2147483550) FROM people WHERE id = $1 OR 'é' = ''": SHOWN,
}

for (const version of POSTGRES_VERSIONS) {
  t.test(
    `${version}: code that waits in the database is held with whoever sets it off`,
    async (t) => {
      const db = await startPostgres(t, { version, schema: SCHEMA })
      const proxy = await startCountersign(t, {
        upstream: db.superuserUrl,
        database: { classified: { 'people.email': 'pii.email' } },
        agent: { hold: '50ms' },
      })
      const agent = await connect(t, proxy)
      for (const [sql, evidence] of Object.entries(ATTACKS)) {
        const text = sql.replace('$1', '1')
        if (evidence)
          t.ok(await works(db.superuserUrl, text, evidence[0] ?? ''), `it would work: ${sql}`)
        t.equal(await codeOf(agent.query(text)), 'ZA001', sql)
      }
      const notices: string[] = []
      agent.on('notice', ({ message }) => notices.push(message ?? ''))
      t.equal(await codeOf(agent.query('SELECT fair(1)')), 'done', 'a bounded write passes')
      t.notMatch(notices.join(), 'ana@', 'and its notices say nothing')
      const { rows } = await db.query('SELECT note FROM victim ORDER BY id')
      t.same(rows, [{ note: 'z' }, { note: 'y' }], 'nothing else was done')
    },
  )
}

async function works(url: string, sql: string, evidence: string): Promise<boolean> {
  return withClient(url, async (client) => {
    await client.query('BEGIN')
    await client.query(sql)
    const { rows } = await client.query(evidence)
    await client.query('ROLLBACK')
    return rows[0].seen === true
  })
}
