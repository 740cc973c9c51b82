import { lenencBytes, uint8, uint16, uint32 } from '../../../../src/wire/mysql/payload.ts'
import type { Bound } from '../../e2e-mysql-raw.ts'
import {
  closeStatement,
  each,
  execute,
  longData,
  MODERN,
  type MysqlConversation,
  PING,
  prepare,
  prepared,
  queries,
  resetStatement,
  send,
  text,
} from '../../transparent-mysql-conversation.ts'

const UNSIGNED = 0x8000
const of = (type: number, ...parts: readonly Buffer[]): Bound => ({
  type,
  bytes: Buffer.concat(parts),
})
const double = (value: number) => {
  const bytes = Buffer.alloc(8)
  bytes.writeDoubleLE(value)
  return bytes
}
const long = (value: bigint) => {
  const bytes = Buffer.alloc(8)
  bytes.writeBigInt64LE(value)
  return bytes
}
const words = (value: string) => lenencBytes(Buffer.from(value))
const when = (...parts: readonly Buffer[]) => {
  const body = Buffer.concat(parts)
  return Buffer.concat([uint8(body.length), body])
}
const DAY = [uint16(2024), uint8(2), uint8(29)] as const
const CLOCK = [uint8(12), uint8(34), uint8(56)] as const

/** One of each type that a client may bind (manual, "Binary Protocol Value"). */
const VALUES: readonly (readonly [what: string, value: Bound])[] = [
  ['tiny', of(0x01, uint8(0x80))],
  ['tiny unsigned', of(0x01 | UNSIGNED, uint8(0x80))],
  ['short', of(0x02, uint16(0x8000))],
  ['year', of(0x0d, uint16(2024))],
  ['long', of(0x03, uint32(0x80000000))],
  ['int24', of(0x09, uint32(0x00ffffff))],
  ['long unsigned', of(0x03 | UNSIGNED, uint32(0x80000000))],
  ['longlong', of(0x08, long(-1n))],
  ['longlong unsigned', of(0x08 | UNSIGNED, long(-1n))],
  ['float', of(0x04, Buffer.from([0, 0, 0xc0, 0x3f]))],
  ['double', of(0x05, double(-2.5))],
  ['decimal', of(0x00, words('1.50'))],
  ['newdecimal', of(0xf6, words('-12345.678'))],
  ['varchar', of(0x0f, words('varchar'))],
  ['var_string', of(0xfd, words('ü漢🙂'))],
  ['string', of(0xfe, words(''))],
  ['blob', of(0xfc, words('blob'))],
  ['tiny_blob', of(0xf9, words('tiny'))],
  ['medium_blob', of(0xfa, words('medium'))],
  ['long_blob', of(0xfb, words('x'.repeat(300)))],
  ['enum', of(0xf7, words('a'))],
  ['set', of(0xf8, words('a,b'))],
  ['bit', of(0x10, words('\u0001'))],
  ['json', of(0xf5, words('{"a": 1}'))],
  ['geometry', of(0xff, words('geometry'))],
  ['date', of(0x0a, when(...DAY))],
  ['date zero', of(0x0a, when())],
  ['datetime', of(0x0c, when(...DAY, ...CLOCK))],
  ['datetime with a day alone', of(0x0c, when(...DAY))],
  ['timestamp with microseconds', of(0x07, when(...DAY, ...CLOCK, uint32(789012)))],
  ['time', of(0x0b, when(uint8(0), uint32(0), ...CLOCK))],
  ['time negative', of(0x0b, when(uint8(1), uint32(3), ...CLOCK, uint32(5)))],
  ['time zero', of(0x0b, when())],
  ['null', null],
]

const PARAMETERS = VALUES.flatMap(([what, value]) =>
  prepared(`SELECT ?, '${what}', ? IS NULL`, value, value),
)

const LIVES = [
  ...prepared('SELECT n, word FROM numbers WHERE n < ? ORDER BY n', 5),
  ...prepared('SELECT 1'),
  ...prepared('INSERT INTO notes VALUES (?, ?)', 7, 'seven'),
  ...prepared('UPDATE people SET age = age + ? WHERE id = ?', 1, 2),
  ...prepared('DELETE FROM notes WHERE id = ?', 7),
  ...prepared('SELECT * FROM notes'),
  ...prepared('SET @a = ?', 'x'),
  ...prepared('DO ?', 1),
  ...prepared('CREATE TEMPORARY TABLE made AS SELECT ? AS a', 'made'),
  ...prepared('SHOW COLUMNS FROM people'),
  ...prepared('SHOW WARNINGS'),
  ...prepared('EXPLAIN SELECT * FROM people WHERE id = ?', 1),
  ...prepared('SELECT count(*) FROM information_schema.tables WHERE table_schema = ?', 'nowhere'),
  ...each(
    prepare('often', 'SELECT ? + 1, ?'),
    execute('often', [1, 'a']),
    execute('often', [2, 'b'], { types: false }),
    execute('often', [null, null], { types: false }),
    execute('often', ['3', 4n]),
    resetStatement('often'),
    execute('often', [5, 'c']),
    prepare('other', 'SELECT 2'),
    execute('often', [6, 'd']),
    execute('other'),
    closeStatement('often'),
    execute('other'),
    closeStatement('other'),
    PING,
  ),
]

