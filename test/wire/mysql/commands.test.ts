import t from 'tap'
import { ProxyError } from '../../../src/lib/errors.ts'
import * as command from '../../../src/wire/mysql/commands.ts'
import { decodeError } from '../../../src/wire/mysql/errors.ts'
import { message, payloadOf } from '../../../src/wire/mysql/packets.ts'
import { lenencBytes, uint8, uint16, uint32 } from '../../../src/wire/mysql/payload.ts'
import { world } from './dialogue-world.ts'
import { type GoldenServer, goldenServers } from './golden.ts'

const MARIADB = goldenServers[0] as GoldenServer
const MYSQL = goldenServers[4] as GoldenServer

const bytes = (...parts: (number | Buffer | string)[]) =>
  Buffer.concat(
    parts.map((part) => (typeof part === 'number' ? uint8(part) : Buffer.from(part as string))),
  )

/** A world with one statement prepared: id 1 for the client, 9 for the server. */
function prepared(server: GoldenServer, parameters: number) {
  const play = world(server)
  play.ask(bytes(command.COM_STMT_PREPARE, 'insert into t values (?)'), null)
  const definition = Buffer.from('0364656600000001' + '3f000c3f00000000000680000000' + '00', 'hex')
  const eof = Buffer.from('fe00000200', 'hex')
  const payloads = [
    Buffer.concat([uint8(0), uint32(9), uint16(0), uint16(parameters), uint8(0), uint16(0)]),
    ...Array.from({ length: parameters }, () => definition),
    ...(parameters > 0 && !server.deprecateEof ? [eof] : []),
  ]
  play.answer(Buffer.concat(payloads.map((payload, index) => message(index + 1, payload))))
  play.seen()
  play.sent()
  return play
}

const OK = message(1, Buffer.from([0, 0, 0, 2, 0, 0, 0]))

interface Bound {
  readonly types?: readonly number[]
  readonly nulls?: number
  readonly values?: readonly Buffer[]
  readonly flags?: number
  readonly id?: number
}

const execute = ({ types, nulls = 0, values = [], flags = 0, id = 1 }: Bound) =>
  Buffer.concat([
    uint8(command.COM_STMT_EXECUTE),
    uint32(id),
    uint8(flags),
    uint32(1),
    uint8(nulls),
    uint8(types ? 1 : 0),
    ...(types ?? []).map(uint16),
    ...values,
  ])

const LONG = 0x03
const STRING = 0xfd

t.test('every command is known by name; what isn’t served is refused', async (t) => {
  const { decode, dialogue } = world(MARIADB)
  const served: [Buffer, object][] = [
    [bytes(0x03, 'select 1'), { kind: 'query', sql: Buffer.from('select 1') }],
    [bytes(0x02, 'shop'), { kind: 'use', database: 'shop' }],
    [bytes(0x0e), { kind: 'ping' }],
    [bytes(0x09), { kind: 'statistics' }],
    [bytes(0x1f), { kind: 'reset-connection' }],
    [bytes(0x04, 'kinds\0%'), { kind: 'field-list', table: 'kinds' }],
    [bytes(0x0c, uint32(77)), { kind: 'kill', connectionId: 77 }],
    [bytes(0x1b, uint16(0)), { kind: 'multi-statements', on: true }],
    [bytes(0x1b, uint16(1)), { kind: 'multi-statements', on: false }],
    [bytes(0x16, 'select ?'), { kind: 'prepare', statement: '1', sql: Buffer.from('select ?') }],
    [bytes(0x1c, uint32(1), uint32(5)), { kind: 'fetch', statement: '1', maxRows: 5 }],
    [bytes(0x18, uint32(1), uint16(0), 'part'), { kind: 'long-data', statement: '1' }],
    [bytes(0x1a, uint32(1)), { kind: 'reset', statement: '1' }],
    [bytes(0x19, uint32(1)), { kind: 'free', statement: '1' }],
    [bytes(0x01), { kind: 'terminate' }],
  ]
  for (const [payload, request] of served) t.match(decode(payload).request, request)
  const codes = new Set(served.map(([payload]) => payload[0]))
  for (let code = 0; code < 256; code++) {
    if (codes.has(code) || code === 0x17) continue
    const { request } = decode(bytes(code, 'whatever'))
    if (request.kind !== 'refused') t.fail(`0x${code.toString(16)} is ${request.kind}`)
    else t.match(request.error, { code: 'FEATURE_REFUSED' })
  }
  for (const name of [
    'COM_BINLOG_DUMP_GTID',
    'COM_CLONE',
    'COM_STMT_BULK_EXECUTE',
    'COM_CHANGE_USER',
  ]) {
    t.ok([...command.REFUSED.values()].includes(name), name)
  }
  const refused = decode(bytes(command.COM_SHUTDOWN)).request
  if (refused.kind !== 'refused') throw new Error('not refused')
  dialogue.sendRefusal(refused.error)
})

