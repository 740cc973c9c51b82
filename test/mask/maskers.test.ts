import pg from 'pg'
import t from 'tap'
import { maskerFor } from '../../src/mask/masker-for.ts'
import { partialText } from '../../src/mask/maskers/partial.ts'
import { MASKS, type MaskName } from '../../src/mask/plan.ts'
import { shapeOf } from '../../src/mask/types.ts'
import { POSTGRES_VERSIONS, startPostgres } from '../support/postgres.ts'
import { catalogOf, keys } from './fixtures.ts'

/** A type as it is declared, the function that writes its binary form, and values. */
const TYPES: [type: string, send: string, values: string[]][] = [
  ['bool', 'boolsend', ['t', 'f']],
  ['int2', 'int2send', ['-32768', '12345', '7']],
  ['int4', 'int4send', ['2147483647', '-12', '410000123']],
  ['int8', 'int8send', ['4111111111111234', '-9223372036854775808']],
  ['float4', 'float4send', ['0.1', '-3e30', 'NaN', 'Infinity']],
  ['float8', 'float8send', ['3.141592653589793', '1e-300', '-0']],
  ['numeric', 'numeric_send', ['123456789012345678901234.5678', '-0.00012', '100000', 'NaN', '0']],
  ['numeric(6,2)', 'numeric_send', ['1234.56', '-0.01', '9999.99']],
  ['numeric(2,2)', 'numeric_send', ['0.99']],
  ['numeric(4,-2)', 'numeric_send', ['123400']],
  ['text', 'textsend', ['ana@example.com', '4111 1111 1111 1234', 'secret note é東', '', 'x']],
  ['varchar(5)', 'varcharsend', ['a@b.c', '12345', 'é東é東é', 'z']],
  ['char(12)', 'bpcharsend', ['ana', 'bo@x.test']],
  ['char(3)', 'bpcharsend', ['abc']],
  ['name', 'namesend', ['somebody']],
  ['"char"', 'charsend', ['q']],
  ['bytea', 'byteasend', ['\\xdeadbeef', '\\x']],
  ['date', 'date_send', ['1984-06-15', '0044-03-15 BC', 'infinity', '12024-01-01']],
  ['time', 'time_send', ['13:14:15.678']],
  ['timetz', 'timetz_send', ['13:14:15+02']],
  [
    'timestamp(3)',
    'timestamp_send',
    ['1999-12-31 23:59:59.999', '-infinity', '0001-01-01 00:00:01'],
  ],
  ['timestamp', 'timestamp_send', ['1998-12-31 23:59:59.999999']],
  ['timestamptz', 'timestamptz_send', ['2026-08-01 01:02:03+00', 'infinity']],
  ['interval', 'interval_send', ['3 mons 2 days 01:02:03']],
  ['uuid', 'uuid_send', ['a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11']],
  ['json', 'json_send', ['{"a": [1, "ana@example.com"]}']],
  ['jsonb', 'jsonb_send', ['{"a": 1}', 'null']],
  ['xml', 'xml_send', ['<a>ana@example.com</a>', 'bare']],
  ['bit(9)', 'bit_send', ['101010101']],
  ['varbit', 'varbit_send', ['1010']],
  ['money', 'cash_send', ['123.45']],
  ['inet', 'inet_send', ['198.51.100.7', '2001:db8::1/64']],
  ['cidr', 'cidr_send', ['198.51.100.0/24']],
  ['macaddr', 'macaddr_send', ['08:00:2b:01:02:03']],
  ['macaddr8', 'macaddr8_send', ['08:00:2b:01:02:03:04:05']],
  ['point', 'point_send', ['(1.5,2)']],
  ['lseg', 'lseg_send', ['[(1,2),(3,4)]']],
  ['line', 'line_send', ['{1,2,3}']],
  ['path', 'path_send', ['[(1,2),(3,4)]']],
  ['box', 'box_send', ['(3,4),(1,2)']],
  ['polygon', 'poly_send', ['((1,2),(3,4),(5,6))']],
  ['circle', 'circle_send', ['<(1,2),3>']],
  ['oid', 'oidsend', ['16411']],
  ['regclass', 'regclasssend', ['pg_class']],
  ['pg_lsn', 'pg_lsn_send', ['16/B374D848']],
  ['tsvector', 'tsvectorsend', ['ana:1 secret:2']],
  ['tsquery', 'tsquerysend', ['ana & secret']],
  ['jsonpath', 'jsonpath_send', ['$.secret[*]']],
  ['int4range', 'range_send', ['[3,7)', 'empty']],
  ['tstzrange', 'range_send', ['[2020-01-01,)']],
  ['nummultirange', 'multirange_send', ['{[1,2),[5,7)}']],
  ['text[]', 'array_send', ['{ana@example.com,NULL,"a \\"b\\" \\\\ c","",null2}', '{}']],
  ['varchar(5)[]', 'array_send', ['{abcde,"é東"}', '[0:1][2:3]={{a,b},{c,NULL}}']],
  ['int4[]', 'array_send', ['{1,NULL,410000123}', '{{1,2},{3,4}}']],
  ['numeric(6,2)[]', 'array_send', ['{1234.56,-0.01}']],
  ['date[]', 'array_send', ['{1984-06-15,NULL,infinity}']],
  ['uuid[]', 'array_send', ['{a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11}']],
  ['box[]', 'array_send', ['{(3,4),(1,2);(1,1),(0,0)}']],
  ['bytea[]', 'array_send', ['{"\\\\xdeadbeef"}']],
  ['int4range[]', 'array_send', ['{"[3,7)",empty}']],
  ['timestamptz[]', 'array_send', ['{"2026-08-01 01:02:03+00"}']],
  ['address', 'record_send', ['("12 Oak, \\"upper\\"",,7)']],
  ['address[]', 'array_send', ['{"(\\"12 Oak, Rd\\",,7)",NULL}']],
  ['handle', 'varcharsend', ['ana@x.test']],
  ['handles', 'array_send', ['{ana@x.test,NULL}']],
  ['word[]', 'array_send', ['{ana@x.test,NULL}']],
  ['mood', 'enum_send', ['happy']],
  ['mood[]', 'array_send', ['{happy,NULL}']],
  ['span', 'range_send', ['[1,2)']],
  ['hstore', 'hstore_send', ['ana=>secret, n=>NULL']],
  ['citext', 'citextsend', ['Ana@Example.com', 'secret']],
  ['citext[]', 'array_send', ['{Ana@Example.com}']],
]

