import t from 'tap'
import { ProxyError } from '../../../src/lib/errors.ts'
import type { Dialogue } from '../../../src/wire/dialogue.ts'
import { Outbox } from '../../../src/wire/outbox.ts'
import { openPostgresDialogue } from '../../../src/wire/postgres/dialogue.ts'
import { cstring, int16, int32, message } from '../../../src/wire/postgres/framing.ts'
import * as type from '../../../src/wire/postgres/message-types.ts'
import type { Request } from '../../../src/wire/requests.ts'

/** What a test calls an exchange. */
type Name = string

const row = (...cells: (string | null)[]) =>
  message(
    type.DATA_ROW,
    int16(cells.length),
    ...cells.map((cell) =>
      cell === null ? int32(-1) : Buffer.concat([int32(cell.length), Buffer.from(cell)]),
    ),
  )
const column = (name: string) =>
  Buffer.concat([cstring(name), int32(0), int16(0), int32(25), int16(-1), int32(-1), int16(0)])
const description = (...names: string[]) =>
  message(type.ROW_DESCRIPTION, int16(names.length), ...names.map(column))
const complete = (tag: string) => message(type.COMMAND_COMPLETE, cstring(tag))
const ready = (status: string) => message(type.READY_FOR_QUERY, Buffer.from(status))
const COPY_IN = message(type.COPY_IN_RESPONSE, Buffer.from([0]), int16(1), int16(0))
const PARSED = message(type.PARSE_COMPLETE)
const BOUND = message(type.BIND_COMPLETE)
const CLOSED = message(type.CLOSE_COMPLETE)
const failure = (code: string, text: string, severity = 'ERROR') =>
  message(
    type.ERROR_RESPONSE,
    ...[`S${severity}`, `V${severity}`, `C${code}`, `M${text}`, 'Dthe secret'].map(cstring),
    Buffer.from([0]),
  )

/** A dialogue whose ends are kept, and a listener that writes down what it hears. */
function open(
  options: { masked?: boolean; guarded?: boolean; names?: readonly (string | null)[] } = {},
) {
  const sent: Buffer[] = []
  const shown: Buffer[] = []
  const heard: string[] = []
  const toServer = new Outbox((bytes) => sent.push(Buffer.from(bytes)))
  const toClient = new Outbox((bytes) => shown.push(Buffer.from(bytes)))
  const dialogue: Dialogue<Name> = openPostgresDialogue<Name>({
    maxMessage: 1024,
    toServer,
    toClient,
    scrub: (fields) =>
      new Map(
        [...fields]
          .filter(([letter]) => letter !== 'D')
          .map(([k, v]) => [k, k === 'M' ? 'scrubbed' : v]),
      ),
    listener: {
      described: (x, statement, { columns }) => {
        heard.push(`columns ${x}/${statement} ${columns().map((c) => c.name)}`)
        return options.names ?? null
      },
      maskers: () => (options.masked ? [() => Buffer.from('***'), null] : null),
      meter: () => null,
      stopped: () => {},
      copyOut: () => null,
      guarded: () => options.guarded ?? false,
      completed: (x, statement, { tag, rows, suspended }) =>
        heard.push(`completed ${x}/${statement} ${tag} ${rows}${suspended ? ' suspended' : ''}`),
      failed: (x, sqlState, skipped) =>
        heard.push(`failed ${x} ${sqlState}${skipped ? ' skipped' : ''}`),
      showsPayload: () => true,
      setting: (name, value) => heard.push(`setting ${name}=${value}`) > 0,
      failedAtSync: (sqlState) => heard.push(`failed at Sync ${sqlState}`) > 0,
      readsBy: (name, value, asWe) => {
        heard.push(`reads by ${name}=${value}`)
        return asWe
      },
      ready: (transaction) => heard.push(`ready ${transaction}`),
      drained: () => {},
    },
  })
  const ask = (request: Request, exchange: Name | null = null) =>
    dialogue.send({
      request,
      bytes: Buffer.from(request.kind),
      exchange,
      settle: (done) => heard.push(`${request.kind} ${done}`),
    })
  return {
    dialogue,
    heard,
    ask,
    receive: (...chunks: Buffer[]) => {
      for (const chunk of chunks) dialogue.receive(chunk)
      toClient.flush()
    },
    shown: () => {
      toClient.flush()
      return Buffer.concat(shown)
    },
    sent: () => {
      toServer.flush()
      return Buffer.concat(sent)
    },
  }
}

const QUERY: Request = { kind: 'query', sql: Buffer.from('select 1') }
const PARSE: Request = { kind: 'prepare', statement: '', sql: Buffer.from('x'), parameterTypes: [] }
const BIND: Request = { kind: 'bind', portal: '', statement: '', parameters: [], resultFormats: [] }
const EXECUTE: Request = { kind: 'execute', portal: '', maxRows: 0 }
const SYNC: Request = { kind: 'sync' }

