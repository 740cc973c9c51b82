import pg from 'pg'
import t from 'tap'
import { scrubFields } from '../../src/mask/scrub.ts'
import { startPostgres } from '../support/postgres.ts'

/** pg's names of the fields -> their letters. */
const LETTERS: [keyof pg.DatabaseError, string][] = [
  ['severity', 'S'],
  ['code', 'C'],
  ['message', 'M'],
  ['detail', 'D'],
  ['hint', 'H'],
  ['position', 'P'],
  ['internalPosition', 'p'],
  ['internalQuery', 'q'],
  ['where', 'W'],
  ['schema', 's'],
  ['table', 't'],
  ['column', 'c'],
  ['dataType', 'd'],
  ['constraint', 'n'],
  ['file', 'F'],
  ['line', 'L'],
  ['routine', 'R'],
]

function fieldsOf(error: pg.DatabaseError): Map<string, string> {
  return new Map(
    LETTERS.flatMap(([name, letter]) => {
      const value = error[name]
      return value === undefined ? [] : [[letter, String(value)]]
    }),
  )
}

/** Ways in which a statement puts the secret into an error. */
const LEAKS = [
  `INSERT INTO c (id, ssn) SELECT 9, ssn FROM c`,
  `UPDATE c SET name = NULL`,
  `UPDATE c SET name = ''`,
  `SELECT ssn::int FROM c`,
  `SELECT ssn::date FROM c`,
  `DO $$ BEGIN RAISE EXCEPTION '%', (SELECT ssn FROM c); END $$`,
  `DO $$ BEGIN RAISE EXCEPTION 'x' USING DETAIL = (SELECT ssn FROM c), HINT = (SELECT ssn FROM c),
     COLUMN = (SELECT ssn FROM c), CONSTRAINT = (SELECT ssn FROM c), DATATYPE = (SELECT ssn FROM c),
     TABLE = (SELECT ssn FROM c), SCHEMA = (SELECT ssn FROM c), ERRCODE = '23505'; END $$`,
  `DO $$ BEGIN RAISE EXCEPTION 'x' USING ERRCODE = (SELECT left(upper(ssn), 5) FROM c); END $$`,
  `DO $$ BEGIN EXECUTE 'SELECT "' || (SELECT ssn FROM c) || '"'; END $$`,
  `DO $$ BEGIN EXECUTE (SELECT repeat(' ', 4217) || ssn FROM c); END $$`,
  `DO $$ BEGIN PERFORM set_config((SELECT ssn FROM c), '1', false); END $$`,
  `SELECT ('{"a":' || ssn || '}')::json FROM c`,
  `SELECT ssn::regclass FROM c`,
  `SELECT (SELECT ssn FROM c)::regtype`,
  `SELECT said((SELECT ssn FROM c))`,
  `SELECT nextval((SELECT ssn FROM c))`,
]

t.test('says nothing of a value, however an error is made to quote it', async (t) => {
  const server = await startPostgres(t, {
    schema: `CREATE TABLE c (id int PRIMARY KEY, ssn text UNIQUE, name text NOT NULL CHECK (name <> ''));
      INSERT INTO c VALUES (1, 'CNRYZ-SSN', 'n');
      CREATE FUNCTION said(v text) RETURNS int LANGUAGE plpgsql AS $$ DECLARE n int;
        BEGIN EXECUTE 'SELECT ' || quote_ident(v) INTO n; RETURN n; END $$`,
  })
  const client = new pg.Client({ connectionString: server.superuserUrl })
  await client.connect()
  t.teardown(() => client.end())
  for (const sql of LEAKS) {
    const error: pg.DatabaseError = await client.query(sql).then(
      () => t.fail(`${sql} made no error`),
      (thrown) => thrown,
    )
    const fields = fieldsOf(error)
    const scrubbed = scrubFields(fields)
    const said = [...scrubbed].join('\n')
    t.notMatch(said, /cnryz|421[0-9]/i, sql)
    t.match(said, /details withheld/)
    for (const letter of ['S', 'C', 'M']) t.ok(scrubbed.get(letter), letter)
  }
})

t.test('keeps what a client needs to act', async (t) => {
  const duplicate = scrubFields(
    new Map([
      ['S', 'ERROR'],
      ['V', 'ERROR'],
      ['C', '23505'],
      ['M', 'duplicate key value violates unique constraint "c_ssn_key"'],
      ['D', 'Key (ssn)=(x) already exists.'],
      ['s', 'public'],
      ['t', 'c'],
      ['n', 'c_ssn_key'],
      ['R', '_bt_check_unique'],
    ]),
  )
  t.same(Object.fromEntries(duplicate), {
    S: 'ERROR',
    V: 'ERROR',
    C: '23505',
    M: 'a duplicate key value violates a unique constraint (details withheld: the statement touches classified data)',
    s: 'public',
    t: 'c',
    n: 'c_ssn_key',
    R: '_bt_check_unique',
  })
  const code = (C: string, R = 'x') =>
    scrubFields(
      new Map([
        ['C', C],
        ['R', R],
      ]),
    ).get('C')
  t.equal(code('40001'), '40001', 'so that a client tries again')
  t.equal(code('00000', 'exec_stmt_raise'), '00000', 'a plain notice')
  t.equal(code('SSN12'), 'P0001', 'a code that somebody made up')
  t.equal(code('40001', 'exec_stmt_raise'), 'P0001')
  t.equal(code(''), 'P0001')
})

t.test('an error about the text that the client wrote stays as it is', async (t) => {
  const server = await startPostgres(t, { schema: 'CREATE TABLE c (id int, ssn text)' })
  const client = new pg.Client({ connectionString: server.superuserUrl })
  await client.connect()
  t.teardown(() => client.end())
  const MISTAKES = [
    'SELECT sn FROM c',
    'SELECT ssn FROM d',
    'SELECT x.ssn FROM c',
    'SELECT ssn, FROM c',
    'SELECT uper(ssn) FROM c',
    'SELECT ssn + 1 FROM c',
    'SELECT id, count(*) FROM c',
  ]
  for (const sql of MISTAKES) {
    const error: pg.DatabaseError = await client.query(sql).catch((thrown) => thrown)
    const fields = fieldsOf(error)
    t.ok(fields.get('P'), sql)
    t.same([...scrubFields(fields)], [...fields], sql)
    for (const inside of ['W', 'q', 'p']) {
      t.match(scrubFields(new Map(fields).set(inside, 'x')).get('M'), /withheld/, inside)
    }
    t.match(scrubFields(new Map(fields).set('C', '22P02')).get('M'), /withheld/, 'another class')
  }
})
