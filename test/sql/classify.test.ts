import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import type { Classification, SessionNames } from '../../src/sql/statement.ts'
import { projectRoot } from '../support/project-root.ts'
import { NO_NAMES, openShop, type Shop } from './shop.ts'

interface Expected {
  readonly sql: string
  readonly effects: readonly string[]
  readonly output: string
  readonly safe?: readonly number[]
}

const corpus = readFileSync(join(projectRoot, 'fixtures/sql/statements.jsonl'), 'utf8')
  .trim()
  .split('\n')
  .map((line) => JSON.parse(line) as Expected)

function effectsOf(statement: Classification): readonly string[] {
  return [...new Set(statement.effects.map(({ effect }) => effect))].sort()
}

let shop: Shop
t.before(async () => {
  shop = await openShop(t)
})

t.test('every statement of the corpus is judged as it says', async (t) => {
  for (const { sql, effects, output, safe } of corpus) {
    const statement = await shop.one(sql)
    const seen = { effects: effectsOf(statement), output: statement.output }
    t.same(seen, { effects, output }, sql)
    if (safe) t.same(statement.safeOutputs, safe, `safe outputs of ${sql}`)
    t.ok(
      statement.effects.every(({ reason }) => reason.length > 5),
      'each effect has a reason',
    )
  }
})

t.test('a text of several statements is judged statement by statement', async (t) => {
  const text = '/* é */ SELECT 1; -- ;\n DROP TABLE goods ;SELECT email FROM people'
  const parsed = await shop.classifier.classify(Buffer.from(text), NO_NAMES)
  t.match(parsed, {
    kind: 'statements',
    statements: [
      { verb: 'SELECT', sql: 'SELECT 1' },
      { verb: 'DROP TABLE', sql: 'DROP TABLE goods' },
      { output: 'classified', classes: ['pii.email'] },
    ],
  })
  for (const empty of ['', ' ', ';', '-- only a comment', '/* a */;;']) {
    t.same(await shop.classifier.classify(Buffer.from(empty), NO_NAMES), {
      kind: 'statements',
      statements: [],
    })
  }
  t.match(await shop.classifier.classify(Buffer.from('SELEC 1'), NO_NAMES), {
    kind: 'syntax-error',
    message: /syntax error/,
  })
})

t.test('tokens and fingerprint tell the same statement from another', async (t) => {
  const first = await shop.one('SELECT name FROM goods WHERE id = 1')
  const spaced = await shop.one('SELECT  name /* x */ FROM goods -- y\n WHERE id=1')
  const other = await shop.one('SELECT name FROM goods WHERE id = 2')
  t.equal(first.tokens, spaced.tokens)
  t.not(first.tokens, other.tokens)
  t.equal(first.fingerprint, other.fingerprint)
  t.not(first.fingerprint, (await shop.one('SELECT id FROM goods')).fingerprint)
  const joined = await shop.one("SELECT 'a' 'b'").catch(() => null)
  t.equal(joined, null, 'two constants on one line are no constant')
})

t.test('passwords never reach the text for records', async (t) => {
  const secrets = [
    "ALTER ROLE app PASSWORD 'hunter2'",
    "CREATE USER MAPPING FOR app SERVER s OPTIONS (user 'x', password 'hunter2')",
    "CREATE SUBSCRIPTION s CONNECTION 'host=h password=hunter2' PUBLICATION p",
    "SELECT * FROM dblink('host=h password=hunter2', 'SELECT 1') AS t(a int)",
    "DO $$ BEGIN EXECUTE 'ALTER ROLE app PASSWORD ''hunter2'''; END $$",
    "ALTER SYSTEM SET primary_conninfo = 'hunter2'",
    'ALTER ROLE "é" PASSWORD E\'hunter2\'',
  ]
  for (const sql of secrets) {
    const { redacted } = await shop.one(sql)
    t.notMatch(redacted, /hunter2/, redacted)
  }
  const plain = "SELECT name FROM goods WHERE name = 'chair'"
  t.equal((await shop.one(plain)).redacted, plain)
  const literals = "SELECT 'a', E'b', 5, 1.5, x'1f', $1 /* c */ FROM orders WHERE 'd' = $$e$$ -- f"
  const expected = 'SELECT ?, ?, ?, ?, ?, $1   FROM orders WHERE ? = ?'
  t.equal(
    (await shop.one(literals)).withoutLiterals.replace(/ +/g, ' '),
    expected.replace(/ +/g, ' '),
  )
})

t.test('tables, columns, classes and functions are named for the person who signs', async (t) => {
  const statement = await shop.one(
    'UPDATE people SET name = guess(3) WHERE email = $1 RETURNING joined',
  )
  t.match(statement, {
    verb: 'UPDATE',
    classes: ['pii.email'],
    functions: ['public.guess'],
    connectionBound: false,
  })
  const [table] = statement.tables
  t.match(table, { schema: 'public', name: 'people', access: 'write' })
  t.match(table?.classes, { email: 'pii.email', ssn: 'pii.national-id', label: 'pii.email' })
  t.same([...(table?.columns ?? [])].sort(), ['email', 'joined', 'name'])
  t.match(await shop.one('SELECT total(1)'), { output: 'clear' }, 'a trusted function')
})