t.test('replies are the same wherever the reads cut them', async (t) => {
  const replies = Buffer.concat([
    description('a', 'b'),
    row('secret', 'plain'),
    row(null, 'x'),
    complete('SELECT 2'),
    ready('I'),
  ])
  const expected = Buffer.concat([
    description('a', 'b'),
    row('***', 'plain'),
    row(null, 'x'),
    complete('SELECT 2'),
    ready('I'),
  ])
  for (let cut = 0; cut <= replies.length; cut++) {
    const wire = open({ masked: true })
    wire.ask(QUERY, 'q')
    wire.receive(replies.subarray(0, cut), replies.subarray(cut))
    if (!wire.shown().equals(expected)) t.fail(`cut at ${cut}`)
    t.match(wire.heard, ['columns q/0 a,b', 'completed q/0 SELECT 2 2', 'query true', 'ready idle'])
  }
})

t.test(
  'columns have the names that the client is to be told, wherever the answer is cut',
  async (t) => {
    const end = [row('1', '2'), complete('SELECT 1'), ready('I')]
    const replies = Buffer.concat([description('a', 'bé'), ...end])
    const expected = Buffer.concat([description('column 1', 'bé'), ...end])
    for (let cut = 0; cut <= replies.length; cut++) {
      const wire = open({ names: ['column 1', null] })
      wire.ask(QUERY, 'q')
      wire.receive(replies.subarray(0, cut), replies.subarray(cut))
      if (!wire.shown().equals(expected)) t.fail(`cut at ${cut}`)
    }
    t.pass('every cut')
  },
)

t.test('rows without a mask pass in the memory they came in', async (t) => {
  const wire = open()
  wire.ask(QUERY, 'q')
  const replies = Buffer.concat([
    description('a'),
    row('1'),
    row('2'),
    complete('SELECT 2'),
    ready('T'),
  ])
  wire.receive(replies)
  t.same(wire.shown(), replies)
  t.equal(wire.dialogue.transaction, 'in-transaction')
})

t.test('an error skips to Sync, and what was skipped is known not to have run', async (t) => {
  const wire = open()
  for (const [request, name] of [
    [PARSE, null],
    [BIND, 'one'],
    [EXECUTE, 'one'],
    [PARSE, null],
    [BIND, 'two'],
    [EXECUTE, 'two'],
    [SYNC, null],
  ] as const) {
    wire.ask(request, name)
  }
  wire.receive(PARSED, BOUND, failure('22012', 'division by zero'), ready('I'))
  t.same(wire.heard, [
    'prepare true',
    'bind true',
    'execute false',
    'failed one 22012',
    'prepare false',
    'bind false',
    'failed two 22012 skipped',
    'execute false',
    'failed two 22012 skipped',
    'ready idle',
  ])
  t.ok(wire.dialogue.idle)
})

t.test('a check that fails at Sync is passed on, and ReadyForQuery follows', async (t) => {
  const wire = open()
  for (const request of [PARSE, BIND, EXECUTE, SYNC]) wire.ask(request, 'one')
  wire.receive(PARSED, BOUND, complete('UPDATE 1'), failure('23505', 'duplicate key'), ready('I'))
  t.same(wire.heard.slice(-2), ['failed at Sync 23505', 'ready idle'])
  t.match(wire.shown().toString('latin1'), 'scrubbed')
  t.ok(wire.dialogue.idle)
})

t.test(
  'after an error without Sync a simple query is ignored, as the server ignores it',
  async (t) => {
    const wire = open()
    wire.ask(PARSE)
    wire.receive(failure('42601', 'no'))
    t.equal(wire.dialogue.skipping, true)
    wire.ask(QUERY, 'ignored')
    t.match(wire.heard.at(-1), 'failed ignored')
    t.notOk(wire.sent().includes('query'), 'it is not sent')
    wire.ask(SYNC)
    wire.receive(ready('I'))
    t.equal(wire.dialogue.skipping, false)
  },
)

t.test('a refusal makes the server fail there, and only that error is replaced', async (t) => {
  const wire = open()
  wire.ask(PARSE)
  wire.dialogue.sendRefusal(new ProxyError('STATEMENT_DENIED', 'denied: no'))
  wire.ask(SYNC)
  t.match(wire.sent().toString('latin1'), /countersign_[0-9a-f]{24}\0refused by countersign/)
  wire.receive(PARSED, failure('42601', 'syntax error at or near "refused"'), ready('E'))
  const shown = wire.shown().toString('latin1')
  t.match(shown, /C42501\0Mdenied: no/)
  t.notMatch(shown, 'syntax error')
  t.equal(wire.dialogue.transaction, 'failed', "the transaction's state is the server's own")
})

