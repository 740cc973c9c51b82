import t from 'tap'
import { maskerFor } from '../../../src/mask/masker-for.ts'
import { charsetOf } from '../../../src/mask/mysql/charsets.ts'
import { mysqlMaskerFor } from '../../../src/mask/mysql/masker-for.ts'
import { MASKS, type MaskName } from '../../../src/mask/plan.ts'
import { shapeOf } from '../../../src/mask/types.ts'
import * as types from '../../../src/wire/mysql/field-types.ts'
import { MYSQL_FLAVOURS } from '../../support/mysql.ts'
import { catalogOf } from '../fixtures.ts'
import { columnOf, keys } from './fixtures.ts'
import { maskedWorld } from './masked-world.ts'

type More = Parameters<typeof columnOf>[0]

function masked(mask: MaskName, cell: Buffer | string, more: More = {}, keepLast?: number) {
  const config = { mask, keepLast: keepLast ?? null }
  return mysqlMaskerFor(config, columnOf(more), keys)(Buffer.from(cell as string))
}

/** The same value as PostgreSQL masks it. */
function onPostgres(mask: MaskName, typeOid: number, cell: Buffer, format = 0, typeModifier = -1) {
  const shape = shapeOf({ typeOid, typeModifier, format }, catalogOf())
  return maskerFor({ mask, keepLast: null }, shape, keys)(cell)
}

const BINARY = { charset: 63, flags: 0x80 }

t.test('a text is masked as on PostgreSQL, in every character set', async (t) => {
  const texts = ['ana@example.com', 'é 東京 12', 'x', '', '4111 1111 1111 1234', '😀😀ab', ' b ']
  const sets: [collation: number, bytes: number, encode: (text: string) => Buffer][] = [
    [255, 4, (text) => Buffer.from(text)],
    [45, 4, (text) => Buffer.from(text)],
    [2304, 4, (text) => Buffer.from(text)],
    [33, 3, (text) => Buffer.from(text)],
    [56, 4, (text) => Buffer.from(text, 'utf16le')],
    [54, 4, (text) => Buffer.from(text, 'utf16le').swap16()],
    [2816, 4, (text) => Buffer.from(text, 'utf16le').swap16()],
    [35, 2, (text) => Buffer.from(text, 'utf16le').swap16()],
    [
      60,
      4,
      (text) =>
        Buffer.concat(
          Array.from(text, (character) => {
            const unit = Buffer.alloc(4)
            unit.writeUInt32BE(character.codePointAt(0) ?? 0)
            return unit
          }),
        ),
    ],
  ]
  for (const [charset, bytes, encode] of sets) {
    for (const mask of ['redact', 'partial', 'hash'] as const) {
      for (const text of texts) {
        for (const format of [0, 1]) {
          const facts = { charset, length: 255 * bytes }
          const shown = masked(mask, encode(text), { format, facts })
          const expected = onPostgres(mask, 25, Buffer.from(text))?.toString() ?? ''
          t.same(shown, encode(expected), `${charset} ${mask} ${text}`)
        }
      }
    }
  }
})

