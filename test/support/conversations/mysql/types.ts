import {
  both,
  MODERN,
  type MysqlConversation,
  prepared,
  queries,
} from '../../transparent-mysql-conversation.ts'

/** A type, and values for a column of it; a server that lacks the type says so alike. */
const TYPES: readonly (readonly [type: string, ...values: string[]])[] = [
  ['tinyint', '-128', '127', '0'],
  ['tinyint unsigned zerofill', '7', '255'],
  ['boolean', 'true', 'false'],
  ['smallint', '-32768', '32767'],
  ['mediumint', '-8388608', '8388607'],
  ['mediumint unsigned', '16777215'],
  ['int', '-2147483648', '2147483647'],
  ['int(8) unsigned zerofill', '42', '4294967295'],
  ['bigint', '-9223372036854775808', '9223372036854775807'],
  ['bigint unsigned', '18446744073709551615'],
  ['decimal(65,30)', '1.5', '-99999999999999999999999999999999999.000000000000000000000000000001'],
  ['decimal(10,0) unsigned', '1234567890'],
  ['float', '1.5', '-3.4e38', '1e-38', '0.1'],
  ['double', '1.7976931348623157e308', '-2.5', '0.1', '-0.0'],
  ['double(10,3)', '3.14159'],
  ['bit(1)', "b'0'", "b'1'"],
  ['bit(64)', "b'1010'", '0xffffffffffffffff'],
  ['year', '1901', '2155', '0'],
  ['date', "'2024-02-29'", "'1000-01-01'", "'9999-12-31'"],
  ['time', "'-838:59:59'", "'00:00:00'", "'23:59:59'"],
  ['time(6)', "'-12:34:56.789012'", "'00:00:00.000001'"],
  ['datetime', "'2024-02-29 12:34:56'", "'1000-01-01 00:00:00'"],
  ['datetime(6)', "'2024-02-29 12:34:56.789012'", "'2024-02-29 00:00:00.000000'"],
  ['timestamp NULL', "'2024-02-29 12:34:56'"],
  ['timestamp(3) NULL', "'2024-02-29 12:34:56.789'"],
  ['char(5)', "'ab'", "'abcde'", "''"],
  ['char(5) CHARACTER SET latin1', "'äöü'"],
  ['varchar(300)', "'x'", "repeat('y', 250)", "repeat('z', 251)", "repeat('é', 300)"],
  ['varchar(20) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin', "'漢字 🙂'"],
  ['varchar(20) CHARACTER SET utf16', "'漢字'"],
  ['varchar(20) CHARACTER SET gbk', "'漢'"],
  ['binary(4)', "'a'", '0x00ff00ff'],
  ['varbinary(20)', '0x', '0x00fe00fffb27'],
  ['tinyblob', '0xfffe00'],
  ['blob', "repeat('b', 65535)"],
  ['mediumblob', "repeat('m', 70000)"],
  ['longblob', '0x00'],
  ['tinytext', "'tiny'"],
  ['text', "'text'", "''"],
  ['mediumtext', "repeat('ü', 40000)"],
  ['longtext', "'long'"],
  ["enum('a', 'b', 'ü')", "'a'", "'ü'", '2'],
  ["set('x', 'y', 'z')", "'x,z'", "''", '7'],
  ['json', `'{"a": [1, 2.5, null, "x"], "b": true}'`, "'null'"],
  ['geometry', "ST_GeomFromText('POINT(1 2)')"],
  ['point', "ST_GeomFromText('POINT(-1.5 2.25)', 0)"],
  ['linestring', "ST_GeomFromText('LINESTRING(0 0, 1 1, 2 2)')"],
  ['polygon', "ST_GeomFromText('POLYGON((0 0, 1 0, 1 1, 0 0))')"],
  ['multipoint', "ST_GeomFromText('MULTIPOINT((0 0), (1 1))')"],
  ['geometrycollection', "ST_GeomFromText('GEOMETRYCOLLECTION(POINT(1 1))')"],
  ['inet6', "'2001:db8::1'", "'::ffff:1.2.3.4'"],
  ['inet4', "'192.0.2.1'"],
  ['uuid', "'123e4567-e89b-12d3-a456-426655440000'"],
  ['vector(3) NOT NULL', '0x0000803f0000004000004040'],
  ['xmltype', "'<a/>'"],
]

function ofType([type, ...values]: readonly string[]) {
  const rows = ['NULL', ...values].map((value, id) => `(${id}, ${value})`).join(', ')
  return [
    ...queries(
      `CREATE TEMPORARY TABLE typed (id int PRIMARY KEY, v ${type})`,
      `INSERT IGNORE INTO typed VALUES ${rows}`,
      'SELECT v FROM typed ORDER BY id',
    ),
    ...prepared('SELECT v, id, v FROM typed ORDER BY id'),
    ...queries('DROP TEMPORARY TABLE typed'),
  ]
}

const EXPRESSIONS = [
  'SELECT 1, -1, 1.5, 1e10, NULL, true',
  "SELECT 'text', _latin1'\\xe4', _binary'\\0\\1', N'national', x'4d', b'01', 0x41",
  "SELECT DATE '2024-02-29', TIME '-10:11:12', TIMESTAMP '2024-02-29 01:02:03.5'",
  'SELECT 18446744073709551615, -9223372036854775808, 99999999999999999999999999',
  "SELECT 1 AS `a name`, 2 AS 'ü', 3 AS `b``c`, 4 AS '', 5 'x'",
  "SELECT cast('12' AS unsigned), cast(1.55 AS decimal(5,1)), cast(5 AS char), cast('a' AS binary(3))",
  'SELECT sum(n), avg(n), count(*), min(word), max(n), group_concat(n ORDER BY n) FROM numbers WHERE n < 9',
  'SELECT 1/0, sqrt(-1), 5 DIV 2, 5 % 3, 2 << 3, ~0, !1, 1 <=> NULL',
  'SELECT n, word FROM numbers ORDER BY n',
  'SELECT NULL FROM numbers WHERE n < 4',
  'SELECT 1 WHERE false',
  `SELECT ${Array.from({ length: 300 }, (_, index) => `${index} AS c${index}`).join(', ')}`,
  `SELECT ${Array.from({ length: 20 }, (_, index) => (index % 3 === 0 ? 'NULL' : index)).join(', ')}`,
]

/** Every type, as text and binary, with NULL first. */
export const types: readonly MysqlConversation[] = [
  { name: 'column types', steps: TYPES.flatMap(ofType) },
  { name: 'expressions', steps: both(...EXPRESSIONS) },
  { name: 'column types without EOF', flags: MODERN, steps: TYPES.slice(0, 30).flatMap(ofType) },
  { name: 'expressions without EOF', flags: MODERN, steps: both(...EXPRESSIONS) },
]
