import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import sasl from 'pg/lib/crypto/sasl.js'
import { serialize } from 'pg-protocol'
import t from 'tap'
import { readLines } from '../../src/audit/read-lines.ts'
import { readEvents } from '../../src/cli/server-sent-events.ts'
import { makeVerifier } from '../../src/identity/scram-verifier.ts'
import { copyMasker } from '../../src/mask/copy.ts'
import { copyOptions } from '../../src/mask/copy-options.ts'
import { constantMasker } from '../../src/mask/maskers/constant.ts'
import { AgentChannel } from '../../src/net/channels.ts'
import { Framer } from '../../src/wire/framer.ts'
import type { CellMasker } from '../../src/wire/maskers.ts'
import { Outbox } from '../../src/wire/outbox.ts'
import { openPostgresDialogue } from '../../src/wire/postgres/dialogue.ts'
import { cstring, int16, int32, message, postgresLayout } from '../../src/wire/postgres/framing.ts'
import { decodeRequest } from '../../src/wire/postgres/frontend-messages.ts'
import { PASSWORD } from '../../src/wire/postgres/message-types.ts'
import { authenticateByScram } from '../../src/wire/postgres/scram-server.ts'
import { openPostgres } from '../../src/wire/postgres/startup.ts'
import type { Request } from '../../src/wire/requests.ts'
import { dataRow, errorMessage, lettered, rowDescription } from '../fuzz/letters.ts'
import { startupPacket, untyped } from '../support/e2e-raw.ts'
import { FakeConnection } from '../support/fake-connection.ts'

/*
 * Every decoder of bytes: what comes out is the same wherever the reads cut what goes in. The login
 * to a database is in postgres/upstream-login.test.ts, COPY of a real server in mask/copy.test.ts.
 */

/** All ways to cut once, none, and byte by byte. */
function* cuts(bytes: Buffer): Generator<Buffer[]> {
  for (let at = 0; at < bytes.length; at++) yield [bytes.subarray(0, at), bytes.subarray(at)]
  yield [...bytes].map((byte) => Buffer.from([byte]))
}

/** Compares what `run` makes of the whole with what it makes of every cut. */
async function sameForEveryCut<T>(
  test: { strictSame(got: unknown, want: unknown, what: string): boolean },
  bytes: Buffer,
  run: (pieces: readonly Buffer[]) => T | Promise<T>,
): Promise<T> {
  const whole = await run([bytes])
  for (const pieces of cuts(bytes)) {
    const what = `${pieces.length} pieces, the first of ${pieces[0]?.length}`
    test.strictSame(await run(pieces), whole, what)
  }
  return whole
}

const opened = (greeting: readonly Buffer[]) => async (pieces: readonly Buffer[]) => {
  const connection = new FakeConnection()
  const opening = openPostgres(new AgentChannel(connection.face, null), { tlsRequired: false })
  opening.catch(() => {})
  for (const packet of greeting) {
    connection.deliver(packet)
    while (connection.take().length === 0) await null
  }
  for (const piece of pieces) if (piece.length > 0) connection.deliver(piece)
  const result = await opening
  return { result, written: connection.take().toString('latin1') }
}

t.test('the opening of a connection', async (t) => {
  const who = { user: 'bot', database: 'shop', options: '-c search_path=a,\\ b --TimeZone=UTC' }
  const parameters = { ...who, '_pq_.later': 'on', application_name: 'é' }
  const startup = startupPacket(parameters, (3 << 16) | 9)
  const { result } = await sameForEveryCut(t, startup, opened([]))
  t.match(result, { kind: 'session', hello: { user: 'bot' } })
  const asks = [untyped(int32(80877103)), untyped(int32(80877104))]
  await sameForEveryCut(t, startup, opened(asks))
  const cancel = untyped(int32(80877102), int32(7), Buffer.alloc(32, 9))
  const { result: cancelled } = await sameForEveryCut(t, cancel, opened([]))
  t.match(cancelled, { kind: 'cancel' })
})

t.test('the proof of a password', async (t) => {
  const verifier = makeVerifier('right')
  const login = async (cut: (message: Buffer) => readonly Buffer[]) => {
    const connection = new FakeConnection()
    const done = authenticateByScram(new AgentChannel(connection.face, null), verifier)
    done.catch(() => {})
    const session = sasl.startSession(['SCRAM-SHA-256'], null)
    const say = async (...parts: Buffer[]) => {
      connection.take()
      for (const piece of cut(message(PASSWORD, ...parts))) {
        if (piece.length > 0) connection.deliver(piece)
      }
      for (let turns = 0; turns < 20; turns++) await null
      return connection.take()
    }
    const { response } = session
    const first = await say(cstring('SCRAM-SHA-256'), int32(response.length), Buffer.from(response))
    await sasl.continueSession(session, 'right', first.subarray(9).toString(), null)
    await say(Buffer.from(session.response))
    await done
  }
  for (let at = 0; at < 60; at++) {
    await login((bytes) => [bytes.subarray(0, at), bytes.subarray(at)])
  }
  await login((bytes) => [...bytes].map((byte) => Buffer.from([byte])))
  t.pass('it opens')
})

