import t from 'tap'
import { RecentLines } from '../../src/audit/recent-lines.ts'

const joined = (slices: readonly Buffer[]) => Buffer.concat(slices).toString('utf8')
const long = 'ü'.repeat(50_000)

t.test('gives back what was appended, over pieces of memory of any size', async (t) => {
  const lines = new RecentLines()
  const told = ['a', long, '', 'b€😀', long, 'c']
  for (const line of told) t.equal(lines.append(line).toString('utf8'), line)
  const all = told.map((line) => `${line}\n`).join('')
  t.equal(joined(lines.unwritten), all)
  t.equal(lines.end, Buffer.byteLength(all))
  t.equal(lines.unsyncedBytes, lines.end)
})

t.test('what is written stays until it is on disk', async (t) => {
  const lines = new RecentLines()
  lines.append('one')
  lines.markWritten()
  t.equal(lines.anyUnwritten, false)
  const { end } = lines
  lines.append('two')
  t.equal(joined(lines.unwritten), 'two\n')
  t.equal(joined(lines.unsynced), 'one\ntwo\n')
  lines.settle(end)
  t.equal(joined(lines.unsynced), 'two\n', 'in the middle of a piece of memory')
  lines.settle(lines.end)
  t.equal(joined(lines.unsynced), '')
})

t.test('memory that is filled again shows nothing of what it held', async (t) => {
  const lines = new RecentLines()
  for (let round = 0; round < 300; round++) {
    const told = Array.from({ length: 50 }, (_, i) => `${round} ${i} ${'x'.repeat(i * 40)}`)
    for (const line of told) lines.append(line)
    const expected = told.map((line) => `${line}\n`).join('')
    if (joined(lines.unsynced) !== expected) t.equal(joined(lines.unsynced), expected)
    lines.markWritten()
    lines.settle(lines.end)
  }
  t.equal(lines.unsyncedBytes, 0)
})