t.test('numbers, bytes and uuids hash to what they hash to on PostgreSQL', async (t) => {
  const cell = (bytes: number, write: (cell: Buffer) => void) => {
    const made = Buffer.alloc(bytes)
    write(made)
    return made
  }
  for (const value of [0, 7, -12, 410_000_123]) {
    const expected = onPostgres('hash', 23, Buffer.from(String(value)))
    const facts = { charset: 63, length: 11 }
    t.same(masked('hash', String(value), { typeOid: types.MYSQL_TYPE_LONG, facts }), expected)
    const inBinary = cell(4, (bytes) => bytes.writeInt32LE(value))
    const shown = masked('hash', inBinary, { typeOid: types.MYSQL_TYPE_LONG, format: 1, facts })
    t.equal(String(shown?.readInt32LE()), expected?.toString())
    const unsigned = { ...facts, flags: 0x20, length: 10 }
    if (value < 0) continue
    const same = masked('hash', inBinary, {
      typeOid: types.MYSQL_TYPE_LONG,
      format: 1,
      facts: unsigned,
    })
    t.same(same, shown, 'signed or not')
  }
  const truth = { typeOid: types.MYSQL_TYPE_TINY, facts: { charset: 63, length: 1 } }
  t.same(masked('hash', '1', truth)?.toString(), '0', 'a hash of yes and no would be either')
  const large = {
    typeOid: types.MYSQL_TYPE_LONGLONG,
    facts: { charset: 63, flags: 0x20, length: 20 },
  }
  const largest = '18446744073709551615'
  t.same(
    masked('hash', Buffer.alloc(8, 0xff), { ...large, format: 1 })?.readBigUInt64LE(),
    BigInt(`${masked('hash', largest, large)}`),
  )
  const decimal = {
    typeOid: types.MYSQL_TYPE_NEWDECIMAL,
    facts: { ...BINARY, decimals: 2, length: 12 },
  }
  for (const value of ['-12.50', '99999999.99', '0.00']) {
    const modifier = ((10 << 16) | 2) + 4
    t.same(
      masked('hash', value, decimal),
      onPostgres('hash', 1700, Buffer.from(value), 0, modifier),
    )
    t.same(masked('hash', value, { ...decimal, format: 1 }), masked('hash', value, decimal))
  }
  const bytes = Buffer.from('deadbeef', 'hex')
  t.same(
    masked('hash', bytes, { facts: { ...BINARY, length: 40 } }),
    onPostgres('hash', 17, bytes, 1),
  )
  const uuid = Buffer.from('a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11')
  const facts = { charset: 45, flags: 0xa0, length: 144 }
  t.same(masked('hash', uuid, { typeOid: 0xfe, facts }), onPostgres('hash', 2950, uuid))
})

t.test('a hash is the same whatever the value looks like on its way', async (t) => {
  const float = { charset: 63, decimals: 31, length: 12 }
  const inText: [string, number][] = [
    ['16777200', 16_777_217],
    ['100000', 100_000.5],
    ['100002', 100_001.5],
    ['-100000', -100_000.5],
    ['0.1', 0.1],
    ['-3.25e30', -3.25e30],
    ['1e-20', 1e-20],
    ['0', -0],
  ]
  for (const [text, value] of inText) {
    const cell = Buffer.alloc(4)
    cell.writeFloatLE(value)
    const typeOid = types.MYSQL_TYPE_FLOAT
    const shown = masked('hash', text, { typeOid, facts: float })?.toString()
    const binary = masked('hash', cell, { typeOid, format: 1, facts: float })
    t.equal(shown, String(binary?.readFloatLE()), text)
  }
  const char = { typeOid: 0xfe }
  t.same(masked('hash', 'ab   ', char), masked('hash', 'ab', char), 'CHAR has no blanks at its end')
  t.notSame(masked('hash', 'ab   '), masked('hash', 'ab'), 'VARCHAR has')
  t.same(
    masked('hash', '00000042', { typeOid: 3, facts: { flags: 0x60, length: 8 } })?.toString(),
    masked('hash', '42', { typeOid: 3 })?.toString().padStart(8, '0'),
  )
  const latin1 = masked('hash', Buffer.from('caf\xe9 \x80', 'latin1'), { facts: { charset: 8 } })
  t.same(latin1, masked('hash', 'café €'), 'latin1 is Windows-1252')
  const euro = masked('partial', Buffer.from('ab\x80\x80', 'latin1'), { facts: { charset: 8 } })
  t.same(euro, Buffer.from('***\x80\x80', 'latin1'))
})