t.test('a command that is cut short or too long ends the session', async (t) => {
  const { decode } = world(MARIADB)
  const odd = [
    bytes(),
    bytes(0x0c, uint16(1)),
    bytes(0x0c, uint32(1), 0),
    bytes(0x1b, uint16(2)),
    bytes(0x1c, uint32(1)),
    bytes(0x19, uint16(1)),
    bytes(0x17, uint32(1), 0),
    bytes(0x17, uint32(1), 0, uint32(2)),
    bytes(0x17, uint32(1), 8, uint32(1)),
    bytes(0x04, 'without an end'),
    bytes(0x02, Buffer.from([0xff, 0xfe])),
  ]
  for (const payload of odd) {
    t.throws(() => decode(payload), { code: 'PROTOCOL_VIOLATION' }, payload.toString('hex'))
  }
  const { dialogue } = world(MARIADB)
  t.throws(() => dialogue.decode(3, message(1, bytes(0x03, 'select 1'))), {
    code: 'PROTOCOL_VIOLATION',
    message: /out of order/,
  })
})

t.test(
  'an execution without parameters may carry the flag of new types, and no more',
  async (t) => {
    const head = [command.COM_STMT_EXECUTE, uint32(1), 0, uint32(1)] as const
    for (const flag of [[], [0], [1]]) {
      const request = prepared(MARIADB, 0).ask(bytes(...head, ...flag))
      t.same(request.kind === 'run' && request.parameters(), [])
    }
    for (const more of [[2], [1, 0], [0, 0]]) {
      const refused = () => prepared(MARIADB, 0).ask(bytes(...head, ...more))
      t.throws(refused, { code: 'PROTOCOL_VIOLATION' }, String(more))
    }
  },
)

t.test('bound values are read by their types, NULL and unsigned ones too', async (t) => {
  const types = [0x01, 0x8002, 0x03, 0x8008, 0x04, 0x05, 0x0c]
  const double = Buffer.alloc(8)
  double.writeDoubleLE(2.5)
  const float = Buffer.alloc(4)
  float.writeFloatLE(1.5)
  const values = [
    Buffer.from([0xfb]),
    uint16(65_000),
    uint32(7),
    Buffer.alloc(8, 0xff),
    float,
    double,
    Buffer.from('07ea07' + '0b16' + '0a0b0c', 'hex'),
  ]
  const packed = [...values.slice(0, 6), Buffer.concat([uint8(7), Buffer.alloc(7, 1)])]
  const { ask } = prepared(MARIADB, 7)
  const request = ask(execute({ types, values: packed }))
  if (request.kind !== 'run') throw new Error('no execution')
  const read = request.parameters()
  t.same(
    read.map(({ typeOid }) => typeOid),
    types,
  )
  t.same(
    read.slice(0, 6).map(({ value }) => value),
    values.slice(0, 6),
  )
  t.equal(read[6]?.value?.length, 7)
  t.ok(read.every(({ format }) => format === 1))
  const nulls = prepared(MARIADB, 2).ask(
    execute({ types: [LONG, STRING], nulls: 0b01, values: [lenencBytes(Buffer.from('ä'))] }),
  )
  if (nulls.kind !== 'run') throw new Error('no execution')
  t.same(
    nulls.parameters().map(({ value }) => value),
    [null, Buffer.from('ä')],
  )
})

t.test('each cut of an execution is refused', async (t) => {
  const whole = execute({
    types: [LONG, STRING],
    values: [uint32(5), lenencBytes(Buffer.from('abc'))],
  })
  for (let end = 1; end < whole.length; end++) {
    t.throws(() => prepared(MARIADB, 2).ask(whole.subarray(0, end)), { code: 'PROTOCOL_VIOLATION' })
  }
  for (const odd of [
    Buffer.concat([whole, uint8(0)]),
    execute({ types: [0x20, STRING] }),
    execute({ values: [uint32(1)] }),
    execute({ types: [0x0c, LONG], values: [uint8(5), Buffer.alloc(5), uint32(1)] }),
  ]) {
    t.throws(() => prepared(MARIADB, 2).ask(odd), { code: 'PROTOCOL_VIOLATION' })
  }
})