const SENT_AHEAD = each(
  prepare('long', 'SELECT length(?), left(?, 5), ?'),
  longData('long', 0, Buffer.alloc(70_000, 'l')),
  longData('long', 0, Buffer.from('more')),
  longData('long', 1, Buffer.from('ahead')),
  execute('long', [null, null, 'bound']),
  execute('long', ['a', 'b', 'c']),
  longData('long', 2, Buffer.from('forgotten')),
  resetStatement('long'),
  execute('long', ['a', 'b', 'c']),
  longData('long', 0, Buffer.alloc(0)),
  execute('long', [null, 'b', 'c']),
  closeStatement('long'),
  PING,
)

const WRONG = [
  ...each(
    prepare('w1', 'SELEC ?'),
    prepare('w2', 'SELECT nothing FROM people'),
    prepare('w3', 'SELECT 1; SELECT 2'),
    prepare('w4', ''),
    prepare('w5', '-- nothing'),
    prepare('w6', 'SELECT ? FROM'),
    prepare('w7', "PREPARE x FROM 'SELECT 1'"),
    prepare('w8', 'BEGIN'),
    prepare('w9', 'KILL ?'),
    execute(4_000_000),
    resetStatement(4_000_000),
    closeStatement(4_000_000),
    longData(4_000_000, 0, Buffer.from('x')),
    text('SELECT 1'),
    PING,
    execute(0),
  ),
  ...prepared("INSERT INTO people VALUES (?, 'twice', 20, NULL, 'ok')", 1),
  ...prepared('SELECT 1/?', 0),
  ...prepared('SELECT (SELECT id FROM people WHERE id < ?)', 5),
]

const LAST = [
  send(prepare('last', 'SELECT ? + 40'), execute(0xffffffff, [2])),
  ...each(execute(0xffffffff, [3]), resetStatement(0xffffffff), execute('last', [4])),
  send(prepare('last', 'SELEC ?'), execute(0xffffffff, [2]), text('DO 1')),
  send(prepare('last', 'SELECT 1'), closeStatement(0xffffffff), execute(0xffffffff), text('DO 1')),
]

/** SQL's own statements live in another name space than the protocol's. */
const BY_SQL = queries(
  "PREPARE p FROM 'SELECT ? + 1'",
  'SET @a = 5',
  'EXECUTE p USING @a',
  'EXECUTE p',
  "PREPARE p FROM 'SELECT 2'",
  'EXECUTE p',
  "SET @sql = 'SELECT 3, 4'",
  'PREPARE q FROM @sql',
  'EXECUTE q',
  'DEALLOCATE PREPARE p',
  'EXECUTE p',
  "EXECUTE IMMEDIATE 'SELECT 5'",
)

const CHANGED = [
  ...queries('CREATE TEMPORARY TABLE changing (a int)', 'INSERT INTO changing VALUES (1)'),
  ...each(
    prepare('star', 'SELECT * FROM changing'),
    execute('star'),
    text('ALTER TABLE changing ADD COLUMN b varchar(5) DEFAULT "x"'),
    execute('star'),
    text('DROP TABLE changing'),
    execute('star'),
    closeStatement('star'),
    PING,
  ),
]

/** The binary protocol. */
export const preparedStatements: readonly MysqlConversation[] = [
  { name: 'parameters of every type', steps: PARAMETERS },
  { name: 'lives of statements', steps: LIVES },
  { name: 'lives of statements without EOF', flags: MODERN, steps: LIVES },
  { name: 'values sent ahead', steps: SENT_AHEAD },
  { name: 'what is wrong', steps: WRONG },
  { name: 'what is wrong without EOF', flags: MODERN, steps: WRONG },
  { name: 'the statement prepared last', steps: LAST },
  { name: 'statements of SQL', steps: BY_SQL },
  { name: 'a table that changes', steps: CHANGED },
]