const OWN_TYPES = `
  CREATE EXTENSION hstore; CREATE EXTENSION citext;
  CREATE TYPE address AS (street text, number int, floor int);
  CREATE TYPE mood AS ENUM ('happy', 'sad');
  CREATE TYPE span AS RANGE (subtype = float8);
  CREATE DOMAIN handle AS varchar(12) CHECK (VALUE <> 'never');
  CREATE DOMAIN handles AS text[];
  CREATE DOMAIN word AS text`

/** Of these a value can only become NULL. */
const TO_NULL = ['mood', 'tsquery']

for (const version of POSTGRES_VERSIONS) {
  t.test(`masks within the type, in both formats alike, on the ${version} server`, async (t) => {
    const server = await startPostgres(t, { version })
    const client = new pg.Client({ connectionString: server.superuserUrl })
    await client.connect()
    t.teardown(() => client.end())
    await client.query(`SET timezone = 'UTC'; ${OWN_TYPES}`)
    const major = Number.parseInt(server.version, 10)
    const catalog = await typesOf(client)
    for (const [type, send, values] of TYPES) {
      if (type === 'numeric(4,-2)' && major < 15) continue
      await client.query(`DROP TABLE IF EXISTS typed; CREATE TABLE typed (v ${type})`)
      const described = await client.query({ text: 'SELECT v FROM typed', types: rawTypes })
      const [field] = described.fields
      for (const value of values) {
        const { rows } = await client.query(
          `SELECT $1::${type}::text AS text, ${send}($1::${type}) AS binary`,
          [value],
        )
        const padded = type.startsWith('char(')
          ? await paddedText(client, type, value)
          : rows[0].text
        for (const mask of MASKS) {
          const masked = (format: 0 | 1) => {
            const shape = shapeOf(
              {
                typeOid: field?.dataTypeID ?? 0,
                typeModifier: field?.dataTypeModifier ?? -1,
                format,
              },
              catalog,
            )
            const masker = maskerFor({ mask, keepLast: null }, shape, keys)
            return masker(format === 0 ? Buffer.from(padded) : rows[0].binary)
          }
          const [text, binary] = [masked(0), masked(1)]
          const says = `${type} ${value} ${mask}`
          if (text === null || binary === null) {
            t.same([text, binary], [null, null], says)
            t.ok(mask === 'null' || TO_NULL.includes(type), says)
            continue
          }
          const back = await client.query({
            text: `SELECT $1::${cast(type)}::text AS a, $2::${cast(type)}::text AS b`,
            // pg sends a Buffer in binary; as a string the same parameter is text.
            values: [text.toString('utf8'), binary],
            types: rawTypes,
          })
          t.equal(back.rows[0].a, back.rows[0].b, `${says}: ${text}`)
          await client.query({ text: 'INSERT INTO typed VALUES ($1)', values: [binary] })
          await client.query({ text: 'INSERT INTO typed VALUES ($1)', values: [text.toString()] })
          t.notMatch(back.rows[0].a.replaceAll('x.test', ''), CANARY, says)
          if (!mayEqual(value, mask)) t.not(back.rows[0].a, rows[0].text, says)
        }
      }
    }
  })
}

