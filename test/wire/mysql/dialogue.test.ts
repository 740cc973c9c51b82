import t from 'tap'
import { ProxyError } from '../../../src/lib/errors.ts'
import { toNull } from '../../../src/mask/maskers/constant.ts'
import { withWriter } from '../../../src/wire/cell-writers.ts'
import type { ResultColumn } from '../../../src/wire/columns.ts'
import { decodeBinaryRow } from '../../../src/wire/mysql/binary-row.ts'
import { decodeColumn, withName } from '../../../src/wire/mysql/column-definition.ts'
import { decodeError } from '../../../src/wire/mysql/errors.ts'
import { message, payloadOf } from '../../../src/wire/mysql/packets.ts'
import { decodeTextRow } from '../../../src/wire/mysql/text-row.ts'
import { messagesIn, world } from './dialogue-world.ts'
import { type GoldenServer, type GoldenStep, goldenServers } from './golden.ts'

/** A NULL in place of a value. */
const FB = Buffer.from([0xfb])

/** Commands that run nothing; the rest has an exchange. */
const PLAIN = new Set([0x02, 0x04, 0x09, 0x0e, 0x16, 0x1a, 0x1b, 0x1f])

const exchangeOf = ({ command }: GoldenStep) => (PLAIN.has(command[0] ?? 0) ? null : 'its own')

/** The steps without the reset, whose answer is put together from several. */
const stepsOf = (server: GoldenServer) =>
  server.steps.filter(({ name }) => name !== 'reset connection')

const plain = (server: GoldenServer, name: string) => {
  const step = server.steps.find((each) => each.name === name)
  if (!step) throw new Error(name)
  return step
}

t.test('without a plan the bytes are the server’s own, cut at every byte', async (t) => {
  for (const server of goldenServers) {
    for (let cut = 0; cut < 1700; cut += cut < 300 ? 1 : 7) {
      const { ask, answer, seen, sent, dialogue } = world(server)
      for (const step of stepsOf(server)) {
        ask(step.command, exchangeOf(step))
        if (!sent().equals(message(0, step.command))) t.fail(`${server.name}: ${step.name} is sent`)
        const at = Math.min(cut, step.reply.length)
        answer(step.reply.subarray(0, at))
        answer(step.reply.subarray(at))
        const same = expected(step)
        const got = seen()
        if (!got.equals(same)) {
          t.same(got, same, `${server.name}: ${step.name}, cut at ${cut}`)
          return
        }
        if (!dialogue.idle) t.fail(`${server.name}: ${step.name} is over`)
      }
    }
    t.pass(server.name)
  }
})

/** A variable that the server wouldn't tell of by itself, and defaults of columns, are taken away. */
function expected(step: GoldenStep): Buffer {
  if (step.name === 'fields') {
    const messages = messagesIn(step.reply)
    return Buffer.concat(
      messages.map((frame, index) => {
        const payload = payloadOf(frame)
        if (index === messages.length - 1) return frame
        return message(frame[3] as number, payload.subarray(0, endOfColumn(payload)), FB)
      }),
    )
  }
  if (step.name !== 'sql_mode') return step.reply
  const status = Buffer.alloc(2)
  status.writeUInt16LE(step.reply.readUInt16LE(7) & ~0x4000)
  return message(1, step.reply.subarray(4, 7), status, step.reply.subarray(9, 11))
}

/** Six strings, then 0x0c and its twelve bytes. */
function endOfColumn(payload: Buffer): number {
  let at = 0
  for (let index = 0; index < 6; index++) at += 1 + (payload[at] as number)
  return at + 1 + 12
}

t.test('columns are described with where they come from, in every form of rows', async (t) => {
  for (const server of goldenServers) {
    const { ask, answer, described, completed } = world(server)
    for (const name of ['text rows of every kind', 'prepare', 'binary rows of every kind']) {
      const step = plain(server, name)
      ask(step.command, exchangeOf(step))
      answer(step.reply)
    }
    t.equal(described.length, 2, server.name)
    for (const [index, columns] of described.entries()) {
      t.equal(columns.length, 23)
      t.match(columns[15], {
        name: 'vc',
        origin: { schema: 'shop', tableAlias: 'kinds', table: 'kinds', column: 'vc' },
        format: index,
      })
    }
    t.match(completed, [
      { statement: 0, rows: 2, suspended: false },
      { statement: 0, rows: 2, suspended: false },
    ])
  }
})

