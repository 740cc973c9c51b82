import t from 'tap'
import { PgQuery, type ScanToken } from '../../src/sql/postgres/pg-query.ts'
import { plainScan } from '../../src/sql/postgres/plain-scan.ts'
import { Random } from '../fuzz/random.ts'

const PLAIN = [
  "SELECT t.a, count(*) FROM s.t AS t WHERE t.b = 'it''s' AND c IN (1, 2.5) GROUP BY 1 LIMIT $1",
  'SELECT "a b".""" c" FROM "a b" WHERE x <> -1 AND y->>\'k\' @> \'é\' OR z::int[] && array[$12]',
  "INSERT INTO t (a, b) VALUES (1, 'x'), (2, '') ON CONFLICT (a) DO UPDATE SET b = excluded.b",
  "UPDATE t SET a = a + 1, b = b || 'x' WHERE a[1:2] = '{1}' AND f(x := 1, y => 2)",
  "DELETE FROM t USING u WHERE t.a = u.a AND u.b ~* '^x|y$' RETURNING t.*; SELECT 1 ; ",
]
const SUBTLE = [
  "SELECT E'a\\'b'",
  "SELECT 'a'\n'b'",
  "SELECT $$a'b$$",
  "SELECT 1 -- '",
  "SELECT /* ' */ 1",
  "SELECT U&'x', N'y', B'01', x'1f'",
  'SELECT U&"x"',
  'SELECT 1.e5, .5, 1_000, 0x1f',
  'SELECT a.*, 1.',
  'SELECT 1 =-1, 2*-3, a@-b',
  'SELECT é FROM ü',
]
const PIECES = [
  ...[
    "'",
    '"',
    ' ',
    '\n',
    '-',
    '+',
    '*',
    '/',
    '::',
    ':=',
    ':',
    '..',
    '.',
    '1',
    'e',
    '$1',
    '$',
    'x',
  ],
  ...['E', 'U&', '&', '=', '<>', '||', '->', '@>', '?', "''", 'b', 'N', 'é', '0x', '_', '[1]', '#'],
  ...[
    '~',
    '|/',
    '!',
    '5',
    '\t',
    '`',
    '%',
    '^',
    '<',
    '>',
    '=>',
    '--',
    '/*',
    '*/',
    ';',
    '(',
    ')',
    '\\',
  ],
]
const CONSTANTS = new Set(['SCONST', 'USCONST', 'ICONST', 'FCONST'])

function shown(tokens: readonly ScanToken[]): string {
  const one = ({ start, end, tokenName }: ScanToken) =>
    `${start}-${end}${CONSTANTS.has(tokenName) ? ' constant' : ''}`
  return tokens.map(one).join(', ')
}

t.test('cuts plain texts as the grammar cuts them, and leaves the others to it', async (t) => {
  const grammar = await PgQuery.load()
  for (const sql of PLAIN) {
    const tokens = plainScan(Buffer.from(sql))
    t.equal(tokens && shown(tokens), shown(grammar.scan(sql)), sql)
  }
  for (const sql of SUBTLE) {
    grammar.parse(sql)
    const tokens = plainScan(Buffer.from(sql))
    if (tokens) t.equal(shown(tokens), shown(grammar.scan(sql)), sql)
  }
  t.equal(plainScan(Buffer.from("SELECT E'a\\'b'")), null)
  t.equal(plainScan(Buffer.from("SELECT 'a'\n'b'")), null)
})

t.test('agrees with the grammar on whatever it accepts', async (t) => {
  const random = new Random(20_261_122)
  const texts = [...PLAIN, ...SUBTLE]
  let grammar = await PgQuery.load()
  let compared = 0
  for (let round = 0; round < 30_000; round++) {
    const sql = mutated(texts[random.below(texts.length)] ?? '', random)
    try {
      grammar.parse(sql)
    } catch {
      if (!grammar.sound) grammar = await PgQuery.load()
      continue
    }
    const tokens = sql.trim() === '' ? null : plainScan(Buffer.from(sql))
    if (!tokens) continue
    compared++
    const [own, theirs] = [shown(tokens), shown(grammar.scan(sql))]
    if (own !== theirs) t.equal(own, theirs, sql)
  }
  t.ok(compared > 1_000, `${compared} texts were compared`)
})

/** A text with up to three pieces put in or cut out. */
function mutated(text: string, random: Random): string {
  let sql = text
  for (let changes = 1 + random.below(3); changes > 0; changes--) {
    const at = random.below(sql.length + 1)
    const piece = random.below(2) === 0 ? (PIECES[random.below(PIECES.length)] ?? '') : ''
    sql = sql.slice(0, at) + piece + sql.slice(piece === '' ? at + 1 + random.below(3) : at)
  }
  return sql
}
