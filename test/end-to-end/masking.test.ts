import t, { type Test } from 'tap'
import { startCountersign } from '../support/countersign.ts'
import {
  codeOf,
  connectAgent,
  errorFrom,
  SIDES,
  type Side,
  talkAsAgent,
} from '../support/e2e-sides.ts'
import type { Said } from '../support/e2e-talk.ts'

/** 3 MB on each side of a classification, a function that tells, and statistics that do. */
const MORE = {
  postgres: `
    CREATE TABLE big (id integer PRIMARY KEY, body text, secret text);
    INSERT INTO big VALUES (1, repeat('body', 786432), repeat('hush', 786432));
    CREATE FUNCTION shout(integer) RETURNS text LANGUAGE sql STABLE
      AS 'SELECT upper(email) FROM customers WHERE id = $1';
    ANALYZE;`,
  mysql: `
    CREATE TABLE big (id integer PRIMARY KEY, body longtext, secret longtext);
    INSERT INTO big VALUES (1, repeat('body', 786432), repeat('hush', 786432));
    CREATE FUNCTION shout(i integer) RETURNS varchar(60) READS SQL DATA
      RETURN (SELECT upper(email) FROM customers WHERE id = i);
    CREATE PROCEDURE tells() READS SQL DATA SELECT email, ssn FROM customers;`,
} as const

const CLASSIFIED = (schema: string) => ({
  [`${schema}.customers.email`]: 'pii.email',
  [`${schema}.customers.ssn`]: 'pii.national-id',
  [`${schema}.big.secret`]: 'pii.note',
})