/** Every cell as one text, so that nothing of a row is left out of a comparison. */
const shown = (cells: readonly (Buffer | null)[]) =>
  cells.map((cell) => (cell === null ? null : cell.toString('hex')))

t.test('each cell of each type can be masked alone, and its neighbours stay', async (t) => {
  for (const server of goldenServers) {
    for (const kind of ['text rows of every kind', 'binary rows of every kind']) {
      const step = plain(server, kind)
      const binary = kind.startsWith('binary')
      const before = rowsIn(server, step.reply, binary)
      for (let masked = 0; masked < 23; masked++) {
        for (const form of ['null', 'same', 'longer'] as const) {
          const masker = (column: ResultColumn) => {
            if (column.name !== before.columns[masked]?.name) return null
            const text = !binary || column.typeOid >= 0xf2 || column.typeOid === 0x10
            if (form === 'null') return toNull
            if (form === 'longer' && text)
              return (cell: Buffer) => Buffer.alloc(cell.length + 300, 120)
            return withWriter((cell) => Buffer.alloc(cell.length, 120), {
              growth: 0,
              write: (_from, start, end, out, at) => {
                out.fill(120, at, at + end - start)
                return at + end - start
              },
            })
          }
          const play = world(server, { masker })
          for (const each of ['prepare', kind]) {
            const { command, reply } = plain(server, each)
            play.ask(command, each === 'prepare' ? null : 'its own')
            if (each === 'prepare') {
              play.answer(reply)
              play.seen()
            }
          }
          const at = (masked * 37 + 11) % step.reply.length
          play.answer(step.reply.subarray(0, at))
          play.answer(step.reply.subarray(at))
          const after = rowsIn(server, play.seen(), binary)
          for (const [row, cells] of before.rows.entries()) {
            const got = after.rows[row] ?? []
            for (const [index, cell] of cells.entries()) {
              if (index !== masked) {
                if (got[index] !== cell) t.fail(`${server.name} ${kind} cell ${index}`)
              } else if (cell !== null && got[index] === cell && form !== 'same') {
                t.fail(`${server.name} ${kind}: cell ${index} is shown`)
              } else if (cell === null && got[index] !== null) t.fail('NULL stays NULL')
            }
          }
        }
      }
      t.pass(`${server.name}: ${kind}`)
    }
  }
})

/** The columns and rows of a reply with one result. */
function rowsIn(server: GoldenServer, reply: Buffer, binary: boolean) {
  const messages = messagesIn(reply).map(payloadOf)
  const count = messages[0]?.[0] ?? 0
  const columns = messages.slice(1, count + 1).map((payload) => decodeColumn(payload, binary))
  const rows = messages.slice(count + (server.deprecateEof ? 1 : 2), -1)
  const types = columns.map(({ typeOid }) => typeOid)
  return {
    columns,
    rows: rows.map((row) =>
      shown(binary ? decodeBinaryRow(row, types) : decodeTextRow(row, count)),
    ),
  }
}

t.test('results in a row are counted, and the last of several may fail', async (t) => {
  for (const server of goldenServers) {
    const { ask, answer, completed, failed, readies } = world(server)
    const several = plain(server, 'several statements')
    ask(several.command)
    answer(several.reply)
    t.match(
      completed.map(({ statement, rows }) => [statement, rows]),
      [
        [0, 1],
        [1, 1],
        [2, 1],
        [3, 1],
      ],
      server.name,
    )
    t.equal(readies(), 1)
    const call = plain(server, 'a procedure with several results')
    ask(call.command)
    answer(call.reply)
    t.equal(completed.length, 7)
    const fails = plain(server, 'the last of several fails')
    ask(fails.command)
    answer(fails.reply)
    t.same(failed, ['42S02'])
    t.equal(completed.length, 8)
    t.equal(readies(), 3)
  }
})