t.test("an error of the statement before a refusal stays the server's", async (t) => {
  const wire = open()
  wire.ask(PARSE)
  wire.dialogue.sendRefusal(new ProxyError('STATEMENT_DENIED', 'denied'))
  wire.ask(SYNC)
  wire.receive(failure('42P01', 'relation does not exist'), ready('I'))
  const shown = wire.shown().toString('latin1')
  t.match(shown, 'relation does not exist')
  t.notMatch(shown, 'denied')
})

t.test(
  'a name that nobody gave is freed before it is used, so its use can only fail',
  async (t) => {
    for (const [use, freed] of [
      [message(type.BIND, cstring('portal'), cstring('grüße'), Buffer.alloc(6)), 'Sgrüße\0'],
      [message(type.EXECUTE, cstring('x'.repeat(70)), int32(0)), `P${'x'.repeat(70)}\0`],
    ] as const) {
      const wire = open()
      wire.dialogue.sendNameless(use)
      wire.ask(SYNC)
      const close = message(type.CLOSE, Buffer.from(freed))
      t.ok(wire.sent().equals(Buffer.concat([close, use, Buffer.from('sync')])), freed)
      const error = failure('26000', 'there is no such name')
      wire.receive(CLOSED, error, ready('I'))
      t.ok(wire.shown().equals(Buffer.concat([error, ready('I')])), "and the error is the server's")
    }
    for (const success of [BOUND, row('a row'), complete('SELECT 1')]) {
      const wire = open()
      wire.dialogue.sendNameless(message(type.EXECUTE, cstring('p'), int32(0)))
      t.throws(() => wire.receive(CLOSED, success), { code: 'PROTOCOL_VIOLATION' })
    }
  },
)

t.test('a function result answers a call by the fast path and nothing else', async (t) => {
  const result = message(type.FUNCTION_CALL_RESPONSE, int32(1), Buffer.from('7'))
  const wire = open()
  wire.ask({ kind: 'function-call', oid: 1397 }, 'f')
  wire.receive(result, ready('I'))
  t.ok(wire.shown().equals(Buffer.concat([result, ready('I')])))
  t.match(wire.heard, ['completed f/0 null 0', 'function-call true', 'ready idle'])
  for (const request of [QUERY, EXECUTE]) {
    const other = open({ masked: true })
    other.ask(request, 'q')
    t.throws(() => other.receive(result), { code: 'PROTOCOL_VIOLATION' })
  }
})

t.test("a question of the proxy's own is seen by nobody", async (t) => {
  const wire = open()
  const answer = wire.dialogue.ask('SELECT context')
  // Its portal is closed and so is its statement.
  wire.receive(PARSED, BOUND, row('here'), complete('SELECT 1'), CLOSED, CLOSED, ready('I'))
  t.same(await answer, { ok: true, rows: [[Buffer.from('here')]] })
  const failed = wire.dialogue.ask('SELECT nothing')
  wire.receive(failure('42P01', 'gone'), ready('I'))
  t.match(await failed, { ok: false, sqlState: '42P01' })
  t.equal(wire.shown().length, 0)
})

t.test('a text that the grammar refuses is parsed by the server and never run', async (t) => {
  const wire = open()
  const denied = new ProxyError('STATEMENT_DENIED', 'denied: unreadable')
  wire.dialogue.sendForSyntaxError(Buffer.from('SELEC 1'), denied)
  t.equal(wire.sent()[0], type.PARSE, 'a Parse in place of the Query')
  wire.receive(failure('42601', 'syntax error at or near "SELEC"'), ready('I'))
  t.match(wire.shown().toString('latin1'), 'SELEC')
  const other = open()
  other.dialogue.sendForSyntaxError(Buffer.from('SELECT newer'), denied)
  other.ask(QUERY, 'next')
  const answer = [description('a'), row('1'), complete('SELECT 1'), ready('I')]
  other.receive(Buffer.concat([PARSED, ready('I'), ...answer]))
  const refusal = other.dialogue.refusal(denied)
  t.same(other.shown(), Buffer.concat([refusal, ready('I'), ...answer]), 'each in its turn')
})

t.test('Syncs that the server reads inside COPY are not waited for', async (t) => {
  const wire = open()
  for (const request of [PARSE, BIND, EXECUTE, SYNC]) wire.ask(request, 'copy')
  wire.receive(PARSED, BOUND, message(type.COPY_IN_RESPONSE, Buffer.from([0]), int16(1), int16(0)))
  wire.ask({ kind: 'copy-data' })
  wire.ask(SYNC)
  wire.ask({ kind: 'copy-end' })
  wire.ask(SYNC)
  wire.receive(complete('COPY 1'), ready('I'))
  t.ok(wire.dialogue.idle)
  t.equal(wire.heard.filter((line) => line === 'ready idle').length, 1)
})

