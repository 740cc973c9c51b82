import t from 'tap'
import { createMysqlClassifier } from '../../../src/sql/mysql/classify.ts'
import type { Effect } from '../../../src/sql/statement.ts'
import { MYSQL_FLAVOURS, type MysqlFlavour, startMysql } from '../../support/mysql.ts'
import type { MysqlClient } from '../../support/mysql-client.ts'
import { SHOP_SQL } from './differential-corpus.ts'
import { memorySchema } from './memory-schema.ts'
import { DEFAULT_FACTS, effectsOf, MARIADB_11, openSession } from './shop.ts'

/*
 * Ways to learn a classified value bit by bit from what isn't masked: whether there are rows, which
 * ids they have, whether a statement fails. Each is tried on the servers with two values behind it:
 * where the answers differ, the value shows, and the statement has to be held.
 */

interface Attack {
  readonly sql: string
  /** What a session sends before. */
  readonly before?: readonly string[]
  /** Servers whose grammar has it; all where none is said. */
  readonly only?: 'mysql' | 'mariadb'
}

const ATTACKS: Readonly<Record<string, Attack>> = {
  'a query in a condition, beside the operator': {
    sql: "SELECT id FROM goods WHERE (SELECT email FROM people WHERE id = 1) > 'm'",
  },
  'a list of values that a query of classified ones gives': {
    sql: "SELECT id FROM goods WHERE CONCAT('ada@people.', LOWER('EXAMPLE')) IN (SELECT email FROM people)",
  },
  'FROM in the arguments of a function, which seems to end the condition': {
    sql: "SELECT id FROM people WHERE TRIM(LEADING 'ada' FROM email) LIKE '@%'",
  },
  'a number that overflows where a test is true': {
    sql: "SELECT EXP(IF(email LIKE 'a%', 710, 1)) FROM people",
  },
  'a query of two rows where a test is true': {
    sql: "SELECT IF(email LIKE 'a%', (SELECT 1 UNION SELECT 2), 1) FROM people",
  },
  'rows of the own that a set operator takes away': {
    sql: "SELECT email FROM people EXCEPT SELECT CONCAT('ada@people.', 'example')",
  },
  'distinct rows beside one of the own': {
    sql: "SELECT COUNT(DISTINCT e) FROM (SELECT email AS e FROM people UNION ALL SELECT CONCAT('ada@people.', 'example')) d",
  },
  'a number, which is compared with how a text begins': {
    sql: 'SELECT id FROM people WHERE ssn = 900',
  },
  'columns that a list renames behind a star': {
    sql: "SELECT a FROM (SELECT * FROM people) AS d (a, b, c, e, f) WHERE c < 'm'",
    only: 'mysql',
  },
  'columns of a table made from a document': {
    sql: `SELECT j.n FROM people p JOIN JSON_TABLE(CONCAT('["', p.email, '"]'), '$[*]' COLUMNS (n FOR ORDINALITY, x VARCHAR(99) PATH '$')) j WHERE j.x LIKE 'a%'`,
  },
  'a comparison with what a variable holds': {
    before: [
      "PREPARE p FROM 'SELECT id FROM people WHERE email = ?'",
      "SET @x = CONCAT('ada@people.', 'example')",
    ],
    sql: 'EXECUTE p USING @x',
  },
  'a condition of SHOW': {
    sql: "SHOW TABLES WHERE (SELECT email FROM people WHERE id = 1) LIKE 'a%'",
  },
}

const VALUES = {
  one: "UPDATE people SET email = 'ada@people.example', ssn = '900-11-2222'",
  other: "UPDATE people SET email = 'zoe@people.example', ssn = '123-45-6789'",
}

const HELD: ReadonlySet<string> = new Set<Effect>(['probe', 'opaque', 'export'])

for (const flavour of MYSQL_FLAVOURS) {
  t.test(`what shows a value on ${flavour} is held`, async (t) => {
    const server = await startMysql(t, flavour, { schema: SHOP_SQL })
    if (!server) {
      t.comment(`SKIPPED: there is no ${flavour} on this machine`)
      return
    }
    const admin = await server.open()
    for (const [name, attack] of Object.entries(ATTACKS)) {
      const { dialect } = server
      const session = openSession({ dialect })
      for (const sql of attack.before ?? []) await session.judge(sql)
      const effects = effectsOf(await session.judge(attack.sql))
      t.ok(
        effects.some((effect) => HELD.has(effect)),
        `${name}: ${effects}`,
      )
      if (!fits(attack, flavour)) continue
      const answers = []
      for (const value of Object.values(VALUES)) {
        await admin.query(value)
        answers.push(await answerTo(await server.open(), attack))
      }
      t.not(answers[0], answers[1], `${name}: ${answers}`)
    }
  })
}