t.test('a cursor’s rows are masked by the plan of the execution that opened it', async (t) => {
  for (const server of goldenServers) {
    const masker = ({ name }: ResultColumn) => (name === 'vc' ? () => Buffer.from('***') : null)
    const { ask, answer, seen, completed, dialogue } = world(server, { masker })
    for (const name of [
      'prepare',
      'a cursor is opened',
      'one row is fetched',
      'the rest is fetched',
    ]) {
      const step = plain(server, name)
      ask(step.command, exchangeOf(step))
      answer(step.reply)
      const bytes = seen().toString('utf8')
      if (name.includes('fetched')) t.notOk(bytes.includes('Müller'), `${server.name}: ${name}`)
      if (name === 'one row is fetched') t.ok(bytes.includes('***'))
    }
    t.match(
      completed.map(({ rows, suspended }) => [rows, suspended]),
      [
        [0, true],
        [1, true],
        [1, false],
      ],
    )
    t.ok(dialogue.idle)
  }
})

t.test(
  'what the session became is heard from OK packets; the client sees what it would',
  async (t) => {
    for (const server of goldenServers) {
      const { ask, answer, settings, readsBy, dialogue, seen } = world(server)
      for (const name of ['init db', 'sql_mode', 'names']) {
        const step = plain(server, name)
        ask(step.command, exchangeOf(step))
        answer(step.reply)
      }
      t.match(
        new Map(settings),
        new Map([
          ['schema', 'mysql'],
          ['sql_mode', 'ANSI_QUOTES'],
          ['character_set_client', 'latin1'],
        ]),
      )
      t.same(readsBy, [['character_set_client', true]])
      t.notOk(seen().includes('sql_mode'))
      ask(plain(server, 'begin').command)
      answer(plain(server, 'begin').reply)
      t.equal(dialogue.transaction, 'in-transaction')
      ask(plain(server, 'commit').command)
      answer(plain(server, 'commit').reply)
      t.equal(dialogue.transaction, 'idle')
      // A client that never asked for tracking is told nothing of it.
      const old = world(server, { asks: server.capabilities & ~(1 << 23) })
      old.ask(plain(server, 'init db').command, null)
      old.answer(plain(server, 'init db').reply)
      t.same(old.seen(), message(1, Buffer.from([0, 0, 0, 2, 0, 0, 0])))
      t.same(old.settings, [['schema', 'mysql']])
    }
  },
)

t.test('three ways to carry a value out by session tracking fail', async (t) => {
  const server = goldenServers[0] as GoldenServer
  const variable = (name: string, value: string) => {
    const text = Buffer.concat([
      Buffer.from([name.length]),
      Buffer.from(name),
      Buffer.from([value.length]),
      Buffer.from(value),
    ])
    const block = Buffer.concat([Buffer.from([0, text.length]), text])
    return message(1, Buffer.from([0, 0, 0, 2, 0x40, 0, 0, 0, block.length]), block)
  }
  const told = (reply: Buffer, options = {}) => {
    const { ask, answer, seen } = world(server, options)
    ask(Buffer.from('\x03set x = (select ssn from customers)'))
    answer(reply)
    return seen()
  }
  // A variable that is tracked because the agent asked for it.
  t.notOk(told(variable('default_master_connection', '078-05-1120')).includes('078'))
  // One that is shown otherwise, beside classified data.
  const secret = variable('time_zone', '+07:08')
  t.ok(told(secret).includes('+07:08'))
  t.notOk(told(secret, { shows: () => false }).includes('+07:08'))
  // A server that sends its clients elsewhere, past the proxy.
  const redirected = { ...server, tracked: [...server.tracked, 'redirect_url'] }
  const { ask, answer, seen } = world(redirected)
  ask(Buffer.from('\x03select 1'))
  answer(variable('redirect_url', 'mysql://elsewhere'))
  t.notOk(seen().includes('elsewhere'))
  // A block of a kind that isn't known ends the session.
  const odd = message(1, Buffer.from([0, 0, 0, 2, 0x40, 0, 0, 0, 3, 9, 1, 65]))
  t.throws(() => told(odd), { code: 'PROTOCOL_VIOLATION' })
  // So does a character set in which a quote can hide.
  t.throws(() => told(variable('character_set_client', 'gbk')), /read differently/)
})