t.test(
  'errors beside classified data are scrubbed; a setting that changes the reading of text ends it',
  async (t) => {
    const wire = open({ guarded: true })
    wire.ask(QUERY, 'q')
    wire.receive(failure('23514', 'Failing row contains (the secret)'), ready('I'))
    t.notMatch(wire.shown().toString('latin1'), 'secret')
    const status = (name: string, value: string) =>
      message(type.PARAMETER_STATUS, cstring(name), cstring(value))
    t.throws(() => wire.receive(status('standard_conforming_strings', 'off')), {
      code: 'PROTOCOL_VIOLATION',
    })
    t.throws(() => wire.receive(status('client_encoding', 'SJIS')), { code: 'PROTOCOL_VIOLATION' })
  },
)

t.test('what cannot be followed ends the conversation', async (t) => {
  const cases: [string, Buffer][] = [
    ['a row nobody asked for', row('1')],
    ['a completion nobody asked for', complete('SELECT 1')],
    ['a ReadyForQuery too many', ready('I')],
    ['CopyBoth', message(0x57, Buffer.from([0]), int16(0))],
    ['a function result', message(0x56, int32(-1))],
    ['an unknown message', message(0x7e)],
    ['a length below four', Buffer.from([0x5a, 0, 0, 0, 3])],
    ['a message over the limit', Buffer.from([0x44, 0, 0, 8, 0])],
    ['an unknown status', ready('?')],
  ]
  for (const [what, bytes] of cases) {
    t.throws(() => open().receive(bytes), { code: 'PROTOCOL_VIOLATION' }, what)
  }
  const wire = open({ masked: true })
  wire.ask(QUERY, 'q')
  t.throws(() => wire.receive(description('a', 'b'), row('one column')), {
    code: 'PROTOCOL_VIOLATION',
  })
})

t.test('the end of a COPY is waited for only while a COPY may be under way', async (t) => {
  const wire = open()
  wire.ask({ kind: 'copy-end' })
  t.ok(wire.dialogue.idle, 'the server ignores it')
  wire.ask(QUERY, 'q')
  wire.ask({ kind: 'copy-end' })
  wire.receive(complete('SELECT 0'), ready('I'))
  t.ok(wire.dialogue.idle)
  wire.ask(QUERY, 'copy')
  wire.receive(COPY_IN)
  t.equal(wire.dialogue.awaitsCopyData, true)
  wire.ask({ kind: 'copy-end' })
  t.equal(wire.dialogue.awaitsCopyData, false)
  wire.receive(complete('COPY 0'), ready('I'))
  t.ok(wire.dialogue.idle)
  wire.ask(QUERY, 'copy')
  wire.receive(COPY_IN)
  wire.ask({ kind: 'copy-end' })
  wire.receive(failure('57014', 'COPY failed'))
  t.equal(wire.dialogue.awaitsCopyData, false, 'it is over before ReadyForQuery')
})

t.test('it is known when the client has half of a row', async (t) => {
  const wire = open()
  wire.ask(QUERY, 'q')
  const half = row('a long value')
  wire.receive(description('a'), half.subarray(0, 12))
  t.equal(wire.dialogue.midMessage, true)
  wire.receive(half.subarray(12))
  t.equal(wire.dialogue.midMessage, false)
})

t.test('a COPY of a pipeline that its client ends is over at the next Sync', async (t) => {
  const COPY_END: Request = { kind: 'copy-end' }
  for (const [over, ...replies] of [
    ['it fails', failure('57014', 'COPY failed'), ready('I')],
    ['it is done', complete('COPY 1'), ready('I')],
  ] as const) {
    const wire = open()
    for (const request of [PARSE, BIND, EXECUTE, SYNC]) wire.ask(request, 'copy')
    wire.receive(PARSED, BOUND, COPY_IN)
    wire.ask(COPY_END)
    wire.ask(SYNC)
    wire.ask(QUERY, 'next')
    wire.receive(...replies, complete('SELECT 1'), ready('I'))
    t.equal(wire.heard.at(-1), 'ready idle', over)
    t.ok(wire.heard.includes('completed next/0 SELECT 1 1'), over)
    t.ok(wire.dialogue.idle)
    t.equal(wire.dialogue.skipping, false)
  }
})

t.test('a Sync within COPY data may find that the COPY has failed already', async (t) => {
  const wire = open()
  for (const request of [PARSE, BIND, EXECUTE]) wire.ask(request, 'copy')
  wire.receive(PARSED, BOUND, COPY_IN)
  wire.ask(SYNC)
  wire.receive(failure('22P02', 'not a number'), ready('I'))
  t.equal(wire.dialogue.skipping, false, 'it was answered')
})
