import t from 'tap'
import { toNull } from '../../../src/mask/maskers/constant.ts'
import { withWriter } from '../../../src/wire/cell-writers.ts'
import type { Cell } from '../../../src/wire/columns.ts'
import type { CellMasker } from '../../../src/wire/maskers.ts'
import { decodeBinaryRow, maskBinaryRow } from '../../../src/wire/mysql/binary-row.ts'
import { binaryRows } from '../../../src/wire/mysql/binary-rows.ts'
import { HEADER, headed, MAX_PAYLOAD, message, payloadOf } from '../../../src/wire/mysql/packets.ts'
import { lenencBytes } from '../../../src/wire/mysql/payload.ts'
import { decodeTextRow, maskTextRow, textRows } from '../../../src/wire/mysql/text-row.ts'
import { RowMasking } from '../../../src/wire/row-masking.ts'

const VAR_STRING = 0xfd
const LENGTHS = [0, 1, 250, 251, 300, 65_535, 65_536, 70_000]
const MASKERS: readonly (CellMasker | null)[] = [
  null,
  () => null,
  () => Buffer.from('[redacted]'),
  (cell) => Buffer.concat([cell, Buffer.alloc(260, '*')]),
]

const textRow = (cells: readonly Cell[]) =>
  Buffer.concat(cells.map((cell) => (cell === null ? Buffer.of(0xfb) : lenencBytes(cell))))

function binaryRow(cells: readonly Cell[]): Buffer {
  const bitmap = Buffer.alloc((cells.length + 9) >> 3)
  cells.forEach((cell, column) => {
    const bit = column + 2
    if (cell === null) bitmap[bit >> 3] = (bitmap[bit >> 3] as number) | (1 << (bit & 7))
  })
  return Buffer.concat([
    Buffer.of(0),
    bitmap,
    ...cells.flatMap((cell) => (cell ? [lenencBytes(cell)] : [])),
  ])
}

/** Every length under every masker, NULL too, in rows of as many columns. */
const CELLS: readonly Cell[] = [null, ...LENGTHS.map((length) => Buffer.alloc(length, 'v'))]

t.test('a masked row holds the masks, and what has none as it was', async (t) => {
  for (let shift = 0; shift < MASKERS.length; shift++) {
    const maskers = CELLS.map((_, column) => MASKERS[(column + shift) % MASKERS.length] ?? null)
    const expected = CELLS.map((cell, column) =>
      cell === null ? null : maskers[column] ? maskers[column](cell) : cell,
    )
    const types = CELLS.map(() => VAR_STRING)
    const text = maskTextRow(textRow(CELLS), maskers)
    t.same(decodeTextRow(text, CELLS.length), expected)
    t.same(decodeBinaryRow(maskBinaryRow(binaryRow(CELLS), types, maskers), types), expected)
    const roomy = maskTextRow(textRow(CELLS), maskers, HEADER)
    t.same(headed(roomy, 7), message(7, text), 'with room for its header')
  }
})

t.test('a row that does not fit its plan is no row', async (t) => {
  const row = textRow([Buffer.from('a'), null, Buffer.alloc(300, 'b')])
  const plan = [null, null, () => null]
  t.throws(() => maskTextRow(row, plan.slice(1)), { code: 'PROTOCOL_VIOLATION' }, 'fewer columns')
  t.throws(() => maskTextRow(row, [...plan, null]), { code: 'PROTOCOL_VIOLATION' }, 'more columns')
  for (let end = 0; end < row.length; end++) {
    t.throws(() => maskTextRow(row.subarray(0, end), plan), { code: 'PROTOCOL_VIOLATION' })
  }
  const broken = Buffer.concat([row, Buffer.of(0xff)])
  t.throws(() => maskTextRow(broken, [...plan, null]), { code: 'PROTOCOL_VIOLATION' })
})

const LONG = 0x03
/** Writes what its masker gives. */
const writing = (shown: Buffer): CellMasker =>
  withWriter(() => shown, {
    growth: shown.length,
    write: (_from, _start, _end, out, at) => at + shown.copy(out, at),
  })

t.test(
  'a writer whose value is too long for a short length, or no value of the type',
  async (t) => {
    const maskers = [writing(Buffer.alloc(251, 'm')), null]
    const cells = [Buffer.from('secret'), Buffer.from('plain')]
    const types = [VAR_STRING, VAR_STRING]
    const shown = [Buffer.alloc(251, 'm'), cells[1]]
    const pieces: Buffer[] = []
    const add = (bytes: Buffer) => pieces.push(bytes)
    new RowMasking(textRows, maskers).mask(message(1, textRow(cells)), add)
    new RowMasking(binaryRows(types), maskers).mask(message(2, binaryRow(cells)), add)
    const [text, binary] = pieces.map(payloadOf) as [Buffer, Buffer]
    t.same(decodeTextRow(text, 2), shown)
    t.same(decodeBinaryRow(binary, types), shown)

    const number = Buffer.from([0, 0, 1, 0, 0, 0])
    const mask = (types: readonly number[], maskers: readonly CellMasker[]) => () =>
      new RowMasking(binaryRows(types), maskers).mask(message(0, number), add)
    const before = pieces.length
    t.doesNotThrow(mask([LONG], [writing(Buffer.alloc(4))]))
    t.equal(pieces.length, before + 1)
    t.throws(mask([LONG], [writing(Buffer.alloc(3))]), { code: 'INTERNAL' })
    t.throws(mask([LONG], []), { code: 'PROTOCOL_VIOLATION' })
    t.throws(mask([LONG], [writing(Buffer.alloc(4)), toNull]), { code: 'PROTOCOL_VIOLATION' })
    t.throws(() => binaryRows([0x99]), { code: 'PROTOCOL_VIOLATION' })
    t.equal(pieces.length, before + 1, 'nothing of them left')
  },
)

t.test('a masked row of over 16 MB is cut into packets', async (t) => {
  const row = textRow([Buffer.alloc(MAX_PAYLOAD, 'x'), Buffer.from('y')])
  const roomy = maskTextRow(row, [null, () => null], HEADER)
  const plain = maskTextRow(row, [null, () => null])
  t.ok(headed(roomy, 255).equals(message(255, plain)))
})
