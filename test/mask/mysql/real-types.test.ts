import t, { type Test } from 'tap'
import { MASKS, type MaskName } from '../../../src/mask/plan.ts'
import { binaryShape } from '../../../src/wire/mysql/field-types.ts'
import { MYSQL_FLAVOURS, type MysqlFlavour } from '../../support/mysql.ts'
import { type MaskedWorld, maskedWorld, type Seen } from './masked-world.ts'

interface TypeCase {
  readonly type: string
  /** SQL of values; the last ones are longer, later or larger. */
  readonly values: readonly string[]
  readonly only?: readonly MysqlFlavour[]
  /** The masked value can't be written into the column: '' of an ENUM is what a server makes. */
  readonly readOnly?: true
  /** A driver reads it as this or that: documents, points and lines. */
  readonly ofManyKinds?: true
}

const UUID = "'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11'"
const TYPES: readonly TypeCase[] = [
  { type: 'TINYINT', values: ['-7', '113'] },
  { type: 'TINYINT UNSIGNED', values: ['201', '9'] },
  { type: 'BOOLEAN', values: ['1', '0'] },
  { type: 'SMALLINT', values: ['-31234', '17'] },
  { type: 'SMALLINT UNSIGNED', values: ['61234'] },
  { type: 'MEDIUMINT', values: ['-8123456', '4123'] },
  { type: 'MEDIUMINT UNSIGNED', values: ['16123456'] },
  { type: 'INT', values: ['-2012345678', '410000123'] },
  { type: 'INT UNSIGNED', values: ['4012345678'] },
  { type: 'INT(8) ZEROFILL', values: ['4217', '123456789'] },
  { type: 'BIGINT', values: ['-9123456789012345678', '4111111111111234'] },
  { type: 'BIGINT UNSIGNED', values: ['18123456789012345678', '12'] },
  { type: 'YEAR', values: ['1984', '2101'] },
  { type: 'DECIMAL(10,2)', values: ['-12345.67', '420000.00'] },
  { type: 'DECIMAL(2,2)', values: ['0.97'] },
  { type: 'DECIMAL(30,0)', values: ['123456789012345678901234567890'] },
  { type: 'DECIMAL(8,2) UNSIGNED ZEROFILL', values: ['421.70'] },
  { type: 'FLOAT', values: ['16777217', '-3.25e30', '100000.5', '0.1'] },
  { type: 'FLOAT(7,3)', values: ['1234.567', '-0.042'] },
  { type: 'DOUBLE', values: ['3.141592653589793', '-1e-300'] },
  { type: 'DOUBLE(10,2)', values: ['1234567.89'] },
  { type: 'FLOAT ZEROFILL', values: ['42.17'] },
  { type: 'DATE', values: ["'1984-06-15'", "'9999-12-31'"] },
  { type: 'TIME', values: ["'-123:45:57'", "'23:59:58'"] },
  { type: 'TIME(3)', values: ["'13:14:15.678'"] },
  { type: 'DATETIME', values: ["'1984-06-15 13:14:15'", "'1071-02-03 00:00:00'"] },
  { type: 'DATETIME(6)', values: ["'1984-06-15 13:14:15.678901'"] },
  { type: 'TIMESTAMP', values: ["'1985-06-15 13:14:15'"] },
  { type: 'TIMESTAMP(2)', values: ["'1985-06-15 13:14:15.67'"] },
  { type: 'CHAR(12)', values: ["'ana'", "'bo@x.example'"] },
  { type: 'CHAR(3) CHARACTER SET latin1', values: ["'é7q'"] },
  { type: 'VARCHAR(5)', values: ["'a@b.c'", "'é東é東é'", "'z'"] },
  {
    type: 'VARCHAR(80)',
    values: ["'ana@example.com'", "'4111 1111 1111 1234'", "'Ana Ćirić 東京'"],
  },
  { type: 'VARCHAR(40) CHARACTER SET utf16', values: ["'secret note é東😀'"] },
  { type: 'TINYTEXT', values: ["'a secret that nobody sees'"] },
  { type: 'TEXT', values: ["'a secret that nobody sees'", "REPEAT('secret ', 5000)"] },
  { type: 'MEDIUMTEXT CHARACTER SET latin1', values: ["'a secret of somebody'"] },
  { type: 'LONGTEXT', values: ["'a secret that nobody sees'"] },
  { type: 'BINARY(4)', values: ["'qyz'"] },
  { type: 'BINARY(24)', values: ["'secret'"] },
  { type: 'VARBINARY(5)', values: ["'qyz'", "'zzyyx'"] },
  { type: 'BLOB', values: ["'a secret that nobody sees'"] },
  { type: 'LONGBLOB', values: ["'a secret that nobody sees'"] },
  { type: "ENUM('first','second')", values: ["'second'", "'first'"], readOnly: true },
  { type: "SET('red','green')", values: ["'red,green'", "'green'"] },
  { type: 'BIT(1)', values: ["b'1'"] },
  { type: 'BIT(33)', values: ["b'101010101010101010101010101010101'"] },
  { type: 'JSON', values: [`'{"a": [1, "ana@example.com"]}'`, "'null'"], ofManyKinds: true },
  { type: 'POINT', values: ["ST_GeomFromText('POINT(4.25 2)')"] },
  { type: 'GEOMETRY', values: ["ST_GeomFromText('LINESTRING(1 2,3 4)')"], ofManyKinds: true },
  { type: 'VECTOR(3)', values: ["TO_VECTOR('[1,2,3]')"], only: ['mysql'] },
  { type: 'VECTOR(3)', values: ["VEC_FromText('[1,2,3]')"], only: ['mariadb'], readOnly: true },
  { type: 'UUID', values: [UUID], only: ['mariadb', 'machine'] },
  { type: 'INET6', values: ["'2001:db8::ff00:42:8329'"], only: ['mariadb', 'machine'] },
  { type: 'INET4', values: ["'198.51.100.42'"], only: ['mariadb', 'machine'] },
]