t.test('text is cut to the characters that its column holds', async (t) => {
  const cut = (charset: number, length: number, mask: MaskName = 'redact') =>
    masked(mask, 'ana@example.com', { facts: { charset, length } })?.toString()
  t.equal(cut(255, 20), '[reda')
  t.equal(cut(33, 15), '[reda')
  t.equal(cut(8, 5), '[reda')
  t.equal(cut(255, 0), '')
  t.equal(cut(255, 20, 'hash')?.length, 5)
  t.equal(cut(255, 20, 'partial'), 'a***@')
  t.equal(cut(9_999, 5), '[reda', 'a set that nobody knows')
  t.equal(
    masked('partial', 'ana@example.com', { facts: { charset: 28 } })?.toString(),
    'a***@example.com',
  )
  const gbk = masked('partial', Buffer.from('c4e3bac3c4e3bac3', 'hex'), { facts: { charset: 28 } })
  t.equal(gbk?.toString(), '***??', 'what can not be written again is a question mark')
  t.equal(masked('redact', 'ab', { typeOid: 0xfe, facts: { ...BINARY, length: 4 } })?.length, 4)
  t.equal(masked('hash', 'ab', { typeOid: 0xfe, facts: { ...BINARY, length: 4 } })?.length, 4)
  t.equal(masked('hash', 'ab', { typeOid: 0xfe, facts: { ...BINARY, length: 24 } })?.length, 24)
})

/** Every type that a server can send, with flags that change what it is. */
const COLUMNS: readonly NonNullable<More>[] = [
  ...[1, 2, 3, 8, 9].flatMap((typeOid) =>
    [0, 0x20, 0x60].map((flags) => ({ typeOid, facts: { charset: 63, flags, length: 11 } })),
  ),
  { typeOid: 1, facts: { charset: 63, length: 1 } },
  ...[4, 5].flatMap((typeOid) =>
    [31, 2].map((decimals) => ({ typeOid, facts: { charset: 63, decimals, length: 12 } })),
  ),
  ...[0, 0xf6].map((typeOid) => ({ typeOid, facts: { charset: 63, decimals: 2, length: 12 } })),
  ...[7, 10, 11, 12, 13, 14].map((typeOid) => ({ typeOid, facts: { charset: 63, decimals: 3 } })),
  ...[0x0f, 0xf9, 0xfa, 0xfb, 0xfc, 0xfd, 0xfe].flatMap((typeOid) =>
    [255, 8, 54, 56, 60, 28, 10, 63].map((charset) => ({
      typeOid,
      facts: { charset, length: 40 },
    })),
  ),
  { typeOid: 0xfc, facts: { charset: 45, flags: 0x90, length: 0xffff_ffff } },
  { typeOid: 0xfe, facts: { charset: 255, flags: 0x100, length: 40 } },
  { typeOid: 0xfe, facts: { charset: 255, flags: 0x800, length: 40 } },
  ...[60, 144, 156].map((length) => ({
    typeOid: 0xfe,
    facts: { charset: 45, flags: 0xa0, length },
  })),
  { typeOid: 0xf2, facts: { ...BINARY, length: 12 } },
  { typeOid: 0xf2, facts: { ...BINARY, length: 0xffff_ffff } },
  { typeOid: 0xf5, facts: { ...BINARY, length: 0xffff_ffff } },
  { typeOid: 0xf7 },
  { typeOid: 0xf8 },
  { typeOid: 0x10, facts: { charset: 63, flags: 0x20, length: 33 } },
  { typeOid: 0x10, facts: { charset: 63, flags: 0x20, length: 0xffff_ffff } },
  { typeOid: 0xff, facts: { ...BINARY, length: 0xffff_ffff } },
]