t.test(
  'the client’s ids of statements are the proxy’s own, known before the server answers',
  async (t) => {
    const server = goldenServers[0] as GoldenServer
    const { ask, answer, sent, seen, dialogue, failed } = world(server)
    const prepare = plain(server, 'prepare')
    const execute = plain(server, 'binary rows of every kind').command
    ask(Buffer.from('\x16select 1'), null)
    t.same(sent(), message(0, Buffer.from('\x16select 1')))
    // MariaDB's clients send the execution behind the preparation, by the id of "the last".
    const last = Buffer.from(execute)
    last.writeUInt32LE(0xffffffff, 1)
    ask(prepare.command, null)
    sent()
    const request = ask(last)
    if (request.kind !== 'run') throw new Error('no execution')
    t.equal(request.statement, '2')
    t.same(sent(), Buffer.alloc(0), 'it waits until the server has named the statement')
    t.throws(() => request.parameters(), { code: 'UNKNOWN_STATEMENT' })
    const failure = plain(server, 'an error').reply
    answer(failure)
    const named = Buffer.from(prepare.reply)
    named.writeUInt32LE(77, 5)
    seen()
    answer(named)
    t.equal(seen().readUInt32LE(5), 2, 'the client knows it as 2')
    t.equal(sent().readUInt32LE(5), 77, 'the server as 77')
    t.equal(request.parameters()[0]?.value?.readUInt32LE(0), 1)
    answer(plain(server, 'binary rows of every kind').reply)
    // The one whose preparation failed is nobody's.
    const first = Buffer.from(execute)
    first.writeUInt32LE(1, 1)
    seen()
    ask(first)
    t.same(sent(), Buffer.alloc(0))
    t.match(decodeError(payloadOf(seen())), { number: 1243, sqlState: 'HY000' })
    t.same(failed, ['26000'])
    t.ok(dialogue.idle)
  },
)

t.test('refusals are the proxy’s own, in their turn, and nothing is said unasked', async (t) => {
  const server = goldenServers[0] as GoldenServer
  const { ask, answer, seen, sent, dialogue, decode } = world(server)
  const denied = new ProxyError('APPROVAL_NEEDED', 'DROP needs approval: request abc')
  t.same(dialogue.refusal(denied), Buffer.alloc(0), 'a client that waits for nothing')
  t.same(
    [dialogue.notice('a', 'b'), dialogue.ready(), dialogue.done?.()],
    [Buffer.alloc(0), Buffer.alloc(0), Buffer.alloc(0)],
  )
  decode(Buffer.from('\x03drop table a'))
  t.match(decodeError(payloadOf(dialogue.refusal(denied))), {
    number: 1644,
    sqlState: '45000',
    message: /^ZA001: DROP needs approval: request abc/,
  })
  t.same(dialogue.refusal(denied), Buffer.alloc(0), 'once')
  // Behind a statement whose rows are still to come.
  const step = plain(server, 'no rows')
  ask(step.command)
  decode(Buffer.from('\x03drop table b'))
  dialogue.sendRefusal(denied)
  t.same(seen(), Buffer.alloc(0))
  sent()
  answer(step.reply)
  const answers = messagesIn(seen())
  t.equal(answers.at(-1)?.[4], 0xff)
  t.same(Buffer.concat(answers.slice(0, -1)), step.reply)
  t.same(sent(), Buffer.alloc(0), 'the server never heard of it')
  // A command of two packets is answered by the third.
  decode(Buffer.concat([Buffer.from([3]), Buffer.alloc(0xffffff, 32)]))
  t.equal(dialogue.refusal(denied)[3], 2)
  // A session that ends in the middle of a result: the error is its next packet.
  ask(step.command)
  answer(step.reply.subarray(0, 11))
  t.equal(dialogue.refusal(new ProxyError('SHUTDOWN', 'stopping'))[3], 1)
  // What the server says unasked ends the session, and stays here.
  const idle = world(server)
  idle.answer(message(0, Buffer.from([0xff, 0xbf, 0x0f]), Buffer.from('#HY000gone')))
  t.ok(idle.dialogue.ended)
  t.same(idle.seen(), Buffer.alloc(0))
})

