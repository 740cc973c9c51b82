import t from 'tap'
import { openShop, type Shop } from '../shop.ts'

let shop: Shop
t.before(async () => {
  shop = await openShop(t)
})

const EMAIL = { dataClass: 'pii.email', column: 'public.people.email' }

t.test('a look-up is told by its values, and is no probe', async (t) => {
  const lookups = {
    "SELECT id FROM people WHERE email = 'a''b'": [{ ...EMAIL, values: ["a'b"] }],
    "SELECT id FROM people WHERE 'x'::text = email": [{ ...EMAIL, values: ['x'] }],
    "SELECT id FROM people WHERE email IN ('a', E'b\\x41', $2)": [
      { ...EMAIL, values: ['a', 'bA', { parameter: 2 }] },
    ],
    "SELECT id FROM people WHERE email = ANY (ARRAY['a', 'b'])": [{ ...EMAIL, values: ['a', 'b'] }],
    'SELECT id FROM people WHERE email = ANY ($1)': [{ ...EMAIL, values: [{ parameter: 1 }] }],
    "SELECT id FROM people WHERE email <> 'a'": [{ ...EMAIL, values: ['a'] }],
    "SELECT id FROM people WHERE email NOT IN ('a', 'b')": [{ ...EMAIL, values: ['a', 'b'] }],
    "SELECT id FROM people WHERE email IS DISTINCT FROM 'a'": [{ ...EMAIL, values: ['a'] }],
    "SELECT id FROM people WHERE email <> ALL (ARRAY['a'])": [{ ...EMAIL, values: ['a'] }],
    "UPDATE people SET name = 'x' WHERE email = 'a'": [{ ...EMAIL, values: ['a'] }],
    "EXPLAIN SELECT id FROM people WHERE email = 'a'": [{ ...EMAIL, values: ['a'] }],
    "PREPARE p AS SELECT id FROM people WHERE email = 'a'": [{ ...EMAIL, values: ['a'] }],
    "SELECT id FROM (SELECT id, email AS e FROM people) x WHERE e = 'a'": [
      { ...EMAIL, column: 'people.email', values: ['a'] },
    ],
    "SELECT id FROM people WHERE ssn = '1' AND email = 'a'": [
      { dataClass: 'pii.national-id', column: 'public.people.ssn', values: ['1'] },
      { ...EMAIL, values: ['a'] },
    ],
    'SELECT id FROM people WHERE email IS NULL OR email = NULL': [],
    "SELECT id FROM shops WHERE email = 'a'": [],
  }
  for (const [sql, expected] of Object.entries(lookups)) {
    const statement = await shop.one(sql)
    t.same(statement.lookups, expected, sql)
    t.notOk(
      statement.effects.some(({ effect }) => effect === 'probe'),
      sql,
    )
  }
})

t.test('whatever asks for more than equality is a probe, at its place', async (t) => {
  const probes = [
    "WHERE email > 'm'",
    "WHERE email BETWEEN 'a' AND 'b'",
    "WHERE email LIKE 'a%'",
    "WHERE email ~ '^a'",
    "WHERE email SIMILAR TO 'a%'",
    "WHERE lower(email) = 'a'",
    "WHERE starts_with(email, 'a')",
    "WHERE email || '' = 'a'",
    "WHERE (email = 'a') IS NOT TRUE AND left(email, 1) = 'b'",
    "WHERE CASE WHEN email > 'm' THEN true END",
    "WHERE p::text LIKE '%x%'",
    'WHERE email = (SELECT name FROM notes_of_mine)',
    'WHERE email IN (SELECT name FROM shops)',
    'WHERE email = name',
    "JOIN (VALUES ('a'), ('b')) v(e) ON v.e = p.email",
    'JOIN shops s ON s.name = p.email',
    'JOIN shops s USING (email)',
    'NATURAL JOIN shops',
    'ORDER BY email',
    'ORDER BY left(email, 1)',
    'GROUP BY p.id, email',
    'GROUP BY p.id HAVING min(email) > $1',
    'LIMIT (SELECT ascii(email) FROM people LIMIT 1)',
  ]
  for (const clause of probes) {
    const sql = `SELECT p.id FROM people p ${clause}`
    const probe = (await shop.one(sql)).effects.find(({ effect }) => effect === 'probe')
    t.ok(probe, sql)
    if (probe?.at === undefined) continue
    t.ok(probe.at >= sql.indexOf(clause), `${sql}: ${sql.slice(probe.at)}`)
  }
})