t.test('every message of a client', async (t) => {
  const stream = Buffer.concat([
    serialize.parse({ name: 'é', text: 'SELECT $1::int', types: [23, 0] }),
    serialize.bind({ portal: 'p', statement: 'é', values: ['1', null], binary: true }),
    serialize.bind({ values: [Buffer.from([0, 1, 2]), 'x'] }),
    serialize.describe({ type: 'S', name: 'é' }),
    serialize.describe({ type: 'P' }),
    serialize.execute({ portal: 'p', rows: 7 }),
    serialize.close({ type: 'P', name: 'p' }),
    serialize.flush(),
    serialize.copyData(Buffer.from('1\t2\n')),
    serialize.copyDone(),
    serialize.copyFail('no'),
    serialize.sync(),
    serialize.query("SELECT 'ü'"),
    lettered('F', Buffer.alloc(8)),
    serialize.end(),
  ])
  const decoded = (passing: boolean) => (pieces: readonly Buffer[]) => {
    const requests: Request[] = []
    let passed = ''
    const framer = new Framer(postgresLayout, 1000, {
      opens: (type) => (passing && type === 0x64 ? 'pass' : 'whole'),
      frame: (type, bytes) => requests.push(decodeRequest(type, Buffer.from(bytes))),
      run: (bytes) => {
        passed += bytes.toString('latin1')
      },
    })
    for (const piece of pieces) framer.push(piece)
    return { requests, passed, atBoundary: framer.atBoundary }
  }
  const { requests } = await sameForEveryCut(t, stream, decoded(false))
  t.equal(requests.length, 15)
  await sameForEveryCut(t, stream, decoded(true))
})

const ANSWERS = Buffer.concat([
  lettered('N', ...['SNOTICE', 'VNOTICE', 'C00000', 'Mhello', ''].map(cstring)),
  lettered('S', cstring('application_name'), cstring('x')),
  rowDescription([
    { name: 'secret', tableOid: 1, columnNumber: 1, typeOid: 25 },
    { name: 'plain', tableOid: 1, columnNumber: 2, typeOid: 25 },
  ]),
  dataRow(['hidden', 'é']),
  dataRow([null, '']),
  lettered('C', cstring('SELECT 2')),
  lettered('H', Buffer.from([0]), int16(2), int16(0), int16(0)),
  lettered('d', Buffer.from('hidden\tpl')),
  lettered('d', Buffer.from('ain\n\\N\tx\n')),
  lettered('c'),
  lettered('C', cstring('COPY 2')),
  lettered('A', int32(7), cstring('news'), cstring('text')),
  errorMessage('22012', 'division by zero'),
  lettered('Z', Buffer.from('T')),
])

t.test('every answer of a server, masked and as it is', async (t) => {
  const shown = (mask: CellMasker | null) => (pieces: readonly Buffer[]) => {
    const masked = mask !== null
    const out: Buffer[] = []
    const heard: string[] = []
    const toClient = new Outbox((bytes) => out.push(Buffer.from(bytes)))
    const dialogue = openPostgresDialogue<string>({
      maxMessage: 1000,
      toServer: new Outbox(() => {}),
      toClient,
      scrub: (fields) => fields,
      listener: {
        described: (_exchange, statement, description) => {
          const columns = description.columns()
          heard.push(`${statement} ${columns.map(({ name }) => name)}`)
          return masked ? columns.map((_column, at) => (at === 0 ? 'column 1' : null)) : null
        },
        maskers: () => (masked ? [mask, null] : null),
        meter: () => null,
        stopped: () => {},
        copyOut: () => (masked ? copyMasker([mask, null], copyOptions({})) : null),
        guarded: () => masked,
        completed: (_exchange, statement, { tag, rows }) =>
          heard.push(`${statement} ${tag} ${rows}`),
        failed: (_exchange, sqlState) => heard.push(sqlState),
        failedAtSync: () => masked,
        showsPayload: () => true,
        setting: (name) => heard.push(name) > 0,
        readsBy: (_name, _value, asWe) => asWe,
        ready: (transaction) => heard.push(transaction),
        drained: () => {},
      },
    })
    const request = { kind: 'query' as const, sql: Buffer.from('x') }
    dialogue.send({ request, bytes: Buffer.from('x'), exchange: 'x' })
    for (const piece of pieces) {
      // As a socket would: the next read overwrites what the last one brought.
      const view = Buffer.from(piece)
      dialogue.receive(view)
      toClient.flush()
      view.fill(0xee)
    }
    return { heard, text: contentOf(masked, Buffer.concat(out)) }
  }
  const plain = await sameForEveryCut(t, ANSWERS, shown(null))
  t.equal(plain.text, ANSWERS.toString('latin1'))
  const stars = Buffer.from('***')
  for (const mask of [() => stars, constantMasker(stars)]) {
    const masked = await sameForEveryCut(t, ANSWERS, shown(mask))
    t.notMatch(masked.text, 'hidden')
    t.match(masked.heard, ['application_name', '0 secret,plain', '0 SELECT 2 2'])
  }
})