/** Every column of these is made of classified values. */
const REVEALING = {
  both: [
    'SELECT email, ssn FROM customers ORDER BY id',
    'SELECT email AS name FROM customers ORDER BY id',
    'SELECT c.email FROM (SELECT * FROM customers) c ORDER BY id',
    'WITH c AS (SELECT email AS e FROM customers) SELECT e FROM c',
    'SELECT email FROM customers UNION ALL SELECT ssn FROM customers',
    'SELECT (SELECT email FROM customers WHERE id = 1)',
    'SELECT upper(email), reverse(ssn), md5(email) FROM customers ORDER BY id',
    "SELECT concat(email, ''), concat(ssn, '!') FROM customers ORDER BY id",
    'SELECT length(email) FROM customers ORDER BY id',
    'SELECT min(ssn), max(email) FROM customers',
    'SELECT first_value(email) OVER (ORDER BY id) FROM customers',
    'SELECT email FROM contacts ORDER BY id',
    'SELECT loud FROM contacts ORDER BY id',
    'SELECT CASE WHEN true THEN email END FROM customers ORDER BY id',
    'SELECT coalesce(ssn, email) FROM customers ORDER BY id',
    'SELECT shout(1)',
    'SELECT left(secret, 8), secret FROM big',
    'SELECT ssn FROM customers WHERE id = 1 FOR UPDATE',
    'SELECT DISTINCT name FROM (SELECT ssn AS name FROM customers) c',
    'SELECT a.email FROM customers a JOIN customers b ON a.id = b.id ORDER BY a.id',
    'SELECT e FROM (SELECT id, email AS e FROM customers UNION SELECT id, ssn FROM customers) c',
    'WITH RECURSIVE c (n, e) AS (SELECT 1, email FROM customers WHERE id = 1 UNION ALL SELECT n + 1, e FROM c WHERE n < 3) SELECT e FROM c',
  ],
  postgres: [
    "SELECT encode(convert_to(email, 'UTF8'), 'base64') FROM customers ORDER BY id",
    "SELECT email || '', ssn || '!' FROM customers ORDER BY id",
    'SELECT c FROM customers c ORDER BY id',
    'SELECT c::text FROM customers c ORDER BY id',
    'SELECT row_to_json(c) FROM customers c ORDER BY id',
    'SELECT json_agg(c) FROM customers c',
    "SELECT string_agg(email, ',') FROM customers",
    'SELECT array_agg(ssn) FROM customers',
    'SELECT l.x FROM customers c, LATERAL (SELECT c.ssn AS x) l',
    'VALUES ((SELECT ssn FROM customers WHERE id = 1))',
    'SELECT s FROM shout(2) s',
    'SELECT unnest(array[email, ssn]) FROM customers',
    "SELECT format('%s', email) FROM customers ORDER BY id",
    'SELECT (c).email FROM customers c ORDER BY id',
    'SELECT to_jsonb(email) FROM customers ORDER BY id',
    'UPDATE customers SET name = name WHERE id = 1 RETURNING email, upper(ssn)',
    "SELECT query_to_xml('SELECT email FROM customers', true, true, '')::text",
    "SELECT most_common_vals::text || histogram_bounds::text FROM pg_stats WHERE attname = 'email'",
  ],
  mysql: [
    'SELECT `email` FROM `shop`.`customers` ORDER BY id',
    'SELECT ssn name FROM customers ORDER BY id',
    'SELECT name FROM (SELECT email AS name FROM customers) customers',
    'SELECT * FROM (SELECT ssn AS name FROM customers) d',
    'SELECT hex(email), to_base64(ssn), char_length(email) FROM customers ORDER BY id',
    'SELECT group_concat(email), group_concat(ssn) FROM customers',
    "SELECT json_object('e', email), json_array(ssn) FROM customers ORDER BY id",
    'SELECT json_arrayagg(ssn) FROM customers',
    'SELECT cast(email AS char), convert(ssn USING latin1), email COLLATE utf8mb4_bin FROM customers ORDER BY id',
    'SELECT if(1, email, 0), ifnull(email, 0), elt(1, ssn), make_set(1, email) FROM customers ORDER BY id',
    "SELECT substring_index(email, '@', 1), insert(ssn, 1, 0, '') FROM customers ORDER BY id",
    'SELECT lag(email) OVER (ORDER BY id) FROM customers',
    'SELECT any_email FROM (SELECT max(email) AS any_email FROM customers GROUP BY id) c',
    'SELECT email FROM customers WHERE id = 2 LOCK IN SHARE MODE',
    '(SELECT email FROM customers WHERE id = 1) UNION (SELECT ssn FROM customers WHERE id = 1)',
    'SELECT SQL_BUFFER_RESULT email FROM customers ORDER BY id',
    'SELECT /*! email */ FROM customers ORDER BY id',
    '/*!40000 SELECT email FROM customers */',
    "SELECT email '' FROM customers ORDER BY id",
    'SELECT @x := email FROM customers ORDER BY id',
    'SELECT email INTO @y FROM customers WHERE id = 1',
    'SELECT aes_encrypt(email, 1), compress(ssn) FROM customers ORDER BY id',
    'SELECT exists_email.e FROM (SELECT email e FROM customers) exists_email',
    'SELECT nullif(email, 1), greatest(email, ssn) FROM customers ORDER BY id',
    'SELECT trim(email), lpad(ssn, 40, 0) FROM customers ORDER BY id',
    "SELECT regexp_replace(email, 'q', ''), regexp_substr(ssn, '.+') FROM customers ORDER BY id",
    'SELECT email FROM customers NATURAL JOIN (SELECT 1 AS id) one',
    'SELECT customers.email FROM orders JOIN customers ON customer_id = customers.id GROUP BY customers.email',
  ],
  mariadb: [
    'VALUES ((SELECT ssn FROM customers WHERE id = 1))',
    'SELECT email FROM customers PROCEDURE ANALYSE()',
    'SELECT email FROM customers FOR SYSTEM_TIME ALL',
    "EXECUTE IMMEDIATE 'SELECT email FROM customers'",
    "INSERT INTO customers VALUES (1, 'x', 'y', 'z') ON DUPLICATE KEY UPDATE name = name RETURNING email, upper(ssn)",
    "REPLACE INTO customers VALUES (1, 'Ada', 'ada.marsh@x.test', '966-34-5008') RETURNING email, ssn, concat(email)",
    'SELECT email MINUS SELECT 1',
    'BEGIN NOT ATOMIC SELECT email FROM customers; END',
    'SELECT column_json(column_create(1, email)) FROM customers ORDER BY id',
  ],
  mysqlServer: [
    'VALUES ROW((SELECT ssn FROM customers WHERE id = 1))',
    'SELECT l.x FROM customers c, LATERAL (SELECT c.ssn AS x) l',
    'SELECT x FROM (SELECT ssn FROM customers) AS c (x)',
    'SELECT email FROM customers EXCEPT SELECT 1',
    "SELECT e FROM JSON_TABLE((SELECT json_arrayagg(email) FROM customers), '$[*]' COLUMNS (e varchar(60) PATH '$')) t",
  ],
} as const