/** What no mask but `partial` may leave of the values above. */
const CANARY = /ana@|secret|Oak|upper|happy|[Ee]xample\.com"?\}?$(?<!\*@.*)|deadbeef|410000123/

/** The server's types as the catalog knows them. */
async function typesOf(client: pg.Client) {
  const { rows } = await client.query(
    `SELECT t.oid::int, t.typname AS name, t.typtype AS kind, t.typbasetype::int AS base,
            e.oid::int AS element
       FROM pg_type t LEFT JOIN pg_type e ON e.typarray = t.oid WHERE t.oid >= 16384`,
  )
  const types = rows.map(({ oid, name, kind, base, element }) => ({
    oid,
    name,
    kind,
    baseOid: base,
    runsCode: false,
    ...(element === null ? {} : { elementOid: element }),
  }))
  return catalogOf([], types)
}

const rawTypes = {
  getTypeParser: () => (value: string) => value,
} as unknown as pg.CustomTypesConfig

/** A cast to varchar(n) cuts silently; without its length the text stays as long as it is. */
function cast(type: string): string {
  return type
    .replace(/\(.*?\)/, '')
    .replace(/^char$/, 'bpchar')
    .replace(/^bit$/, 'bit(9)')
}

/** A cast of char(n) to text drops the blanks that the server sends. */
async function paddedText(client: pg.Client, type: string, value: string): Promise<string> {
  const length = Number(/\d+/.exec(type)?.[0])
  const { rows } = await client.query('SELECT rpad($1::text, $2::int) AS padded', [value, length])
  return rows[0].padded
}

/** The few values that are their own mask. */
function mayEqual(value: string, mask: MaskName): boolean {
  return ['f', '0', '-0', '', '\\x', '{}', 'empty'].includes(value) && mask !== 'null'
}

t.test('leaves so much and no more', async (t) => {
  const cases: [string, number | null, string][] = [
    ['ana@example.com', null, 'a***@example.com'],
    ['a@example.com', null, '***@example.com'],
    ['ana@example.com', 4, '***.com'],
    ['4111 1111 1111 1234', null, '**** **** **** 1234'],
    ['4111-1111-1111-1234', 4, '****-****-****-1234'],
    ['+1 (555) 630-3171', null, '+* (***) ***-3171'],
    ['12345', 4, '***45'],
    ['1234', 4, '**34'],
    ['1', 4, '*'],
    ['', 4, '***'],
    ['-', 4, '***'],
    ['abc', 4, '***c'],
    ['secret', 32, '***ret'],
    ['secret', 0, '***'],
    ['東京都渋谷区', 2, '***谷区'],
    ['a b@c', null, '***@c'],
  ]
  for (const [value, keep, expected] of cases) t.equal(partialText(value, keep), expected, value)
  for (const [value, keep] of cases) {
    const digits = value.replace(/\D/g, '')
    const left = partialText(value, keep).replace(/\D/g, '')
    if (/^[\d\s()+-]+$/.test(value)) t.ok(left.length * 2 <= digits.length, `half of ${value}`)
  }
})