t.test('EXECUTE and FETCH do what their names stand for now', async (t) => {
  const prepared = new Map<string, Classification>()
  const names: SessionNames = {
    prepared: (name) => prepared.get(name),
    cursor: (name) => prepared.get(name),
  }
  const prepare = await shop.one('PREPARE q AS DELETE FROM notes', names)
  const [made] = prepare.names
  t.match(prepare, { names: [{ kind: 'prepare', name: 'q' }] })
  if (made?.kind === 'prepare') prepared.set('q', made.inner)
  t.same(effectsOf(await shop.one('EXECUTE q', names)), ['unbounded-write', 'write'])
  prepared.set('q', await shop.one('SELECT email FROM people'))
  t.match(await shop.one('EXECUTE q', names), { output: 'classified', connectionBound: true })
  t.match(await shop.one('FETCH 3 FROM q', names), { output: 'classified', classes: ['pii.email'] })
  t.match(await shop.one('CREATE TABLE t AS EXECUTE q', names), {
    effects: [{ effect: 'ddl' }, { effect: 'read' }, { effect: 'read' }, { effect: 'export' }],
  })
  const sneaky = 'DEALLOCATE q; PREPARE q AS SELECT ssn FROM people; EXECUTE q'
  prepared.set('q', await shop.one('SELECT 1'))
  const text = await shop.classifier.classify(Buffer.from(sneaky), names)
  t.match(text, { statements: [{}, {}, { verb: 'EXECUTE', output: 'classified' }] })
})

t.test('a name is the same statement only while it stands for the same text', async (t) => {
  let behind = await shop.one('DELETE FROM notes WHERE id = 1')
  const names: SessionNames = { prepared: () => behind, cursor: () => behind }
  const texts = [
    'EXECUTE q',
    'FETCH ALL FROM q',
    'EXPLAIN ANALYZE EXECUTE q',
    'CREATE TABLE t AS EXECUTE q',
  ]
  const judgeAll = () => Promise.all(texts.map((sql) => shop.one(sql, names)))
  const before = await judgeAll()
  t.same(
    (await judgeAll()).map(({ tokens }) => tokens),
    before.map(({ tokens }) => tokens),
  )
  behind = await shop.one('DELETE FROM notes WHERE id = 2')
  for (const [index, { sql, tokens, effects }] of (await judgeAll()).entries()) {
    t.not(tokens, before[index]?.tokens, `what was signed for ${sql} isn't this`)
    t.ok(
      effects.some(({ reason }) => reason.includes('WHERE id = 2')),
      'who signs sees the text',
    )
  }
})

t.test('what the schema gains is seen by the next statement that names it', async (t) => {
  t.match(await shop.one('SELECT mail FROM fresh'), { output: 'classified', connectionBound: true })
  await shop.postgres.query('CREATE VIEW fresh AS SELECT id, email AS mail FROM people')
  t.match(await shop.one('SELECT mail FROM fresh'), {
    output: 'classified',
    connectionBound: false,
    classes: ['pii.email'],
  })
  t.match(await shop.one('SELECT id FROM fresh'), { output: 'clear' })
  await shop.postgres.query('ALTER TABLE people RENAME COLUMN ssn TO harmless')
  await shop.catalog.refresh()
  t.match(await shop.one('SELECT harmless FROM people'), { classes: ['pii.national-id'] })
})

t.test('a statement made to take long is opaque, soon', async (t) => {
  const nested = (depth: number): string =>
    depth === 0
      ? 'SELECT email AS x FROM people'
      : `WITH RECURSIVE r(x) AS (${nested(depth - 1)} UNION ALL SELECT x FROM r, (${nested(depth - 1)}) s(y)) SELECT x FROM r`
  const cases = ['', ' OR NULL'].map((tail) => `${'CASE WHEN '.repeat(150)}email IS NULL${tail}`)
  const hostile = [
    nested(7),
    `SELECT ${'*,'.repeat(12_000)}* FROM people`,
    ...cases.map((when) => `SELECT ${when}${' THEN true END'.repeat(150)} FROM people`),
    `SELECT ${Array.from({ length: 3000 }, (_, i) => `c${i}`).join(',')} FROM ${Array.from({ length: 3000 }, (_, i) => `goods g${i}`).join(',')}`,
    `SELECT ${'NOT '.repeat(4000)}(email LIKE 'a') FROM people`,
  ]
  for (const sql of hostile) {
    const begun = performance.now()
    const statement = await shop.one(sql)
    const ms = performance.now() - begun
    t.ok(ms < 5000, `${Math.round(ms)} ms for ${sql.slice(0, 40)}...`)
    t.equal(statement.output, 'classified')
  }
})