t.test('the proxy’s own questions are answered between the client’s', async (t) => {
  for (const server of goldenServers) {
    const { ask, answer, seen, dialogue, sent, readies } = world(server)
    const question = dialogue.ask('select id, vc from kinds where id = 1')
    ask(Buffer.from('\x0e'), null)
    const result = plain(server, 'several statements').reply
    t.ok(sent().includes('select id, vc'))
    answer(plain(server, 'no rows').reply)
    t.same(await question, { ok: true, rows: [] })
    t.same(seen(), Buffer.alloc(0))
    answer(plain(server, 'ping').reply)
    t.same(seen(), plain(server, 'ping').reply)
    t.equal(readies(), 1)
    const fails = dialogue.ask('select nope')
    answer(plain(server, 'an error').reply)
    t.match(await fails, { ok: false, sqlState: '42S02' })
    const columns = dialogue.describe('select ...')
    answer(plain(server, 'prepare').reply)
    t.equal((await columns)?.length, 23)
    t.equal(sent().at(-5), 0x19, 'the statement is freed')
    t.same(seen(), Buffer.alloc(0))
    t.ok(result.length > 0)
  }
})

t.test('a reset sets the tracking up again before the client is told', async (t) => {
  for (const server of goldenServers) {
    const { ask, answer, seen, sent, settings, dialogue } = world(server)
    ask(plain(server, 'prepare').command, null)
    answer(plain(server, 'prepare').reply)
    ask(Buffer.from([0x1f]), null)
    const asked = sent().toString('latin1')
    t.match(asked, /SET SESSION session_track_schema/)
    seen()
    answer(plain(server, 'reset connection').reply)
    answer(plain(server, 'ping').reply)
    t.same(seen(), Buffer.alloc(0))
    t.ok(asked.includes('@@sql_mode'))
    const cells = [
      'autocommit',
      '1',
      'shop',
      '1',
      'utf8mb4',
      'utf8mb4',
      'utf8mb4',
      'x',
      '1',
      'STRICT',
      'UTC',
      '28800',
    ]
    answer(oneRow(server, cells))
    t.same(settings.at(-3), ['sql_mode', 'STRICT'])
    t.same(seen(), message(1, Buffer.from([0, 0, 0, 2, 0, 0, 0])))
    const execute = plain(server, 'binary rows of every kind').command
    ask(execute)
    t.match(decodeError(payloadOf(seen())), { number: 1243 }, 'statements are gone')
    t.ok(dialogue.idle)
  }
})

t.test(
  'a reset to a character set that isn’t read as the proxy does ends the session',
  async (t) => {
    const server = goldenServers[0] as GoldenServer
    const { ask, answer } = world(server)
    ask(Buffer.from([0x1f]), null)
    answer(plain(server, 'reset connection').reply)
    answer(plain(server, 'ping').reply)
    const cells = [
      'autocommit',
      '1',
      'shop',
      '1',
      'gbk',
      'gbk',
      'gbk',
      'x',
      '1',
      'STRICT',
      'UTC',
      '9',
    ]
    t.throws(() => answer(oneRow(server, cells)), /read differently/)
  },
)