t.test('shows of an address what it shows of its text, whatever its bytes are', async (t) => {
  const shape = shapeOf({ typeOid: 25, typeModifier: -1, format: 0 }, catalogOf())
  const masker = maskerFor({ mask: 'partial', keepLast: null }, shape, keys)
  const local = ['', 'a', 'ana', 'a b', 'é', '😀x', 'a\u007f', ' a', 'a@b']
  const domain = ['', 'x', 'example.com', 'example.com ', 'é.test', 'x y', '@', 'a\u0000b']
  for (const before of local) {
    for (const after of domain) {
      const text = `${before}@${after}`
      const shown = masker(Buffer.from(text))?.toString('utf8')
      t.equal(shown, partialText(text.trimEnd(), null), JSON.stringify(text))
    }
  }
})

t.test('keeps equal values equal, and different ones apart', async (t) => {
  const shape = (typeOid: number, format: number, typeModifier = -1) =>
    shapeOf({ typeOid, typeModifier, format }, catalogOf())
  const hash = (typeOid: number, format: number, cell: Buffer, modifier = -1) =>
    maskerFor({ mask: 'hash', keepLast: null }, shape(typeOid, format, modifier), keys)(cell)
  const text = (value: string) => Buffer.from(value)
  t.same(hash(25, 0, text('a')), hash(25, 1, text('a')))
  t.notSame(hash(25, 0, text('a')), hash(25, 0, text('b')))
  t.same(hash(1700, 0, text('1.50')), hash(1700, 0, text('1.5')))
  t.same(hash(1042, 0, text('ab   ')), hash(1042, 0, text('ab')))
  t.same(hash(17, 0, text('\\x5c01')), hash(17, 0, text('\\\\\\001')))
  const other = { hash: Buffer.alloc(32, 8) }
  const otherHash = maskerFor({ mask: 'hash', keepLast: null }, shape(25, 0), other)(text('a'))
  t.notSame(otherHash, hash(25, 0, text('a')), 'another key, another hash')
})

t.test('never lets a cell pass that it can not read', async (t) => {
  const oids = [16, 17, 18, 19, 20, 21, 23, 25, 114, 700, 701, 1042, 1043, 1082, 1083, 1114, 1184]
  const secret = Buffer.from('@@secret\u0000\xff')
  for (const typeOid of [...oids, 1186, 1266, 1700, 2950, 3802]) {
    for (const format of [0, 1]) {
      for (const mask of MASKS) {
        const shape = shapeOf({ typeOid, typeModifier: -1, format }, catalogOf())
        const out = maskerFor({ mask, keepLast: 2 }, shape, keys)(secret)
        t.notMatch(out?.toString('latin1') ?? '', /secre/, `${typeOid} ${format} ${mask}`)
      }
    }
  }
})

