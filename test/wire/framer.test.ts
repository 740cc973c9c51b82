import t from 'tap'
import { type FrameLayout, Framer } from '../../src/wire/framer.ts'
import { Outbox } from '../../src/wire/outbox.ts'

/** A toy layout: one byte of type, one byte of length (header included). */
const layout: FrameLayout = {
  headerLength: 2,
  type: (buffer, at) => buffer.readUInt8(at),
  length: (buffer, at) => buffer.readUInt8(at + 1),
}

const PASSES = 'p'.charCodeAt(0)
const ROW = 'r'.charCodeAt(0)

function record(cap = 200) {
  const seen: string[] = []
  let passed = ''
  const framer = new Framer(layout, cap, {
    opens: (type) => (type === PASSES ? 'pass' : 'whole'),
    frame: (_type, bytes) => {
      if (passed) seen.push(`run ${passed}`)
      passed = ''
      seen.push(`frame ${bytes.toString('latin1')}`)
    },
    run: (bytes) => {
      passed += bytes.toString('latin1')
    },
  })
  const end = () => (passed ? [...seen, `run ${passed}`] : seen)
  return { framer, end }
}

const STREAM = Buffer.from('a\x05xyzp\x04uvp\x03wb\x02p\x06abcdc\x03!', 'latin1')
const EXPECTED = [
  'frame a\x05xyz',
  'run p\x04uvp\x03w',
  'frame b\x02',
  'run p\x06abcd',
  'frame c\x03!',
]

t.test('the same frames come out wherever reads cut the stream', async (t) => {
  for (let first = 0; first <= STREAM.length; first++) {
    for (let second = first; second <= STREAM.length; second++) {
      const { framer, end } = record()
      framer.push(STREAM.subarray(0, first))
      framer.push(STREAM.subarray(first, second))
      framer.push(STREAM.subarray(second))
      if (JSON.stringify(end()) !== JSON.stringify(EXPECTED))
        t.same(end(), EXPECTED, `${first}/${second}`)
      if (!framer.atBoundary) t.fail(`not at a boundary: ${first}/${second}`)
    }
  }
  const { framer, end } = record()
  for (const byte of STREAM) framer.push(Buffer.from([byte]))
  t.same(end(), EXPECTED, 'byte by byte')
})

t.test('rows come whole and in order, between the frames that they stand between', async (t) => {
  const stream = Buffer.from('r\x03ar\x02a\x03!r\x04bcp\x04uvp\x03wr\x03dr\x05efg', 'latin1')
  const expected = ['r\x03ar\x02', 'a\x03!', 'r\x04bc', 'p\x04uvp\x03w', 'r\x03dr\x05efg']
  const cuts = (pieces: readonly Buffer[]) => {
    const seen: [string, string][] = []
    const see = (mode: string, bytes: Buffer) => {
      const text = bytes.toString('latin1')
      const last = seen.at(-1)
      if (mode !== 'whole' && last?.[0] === mode) last[1] += text
      else seen.push([mode, text])
      // Each piece of a run of rows is whole rows.
      if (mode !== 'row') return
      for (let at = 0; at < bytes.length; at += bytes.readUInt8(at + 1)) {
        if (bytes[at] !== ROW || at + bytes.readUInt8(at + 1) > bytes.length) t.fail(text)
      }
    }
    const framer = new Framer(layout, 200, {
      opens: (type) => (type === ROW ? 'row' : type === PASSES ? 'pass' : 'whole'),
      frame: (_type, bytes) => see('whole', bytes),
      run: (bytes, mode) => see(mode, bytes),
    })
    for (const piece of pieces) framer.push(piece)
    if (!framer.atBoundary) t.fail('not at a boundary')
    if (JSON.stringify(seen.map(([, text]) => text)) !== JSON.stringify(expected)) {
      t.same(seen, expected, `${pieces.map(({ length }) => length)}`)
    }
  }
  for (let first = 0; first <= stream.length; first++) {
    for (let second = first; second <= stream.length; second++) {
      cuts([stream.subarray(0, first), stream.subarray(first, second), stream.subarray(second)])
    }
  }
  cuts([...stream].map((byte) => Buffer.of(byte)))
})

t.test('a frame over the cap is refused from its header, before its body arrives', async (t) => {
  t.throws(() => record(100).framer.push(Buffer.from([97, 101])), { code: 'PROTOCOL_VIOLATION' })
  t.throws(() => record(100).framer.push(Buffer.from([PASSES, 101])), {
    code: 'PROTOCOL_VIOLATION',
  })
})

t.test('a chunk that passes unchanged is written as one slice of the same memory', async (t) => {
  const written: Buffer[] = []
  const outbox = new Outbox((bytes) => written.push(bytes))
  outbox.add(STREAM.subarray(0, 4))
  outbox.add(STREAM.subarray(4, 9))
  outbox.flush()
  t.equal(written.length, 1)
  t.equal(written[0]?.buffer, STREAM.buffer, 'no copy')
  outbox.add(STREAM.subarray(0, 2))
  outbox.add(STREAM.subarray(5, 7))
  outbox.flush()
  t.equal(written[1]?.toString('latin1'), 'a\x05p\x04')
})

t.test('a frame that began to pass is ended before a violation behind it is told', async (t) => {
  for (let cut = 0; cut <= 4; cut++) {
    const { framer, end } = record(100)
    const bytes = Buffer.from('p\x04uva\xff', 'latin1')
    framer.push(bytes.subarray(0, cut))
    t.throws(() => framer.push(bytes.subarray(cut)), { code: 'PROTOCOL_VIOLATION' })
    t.same(end(), ['run p\x04uv'], `cut at ${cut}`)
    t.equal(framer.midPass, false)
  }
})

t.test('a frame that is stopped at is opened again, with all that came behind it', async (t) => {
  // Twice at each of these, wherever reads cut the stream.
  for (let cut = 0; cut <= STREAM.length; cut++) {
    for (const stops of [1, 2, 3, 4, 5, 6]) {
      const stopped: string[] = []
      let opened = 0
      let passed = ''
      const framer = new Framer(layout, 200, {
        opens: (type) => {
          if (++opened === stops || opened === stops + 1) return 'stop'
          return type === PASSES ? 'pass' : 'whole'
        },
        frame: (_type, bytes) => {
          if (passed) stopped.push(`run ${passed}`)
          passed = ''
          stopped.push(`frame ${bytes.toString('latin1')}`)
        },
        run: (bytes) => {
          passed += bytes.toString('latin1')
        },
      })
      framer.push(STREAM.subarray(0, cut))
      framer.push(STREAM.subarray(cut))
      const before = stopped.join() + passed
      framer.goOn()
      if (stopped.join() + passed !== before) t.fail('it went past a frame that was stopped at')
      framer.goOn()
      if (passed) stopped.push(`run ${passed}`)
      if (stopped.join() !== EXPECTED.join()) t.same(stopped, EXPECTED, `${cut}, ${stops}`)
    }
  }
})