/** Masked COPY data may come in other CopyData messages: their content counts. */
function contentOf(masked: boolean, bytes: Buffer): string {
  if (!masked) return bytes.toString('latin1')
  let text = ''
  for (let at = 0; at < bytes.length; at += 1 + bytes.readUInt32BE(at + 1)) {
    const end = at + 1 + bytes.readUInt32BE(at + 1)
    text += bytes.toString('latin1', bytes[at] === 0x64 ? at + 5 : at, end)
  }
  return text
}

t.test('COPY data of every format', async (t) => {
  const mask = () => Buffer.from('***')
  const binary = Buffer.concat([
    Buffer.from('PGCOPY\n\xff\r\n\0', 'latin1'),
    Buffer.alloc(8),
    Buffer.concat([int16(2), int32(6), Buffer.from('hidden'), int32(-1)]),
    Buffer.concat([int16(2), int32(-1), int32(2), Buffer.from('ok')]),
    int16(-1),
  ])
  for (const [format, data] of [
    ['text', Buffer.from('hidden\\\tx\ta\\nb\n\\N\té\n')],
    ['csv', Buffer.from('hidden,"a ""b""\nc"\n,é\n')],
    ['binary', binary],
  ] as const) {
    const out = await sameForEveryCut(t, data, (pieces) => {
      const masker = copyMasker([mask, null], copyOptions({ format }))
      const parts = pieces.map((piece) => masker.push(Buffer.from(piece)))
      return Buffer.concat([...parts, masker.end()]).toString('latin1')
    })
    t.notMatch(out, 'hidden', format)
  }
})

t.test('events of the API, and lines of the trail', async (t) => {
  const stream = Buffer.from(': hello\n\nid: 1\nevent: é\ndata: {"a":1}\n\ndata: two\n\n')
  const events = await sameForEveryCut(t, stream, async (pieces) => {
    const body = (async function* () {
      for (const piece of pieces) yield piece
    })()
    return collect(readEvents(body))
  })
  t.equal(events.length, 2)
  const folder = mkdtempSync(join(tmpdir(), 'csgn-lines-'))
  t.teardown(() => rmSync(folder, { recursive: true }))
  const path = join(folder, 'lines')
  // A file is read 64 KiB at a time.
  for (let length = 65_530; length < 65_542; length++) {
    const lines = ['a'.repeat(length), '', 'é', 'last']
    writeFileSync(path, lines.join('\n'))
    const read = await collect(readLines(path))
    t.strictSame(
      read.map(({ bytes, whole }) => [bytes.toString(), whole]),
      lines.map((line) => [line, line !== 'last']),
    )
  }
})

async function collect<T>(items: AsyncIterable<T>): Promise<T[]> {
  const all: T[] = []
  for await (const item of items) all.push(item)
  return all
}

t.test('a message that comes byte by byte costs what it is long', async (t) => {
  const whole = serialize.query('x'.repeat(500_000))
  let got = 0
  const framer = new Framer(postgresLayout, whole.length, {
    opens: () => 'whole',
    frame: (_type, bytes) => {
      got = bytes.length
    },
    run: () => {},
  })
  const byte = Buffer.alloc(1)
  const before = process.memoryUsage()
  for (const value of whole.subarray(0, -1)) {
    byte[0] = value
    framer.push(byte)
  }
  const { heapUsed, external } = process.memoryUsage()
  t.ok(heapUsed + external - before.heapUsed - before.external < 32 * 2 ** 20)
  framer.push(whole.subarray(-1))
  t.equal(got, whole.length)
})