t.test('an array keeps its shape, or nothing of it where it can not be read', async (t) => {
  const masked = (mask: MaskName, cell: Buffer | string, format: 0 | 1 = 0) => {
    const shape = shapeOf({ typeOid: 1009, typeModifier: -1, format }, catalogOf())
    return maskerFor({ mask, keepLast: null }, shape, keys)(Buffer.from(cell as string))
  }
  const text = (mask: MaskName, cell: string) => masked(mask, cell)?.toString()
  t.equal(text('partial', '{ana@x.test,NULL,"NULL"}'), '{"a***@x.test",NULL,"***LL"}')
  t.equal(text('partial', '[2:2]={"bo@x.test"}'), '[2:2]={"b***@x.test"}')
  t.equal(text('partial', String.raw`{{"a\\\"b"},{d}}`), String.raw`{{"***\"b"},{"***"}}`)
  t.equal(text('redact', '{a,NULL}'), '{}', 'not how many there are, nor which are NULL')
  t.equal(text('zero', '{{a},{b}}'), '{}')
  const deep = `${'{'.repeat(7)}secret${'}'.repeat(7)}`
  const broken = ['', '{', '}', 'secret', '{"secret', '{secret', '{sec"ret"}', '{a}secret', '{{a}']
  for (const cell of [...broken, '{se{cret}}', '{a\\', '[1:2=secret{a}', '{"a\\"}', deep]) {
    t.equal(text('partial', cell), '{}', cell)
  }
  const long = `{"${'x\\\\'.repeat(400_000)}"}`
  t.match(text('hash', long), /^\{"[0-9a-f]{32}"\}$/, 'however long an element is')
  const header = (...words: number[]) => {
    const cell = Buffer.alloc(words.length * 4)
    for (const [i, word] of words.entries()) cell.writeInt32BE(word, i * 4)
    return cell
  }
  const secret = Buffer.from('secret')
  const good = Buffer.concat([header(1, 0, 25, 1, 1, 6), secret])
  t.equal(masked('hash', good, 1)?.length, 24 + 32)
  const wrong = [
    Buffer.concat([good, secret]),
    good.subarray(0, -1),
    Buffer.concat([header(1, 0, 25, 2, 1, 6), secret]),
    Buffer.concat([header(1, 0, 25, -1, 1, 6), secret]),
    Buffer.concat([header(7, 0, 25, 1, 1, 6), secret]),
    Buffer.concat([header(1, 0, 25, 1, 1, -2), secret]),
    header(6, 0, 25, 1_000_000, 1, 1_000_000, 1, 1_000_000, 1),
    secret,
  ]
  for (const cell of wrong) t.same(masked('hash', cell, 1), header(0, 0, 25), cell.toString('hex'))
})

t.test('a composite that can not be read becomes NULL', async (t) => {
  const types = [{ oid: 90_010, name: 'pair', kind: 'c', baseOid: 0, runsCode: false }] as const
  const masked = (cell: Buffer | string, format: 0 | 1 = 0) =>
    maskerFor(
      { mask: 'hash', keepLast: null },
      shapeOf({ typeOid: 90_010, typeModifier: -1, format }, catalogOf([], types)),
      keys,
    )(Buffer.from(cell as string))
  t.equal(masked(String.raw`("a,""b""",\\)`)?.toString(), '(,)')
  for (const cell of ['', 'secret', '(secret', '("secret)', 'secret)']) t.equal(masked(cell), null)
  for (const hex of ['', '00000001', '00000001000000190000000673', 'ffffffff', '7fffffff']) {
    t.equal(masked(Buffer.from(hex, 'hex'), 1), null, hex)
  }
})

t.test('makes NULL of every type that it does not know', async (t) => {
  const catalog = catalogOf(
    [],
    [
      { oid: 90_001, name: 'email', kind: 'd', baseOid: 90_002, runsCode: false },
      { oid: 90_002, name: 'email_base', kind: 'd', baseOid: 25, runsCode: false },
      { oid: 90_003, name: 'mood', kind: 'e', baseOid: 0, runsCode: false },
      { oid: 90_004, name: 'loop', kind: 'd', baseOid: 90_004, runsCode: false },
    ],
  )
  const masked = (typeOid: number, format = 0) =>
    maskerFor(
      { mask: 'redact', keepLast: null },
      shapeOf({ typeOid, typeModifier: -1, format }, catalog),
      keys,
    )(Buffer.from('x'))
  t.equal(masked(90_001)?.toString(), '[redacted]')
  for (const oid of [90_003, 90_004, 90_005, 2249, 22, 0]) t.equal(masked(oid), null, `${oid}`)
  t.equal(masked(25, 7), null, 'a format that does not exist')
})
