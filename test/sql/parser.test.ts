import t from 'tap'
import { CatalogSnapshot } from '../../src/catalog/snapshot.ts'
import {
  createPostgresClassifier,
  type PostgresClassifier,
} from '../../src/sql/postgres/classify.ts'
import { PostgresParser } from '../../src/sql/postgres/parser.ts'
import { PgQuery } from '../../src/sql/postgres/pg-query.ts'
import { NO_NAMES } from './shop.ts'

const parser = new PostgresParser()
const nothing = new CatalogSnapshot({
  version: 1,
  relations: [],
  functions: [],
  types: [],
  builtins: new Map(),
  schemas: new Set(),
  hiddenCalls: [],
})
let classifier: PostgresClassifier
t.before(async () => {
  await parser.open()
  const catalog = { current: nothing, refresh: async () => nothing }
  classifier = await createPostgresClassifier({ catalog })
})
t.teardown(() => classifier.close())

async function judged(sql: string | Buffer) {
  return classifier.classify(Buffer.from(sql as string), NO_NAMES)
}

async function kindOf(sql: string | Buffer): Promise<string> {
  const { kind } = await judged(sql)
  return kind === 'statements' ? 'read' : kind
}

t.test('a text that can mean something else to the server is opaque', async (t) => {
  t.equal(await kindOf('SELECT 1\0; DROP TABLE x'), 'opaque', 'NUL')
  t.equal(await kindOf(Buffer.from([0x53, 0xff, 0x27])), 'opaque', 'no UTF-8')
  t.equal(await kindOf("SELECT 'a\\' , ssn FROM people --'"), 'opaque', 'backslash')
  t.equal(await kindOf("SELECT N'a\\'"), 'opaque', 'backslash in a national constant')
  t.equal(await kindOf("SELECT 'a'\n'b\\'"), 'opaque', 'backslash in a continued constant')
  t.equal(await kindOf("SELECT E'a\\'b', $$\\$$, \"a\\b\" -- \\"), 'read')
  t.equal(await kindOf("SELECT 'it\\''s'"), 'opaque', 'before a doubled quote')
  t.equal(await kindOf("SELECT 'a\\\\\\'"), 'opaque', 'three of them')
  t.equal(
    await kindOf("SELECT '^\\d+\\.' , 'a\\\\', '100\\% it''s', 'C:\\new'"),
    'read',
    'others end nothing',
  )
  t.equal(await kindOf(Buffer.alloc(1024 * 1024 + 1, ' ')), 'opaque', 'too long')
})

t.test('large and deep texts are read elsewhere, and none of them ends the reading', async (t) => {
  const chain = (terms: number) => `SELECT ${Array.from({ length: terms }, () => '1').join('+')}`
  for (let i = 0; i < 6; i++) await kindOf(chain(30_000))
  t.equal(await kindOf(chain(3000)), 'read')
  t.not(await kindOf(`SELECT ${'('.repeat(20_000)}1${')'.repeat(20_000)}`), 'read')
  t.equal(await kindOf(`SELECT ${'NOT '.repeat(5000)}true`), 'read')
  const rows = Array.from({ length: 5000 }, (_, i) => `(${i}, 'row ${i}')`)
  t.equal(await kindOf(`INSERT INTO t VALUES ${rows.join(',')}`), 'read')
  t.equal(await kindOf('SELECT 1'), 'read')
})

t.test('many statements are read up to a number, then not at all', async (t) => {
  const many = await judged('SELECT 1 ; '.repeat(900))
  t.equal(many.kind === 'statements' && many.statements.length, 900)
  t.equal(await kindOf('SELECT 1;'.repeat(1001)), 'opaque')
  t.equal(await kindOf('SELECT 1'), 'read')
})

t.test('control characters and odd quotes in constants are read as they are', async (t) => {
  for (const sql of ["SELECT '\u0001\t\n\r\u001f'", 'SELECT $a$"$$\'$a$', "SELECT '\"}],[{'"]) {
    const outcome = await parser.parse(Buffer.from(sql))
    t.match(outcome, { kind: 'read', statements: [{ sql }] }, JSON.stringify(sql))
  }
})

t.test('texts that differ in constants share a fingerprint, others never do', async (t) => {
  const grammar = await PgQuery.load()
  const shapes = [
    "SELECT a, $1::int, 'c1' FROM t WHERE b = 'c1' AND c IN (7, 'c2') LIMIT 7 OFFSET 7",
    "SELECT interval 'c1' day to second(7), extract('c1' FROM b'0110'), x'1f' COLLATE \"C\"",
    "SELECT * FROM json_table(a, '$.c1' COLUMNS (x varchar(7) PATH '$.c2' DEFAULT 'c1' ON EMPTY))",
    "SELECT * FROM t TABLESAMPLE bernoulli(7) REPEATABLE (7) ORDER BY 7, 'c1' FETCH FIRST 7 ROWS ONLY",
    "INSERT INTO t (a) VALUES (7), ('c1'), (7.5) ON CONFLICT (a) DO UPDATE SET a = 'c1' RETURNING 'c2'",
    "UPDATE t SET a = a || 'c1', b = CAST(7 AS numeric(7, 7)) WHERE c LIKE 'c1' ESCAPE 'c'",
    "MERGE INTO t USING s ON t.a = s.a AND s.b = 'c1' WHEN MATCHED THEN UPDATE SET b = 'c2'",
    "DO 'c1'",
    "SET x = 'c1'",
    "COMMENT ON TABLE t IS 'c1'",
  ]
  const seen = new Map<string, string>()
  for (const shape of shapes) {
    for (const [one, two, seven] of [
      ['c1', 'c2', '7'],
      ["it''s", 'b', '12'],
      ['', 'a b', '0'],
    ] as const) {
      const sql = shape.replaceAll('c1', one).replaceAll('c2', two).replaceAll('7', seven)
      const outcome = await parser.parse(Buffer.from(sql))
      const [statement] = outcome.kind === 'read' ? outcome.statements : []
      t.equal(statement?.fingerprint, grammar.fingerprint(sql), sql)
      seen.set(statement?.fingerprint ?? sql, shape)
    }
  }
  t.ok(seen.size >= shapes.length)
})