t.test('a computation that fails for some values only is a probe', async (t) => {
  const probes = [
    '1 / length(email)',
    '1 % (ascii(email) - 97)',
    'substr(email, 1, 1)::int',
    "CAST(left(ssn, 3) || '' AS int)",
    'sqrt(ascii(email) - 100)',
    'chr(ascii(ssn) - 48)',
    'ln(length(ssn) - 5)',
    'ascii(email) + 2147483547',
    '(ascii(email) - 97) ^ -1',
    "CASE WHEN email > 'm' THEN 1 END",
    "nullif(left(email, 1), 'a')",
    "count(*) FILTER (WHERE email LIKE 'a%')",
    'generate_series(1, ascii(email))',
    'rank() OVER (ORDER BY email)',
    "string_agg(name, ',' ORDER BY email)",
  ]
  for (const value of probes) {
    const { effects } = await shop.one(`SELECT ${value} FROM people`)
    t.ok(
      effects.some(({ effect }) => effect === 'probe'),
      value,
    )
  }
  const honest = [
    'SELECT email, upper(email), email::varchar, left(email, 3) FROM people',
    'SELECT pay * 12, pay + 100, round(pay / 12), pay::int, avg(pay) OVER () FROM staff',
    'SELECT sum(pay), avg(pay), max(pay) FROM staff',
    "SELECT diary ->> 'mood', diary::text FROM people",
    'SELECT count(email), count(DISTINCT email) FROM people',
    "SELECT coalesce(email, 'none'), email IS NULL FROM people",
    'SELECT DISTINCT email FROM people',
    'SELECT p.id FROM people p JOIN newsletter n ON n.email = p.email',
    'SELECT p.id FROM people p JOIN newsletter n USING (email)',
  ]
  for (const sql of honest) {
    t.same(
      (await shop.one(sql)).effects.map(({ effect }) => effect),
      ['read'],
      sql,
    )
  }
})

t.test(
  'each effect stands where its cause does, in characters of the statement itself',
  async (t) => {
    const places: readonly (readonly [string, string, string])[] = [
      ["SELECT 'é', pg_read_file('x')", 'server', 'pg_read_file'],
      ["SELECT 1; SELECT 'ü🙂ü', pg_sleep(1)", 'session', 'pg_sleep'],
      ['/* é */ DELETE FROM "people"', 'unbounded-write', '"people"'],
      ['WITH x AS (UPDATE goods SET id = 1 WHERE 1 = 1) SELECT 1', 'write', 'goods'],
      ["SELECT name FROM goods WHERE name = 'é' AND touch(id) > 0", 'write', 'touch(id)'],
      ['SELECT * FROM pg_authid', 'export', 'pg_authid'],
      ["SELECT name, 'é' FROM people WHERE upper(ssn) = 'A'", 'probe', 'upper'],
      ["SELECT set_config('role', 'x', true)", 'privilege', 'set_config'],
      ['INSERT INTO notes (body) SELECT email FROM people', 'export', 'notes'],
      ['EXPLAIN ANALYZE DELETE FROM goods', 'unbounded-write', 'goods'],
      ['-- é\n DROP TABLE goods', 'ddl', 'DROP TABLE'],
      ["SELECT 'é'; SET ROLE app", 'privilege', 'SET ROLE'],
      ['SELECT 1', 'read', 'SELECT 1'],
    ]
    for (const [sql, effect, found] of places) {
      const parsed = await shop.classifier.classify(Buffer.from(sql), {
        prepared: () => undefined,
        cursor: () => undefined,
      })
      const statement = parsed.kind === 'statements' ? parsed.statements.at(-1) : undefined
      const reason = statement?.effects.find((each) => each.effect === effect)
      t.ok(statement?.sql.slice(reason?.at).startsWith(found), `${sql}: ${reason?.at}`)
    }
  },
)

t.test('statistics are read by tools, and their values by nobody', async (t) => {
  const { effects } = await shop.one(
    'SELECT tablename, attname, null_frac, avg_width FROM pg_stats',
  )
  t.same(
    effects.map(({ effect }) => effect),
    ['read'],
  )
  const exports = [
    'SELECT most_common_vals FROM pg_stats',
    'TABLE pg_stats',
    'SELECT s FROM pg_stats s',
    'SELECT to_jsonb(s) FROM pg_stats s',
    'SELECT (s).histogram_bounds FROM pg_stats s',
    'SELECT stavalues1 FROM pg_statistic',
    'SELECT * FROM pg_stats_ext_exprs',
    'SELECT s.* FROM pg_stats s JOIN pg_class c ON c.relname = s.tablename',
    'SELECT x.j FROM pg_stats AS x (a, b, c, d, e, f, g, h, i, j)',
    'SELECT histogram_bounds(s) FROM pg_stats s',
    'SELECT 1 FROM pg_stats a NATURAL JOIN pg_stats b',
    'SELECT query FROM pg_stat_activity',
    'SELECT count(a) FROM pg_stat_activity a',
    'SELECT row_to_json(a) FROM pg_stat_activity a',
    "SELECT 1 FROM pg_stat_activity WHERE query LIKE '%secret%'",
  ]
  for (const sql of exports) {
    t.ok(
      (await shop.one(sql)).effects.some(({ effect }) => effect === 'export'),
      sql,
    )
  }
})