/** Whatever these say, it isn't a classified value. */
const TALKATIVE = {
  both: [
    "UPDATE customers SET name = ''",
    'INSERT INTO customers SELECT 7, name, email, ssn FROM customers WHERE id = 1',
    'SELECT (SELECT email FROM customers)',
    'INSERT INTO scratch SELECT id, ssn FROM customers',
    'EXPLAIN SELECT * FROM customers WHERE email = (SELECT max(email) FROM customers)',
  ],
  postgres: [
    'UPDATE customers SET email = (SELECT email FROM customers WHERE id = 1)',
    'UPDATE customers SET email = ssn, id = 1',
    'SELECT ssn::integer FROM customers',
    "SELECT ('{' || email)::json FROM customers",
    'SELECT email::date FROM customers',
    "SELECT set_config('application_name', (SELECT ssn FROM customers WHERE id = 1), false) IS NULL",
    "SELECT set_config('TimeZone', (SELECT email FROM customers WHERE id = 1), false)",
    'LISTEN talk',
    "SELECT pg_notify('talk', email) FROM customers",
    "DO $$ BEGIN RAISE NOTICE '%', (SELECT email FROM customers WHERE id = 1); END $$",
    'EXPLAIN (ANALYZE, VERBOSE) SELECT * FROM customers WHERE id = 1',
    'SELECT 1 / (length(ssn) - 11) FROM customers',
    'INSERT INTO scratch SELECT id, ssn FROM customers RETURNING note',
    'COPY customers TO STDOUT',
    'SELECT lo_from_bytea(0, convert_to(ssn, $$UTF8$$)) FROM customers',
    'CREATE TEMP TABLE copied AS SELECT email FROM customers',
    "SELECT query_to_xml('SELECT ssn FROM customers', true, true, '')",
    'SELECT xmlelement(name x, email) FROM customers',
  ],
  mysql: [
    // Duplicate keys name the value.
    'UPDATE customers SET email = (SELECT e FROM (SELECT email AS e FROM customers WHERE id = 1) c) WHERE id = 2',
    'SHOW WARNINGS',
    'UPDATE customers SET email = ssn, id = 1 WHERE id = 2',
    'SELECT 1 FROM customers GROUP BY concat(email, floor(rand(0) * 2)) HAVING min(0)',
    // Warnings of a statement are told by the next.
    'SELECT ssn + 0, email * 1 FROM customers',
    'SHOW WARNINGS',
    'SHOW ERRORS',
    'SELECT cast(email AS date), cast(ssn AS signed) FROM customers',
    'SHOW WARNINGS LIMIT 5',
    'SELECT ssn + 0 FROM customers; SHOW WARNINGS',
    'SELECT ssn + 0 FROM customers WHERE id = 1',
    'GET DIAGNOSTICS CONDITION 1 @told = MESSAGE_TEXT',
    'SELECT @told',
    'SELECT hex(@told)',
    // Errors by expressions.
    "SELECT extractvalue(1, concat('~', email)) FROM customers",
    "SELECT updatexml(1, concat('~', (SELECT ssn FROM customers WHERE id = 1)), 1)",
    "SELECT json_extract(email, '$') FROM customers",
    'SELECT st_geomfromtext(email) FROM customers',
    'SELECT exp(~(SELECT e FROM (SELECT email AS e FROM customers WHERE id = 1) c))',
    'SELECT name_const((SELECT email FROM customers WHERE id = 1), 1)',
    "SELECT date_format(now(), (SELECT email FROM customers WHERE id = 1)) = 'x'",
    "SELECT regexp_instr('a', concat('(', email)) FROM customers",
    'SELECT convert_tz(now(), email, email) FROM customers',
    // Variables, the user's and the session's.
    'SET @x = (SELECT ssn FROM customers WHERE id = 1)',
    'SELECT @x',
    'SELECT ssn INTO @y FROM customers WHERE id = 1',
    'SELECT @y',
    'SELECT @z := email FROM customers WHERE id = 1',
    'SELECT @z',
    'SELECT hex(@z), @y, length(@x)',
    'SET time_zone = (SELECT email FROM customers WHERE id = 1)',
    'SET sql_mode = (SELECT email FROM customers WHERE id = 1)',
    "SET SESSION session_track_system_variables = '*'",
    'SET default_master_connection = (SELECT email FROM customers WHERE id = 1)',
    'SET lc_time_names = (SELECT email FROM customers WHERE id = 1)',
    'SET autocommit = (SELECT ssn FROM customers WHERE id = 1)',
    'SET timestamp = (SELECT ssn FROM customers WHERE id = 1)',
    // Copies.
    'CREATE TEMPORARY TABLE copied AS SELECT email FROM customers',
    'SELECT * FROM copied',
    'CREATE TABLE copied_for_good SELECT ssn FROM customers',
    'SELECT * FROM copied_for_good',
    'SELECT note FROM scratch',
    'CREATE OR REPLACE VIEW peep AS SELECT email AS harmless FROM customers',
    'SELECT harmless FROM peep',
    "SELECT email FROM customers INTO OUTFILE 'out'",
    // Plans and statistics.
    'EXPLAIN EXTENDED SELECT email FROM customers WHERE id = 1',
    'SHOW WARNINGS',
    'EXPLAIN SELECT email FROM customers WHERE id = 1',
    'SHOW WARNINGS',
    'EXPLAIN FORMAT=JSON SELECT email FROM customers WHERE id = 1',
    'ANALYZE FORMAT=JSON SELECT email FROM customers WHERE id = 1',
    'EXPLAIN ANALYZE SELECT email FROM customers WHERE id = 1',
    'SELECT * FROM information_schema.COLUMN_STATISTICS',
    'SELECT * FROM mysql.column_stats',
    'SELECT min_value, hex(max_value), histogram FROM mysql.column_stats',
    // Names of columns made of data, and statements made of it.
    "SET @sql = (SELECT concat('SELECT 1 AS `', email, '`') FROM customers WHERE id = 1)",
    'PREPARE made FROM @sql',
    'EXECUTE made',
    "EXECUTE IMMEDIATE concat('SELECT 1 AS `', (SELECT email FROM customers WHERE id = 1), '`')",
    'PREPARE told FROM "SELECT email, concat(ssn) FROM customers"',
    'EXECUTE told',
    // Programs.
    'CALL tells()',
    'CALL tells(); SELECT 1',
    'SELECT 1; CALL tells()',
    'DO (SELECT ssn FROM customers WHERE id = 1)',
    'HANDLER customers OPEN',
    'HANDLER customers READ FIRST',
    'SHOW PROCESSLIST',
    'SHOW BINLOG EVENTS',
    'SHOW PROFILES',
    'CHECK TABLE customers',
  ],
  mariadb: [],
  mysqlServer: [
    'SELECT bin_to_uuid(email) FROM customers',
    "SELECT gtid_subset(email, '') FROM customers",
    'EXPLAIN INTO @plan FORMAT=JSON SELECT email FROM customers WHERE id = 1',
    'SELECT @plan',
    'EXPLAIN FORMAT=TREE SELECT email FROM customers WHERE id = 1',
    "SELECT histogram FROM information_schema.column_statistics WHERE table_name = 'customers'",
  ],
} as const

