import t from 'tap'
import type { Dialect, LexMode } from '../../../src/sql/mysql/dialect.ts'
import { lex } from '../../../src/sql/mysql/lexer.ts'
import { readText } from '../../../src/sql/mysql/read-text.ts'
import { DEFAULT_FACTS, MARIADB_11, MYSQL_9 } from './shop.ts'

const PLAIN: LexMode = { ansiQuotes: false, noBackslashEscapes: false }
const ANSI: LexMode = { ...PLAIN, ansiQuotes: true }
const NO_ESCAPES: LexMode = { ...PLAIN, noBackslashEscapes: true }

/** The tokens of a text as "kind:text", strings and comments by their own text. */
function read(
  sql: string,
  mode: LexMode = PLAIN,
  dialect: Dialect = MARIADB_11,
): readonly string[] {
  const text = Buffer.from(sql).toString('latin1')
  return lex(text, { ...mode, dialect, doubtful: 'skip' }).tokens.map(
    ({ kind, text: said, start, end }) =>
      `${kind}:${kind === 'string' || kind === 'skipped' ? text.slice(start, end) : said}`,
  )
}

function doubt(sql: string, dialect: Dialect = MARIADB_11): string | null {
  return lex(sql, { ...PLAIN, dialect, doubtful: 'skip' }).doubt
}

t.test('strings end where the session says that they end', async (t) => {
  t.same(read("'a''b' 'c\\'d'"), ["string:'a''b'", "string:'c\\'d'"])
  t.same(read("'a\\' b", NO_ESCAPES), ["string:'a\\'", 'word:b'])
  t.same(read('"a""b" "c\\"d"'), ['string:"a""b"', 'string:"c\\"d"'])
  t.same(read('"a""b"', ANSI), ['quoted:a"b'])
  t.same(read('"a\\" b', ANSI), ['quoted:a\\', 'word:b'], 'names have no escapes')
  t.same(read("N'a' n'b' _utf8mb4'c' _latin1 'd'"), [
    "string:N'a'",
    "string:n'b'",
    'word:_utf8mb4',
    "string:'c'",
    'word:_latin1',
    "string:'d'",
  ])
  for (const open of ["'a", "'a\\'", '"a', '`a', "x'4", "N'a", "@'a", '@`a']) {
    t.throws(() => read(open), open)
  }
})

t.test('names, numbers and variables are cut as the servers cut them', async (t) => {
  t.same(read('`a``b` 1st _x $y é t.1a t .5'), [
    'quoted:a`b',
    'word:1st',
    'word:_x',
    'word:$y',
    `word:${Buffer.from('é').toString('latin1')}`,
    'word:t',
    'op:.',
    'word:1a',
    'word:t',
    'number:.5',
  ])
  t.same(read("1 1.5 1. 1e5 1.e5 1e-5 0x4D 0b01 0X4D 0xG x'4d' b'01' 1e"), [
    ...['number:1', 'number:1.5', 'number:1.', 'number:1e5', 'number:1.e5', 'number:1e-5'],
    ...[
      'bytes:0x4D',
      'bytes:0b01',
      'word:0X4D',
      'word:0xG',
      "bytes:x'4d'",
      "bytes:b'01'",
      'word:1e',
    ],
  ])
  t.same(read('@a @\'b c\' @"d" @`e` @@f @a.b$c'), [
    ...[
      'variable:a',
      'variable:b c',
      'variable:d',
      'variable:e',
      'op:@@',
      'word:f',
      'variable:a.b$c',
    ],
  ])
  t.same(read('@"a\\" b', ANSI), ['variable:a\\', 'word:b'])
  t.same(read('a:=b <=> c -> d ->> e || f && g'), [
    ...['word:a', 'op::=', 'word:b', 'op:<=>', 'word:c', 'op:->', 'word:d', 'op:->>', 'word:e'],
    ...['op:||', 'word:f', 'op:&&', 'word:g'],
  ])
  t.throws(() => read('SELECT 1.e FROM t'), 'old servers lose such a number and what is behind it')
  t.throws(() => read("SELECT x'4g'"))
  for (const quoted of [
    'SELECT $$ 1 $$',
    'SELECT $$ ',
    'SELECT $$;',
    'SELECT $a$',
    'SELECT 1 $$$$',
  ]) {
    t.throws(
      () => read(quoted, PLAIN, MYSQL_9),
      `MySQL 9 has strings between dollar signs: ${quoted}`,
    )
  }
  t.same(read('SELECT $$', PLAIN, MYSQL_9), ['word:SELECT', 'word:$$'], 'its client asks for that')
  t.throws(() => read('SELECT \u0001'))
})

