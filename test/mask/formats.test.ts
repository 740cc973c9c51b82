import t from 'tap'
import { dayHash } from '../../src/mask/formats/days.ts'
import { maskerFor } from '../../src/mask/masker-for.ts'
import { mysqlMaskerFor } from '../../src/mask/mysql/masker-for.ts'
import { shapeOf } from '../../src/mask/types.ts'
import { catalogOf, keys } from './fixtures.ts'
import { columnOf } from './mysql/fixtures.ts'

const HASH = { mask: 'hash', keepLast: null } as const
const TEXT = 25
const VARCHAR = 1043

function onPostgres(value: string, { typeOid = TEXT, limit = 0, key = keys } = {}): string {
  const typeModifier = limit > 0 ? limit + 4 : -1
  const shape = shapeOf({ typeOid, typeModifier, format: 0 }, catalogOf())
  return maskerFor(HASH, shape, key)(Buffer.from(value))?.toString() ?? ''
}

function onMysql(value: string, more: Parameters<typeof columnOf>[0] = {}): string {
  return mysqlMaskerFor(HASH, columnOf(more), keys)(Buffer.from(value))?.toString() ?? ''
}

/** Luhn and MOD 97-10, each in another way than the masks compute them. */
const DOUBLED = [0, 2, 4, 6, 8, 1, 3, 5, 7, 9]
const luhn = (text: string) =>
  [...text.replace(/\D/g, '')]
    .reverse()
    .reduce((sum, digit, i) => sum + (i % 2 ? (DOUBLED[+digit] ?? 0) : +digit), 0) % 10
const mod97 = (text: string) => {
  const plain = text.replaceAll(' ', '')
  const numbers = [...(plain.slice(4) + plain.slice(0, 4))].map((c) => Number.parseInt(c, 36))
  return BigInt(numbers.join('')) % 97n
}

const EMAIL = /^[0-9a-f]{16}@masked\.invalid$/
const HEX = /^[0-9a-f]{32}$/
const CARDS = ['4111111111111111', '4111 1111 1111 1111', '3782-822463-10005', '6011000990139424']
const IBANS = ['DE89370400440532013000', 'GB29 NWBK 6016 1331 9268 19', 'NO9386011117947']

t.test('the hash of a value has the form that the value has', async (t) => {
  for (const value of ['ana@example.com', 'x@y.test', 'Ünal.o+tag@bücher.example']) {
    t.match(onPostgres(value), EMAIL, value)
  }
  for (const card of CARDS) {
    const hashed = onPostgres(card)
    t.equal(hashed.replace(/\d/g, '#'), card.replace(/\d/g, '#'), `${card}: ${hashed}`)
    t.equal(luhn(hashed), 0, `${hashed} has its check digit`)
  }
  for (const iban of IBANS) {
    const hashed = onPostgres(iban)
    const shape = (text: string) => text.replace(/\d/g, '#').replace(/(?<=..)[A-Z]/g, 'X')
    t.equal(shape(hashed), shape(iban), `${iban}: ${hashed}`)
    t.equal(mod97(hashed), 1n, `${hashed} has its check digits`)
  }
  for (const phone of ['+1 (555) 630-3171', '+4930901820', '030 901820-11', '0049-30-901820']) {
    const hashed = onPostgres(phone)
    t.equal(hashed.replace(/\d/g, '#'), phone.replace(/\d/g, '#'), `${phone}: ${hashed}`)
    t.notMatch(hashed, /^\+0/)
  }
  const uuid = onPostgres('a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11')
  t.match(uuid, /^[\da-f]{8}-[\da-f]{4}-4[\da-f]{3}-[89ab][\da-f]{3}-[\da-f]{12}$/)
  t.equal(onPostgres('a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11', { typeOid: 2950 }), uuid)
  const date = onPostgres('1984-06-15')
  t.match(date, /^[1-9]\d{3}-\d\d-\d\d$/)
  t.equal(onPostgres('1984-06-15', { typeOid: 1082 }), date, 'as text or as a date')
  const others = ['secret note', '123-45-6789', 'a@b', '1984-13-01', '4111111111', 'x'.repeat(300)]
  for (const value of [...others, 'GB00NWBK60161331926819', '1984-02-30']) {
    if (value !== '4111111111') t.match(onPostgres(value), HEX, value)
  }
})