function fits({ only }: Attack, flavour: MysqlFlavour): boolean {
  return only === undefined || (flavour === 'mysql') === (only === 'mysql')
}

/** Without what is masked: the error, or how many rows there are, and numbers in them. */
async function answerTo(client: MysqlClient, { sql, before = [] }: Attack): Promise<string> {
  for (const each of before) await client.query(each)
  const [result] = await client.query(sql)
  if (result?.error) return `error ${result.error.code}`
  const rows = result?.rows ?? []
  const numbers = rows.map((row) => row.filter((cell) => /^\d+$/.test(cell ?? '')))
  return `${rows.length} rows ${JSON.stringify(numbers)}`
}

t.test('what stored code prepares is read through, as far as its text is constant', async (t) => {
  const bodies = {
    plain: "BEGIN PREPARE s FROM 'SELECT id FROM goods'; EXECUTE s; DEALLOCATE PREPARE s; END",
    drops: "BEGIN PREPARE s FROM 'DROP TABLE goods'; EXECUTE s; END",
    either: "IF 1 THEN PREPARE s FROM 'SELECT 1'; ELSE PREPARE s FROM @x; END IF; EXECUTE s",
    other: "BEGIN PREPARE s FROM 'SELECT 1'; EXECUTE t; END",
    joined: "EXECUTE IMMEDIATE CONCAT('DROP', ' TABLE goods')",
    handled: 'BEGIN DECLARE EXIT HANDLER FOR 1062, SQLWARNING DROP TABLE goods; SELECT 1; END',
    read: "FOR r IN (SELECT load_file('/x')) DO SELECT 1; END FOR",
    itself: 'CALL itself()',
  }
  const deep = Object.fromEntries(
    Array.from({ length: 12 }, (_, depth) => [
      `f${depth}`,
      depth === 11 ? 'BEGIN DROP TABLE goods; RETURN 1; END' : `RETURN f${depth + 1}()`,
    ]),
  )
  const catalog = memorySchema({
    schema: 'shop',
    tables: { goods: { columns: { id: null } } },
    procedures: bodies,
    functions: deep,
  })
  const classifier = createMysqlClassifier({ catalog, dialect: MARIADB_11 })
  const session = classifier.forSession(() => DEFAULT_FACTS)
  const names = { prepared: () => undefined, cursor: () => undefined }
  const effects = async (sql: string) => {
    const parsed = await session.classify(Buffer.from(sql), names)
    return parsed.kind === 'statements' ? effectsOf(parsed.statements) : [parsed.kind]
  }
  for (const [call, ...expected] of [
    ['CALL plain()', 'read', 'session'],
    ['CALL drops()', 'ddl', 'read', 'session'],
    ['CALL either()', 'opaque', 'read', 'session'],
    ['CALL other()', 'opaque', 'read', 'session'],
    ['CALL joined()', 'opaque', 'read'],
    ['CALL handled()', 'ddl', 'read'],
    ['CALL read()', 'read', 'server'],
    ['CALL itself()', 'read'],
    ['SELECT f4()', 'ddl', 'read'],
    ['SELECT f0()', 'opaque', 'read'],
  ]) {
    t.same(await effects(call as string), expected, call as string)
  }
  const trusting = createMysqlClassifier({
    catalog,
    dialect: MARIADB_11,
    trustedFunctions: ['shop.joined'],
  })
  const trusted = await trusting
    .forSession(() => DEFAULT_FACTS)
    .classify(Buffer.from('CALL joined()'), names)
  t.match(trusted, { statements: [{ effects: [{ effect: 'read' }], output: 'clear' }] })
  // A prepared name outlives the code that takes it.
  for (const between of [
    'CALL plain()',
    'CALL nobody()',
    'DEALLOCATE PREPARE s',
    'CALL joined()',
  ]) {
    const sql = `PREPARE s FROM 'SELECT id FROM goods'; ${between}; EXECUTE s`
    const parsed = await session.classify(Buffer.from(sql), names)
    const last = parsed.kind === 'statements' ? parsed.statements.at(-1) : undefined
    t.match(last, { output: 'classified', anyResults: true, lineage: undefined }, between)
    t.ok(effectsOf(last ? [last] : []).includes('opaque'), between)
  }
})

t.test('code that a write runs is found behind a view, and rows that go along', async (t) => {
  const session = openSession()
  const [write] = await session.judge("INSERT INTO contacts (id, address) VALUES (5, 'x')")
  t.match(write?.tables, [{ name: 'contacts' }, { name: 'people', access: 'write' }])
  const [removal] = await session.judge('DELETE FROM people WHERE id = 1')
  t.ok(removal?.tables.some(({ name, access }) => name === 'sales' && access === 'write'))
  const [update] = await session.judge("UPDATE people SET name = 'x' WHERE id = 1")
  t.notOk(update?.tables.some(({ name }) => name === 'sales'))
})
