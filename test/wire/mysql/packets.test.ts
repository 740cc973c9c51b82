import t from 'tap'
import { PacketFramer } from '../../../src/wire/mysql/packet-framer.ts'
import {
  MAX_PAYLOAD,
  message,
  packetsIn,
  payloadOf,
  renumbered,
} from '../../../src/wire/mysql/packets.ts'
import { lenencBytes, lenencInt, PayloadReader } from '../../../src/wire/mysql/payload.ts'

/** Everything that a framer says of these chunks: whole messages, and what passed. */
function framed(chunks: readonly Buffer[], options: { cap?: number; pass?: number } = {}) {
  const whole: Buffer[] = []
  const passed: Buffer[] = []
  const opened: number[] = []
  const framer = new PacketFramer(options.cap ?? 1024, {
    opens: (type, _length, sequence) => {
      opened.push(sequence)
      return type === options.pass ? 'pass' : 'whole'
    },
    frame: (_type, bytes) => whole.push(Buffer.from(bytes)),
    run: (bytes) => passed.push(Buffer.from(bytes)),
  })
  for (const chunk of chunks) framer.push(chunk)
  return { whole, passed: Buffer.concat(passed), opened, framer }
}

const A = message(0, Buffer.from([3]), Buffer.from('select 1'))
const EMPTY = message(1)
const ROW = message(2, Buffer.from([9, 1, 2, 3]))

t.test('packets are cut wherever a read ends, an empty one too', async (t) => {
  const stream = Buffer.concat([A, EMPTY, ROW, A])
  for (let at = 0; at <= stream.length; at++) {
    for (const pass of [-2, 9]) {
      const { whole, passed, opened, framer } = framed(
        [stream.subarray(0, at), stream.subarray(at)],
        { pass },
      )
      t.same(whole, pass === 9 ? [A, EMPTY, A] : [A, EMPTY, ROW, A], `cut at ${at}`)
      t.same(passed, pass === 9 ? ROW : Buffer.alloc(0))
      t.same(opened, [0, 1, 2, 0], 'each header is judged once')
      t.ok(framer.atBoundary)
    }
  }
  const single = [...stream].map((byte) => Buffer.from([byte]))
  t.same(framed(single).whole, [A, EMPTY, ROW, A], 'byte by byte')
})

t.test('a message that is stopped at is opened again, with all that came behind it', async (t) => {
  const stream = Buffer.concat([A, EMPTY, ROW, A])
  for (let cut = 0; cut <= stream.length; cut++) {
    for (const stop of [0, 1, 2, 3]) {
      const came: Buffer[] = []
      let opened = 0
      const framer = new PacketFramer(1024, {
        opens: (type) => {
          if (opened === stop || opened === stop + 1) {
            opened++
            return 'stop'
          }
          opened++
          return type === 9 ? 'pass' : 'whole'
        },
        frame: (_type, bytes) => came.push(Buffer.from(bytes)),
        run: (bytes) => came.push(Buffer.from(bytes)),
      })
      framer.push(stream.subarray(0, cut))
      framer.push(stream.subarray(cut))
      const before = Buffer.concat(came).length
      framer.goOn()
      if (Buffer.concat(came).length !== before) t.fail('it went past a message it was to stop at')
      framer.goOn()
      if (!Buffer.concat(came).equals(stream)) t.fail(`cut at ${cut}, stopped at ${stop}`)
    }
  }
})

t.test('a message of 16 MB and more is one message, however it is cut', async (t) => {
  const cap = 64 * 1024 * 1024
  for (const length of [MAX_PAYLOAD - 1, MAX_PAYLOAD, MAX_PAYLOAD + 5]) {
    const payload = Buffer.alloc(length, 7)
    const bytes = message(255, payload)
    t.equal(packetsIn(bytes), length < MAX_PAYLOAD ? 1 : 2)
    t.ok(payloadOf(bytes).equals(payload))
    const joint = 4 + MAX_PAYLOAD
    for (const at of [1, 4, 5, joint - 1, joint, joint + 1, joint + 4].filter(
      (cut) => cut < bytes.length,
    )) {
      const { whole, framer } = framed([bytes.subarray(0, at), bytes.subarray(at), A], { cap })
      t.ok(whole[0]?.equals(bytes), `${length} cut at ${at}`)
      t.same(whole[1], A)
      t.ok(framer.atBoundary)
    }
    // What would pass is gathered where it goes on.
    const { whole, passed } = framed([bytes], { cap, pass: 7 })
    t.equal(whole.length, length < MAX_PAYLOAD ? 0 : 1)
    t.equal(passed.length, length < MAX_PAYLOAD ? bytes.length : 0)
    const again = renumbered(bytes, 3)
    t.equal(again[3], 3)
    if (length >= MAX_PAYLOAD) t.equal(again[joint + 3], 4)
  }
})

t.test('three ways to smuggle a statement past the framing fail', async (t) => {
  // The tail of a long statement in a packet that doesn't belong to it.
  const long = message(0, Buffer.alloc(MAX_PAYLOAD, 32))
  const tail = message(5, Buffer.from('; drop table customers'))
  const cap = 64 * 1024 * 1024
  t.throws(() => framed([long.subarray(0, 4 + MAX_PAYLOAD), tail], { cap }), {
    code: 'PROTOCOL_VIOLATION',
    message: /out of order/,
  })
  // A length that promises more than may come: refused before any of it is gathered.
  t.throws(() => framed([Buffer.from([0xff, 0xff, 0xff, 0, 3])]), /over the limit/)
  // Packets that add up to too much.
  t.throws(
    () =>
      framed([long.subarray(0, 4 + MAX_PAYLOAD), long.subarray(4 + MAX_PAYLOAD, 8 + MAX_PAYLOAD)], {
        cap: MAX_PAYLOAD + 4,
      }),
    /over the limit/,
  )
})

t.test('lengths are written as they are read, and never read past the end', async (t) => {
  for (const value of [0, 250, 251, 252, 65535, 65536, MAX_PAYLOAD, MAX_PAYLOAD + 1, 2 ** 33]) {
    const reader = new PayloadReader(lenencInt(value))
    t.equal(reader.lenencInt(), value)
    reader.end()
  }
  for (const length of [0, 250, 251, 70_000]) {
    const bytes = Buffer.alloc(length, 1)
    t.same(new PayloadReader(lenencBytes(bytes)).lenencBytes(), bytes)
  }
  const attacks = ['ff', 'fb', 'fc01', 'fdffff', 'feffffffffffffffff', '05aabb', 'fe', '']
  for (const hex of attacks) {
    t.throws(
      () => new PayloadReader(Buffer.from(hex, 'hex')).lenencBytes(),
      { code: 'PROTOCOL_VIOLATION' },
      hex,
    )
  }
})
