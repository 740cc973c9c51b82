import t from 'tap'
import { textWithoutConstants } from '../../src/session/chat-text.ts'
import { PgQuery } from '../../src/sql/postgres/pg-query.ts'
import { readText } from '../../src/sql/postgres/read-text.ts'
import type { Classification } from '../../src/sql/statement.ts'
import { judge } from '../sql/mysql/shop.ts'

const of = (...texts: readonly string[]) =>
  textWithoutConstants(texts.map((withoutLiterals) => ({ withoutLiterals }) as Classification))

t.test('says a text without constants, and none where one could be left', async (t) => {
  t.equal(
    of('SELECT a FROM b WHERE c = ?', 'DELETE FROM d'),
    'SELECT a FROM b WHERE c = ?;\nDELETE FROM d',
  )
  t.equal(of(), null, 'nothing was read')
  t.equal(of('SELECT ?', ''), null, 'one of them could not be read')
  t.equal(of("SELECT 'x"), null, 'a quote that the lexer took for something else')
  t.equal(of('SELECT /*!99999 123-45-6789 */ ?'), null, 'comments that a server may run')
  t.equal(of('SELECT 1--1'), null)
  t.equal(of('x'.repeat(10_001)), null, 'nobody reads that in chat')
})

/** 7351 stands in each of them, and nowhere else. */
const CONSTANTS = {
  postgres: [
    ...[
      "'7351'",
      "E'\\\\7351'",
      "U&'7351'",
      '$$7351$$',
      '$tag$7351$tag$',
      "B'0'||'7351'",
      "X'7351'",
    ],
    ...[
      '7351',
      '-7351',
      '7351.5',
      '.7351',
      '7351e1',
      '0x7351',
      '7_351 + 7351',
      "date '7351-01-01'",
    ],
    ...["'a'\n'7351'", "ARRAY['7351']", "('7351'::text)", "'7351' /* 7351 */", "'x' -- 7351\n"],
    ...["'it''s 7351'", "row('7351', 7351)", "interval '7351' day", "N'7351'"],
  ],
  mysql: [
    ...[
      "'7351'",
      '"7351"',
      "N'7351'",
      "_utf8mb4'7351'",
      "x'7351'",
      '0x7351',
      "b'0' + 7351",
      '7351',
    ],
    ...[
      '-7351',
      '7351.5',
      '.7351',
      '7351e1',
      "'a' '7351'",
      "'it''s 7351'",
      "'\\'7351'",
      '@x := 7351',
    ],
    ...[
      "'x' -- 7351\n",
      "'x' # 7351\n",
      "'x' /* 7351 */",
      "'x' /*!40000 + 7351 */",
      "DATE '7351-01-01'",
    ],
    ...["'x' /*!99999 7351 */", "'7351' COLLATE utf8mb4_bin", "INTERVAL '7351' DAY + NOW()"],
  ],
}

t.test('no constant of a real text is left, however it is written', async (t) => {
  const grammar = await PgQuery.load()
  for (const constant of CONSTANTS.postgres) {
    const sql = `SELECT id FROM people WHERE ssn = ${constant}`
    const [statement] = readText(grammar, sql, Buffer.from(sql)).statements
    t.ok(statement, sql)
    t.notMatch(String(of(statement?.withoutLiterals ?? '')), '7351', sql)
  }
  for (const constant of CONSTANTS.mysql) {
    const sql = `SELECT id FROM people WHERE ssn = ${constant}`
    t.notMatch(String(textWithoutConstants(await judge(sql))), '7351', sql)
  }
})
