import { createHmac } from 'node:crypto'
import t from 'tap'
import { digestBy } from '../../src/mask/formats/digest.ts'
import { maskerFor } from '../../src/mask/masker-for.ts'
import { MASKS, type Masker } from '../../src/mask/plan.ts'
import { shapeOf } from '../../src/mask/types.ts'
import { maskTextRow } from '../../src/wire/mysql/text-row.ts'
import { decodeDataRow } from '../../src/wire/postgres/backend-messages.ts'
import { maskDataRow } from '../../src/wire/postgres/data-row.ts'
import { NOT_WRITTEN, WRITTEN_NULL } from '../../src/wire/protocol.ts'
import { catalogOf, keys } from './fixtures.ts'

/** A small generator: the same numbers for the same seed. */
function chance(seed: number): (below: number) => number {
  let state = seed
  return (below) => {
    state = (Math.imul(state, 1_103_515_245) + 12_345) >>> 0
    return (state >>> 8) % below
  }
}

const CELLS = [
  null,
  '',
  'a',
  '@',
  'a@',
  '@b',
  'a@b',
  'ana@example.com',
  'é@example.com',
  'a@b@c',
  'ana@example.com ',
  `${'x'.repeat(200)}@${'y'.repeat(60)}`,
  'no address',
  'z'.repeat(300),
  'z'.repeat(20_000),
]

function int32(value: number): Buffer {
  const bytes = Buffer.alloc(4)
  bytes.writeInt32BE(value)
  return bytes
}

function dataRow(cells: readonly (string | null)[]): Buffer {
  const parts = cells.map((cell) =>
    cell === null ? int32(-1) : Buffer.concat([int32(Buffer.byteLength(cell)), Buffer.from(cell)]),
  )
  const body = Buffer.concat([Buffer.of(cells.length >> 8, cells.length & 255), ...parts])
  return Buffer.concat([Buffer.from('D'), int32(body.length + 4), body])
}

function textRow(cells: readonly (string | null)[]): Buffer {
  const parts = cells.map((cell) => {
    if (cell === null) return Buffer.of(0xfb)
    const bytes = Buffer.from(cell)
    const { length } = bytes
    if (length < 0xfb) return Buffer.concat([Buffer.of(length), bytes])
    return Buffer.concat([Buffer.of(0xfc, length & 255, length >> 8), bytes])
  })
  return Buffer.concat(parts)
}

function maskers(random: (below: number) => number, count: number): (Masker | null)[] {
  return Array.from({ length: count }, () => {
    const mask = MASKS[random(MASKS.length)]
    if (!mask || random(3) === 0) return null
    const typeModifier = random(2) === 0 ? -1 : 4 + random(20)
    const shape = shapeOf({ typeOid: 1043, typeModifier, format: 0 }, catalogOf())
    return maskerFor({ mask, keepLast: null }, shape, keys)
  })
}

const plainly = (all: readonly (Masker | null)[]) =>
  all.map((masker): Masker | null => masker && ((cell) => masker(cell)))

t.test('a row written straight is the row written cell by cell', async (t) => {
  const kept: [Buffer, string][] = []
  for (let seed = 1; seed <= 3000; seed++) {
    const random = chance(seed)
    const cells = Array.from({ length: 1 + random(6) }, () => CELLS[random(CELLS.length)] ?? null)
    const plan = maskers(random, cells.length)
    const row = dataRow(cells)
    const before = row.toString('latin1')
    const written = maskDataRow(row, plan)
    const expected = maskDataRow(row, plainly(plan))
    if (!written.equals(expected)) t.fail(`seed ${seed}`)
    if (row.toString('latin1') !== before) t.fail(`seed ${seed} changed what it was given`)
    t.equal(decodeDataRow(written).length, cells.length)
    kept.push([written, expected.toString('latin1')])
    const packet = textRow(cells)
    const shown = maskTextRow(packet, plan, 4)
    if (!shown.subarray(4).equals(maskTextRow(packet, plainly(plan), 4).subarray(4))) {
      t.fail(`seed ${seed}, MySQL`)
    }
  }
  const same = kept.every(([row, text]) => row.toString('latin1') === text)
  t.ok(same, 'no row was written over by a later one')
})

t.test('a row that does not fit its plan goes nowhere', async (t) => {
  const plan = maskers(chance(5), 2)
  const row = dataRow(['ana@example.com', 'b'])
  for (const broken of [
    row.subarray(0, -1),
    Buffer.concat([row, Buffer.of(0)]),
    dataRow(['a']),
    dataRow(['a', 'b', 'c']),
    Buffer.concat([row.subarray(0, 7), int32(-2), row.subarray(11)]),
    Buffer.concat([row.subarray(0, 7), int32(1_000_000), row.subarray(11)]),
  ]) {
    t.throws(() => maskDataRow(broken, plan), /does not fit/)
  }
})

t.test('the digest is HMAC-SHA-256, whatever it digested before', async (t) => {
  for (const length of [0, 1, 32, 64, 65, 200]) {
    const key = Buffer.alloc(length, 7)
    const digest = digestBy(key)
    for (const size of [0, 1, 55, 64, 1365, 1366, 4096, 4097, 9000]) {
      for (const value of [Buffer.alloc(size, 3), 'é東😀'.repeat(size / 4), `\ud800${size}`]) {
        digest('another, longer text than some')
        const expected = createHmac('sha256', key).update(value).digest('hex')
        if (digest(value) !== expected) t.fail(`key of ${length}, value of ${size}`)
      }
    }
  }
})

t.test('a writer writes what its masker makes, within the room that it asks for', async (t) => {
  let written = 0
  for (let seed = 1; seed <= 300; seed++) {
    const [masker] = maskers(chance(seed), 1)
    const writer = masker?.writer
    if (!masker || !writer) continue
    for (const text of CELLS) {
      const cell = Buffer.from(text ?? '')
      const room = cell.length + writer.growth
      const out = Buffer.alloc(room + 100, 1)
      const from = Buffer.concat([Buffer.from('@before'), cell, Buffer.from('behind@')])
      const end = writer.write(from, 7, 7 + cell.length, out, 50)
      t.ok(end <= 50 + room, `${seed} ${text?.slice(0, 20)}`)
      t.ok(out.subarray(0, 50).every((byte) => byte === 1))
      t.ok(out.subarray(50 + room).every((byte) => byte === 1))
      if (end === NOT_WRITTEN) continue
      const shown = end === WRITTEN_NULL ? null : out.subarray(50, end)
      t.same(shown, masker(cell))
      written++
    }
  }
  t.ok(written > 500, `${written} were`)
})