t.test('a comment is one only where the servers see one', async (t) => {
  t.same(read('1--1'), ['number:1', 'op:-', 'op:-', 'number:1'])
  t.same(read('1-- 1'), ['number:1'])
  t.same(read('1--\u00011\n2'), ['number:1', 'number:2'])
  t.same(read('1--'), ['number:1'])
  t.same(read('1 # a\r2\n3'), ['number:1', 'number:3'], 'a carriage return ends no comment')
  t.same(read('1 /* a /* b */ 2'), ['number:1', 'number:2'], 'comments do not nest')
  t.same(read('2 */ 1'), ['number:2', 'op:*', 'op:/', 'number:1'])
  t.same(read('1\v\f2'), ['number:1', 'number:2'])
  t.throws(() => read('1 /* a'))
})

t.test('executable comments run by flavour and version', async (t) => {
  const runs = (opening: string, dialect: Dialect) =>
    read(`1 ${opening} 2 */`, PLAIN, dialect).includes('number:2')
  const cases: readonly (readonly [string, mysql: boolean, mariadb: boolean])[] = [
    ['/*!', true, true],
    ['/*!50000', true, true],
    ['/*!50699', true, true],
    ['/*!50700', true, false],
    ['/*!80000', true, false],
    ['/*!080000', true, false],
    ['/*!90704', true, false],
    ['/*!90705', false, false],
    ['/*!100000', false, true],
    ['/*!110806', false, true],
    ['/*!110807', false, false],
    ['/*M!', false, true],
    ['/*M!50700', false, true],
    ['/*M!110807', false, false],
  ]
  for (const [opening, mysql, mariadb] of cases) {
    t.equal(runs(opening, MYSQL_9), mysql, `${opening} on MySQL`)
    t.equal(runs(opening, MARIADB_11), mariadb, `${opening} on MariaDB`)
  }
  for (const unsure of [
    '1 /*!! 2 */',
    '1 /*!5000 2 */',
    '1 /*!500001+2 */',
    '1 /*!5000012 2 */',
    '1 /*! 2 /*! 3 */ 4 */',
    '1 /*!999999 2 /* 3 */ 4 */',
    '1 /*! ; DROP TABLE t */',
  ]) {
    t.ok(doubt(unsure), unsure)
  }
  t.throws(() => read('/*! SELECT 1'), 'one without an end')
  t.equal(doubt('SELECT /*+ BKA(`t`) */ 1'), null)
  t.ok(doubt('SELECT /*+ BKA(`*/ 1 FROM `t`'), 'a quote is open where the hint may end')
})

t.test('what could be read in two ways, or not at all, is refused', async (t) => {
  const outcome = (sql: string | Buffer, facts: object = {}) =>
    readText(Buffer.from(sql), { ...DEFAULT_FACTS, ...facts }, MARIADB_11).kind
  t.equal(outcome('SELECT 1'), 'read')
  for (const characterSet of ['gbk', 'sjis', 'cp932', 'big5', 'gb18030', 'swe7', 'ucs2', 'new']) {
    t.equal(outcome('SELECT 1', { characterSet }), 'opaque', characterSet)
  }
  t.equal(outcome('SELECT 1', { oracle: true }), 'opaque')
  t.equal(outcome('SELECT 1\0; DROP TABLE t'), 'opaque')
  t.equal(outcome("SELECT 'a\0'"), 'opaque')
  t.equal(outcome('-- a\0\nSELECT 1'), 'opaque', 'NUL ends a line comment')
  t.equal(outcome(Buffer.from("SELECT '\xff'", 'latin1')), 'opaque', 'no UTF-8')
  t.equal(outcome(Buffer.from("SELECT _binary'\xff'", 'latin1')), 'read', 'bytes of a driver')
  t.equal(outcome(Buffer.from('SELECT 1 AS `\xe2`, 2`', 'latin1')), 'opaque', 'half a character')
  t.equal(outcome(Buffer.from("SELECT '\xe9'", 'latin1'), { characterSet: 'latin1' }), 'read')
  t.equal(outcome(Buffer.from('SELECT\xa01', 'latin1'), { characterSet: 'latin1' }), 'opaque')
  t.equal(outcome('SELECT 1 AS \u{1f600}'), 'opaque')
  t.equal(outcome(`SELECT ${'('.repeat(300)}1${')'.repeat(300)}`), 'opaque', 'too deep')
  t.equal(outcome('SELECT 1;'.repeat(1_500)), 'opaque', 'too many')
  t.equal(outcome(`SELECT '${'x'.repeat(5_000_000)}'`), 'opaque', 'too long')
  t.equal(outcome('1,'.repeat(300_000)), 'opaque', 'too many tokens')
})
