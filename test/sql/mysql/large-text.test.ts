import t from 'tap'
import { createMysqlClassifier } from '../../../src/sql/mysql/classify.ts'
import type { MysqlSchemaSource } from '../../../src/sql/mysql/schema.ts'
import type { Classification, Parsed } from '../../../src/sql/statement.ts'
import { memorySchema } from './memory-schema.ts'
import { DEFAULT_FACTS, MARIADB_11, SHOP } from './shop.ts'

/** Longer than what is judged on the spot. */
const FILLING = `/* ${'x'.repeat(20_000)} */`
const MEGABYTE = 1024 * 1024

function open(t: { teardown(fn: () => unknown): unknown }, catalog: MysqlSchemaSource = SHOP) {
  const server = createMysqlClassifier({ catalog, dialect: MARIADB_11 })
  t.teardown(() => server.close())
  const classifier = server.forSession(() => DEFAULT_FACTS)
  const prepared = new Map<string, Classification>()
  const names = { prepared: (name: string) => prepared.get(name), cursor: () => undefined }
  return {
    server,
    prepared,
    classify: (sql: string) => classifier.classify(Buffer.from(sql), names),
  }
}

function effectsIn(parsed: Parsed): readonly string[] {
  const all = parsed.kind === 'statements' ? parsed.statements : []
  const effects = parsed.kind === 'opaque' ? parsed.classification.effects : []
  return [...new Set([...all.flatMap((one) => one.effects), ...effects].map((one) => one.effect))]
}

t.test('a large text is judged as a small one is, and others go on meanwhile', async (t) => {
  const { classify } = open(t)
  for (const sql of [
    'SELECT id, name FROM goods WHERE id = 5',
    "SELECT id, email, count(*) FROM people WHERE email = 'a' GROUP BY id",
    'SELECT touch(1), twice(2) FROM contacts',
    'CALL cheap()',
    "UPDATE people SET name = 'x' WHERE ssn > 5",
    'SELECT nobody(1) FROM nowhere',
    'SELECT 1; DROP TABLE goods; USE other; SELECT * FROM people',
  ]) {
    const small = await classify(sql)
    const large = classify(`${sql} ${FILLING}`)
    t.ok(large instanceof Promise, 'it is judged elsewhere')
    t.same(await large, small, sql)
  }
})

t.test('many statements are judged elsewhere, and a verdict is kept', async (t) => {
  const { classify } = open(t)
  const many = 'SELECT email FROM people;'.repeat(100)
  const first = classify(many)
  t.ok(first instanceof Promise)
  const again = (await first) && classify(many)
  t.notOk(again instanceof Promise)
  t.equal(again, await first)
  const once = `SELECT email FROM people ${' '.repeat(8_000)}`
  const verdict = await classify(once)
  t.equal(classify(once), verdict)
})

t.test('an event of the loop is never far while a megabyte is judged', async (t) => {
  const { classify } = open(t)
  await classify(`SELECT 1 ${FILLING}`)
  const rows = Array.from({ length: 20_000 }, (_, id) => `(${id}, 'some text of a row', NULL)`)
  let turns = 0
  let judged = false
  const turn = () => {
    turns++
    if (!judged) setImmediate(turn)
  }
  setImmediate(turn)
  const sql = `INSERT INTO scratch (id, v, n) VALUES ${rows}`
  t.ok(sql.length > 0.6 * MEGABYTE)
  const parsed = await classify(sql)
  judged = true
  t.same(effectsIn(parsed), ['write'])
  t.ok(turns > 20, `${turns} turns of the loop meanwhile`)
})

t.test('names of the session are asked for as they are then', async (t) => {
  const { classify, prepared } = open(t)
  const inner = (await classify('DROP TABLE goods')) as Extract<Parsed, { kind: 'statements' }>
  t.same(effectsIn(await classify(`EXECUTE p ${FILLING}`)), ['opaque'])
  prepared.set('p', inner.statements[0] as Classification)
  t.same(effectsIn(await classify(`EXECUTE p ${FILLING}`)), ['ddl'])
})

t.test('a schema is read again where a large text names what it does not know', async (t) => {
  let refreshed = 0
  const empty = {
    ...SHOP.current,
    version: 0,
    table: () => undefined,
    tablesNamed: () => [],
  }
  const source = {
    current: empty,
    refresh: async () => {
      refreshed++
      return SHOP.current
    },
  }
  const { classify } = open(t, source)
  const parsed = await classify(`SELECT id FROM goods ${FILLING}`)
  t.match(parsed, { statements: [{ output: 'clear' }] })
  t.equal(refreshed, 1)
})

t.test('each of many questions gets its own answer', async (t) => {
  const bodies = ['RETURN 1', 'BEGIN UPDATE goods SET id = 1; RETURN 1; END', null]
  const functions = Object.fromEntries(
    Array.from({ length: 400 }, (_, id) => [`f${id}`, bodies[id % 3] ?? null]),
  )
  const catalog = memorySchema({
    schema: 'shop',
    tables: { goods: { columns: { id: null } } },
    functions,
  })
  const { classify } = open(t, catalog)
  for (let round = 0; round < 10; round++) {
    const names = Array.from({ length: 400 }, (_, id) => `f${(id * 7 + round) % 400}`)
    const parsed = await classify(`SELECT ${names.map((name) => `${name}()`)} ${FILLING}`)
    const [only] = parsed.kind === 'statements' ? parsed.statements : []
    const said = new Map(
      only?.effects.map(({ effect, at }) => [only.sql.slice(at).split('(')[0], effect]),
    )
    const wrong = names.filter((name) => {
      const body = functions[name]
      const expected =
        body === null ? 'opaque' : body === 'RETURN 1' ? undefined : 'unbounded-write'
      return said.get(name) !== expected
    })
    t.same(wrong, [])
  }
})

t.test('what is too much to judge is held, and the next text is judged again', async (t) => {
  const { classify, server } = open(t)
  for (const sql of [
    `SELECT 1${'+1'.repeat(500_000)}`,
    'SELECT 1;'.repeat(50_000),
    `SELECT ${'('.repeat(100_000)}1${')'.repeat(100_000)}`,
    `SELECT ${Array.from({ length: 30_000 }, (_, id) => `nobody${id}()`)}`,
    `SELECT 1 FROM ${Array.from({ length: 30_000 }, (_, id) => `nowhere${id}`)}`,
    `SELECT ${Array.from({ length: 30_000 }, (_, id) => `s${id}.f()`)}`,
  ]) {
    t.ok(effectsIn(await classify(sql)).includes('opaque'), sql.slice(0, 20))
  }
  t.same(effectsIn(await classify(`SELECT 1 ${FILLING}`)), ['read'])
  const waiting = classify(`SELECT 2 ${FILLING}`)
  await server.close()
  t.same(effectsIn(await waiting), ['opaque'], 'it is held where its judge has gone')
  t.same(effectsIn(await classify('SELECT 1')), ['read'], 'which a small one needs none of')
})

t.test('more large texts than can wait are held', async (t) => {
  const { classify } = open(t)
  const all = await Promise.all(
    Array.from({ length: 40 }, (_, id) => classify(`SELECT ${id} ${FILLING}`)),
  )
  t.equal(all.filter(({ kind }) => kind === 'opaque').length, 8)
})
