import { createHmac } from 'node:crypto'
import t from 'tap'
import { digestBy } from '../../src/mask/formats/digest.ts'
import { maskerFor } from '../../src/mask/masker-for.ts'
import { MASKS, type Masker } from '../../src/mask/plan.ts'
import { shapeOf } from '../../src/mask/types.ts'
import { NOT_WRITTEN, WRITTEN_NULL } from '../../src/wire/maskers.ts'
import { binaryRows } from '../../src/wire/mysql/binary-rows.ts'
import { message } from '../../src/wire/mysql/packets.ts'
import { textRows } from '../../src/wire/mysql/text-row.ts'
import { dataRows } from '../../src/wire/postgres/data-row.ts'
import { RowMasking } from '../../src/wire/row-masking.ts'
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

type Cells = readonly (string | null)[]

function int32(value: number): Buffer {
  const bytes = Buffer.alloc(4)
  bytes.writeInt32BE(value)
  return bytes
}

function dataRow(cells: Cells): Buffer {
  const parts = cells.map((cell) =>
    cell === null ? int32(-1) : Buffer.concat([int32(Buffer.byteLength(cell)), Buffer.from(cell)]),
  )
  const body = Buffer.concat([Buffer.of(cells.length >> 8, cells.length & 255), ...parts])
  return Buffer.concat([Buffer.from('D'), int32(body.length + 4), body])
}

function textRow(cells: Cells): Buffer {
  const parts = cells.map((cell) => {
    if (cell === null) return Buffer.of(0xfb)
    const bytes = Buffer.from(cell)
    const { length } = bytes
    if (length < 0xfb) return Buffer.concat([Buffer.of(length), bytes])
    return Buffer.concat([Buffer.of(0xfc, length & 255, length >> 8), bytes])
  })
  return Buffer.concat(parts)
}

/** Header, NULL bitmap behind two bits that are reserved, values as in a text row. */
function binaryRow(cells: Cells): Buffer {
  const bitmap = Buffer.alloc((cells.length + 9) >> 3)
  for (const [column, cell] of cells.entries()) {
    const bit = column + 2
    if (cell === null) bitmap[bit >> 3] = (bitmap[bit >> 3] ?? 0) | (1 << (bit & 7))
  }
  const values = textRow(cells.filter((cell) => cell !== null))
  return Buffer.concat([Buffer.of(0), bitmap, values])
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

/** MYSQL_TYPE_VAR_STRING. */
const VAR_STRING = 0xfd

const WAYS = {
  postgres: { layout: () => dataRows, row: dataRow },
  'mysql, text': {
    layout: () => textRows,
    row: (cells: Cells, number: number) => message(number & 255, textRow(cells)),
  },
  'mysql, binary': {
    layout: (columns: number) => binaryRows(Array(columns).fill(VAR_STRING)),
    row: (cells: Cells, number: number) => message(number & 255, binaryRow(cells)),
  },
}
type Way = keyof typeof WAYS

/** What is handed on, in its pieces. */
function shown(way: Way, rows: Buffer, plan: readonly (Masker | null)[]): Buffer[] {
  const pieces: Buffer[] = []
  new RowMasking(WAYS[way].layout(plan.length), plan).mask(rows, (bytes) => pieces.push(bytes))
  return pieces
}

for (const way of Object.keys(WAYS) as Way[]) {
  const rowOf = WAYS[way].row

  t.test(`${way}: rows written straight are the rows written cell by cell`, async (t) => {
    const kept: [Buffer, string][] = []
    let together = 0
    for (let seed = 1; seed <= 2000; seed++) {
      const random = chance(seed)
      const columns = 1 + random(9)
      const plan = maskers(random, columns)
      const rows = Array.from({ length: 1 + random(8) }, (_, number) =>
        rowOf(
          Array.from({ length: columns }, () => CELLS[random(CELLS.length)] ?? null),
          number,
        ),
      )
      const before = Buffer.concat(rows)
      const given = Buffer.from(before)
      const pieces = shown(way, given, plan)
      const expected = rows.flatMap((row) => shown(way, row, plainly(plan)))
      if (!Buffer.concat(pieces).equals(Buffer.concat(expected))) t.fail(`seed ${seed}`)
      if (!given.equals(before)) t.fail(`seed ${seed} changed what it was given`)
      if (pieces.length < rows.length) together++
      for (const piece of pieces) kept.push([piece, piece.toString('latin1')])
    }
    t.ok(together > 300, `${together} times rows left together`)
    const same = kept.every(([piece, text]) => piece.toString('latin1') === text)
    t.ok(same, 'nothing was written over by a later row')
  })

  t.test(`${way}: rows of which little is masked, in a read as long as can be`, async (t) => {
    const plan = [null, maskers(chance(5), 1)[0] ?? null]
    t.ok(plan[1]?.writer)
    for (const every of [1, 7, 100, 100_000]) {
      const rows = Array.from({ length: 400 }, (_, number) => {
        const secret = number % every === every - 1 ? 'ana@example.com' : null
        return rowOf(['x'.repeat(number % 250), secret], number)
      })
      const masked = Buffer.concat(shown(way, Buffer.concat(rows), plan))
      const each = rows.flatMap((row) => shown(way, row, plainly(plan)))
      t.ok(masked.equals(Buffer.concat(each)), `every ${every}`)
    }
  })
}

t.test('a row that does not fit its plan goes nowhere, and those before it do', async (t) => {
  const plan = maskers(chance(5), 2)
  t.ok(plan[0]?.writer, 'it is written straight')
  const row = dataRow(['ana@example.com', 'b'])
  const good = Buffer.concat(shown('postgres', Buffer.concat([row, row]), plan))
  for (const broken of [
    row.subarray(0, -1),
    Buffer.concat([Buffer.from('D'), int32(row.length), row.subarray(5), Buffer.of(0)]),
    dataRow(['a']),
    dataRow(['a', 'b', 'c']),
    Buffer.concat([row.subarray(0, 7), int32(-2), row.subarray(11)]),
    Buffer.concat([row.subarray(0, 7), int32(1_000_000), row.subarray(11)]),
    // Of the second value one byte more is told than there is.
    Buffer.concat([row.subarray(0, -5), int32(2), Buffer.from('b')]),
  ]) {
    for (const each of [plan, plainly(plan)]) {
      const pieces: Buffer[] = []
      const rows = Buffer.concat([row, row, broken])
      t.throws(
        () => new RowMasking(dataRows, each).mask(rows, (bytes) => pieces.push(bytes)),
        /does not fit/,
      )
      t.ok(Buffer.concat(pieces).equals(good))
    }
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