/** A result of one row of text columns. */
function oneRow({ deprecateEof }: GoldenServer, cells: readonly string[]): Buffer {
  const text = (value: string) => Buffer.concat([Buffer.from([value.length]), Buffer.from(value)])
  const column = Buffer.concat([
    ...['def', '', '', '', 'x', ''].map(text),
    Buffer.from('0c2d00ffff0000fd0000000000', 'hex'),
  ])
  const eof = Buffer.from('fe00000200', 'hex')
  const payloads = [
    Buffer.from([cells.length]),
    ...cells.map(() => column),
    ...(deprecateEof ? [] : [eof]),
    Buffer.concat(cells.map(text)),
    deprecateEof ? Buffer.from('fe000002000000', 'hex') : eof,
  ]
  return Buffer.concat(payloads.map((payload, index) => message(index + 1, payload)))
}

t.test('replies that can’t be followed end the session', async (t) => {
  const server = goldenServers.find(({ deprecateEof }) => deprecateEof) as GoldenServer
  const refuses = (what: string, reply: Buffer, options = {}) => {
    const { ask, answer } = world(server, options)
    ask(Buffer.from('\x03select 1'))
    t.throws(() => answer(reply), { code: 'PROTOCOL_VIOLATION' }, what)
  }
  const text = plain(server, 'text rows of every kind').reply
  refuses('a request for a local file', message(1, Buffer.from('\xfb/etc/passwd', 'latin1')))
  refuses('cached metadata: a count with a byte behind it', message(1, Buffer.from([1, 0])))
  refuses('a progress report', message(1, Buffer.from([0xff, 0xff, 0xff, 1, 1, 1, 0, 0, 0, 0])))
  refuses('another sequence id', message(2, Buffer.from([0, 0, 0, 2, 0, 0, 0])))
  refuses('rows that nobody planned', text, { plan: 'unknown' })
  refuses('an OK packet with more behind it', message(1, Buffer.from([0, 0, 0, 2, 0, 0, 0, 0, 9])))
  refuses('no columns', message(1, Buffer.from([0xfe, 0, 0, 0, 0, 0, 0, 0, 0])))
  const masker = () => () => Buffer.from('x')
  const rows = messagesIn(text)
  const short = Buffer.concat([...rows.slice(0, 24), message(25, Buffer.from([1, 65]))])
  refuses('a row with fewer cells than the plan', short, { masker })
  const { answer } = world(server)
  t.throws(() => answer(text), { code: 'PROTOCOL_VIOLATION' }, 'a result nobody asked for')
})

t.test('errors beside classified data are scrubbed', async (t) => {
  for (const server of goldenServers) {
    const { ask, answer, seen } = world(server, { guarded: true })
    const step = plain(server, 'an error')
    ask(step.command)
    answer(step.reply)
    t.match(decodeError(payloadOf(seen())), {
      number: 1146,
      sqlState: '42S02',
      message: 'withheld',
    })
  }
})

t.test('a column has the name that the client is to be told, in every character set', async (t) => {
  const text = (value: string, width: number, place: number) => {
    const bytes = Buffer.alloc(value.length * width)
    for (let at = 0; at < value.length; at++) bytes[at * width + place] = value.charCodeAt(at)
    return Buffer.concat([Buffer.from([bytes.length]), bytes])
  }
  const fixed = Buffer.from('0c2d00140000000305000000000000'.slice(0, 26), 'hex')
  for (const [width, place] of [
    [1, 0],
    [2, 0],
    [2, 1],
    [4, 3],
  ] as const) {
    const parts = ['def', 'shop', 'secret', 'customers', 'secret', 'secret']
    const payload = Buffer.concat([...parts.map((part) => text(part, width, place)), fixed])
    const renamed = withName(payload, 'column 1')
    const { name, origin, ...facts } = decodeColumn(renamed, false)
    t.equal(name, 'column 1')
    t.match(origin, { schema: 'shop', tableAlias: 'customers', table: 'customers', column: '' })
    const { name: _name, origin: _origin, ...before } = decodeColumn(payload, false)
    t.same(facts, before, 'all else stays')
    for (let end = 0; end < payload.length - fixed.length; end++) {
      t.throws(() => withName(payload.subarray(0, end), 'x'), { code: 'PROTOCOL_VIOLATION' })
    }
  }
})