t.test('equal values stay equal, in any table, type and kind of database', async (t) => {
  const values = [
    ...CARDS,
    ...IBANS,
    'ana@example.com',
    '+1 (555) 630-3171',
    'anything',
    '2001-02-03',
  ]
  for (const value of values) {
    t.equal(onMysql(value), onPostgres(value), value)
    t.equal(onPostgres(value, { typeOid: VARCHAR, limit: 64 }), onPostgres(value))
    t.equal(onMysql(value, { facts: { charset: 8, length: 64 } }), onPostgres(value), 'latin1')
  }
  const date = { typeOid: 0x0a, facts: { charset: 63, length: 10 } }
  t.equal(onMysql('1984-06-15', date), onPostgres('1984-06-15', { typeOid: 1082 }))
  const moment = '1984-06-15 13:14:15'
  const hashed = onPostgres(moment, { typeOid: 1114 })
  t.match(hashed, /^(19[789]\d|20[0-3]\d)-\d\d-\d\d \d\d:\d\d:\d\d$/)
  t.equal(onMysql(moment, { typeOid: 0x0c, facts: { charset: 63, length: 19 } }), hashed)
  t.equal(onPostgres('1984-06-15 15:14:15+02', { typeOid: 1184 }), `${hashed}+00`, 'one moment')
  t.equal(onPostgres('1984-06-15 08:44:15-04:30', { typeOid: 1184 }), `${hashed}+00`)
  for (const number of ['7', '-12', '2147483647', '0']) {
    const narrow = onPostgres(number, { typeOid: 23 })
    t.equal(onPostgres(number, { typeOid: 20 }), narrow, `${number} in a bigint`)
    t.equal(onPostgres(number, { typeOid: 1700 }), narrow, `${number} in a numeric`)
    t.equal(onMysql(number, { typeOid: 3, facts: { charset: 63, length: 11 } }), narrow)
    t.equal(onMysql(number, { typeOid: 8, facts: { charset: 63, length: 20 } }), narrow)
  }
  t.ok(BigInt(onPostgres('2147483648', { typeOid: 20 })) >= 2n ** 31n, 'what no int holds')
})

t.test('different values stay apart', async (t) => {
  const forms: Record<string, (i: number) => string> = {
    mail: (i) => `ana${i}@example.com`,
    phone: (i) => `+1555${String(1_000_000 + i)}`,
    number: (i) => `${i}`,
    date: (i) => new Date(i * 86_400_000).toISOString().slice(0, 10),
  }
  for (const [form, value] of Object.entries(forms)) {
    const hashed = new Set(Array.from({ length: 2000 }, (_, i) => onPostgres(value(i))))
    t.equal(hashed.size, 2000, form)
  }
  const hashed = dayHash(Buffer.alloc(32, 5))
  const days = Array.from({ length: 60_000 }, (_, i) => hashed(i - 30_000))
  t.equal(new Set(days).size, days.length, 'of days no two become one')
  t.not(dayHash(Buffer.alloc(32, 6))(100), hashed(100), 'by the key')
})

t.test('what a hash could give away, tried as an attacker would', async (t) => {
  const other = { hash: Buffer.alloc(32, 9) }
  for (const value of [...CARDS, ...IBANS, 'ana@example.com', '+1 (555) 630-3171', '1984-06-15']) {
    t.not(onPostgres(value, { key: other }), onPostgres(value), `${value}: by the key`)
  }
  t.notMatch(onPostgres('ana@secret-company.example'), /secret|company|example\.?$/, 'no domain')
  const [one = '', two = ''] = ['4111111111111111', '4111111111111129'].map((v) => onPostgres(v))
  t.not(one.slice(0, 6), two.slice(0, 6), 'no issuer, no common beginning')
  const near = [0, 1, 2, 3, 4, 5, 6, 7].map((i) => onPostgres(`2001-02-0${i + 1}`))
  t.notSame(near.toSorted(), near, 'no order of days')
  const gaps = near.map((text) => Date.parse(text)).map((ms, i, all) => ms - (all[i - 1] ?? 0))
  t.equal(new Set(gaps.slice(1)).size, 7, 'no distance between days')
  for (const limit of [1, 5, 12, 28]) {
    const cut = onPostgres('ana@example.com', { typeOid: VARCHAR, limit })
    t.match(cut, new RegExp(`^[0-9a-f]{${limit}}$`), 'where an address has no room')
  }
  const hostile = [`${'9'.repeat(5000)}`, `${'1 '.repeat(5000)}`, `a@${'b.'.repeat(5000)}`]
  for (const value of hostile) t.match(onPostgres(value), HEX, 'too long for any form')
  t.equal(onPostgres('infinity', { typeOid: 1082 }), '2000-01-01')
  t.equal(onPostgres('0044-03-15 BC', { typeOid: 1082 }), '2000-01-01', 'what can not be read')
  t.equal(onPostgres('15.06.1984', { typeOid: 1082 }), '2000-01-01')
})