t.test('no byte passes of a cell that it can not read, and what is written fits', async (t) => {
  const secrets = ['@@secret\0\xff', '', 'secret', '-secret.5e3', '"secret"', 'secret'.repeat(99)]
  for (const column of COLUMNS) {
    for (const format of [0, 1]) {
      for (const mask of MASKS) {
        for (const secret of secrets) {
          const says = `${JSON.stringify(column)} ${format} ${mask} ${secret.slice(0, 9)}`
          const cell = Buffer.from(secret, 'latin1')
          const out = masked(mask, cell, { ...column, format }, 2)
          if (mask === 'null') {
            t.equal(out, null, says)
            continue
          }
          if (!out) throw new Error(says)
          t.notMatch(out.toString('latin1'), /secre/, says)
          if (format === 0) continue
          const shape = types.binaryShape(column.typeOid ?? 0)
          if (shape?.kind === 'fixed') t.equal(out.length, shape.length, says)
          if (shape?.kind === 'temporal') t.ok(shape.lengths.includes(out.length), says)
        }
      }
    }
  }
})

t.test('what every value becomes tells nothing of any', async (t) => {
  const values = ['a', 'ab', 'ana@example.com', 'z'.repeat(200), '', '\0', '[redacted]']
  for (const mask of ['redact', 'zero', 'year'] as const) {
    for (const column of COLUMNS) {
      if (mask === 'year' && [7, 10, 12, 13, 14].includes(column.typeOid ?? 0)) continue
      for (const format of [0, 1]) {
        const all = values.map((value) =>
          masked(mask, value, { ...column, format })?.toString('hex'),
        )
        t.equal(new Set(all).size, 1, `${mask} ${JSON.stringify(column)}`)
      }
    }
  }
})

t.test('a hash keeps neither length, nor beginning, nor order', async (t) => {
  const hash = (value: string) => masked('hash', value)?.toString() ?? ''
  const values = Array.from({ length: 60 }, (_, i) => `customer-${String(i).padStart(3, '0')}`)
  const hashes = values.map(hash)
  t.equal(new Set(hashes).size, values.length)
  t.same(new Set(hashes.map((text) => text.length)), new Set([32]))
  t.equal(hash('x'.repeat(100)).length, 32)
  t.equal(hash('').length, 32)
  t.notSame(hashes.toSorted(), hashes, 'not in the order of the values')
  const beginnings = new Set(hashes.map((text) => text.slice(0, 4)))
  t.ok(beginnings.size > values.length / 2, 'equal beginnings stay no equal beginnings')
  const int = (value: number) =>
    Number(masked('hash', String(value), { typeOid: 3, facts: { charset: 63, length: 11 } }))
  const numbers = [1, 2, 3, 4, 5, 6, 7, 8].map(int)
  t.notSame(
    numbers.toSorted((a, b) => a - b),
    numbers,
  )
})

t.test('of a value at most half is left, however much is asked for', async (t) => {
  const text = (value: string, keep: number, more: More = {}) =>
    masked('partial', value, more, keep)?.toString() ?? ''
  for (const keep of [0, 4, 1_000]) {
    t.equal(text('secret', keep).replaceAll('*', '').length <= 3, true)
    const number = { typeOid: 8, facts: { charset: 63, length: 20 } }
    t.ok(text('4111111111111234', keep, number).length <= 8)
    t.equal(text('7', keep, number), '0')
    t.ok(['0', '4'].includes(text('-34', keep, number)))
    t.equal(text('12.34', keep, { typeOid: 0xf6, facts: { decimals: 2, length: 6 } }), '0.00')
    t.equal(text('1', keep, { typeOid: 1, facts: { charset: 63, length: 1 } }), '0')
    t.equal(text('1984', keep, { typeOid: 13, facts: { flags: 0x60, length: 4 } }), '2000')
  }
})