t.test('what runs is what was read: three ways to make them differ fail', async (t) => {
  // Types that came with an execution which was refused: the server never had them.
  const play = prepared(MYSQL, 1)
  const first = execute({ types: [STRING], values: [lenencBytes(Buffer.from('1'))] })
  play.ask(first)
  play.answer(OK)
  play.sent()
  const { request: refused } = play.decode(execute({ types: [LONG], values: [uint32(0x41424303)] }))
  if (refused.kind !== 'run') throw new Error('no execution')
  t.equal(refused.parameters()[0]?.typeOid, LONG)
  play.dialogue.sendRefusal(new ProxyError('STATEMENT_DENIED', 'no'))
  play.ask(execute({ values: [uint32(0x41424303)] }))
  const sent = payloadOf(play.sent())
  t.equal(sent[11], 1, 'the types go along')
  t.equal(sent.readUInt16LE(12), LONG)
  t.equal(sent.readUInt32LE(14), 0x41424303)
  play.answer(OK)
  play.ask(execute({ values: [uint32(8)] }))
  t.equal(payloadOf(play.sent())[11], 0, 'the server has them now')

  // A value that was sent ahead for an execution that was refused.
  const ahead = prepared(MARIADB, 1)
  const long = bytes(0x18, uint32(1), uint16(0), "' or 1=1 --")
  ahead.ask(long, null)
  t.same(ahead.sent(), Buffer.alloc(0), 'it is kept until its execution goes')
  const held = ahead.decode(execute({ types: [0xfc] })).request
  if (held.kind !== 'run') throw new Error('no execution')
  t.equal(held.parameters()[0]?.value?.toString(), "' or 1=1 --")
  ahead.dialogue.done?.()
  const next = ahead.ask(execute({ types: [STRING], values: [lenencBytes(Buffer.from('x'))] }))
  if (next.kind !== 'run') throw new Error('no execution')
  t.equal(next.parameters()[0]?.value?.toString(), 'x')
  t.notOk(ahead.sent().includes('or 1=1'))
  ahead.answer(OK)
  // Sent ahead in two parts, and meant: both go, in front of their execution.
  ahead.ask(bytes(0x18, uint32(1), uint16(0), 'a'), null)
  ahead.ask(bytes(0x18, uint32(1), uint16(0), 'b'), null)
  const both = ahead.ask(execute({ types: [0xfc] }))
  if (both.kind !== 'run') throw new Error('no execution')
  t.equal(both.parameters()[0]?.value?.toString(), 'ab')
  const order = ahead.sent()
  t.ok(order.indexOf(Buffer.from([0x18])) < order.indexOf(Buffer.from([0x17])))
  t.equal(order.readUInt32LE(5), 9, 'by the id that the server knows')

  // An id that means "the last one" to one server, and nothing to the other.
  for (const [server, known] of [
    [MARIADB, true],
    [MYSQL, false],
  ] as const) {
    const last = prepared(server, 0)
    const none = execute({ id: 0xffffffff }).subarray(0, 10)
    const request = last.ask(none)
    if (request.kind !== 'run') throw new Error('no execution')
    t.equal(request.statement, known ? '1' : '4294967295')
    if (known) t.equal(payloadOf(last.sent()).readUInt32LE(1), 9)
    else {
      t.same(last.sent(), Buffer.alloc(0))
      t.match(decodeError(payloadOf(last.seen())), { number: 1243 })
    }
  }
})

t.test('values that are sent ahead are bounded', async (t) => {
  const play = world(MARIADB, { maxMessage: 1000 })
  play.ask(bytes(0x16, 'select ?'), null)
  const part = bytes(0x18, uint32(1), uint16(0), Buffer.alloc(300))
  for (let count = 0; count < 3; count++) play.decode(part)
  t.throws(() => play.decode(part), { code: 'PROTOCOL_VIOLATION', message: /ahead/ })
})

t.test('a statement that was freed is gone for both ends', async (t) => {
  const { ask, sent, seen } = prepared(MARIADB, 0)
  ask(bytes(0x19, uint32(1)), null)
  t.equal(payloadOf(sent()).readUInt32LE(1), 9)
  ask(bytes(0x19, uint32(1)), null)
  t.same(sent(), Buffer.alloc(0))
  ask(bytes(0x1c, uint32(1), uint32(1)))
  t.match(decodeError(payloadOf(seen())), { number: 1243 })
  ask(bytes(0x1a, uint32(1)), null)
  t.match(decodeError(payloadOf(seen())), { number: 1243 })
})