type Lists = Readonly<
  Record<'both' | 'postgres' | 'mysql' | 'mariadb' | 'mysqlServer', readonly string[]>
>

function listFor(lists: Lists, { flavour }: Side): readonly string[] {
  if (flavour === 'postgres') return [...lists.both, ...lists.postgres]
  return [...lists.both, ...lists.mysql, ...lists[flavour === 'mysql' ? 'mysqlServer' : 'mariadb']]
}

/** A key of a rule; an object that has it in its text looks like a promise to the linter. */
const THEN = 'then'

const SECRETS =
  /marsh|larsen|\b96[56]-\d\d|34-5008|87-5553|6164612e6d61727368|YWRhLm1hcnNo|OTY2LTM0|hushhush|@[xy]\.test'/i

/** Of a statement whose every cell is secret: the cells that came through as they are. */
function revealed(direct: Said, proxied: Said): string[] {
  return direct.cells.flatMap((row, number) =>
    row.flatMap((cell, column) => {
      const seen = proxied.cells[number]?.[column]
      return cell && seen && cell.length > 0 && cell.equals(seen) ? [cell.toString('latin1')] : []
    }),
  )
}

for (const side of SIDES) t.test(side.name, (t) => masking(t, side))

async function masking(t: Test, side: Side): Promise<void> {
  const db = await side.start(t, { schema: MORE })
  if (!db) return
  const schema = side.system === 'mysql' ? 'shop' : 'public'
  const proxy = await startCountersign(t, {
    upstream: db.upstream,
    database: { classified: CLASSIFIED(schema) },
    config: {
      rules: [{ name: 'post', when: { in_transaction: true }, [THEN]: { unmask: ['pii.email'] } }],
    },
  })
  /** Nothing is waited for: what needs a signature is refused at once. */
  const login = (t: Test) => talkAsAgent(t, side, proxy, { hold: '0' })

  t.test('what is made of classified values never arrives, in any format', async (t) => {
    const direct = await db.talk(t)
    const agent = await login(t)
    let answered = 0
    for (const sql of listFor(REVEALING, side)) {
      const want = await direct.say(sql)
      const seen = await agent.say(sql)
      t.same(revealed(want, seen), [], sql)
      t.notMatch(seen.text, SECRETS, sql)
      t.equal(seen.ready, true, `${sql}: the session goes on`)
      if (want.cells.length > 0 && seen.cells.length > 0) answered++
      const forms = await agent.prepared(sql)
      for (const [form, wanted] of (await direct.prepared(sql)).entries()) {
        const got = forms[form]
        if (!got) continue
        t.same(revealed(wanted, got), [], `${sql}, prepared ${form}`)
        t.notMatch(got.text, SECRETS, `${sql}, prepared ${form}`)
        t.equal(got.ready, true, `${sql}, prepared ${form}: the session goes on`)
      }
    }
    t.ok(answered > 20, `${answered} of them gave masked rows`)
  })

  t.test('nor in errors, warnings, plans, settings, variables and copies', async (t) => {
    const agent = await login(t)
    for (const sql of listFor(TALKATIVE, side)) {
      const said = await agent.say(sql)
      t.notMatch(said.text, SECRETS, sql)
      t.equal(said.ready, true, `${sql}: the session goes on`)
    }
    const again = await login(t)
    for (const sql of listFor(TALKATIVE, side)) {
      for (const said of await again.prepared(sql)) t.notMatch(said.text, SECRETS, sql)
    }
  })

  t.test('masks keep the rest of a row, its types and its NULLs', async (t) => {
    const client = await connectAgent(t, side, proxy)
    for (const values of [undefined, [0]]) {
      const where = values ? ' WHERE id > ?' : ''
      const rows = await client.query(
        `SELECT id, name, email, ssn FROM customers${where} ORDER BY id`,
        values,
      )
      t.match(rows[0], { id: 1, name: 'Ada', email: /^a\*+@x\.test$/ })
      t.match(rows[1], { id: 2, name: 'Bo', email: /^b\*+@y\.test$/ })
      const mixed = await client.query(
        `SELECT o.total, c.email, o.id FROM orders o JOIN customers c ON c.id = o.customer_id${values ? ' WHERE o.id > ?' : ''} ORDER BY o.id`,
        values,
      )
      t.equal(mixed.length, 3)
      t.match(mixed[0], { total: '10.50', email: /^a\*+@x\.test$/, id: 1 })
    }
    const counts = await client.query('SELECT count(*) AS n, count(email) AS m FROM customers')
    t.same(
      counts.map(({ n, m }) => [Number(n), Number(m)]),
      [[2, 2]],
      'counts stay readable',
    )
  })

  t.test('values of 3 MB pass and are masked alike', async (t) => {
    const client = await connectAgent(t, side, proxy)
    for (const values of [undefined, [1]]) {
      const where = values ? ' WHERE id = ?' : ''
      const [row] = await client.query(`SELECT id, body, secret FROM big${where}`, values)
      t.equal(String(row?.body).length, 3 * 1024 * 1024)
      t.notMatch(String(row?.secret), /hush/)
    }
  })

  t.test('errors of classified tables keep their code, not the values', async (t) => {
    const client = await connectAgent(t, side, proxy)
    const update = await errorFrom(client.query("UPDATE customers SET name = '' WHERE id = 1"))
    t.match(update.code, side.system === 'mysql' ? /^(23000|HY000)$/ : '23514')
    t.notMatch(update.message, SECRETS)
    const insert = "INSERT INTO customers VALUES (8, 'x', 'ada.marsh@x.test', '1')"
    const duplicate = await errorFrom(client.query(insert))
    t.equal(duplicate.code, side.system === 'mysql' ? '23000' : '23505')
    t.notMatch(duplicate.message, SECRETS)
    t.notMatch(JSON.stringify(duplicate), SECRETS)
    t.equal(await codeOf(client.query('SELECT 1')), 'done')
  })

  t.test('a rule that unmasks a class shows it, and no other', async (t) => {
    const client = await connectAgent(t, side, proxy)
    const direct = await db.run('SELECT id, email FROM customers ORDER BY id')
    await client.query('BEGIN')
    for (const values of [undefined, [0]]) {
      const where = values ? ' WHERE id > ?' : ''
      const rows = await client.query(
        `SELECT id, email, ssn FROM customers${where} ORDER BY id`,
        values,
      )
      t.same(
        rows.map(({ id, email }) => ({ id, email })),
        direct,
      )
      t.notMatch(JSON.stringify(rows), /\b96[56]-\d\d/)
    }
    const both = await client.query("SELECT concat(email, ' ', ssn) AS c FROM customers")
    t.notMatch(JSON.stringify(both), SECRETS, 'what is made of both stays masked')
    await client.query('COMMIT')
    const [row] = await client.query('SELECT email FROM customers WHERE id = 1')
    t.match(row, { email: /^a\*+@x\.test$/ }, 'where the rule does not hold')
  })

  t.test('what nobody can know of fails with the server’s code', async (t) => {
    const direct = await db.talk(t)
    const agent = await login(t)
    for (const sql of ['SELECT * FROM no_such_table', 'SELECT no_such_column', 'SELECT 1 FROM']) {
      const want = await direct.say(sql)
      t.not(want.code, '')
      t.equal((await agent.say(sql)).code, want.code, sql)
    }
    // What begins with no known word is asked about: the server parses it, and runs nothing.
    const unread = side.system === 'mysql' ? /^42000$/ : /^42601$/
    t.match((await agent.say('SELEC 1')).code, unread)
  })
}