t.test('a year is left by its mask alone', async (t) => {
  const date = (typeOid: number, value: string, decimals = 0) =>
    masked('year', value, { typeOid, facts: { charset: 63, decimals, length: 26 } })?.toString()
  t.equal(date(10, '1984-06-15'), '1984-01-01')
  t.equal(date(12, '1984-06-15 13:14:15.678', 3), '1984-01-01 00:00:00.000')
  t.equal(date(10, '0000-00-00'), '2000-01-01', 'a date that clients refuse')
  t.equal(date(10, '1984-00-00'), '1984-01-01')
  t.equal(date(13, '1984'), '1984')
  t.equal(date(13, '0000'), '2000')
  t.equal(date(11, '13:14:15'), '00:00:00')
  const binary = (typeOid: number, hex: string, mask: MaskName = 'year') =>
    masked(mask, Buffer.from(hex, 'hex'), { typeOid, format: 1, facts: { charset: 63 } })?.toString(
      'hex',
    )
  t.equal(binary(12, 'c007060f0d0e0f'), 'c0070101')
  t.equal(binary(12, 'c007060f0d0e0f20a10700'), 'c0070101')
  t.equal(binary(12, ''), 'd0070101')
  t.equal(binary(7, 'c007060f', 'redact'), 'd0070101')
  t.equal(binary(11, '01000000000c2238', 'redact'), '')
})

t.test('what has no type here becomes NULL', async (t) => {
  for (const typeOid of [0x06, 0x11, 0xf0, 0xf3, 0xf4]) {
    t.equal(masked('redact', 'x', { typeOid }), null, `${typeOid}`)
  }
  t.equal(masked('redact', 'x', { format: 2 }), null)
  const { facts, ...bare } = columnOf()
  t.ok(facts)
  t.equal(mysqlMaskerFor({ mask: 'redact', keepLast: null }, bare, keys)(Buffer.from('x')), null)
})

for (const flavour of MYSQL_FLAVOURS) {
  t.test(`${flavour}: another character set for results shows no more`, async (t) => {
    const world = await maskedWorld(t, flavour)
    if (!world) return
    const { direct, masked: client } = world
    const [columns] = (await direct.query(
      flavour === 'mysql'
        ? 'SELECT id, character_set_name AS name FROM information_schema.collations'
        : `SELECT id, character_set_name AS name
             FROM information_schema.collation_character_set_applicability`,
    )) as unknown as [{ id: number; name: string }[]]
    const [sets] = (await direct.query(
      'SELECT character_set_name AS name, maxlen AS bytes FROM information_schema.character_sets',
    )) as unknown as [{ name: string; bytes: number }[]]
    const bytesOf = new Map(sets.map(({ name, bytes }) => [name, Number(bytes)]))
    for (const { id, name } of columns) {
      t.equal(charsetOf(Number(id)).maxBytes, bytesOf.get(name), `collation ${id} of ${name}`)
    }
    await direct.query(`CREATE TABLE people (name VARCHAR(60), code CHAR(6) CHARACTER SET latin1)`)
    await direct.query(`INSERT INTO people VALUES ('Zoe Schröder', 'qz7742')`)
    for (const set of ['utf8mb4', 'utf8mb3', 'latin1', 'ascii', 'cp1251', 'sjis', 'gbk', 'NULL']) {
      await client.query(`SET character_set_results = ${set}`)
      for (const mask of ['redact', 'partial', 'hash'] as const) {
        world.mask({ mask, keepLast: null })
        world.seen()
        await client.query('SELECT * FROM people')
        await client.execute('SELECT * FROM people')
        const shown = world.seen().map(({ after }) => after?.toString('latin1') ?? '')
        t.equal(shown.length, 4)
        t.notMatch(shown.join('\n'), /Zoe|Schr|qz77/, `${set} ${mask}`)
        t.same(shown.slice(0, 2), shown.slice(2), 'in text as in binary')
        if (mask === 'hash') {
          const code = onPostgres('hash', 25, Buffer.from('qz7742'))?.toString().slice(0, 6)
          t.equal(shown[1], code, `${set}: the same hash`)
          const name = onPostgres('hash', 25, Buffer.from('Zoe Schröder'))?.toString()
          if (['utf8mb4', 'utf8mb3', 'latin1', 'NULL'].includes(set)) t.equal(shown[0], name, set)
        }
      }
    }
  })
}