for (const flavour of MYSQL_FLAVOURS) {
  t.test(`${flavour}: masks within the type, in text and binary rows alike`, async (t) => {
    const world = await maskedWorld(t, flavour)
    if (!world) return
    for (const one of TYPES) {
      if (one.only && !one.only.includes(flavour)) continue
      await t.test(one.type, (t) => masksWithin(t, world, one))
    }
  })
}

async function masksWithin(
  t: Test,
  world: MaskedWorld,
  { type, values, readOnly, ofManyKinds }: TypeCase,
) {
  const { direct, masked } = world
  await direct.query('DROP TABLE IF EXISTS typed')
  await direct.query(`CREATE TABLE typed (id INT AUTO_INCREMENT PRIMARY KEY, v ${type} NULL)`)
  for (const value of [...values, 'NULL'])
    await direct.query(`INSERT INTO typed (v) VALUES (${value})`)
  const sql = 'SELECT v FROM typed ORDER BY id'
  world.mask(null)
  const clear = { text: await rowsOf(masked.query(sql)), binary: await rowsOf(masked.execute(sql)) }
  // Null, or what mysql2 makes of it: an empty list of a vector.
  const nulls = [clear.text.at(-1), clear.binary.at(-1)]
  for (const mask of MASKS) {
    world.mask({ mask, keepLast: null })
    world.seen()
    const text = await rowsOf(masked.query(sql))
    const texts = world.seen()
    const binary = await rowsOf(masked.execute(sql))
    const binaries = world.seen()
    t.same([texts.length, binaries.length], [values.length, values.length], 'NULL is not masked')
    t.same([text.at(-1), binary.at(-1)], nulls, `${mask}: NULL stays NULL`)
    for (const [index, value] of values.entries()) {
      const says = `${mask} of ${value.slice(0, 40)}: ${JSON.stringify(text[index])}`
      if (mask === 'null') {
        t.same([text[index], binary[index]], nulls, says)
        continue
      }
      t.same(sameSpelling(text[index]), sameSpelling(binary[index]), says)
      if (!ofManyKinds) {
        t.equal(kindOf(text[index]), kindOf(clear.text[index]), `${says}: the same kind in text`)
        t.equal(kindOf(binary[index]), kindOf(clear.binary[index]), `${says}: and in binary`)
      }
      fits(t, texts[index] as Seen, binaries[index] as Seen, says)
      if (!mayEqual(type, value, mask)) t.notSame(text[index], clear.text[index], says)
      if (!readOnly) await direct.query('INSERT INTO typed (v) VALUES (?)', [written(texts[index])])
    }
    if (mask === 'redact' || mask === 'zero') {
      t.equal(new Set(texts.map(({ after }) => after?.toString('hex'))).size, 1, 'one for all')
      t.equal(new Set(binaries.map(({ after }) => after?.toString('hex'))).size, 1, 'one for all')
    }
    await direct.query(`DELETE FROM typed WHERE id > ${values.length + 1}`)
  }
}

async function rowsOf(answer: Promise<unknown>): Promise<unknown[]> {
  const [rows] = (await answer) as [{ v: unknown }[]]
  return rows.map(({ v }) => v)
}

/** In binary rows a whole second is sent without its fraction, and mysql2 writes none. */
function sameSpelling(value: unknown): unknown {
  return typeof value === 'string' ? value.replace(/(:\d\d)\.0+$/, '$1') : value
}

/** What a driver made of a value. */
function kindOf(value: unknown): string {
  return Buffer.isBuffer(value) ? 'bytes' : Array.isArray(value) ? 'list' : typeof value
}

/** Integers, floating point and BIT: their length is a width to show them in, or bits. */
const WIDTHS = new Set([0x01, 0x02, 0x03, 0x04, 0x05, 0x08, 0x09, 0x10])

/** A masked cell has the size that its type has, and no more than the column says. */
function fits(t: Test, text: Seen, binary: Seen, says: string) {
  const { column } = text
  const [inText, inBinary] = [text.after?.length ?? 0, binary.after?.length ?? 0]
  const shape = binaryShape(column.typeOid)
  if (shape?.kind === 'fixed') t.equal(inBinary, shape.length, says)
  if (shape?.kind === 'temporal') t.ok(shape.lengths.includes(inBinary), says)
  if (WIDTHS.has(column.typeOid)) return
  t.ok(inText <= (column.facts?.length ?? 0), `${says}: ${inText} bytes`)
}

/** As a literal that the server takes into the same column. */
function written(seen: Seen | undefined): string | Buffer {
  const { column, after } = seen as Seen
  const bytes = column.facts?.charset === 63 && column.typeOid >= 0xf2 && column.typeOid !== 0xf6
  const document = column.typeOid === 0xf5
  return (bytes && !document) || column.typeOid === 0x10 ? (after as Buffer) : `${after}`
}

/** The few values that are their own mask, and the year that `year` leaves. */
function mayEqual(type: string, value: string, mask: MaskName): boolean {
  return (type === 'BOOLEAN' && value === '0') || (type === 'YEAR' && mask === 'year')
}
