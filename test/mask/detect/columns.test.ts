import t from 'tap'
import { Detections } from '../../../src/mask/detect/detections.ts'
import { mysqlLook } from '../../../src/mask/detect/mysql-columns.ts'
import { overPlan } from '../../../src/mask/detect/over-plan.ts'
import { postgresLook } from '../../../src/mask/detect/postgres-columns.ts'
import type { OutputLineage } from '../../../src/sql/output-lineage.ts'
import { catalogOf, relationOf } from '../fixtures.ts'
import { columnOf } from '../mysql/fixtures.ts'

const CARD = '4111111111111111'
const detector = new Detections(() => {}).detectorFor('shop', ['card'])
if (!detector) throw new Error('nothing is looked for')

const catalog = catalogOf(
  [
    relationOf(20_000, [
      { name: 'body' },
      { name: 'email', dataClass: 'pii.email' },
      { name: 'fit' },
      { name: 'fit_too' },
    ]),
  ],
  [
    { oid: 90_001, name: 'handle', kind: 'd', baseOid: 25, runsCode: false },
    { oid: 90_002, name: '_handle', kind: 'b', baseOid: 0, elementOid: 90_001, runsCode: false },
    { oid: 90_003, name: 'hstore', kind: 'b', baseOid: 0, runsCode: false },
    { oid: 90_004, name: 'mood', kind: 'e', baseOid: 0, runsCode: false },
    { oid: 90_005, name: 'pair', kind: 'c', baseOid: 0, runsCode: false },
  ],
)
const ofClass: OutputLineage = {
  name: 'x',
  sources: [{ kind: 'column', label: 't.email', dataClass: 'pii.email', flow: 'derived' }],
}

t.test('PostgreSQL: text that nobody has judged is looked at, and nothing else', async (t) => {
  const look = postgresLook(detector, { 'public.t20000.fit*': 'none' })
  const looked = (typeOid: number, columnNumber = 0, line?: OutputLineage) => {
    const tableOid = columnNumber === 0 ? 0 : 20_000
    const column = { name: 'x', tableOid, columnNumber, typeOid, typeModifier: -1, format: 0 }
    return look(column, line, catalog)?.(Buffer.from(CARD))?.toString() ?? 'not looked at'
  }
  const stars = '*'.repeat(CARD.length)
  for (const oid of [25, 1043, 1042, 19, 142, 1009, 2249, 705, 90_001, 90_002, 90_003, 90_005]) {
    t.equal(looked(oid), stars, `type ${oid}`)
  }
  for (const oid of [114, 3802]) t.equal(looked(oid), `0${' '.repeat(15)}`, `type ${oid}`)
  for (const oid of [16, 17, 20, 23, 1700, 1082, 2950, 1007, 3614, 90_004, 99_999]) {
    t.equal(looked(oid), 'not looked at', `type ${oid}`)
  }
  t.equal(looked(25, 1), stars)
  t.equal(looked(25, 2), 'not looked at', 'classified: where it passes it was cleared')
  t.equal(looked(25, 3), 'not looked at', 'declared to be fit to see')
  t.equal(looked(25, 4), 'not looked at')
  t.equal(looked(25, 0, ofClass), 'not looked at', 'computed from what was cleared')
})

t.test('PostgreSQL: elements of binary arrays are looked at one by one', async (t) => {
  const look = postgresLook(detector, {})
  const column = { name: 'x', tableOid: 0, columnNumber: 0, typeModifier: -1, format: 1 }
  const masker = look({ ...column, typeOid: 1009 }, undefined, catalog)
  const int32 = (value: number) => Buffer.of(value >> 24, value >> 16, value >> 8, value)
  // Its length is a digit's byte, which must not be taken for a part of the number.
  const text = CARD.padEnd(0x34, ' ')
  const head = [1, 0, 25, 1, 1, text.length].map(int32)
  const cell = Buffer.concat([...head, Buffer.from(text)])
  const shown = masker?.(cell)
  t.equal(shown?.length, cell.length)
  t.equal(shown?.toString('latin1', 24), '*'.repeat(16).padEnd(0x34, ' '))
})

t.test('MySQL: text is looked at in every character set, and without one', async (t) => {
  const look = mysqlLook(detector)
  const shown = (charset: number, cell: Buffer, typeOid = 0xfd) =>
    look(columnOf({ typeOid, facts: { charset, length: 400 } }), undefined)?.(cell)
  const stars = '*'.repeat(CARD.length)
  t.equal(shown(255, Buffer.from(`東 ${CARD}`))?.toString(), `東 ${stars}`)
  t.equal(shown(8, Buffer.from(CARD))?.toString(), stars, 'latin1')
  t.equal(shown(63, Buffer.from(CARD))?.toString(), stars, 'bytes: results that are not converted')
  t.equal(shown(56, Buffer.from(CARD, 'utf16le'))?.toString('utf16le'), stars, 'utf16le')
  t.equal(shown(54, Buffer.from(CARD, 'utf16le').swap16())?.swap16().toString('utf16le'), stars)
  t.equal(shown(28, Buffer.from(CARD))?.toString(), stars, 'gbk')
  t.equal(shown(63, Buffer.from(CARD), 0x08), undefined, 'a number')
  t.equal(look(columnOf(), ofClass), null, 'computed from what was cleared')
})

t.test('a plan keeps its maskers, and what it says of them', async (t) => {
  const hide = () => null
  const plan = { maskers: [hide, null], masked: ['a'], classes: ['pii'], disagreements: 2 }
  const columns = [columnOf({ name: 'a' }), columnOf({ name: 'b' })]
  const seen = () => Buffer.from('seen')
  const looked = overPlan(plan, columns, () => seen)
  t.same(looked, { ...plan, maskers: [hide, seen] })
  t.equal(
    overPlan(null, columns, () => null),
    null,
  )
  t.same(overPlan(null, columns, (_, index) => (index === 1 ? seen : null))?.masked, [])
})
