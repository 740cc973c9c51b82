import { serialize } from 'pg-protocol'
import { parseControlMessage, parseDataMessage } from '../../src/approval/gate-messages.ts'
import { parseFrame } from '../../src/audit/record.ts'
import { makeVerifier } from '../../src/identity/scram-verifier.ts'
import { ProxyError } from '../../src/lib/errors.ts'
import { copyMasker } from '../../src/mask/copy.ts'
import { copyOptions } from '../../src/mask/copy-options.ts'
import { constantMasker } from '../../src/mask/maskers/constant.ts'
import { scrubFields } from '../../src/mask/scrub.ts'
import { AgentChannel, UpstreamChannel } from '../../src/net/channels.ts'
import { Framer } from '../../src/wire/framer.ts'
import { Outbox } from '../../src/wire/outbox.ts'
import { dataRows } from '../../src/wire/postgres/data-row.ts'
import { openPostgresDialogue } from '../../src/wire/postgres/dialogue.ts'
import { cstring, int32, postgresLayout } from '../../src/wire/postgres/framing.ts'
import { decodeRequest } from '../../src/wire/postgres/frontend-messages.ts'
import { authenticateByScram } from '../../src/wire/postgres/scram-server.ts'
import { openPostgres } from '../../src/wire/postgres/startup.ts'
import { logInToPostgres } from '../../src/wire/postgres/upstream-login.ts'
import type { Request } from '../../src/wire/requests.ts'
import { RowMasking } from '../../src/wire/row-masking.ts'
import { FakeConnection } from '../support/fake-connection.ts'
import { failsCleanly, failsCleanlyLater, insist } from './clean.ts'
import { clientMessage, dataRow, lettered, NAMES, serverMessage } from './letters.ts'
import { mutate, mutateOne } from './mutate.ts'
import type { Random } from './random.ts'
import { serverMessages } from './wellformed.ts'

/** Feeds one decoder with hostile bytes once; throws where it answers with anything unclean. */
export type DecoderCase = (random: Random) => void | Promise<void>

const MAX_MESSAGE = 4096
const TEXTS = ['SELECT 1', 'SELECT $1', '', 'COPY t FROM STDIN', "SELECT 'é東'", 'BEGIN']
const VERIFIER = makeVerifier('right')
const UNREADABLE = new ProxyError('STATEMENT_DENIED', 'unreadable')
const MASK = () => Buffer.from('***')
const STRAIGHT = constantMasker(Buffer.from('***'))

function hostile(random: Random, messages: readonly Buffer[]): Buffer {
  return Buffer.concat(random.oneIn(8) ? messages : mutate(random, messages))
}

function several<T>(random: Random, most: number, make: () => T): T[] {
  return Array.from({ length: 1 + random.below(most) }, make)
}

/** Client messages, through the framer that a session has. */
function requests(random: Random): void {
  const stream = hostile(
    random,
    several(random, 6, () => clientMessage(random, TEXTS)),
  )
  let framed = 0
  const framer = new Framer(postgresLayout, MAX_MESSAGE, {
    opens: (type) => (type === 0x64 ? 'pass' : 'whole'),
    frame: (type, bytes) => {
      framed += bytes.length
      decodeRequest(type, bytes)
    },
    run: (bytes) => {
      framed += bytes.length
    },
  })
  failsCleanly(() => {
    for (const piece of random.pieces(stream)) framer.push(piece)
    insist(framed <= stream.length, () => 'more bytes came out than went in')
    insist(!framer.atBoundary || framed === stream.length, () => 'bytes are lost')
  })
}

const REQUESTS: readonly Request[] = [
  { kind: 'query', sql: Buffer.from('SELECT 1') },
  { kind: 'prepare', statement: '', sql: Buffer.from('x'), parameterTypes: [] },
  { kind: 'bind', portal: '', statement: '', parameters: [], resultFormats: [] },
  { kind: 'execute', portal: '', maxRows: 0 },
  { kind: 'describe', target: 'statement', name: '' },
  { kind: 'describe', target: 'portal', name: '' },
  { kind: 'close', target: 'portal', name: '' },
  { kind: 'copy-data' },
  { kind: 'copy-end' },
  { kind: 'flush' },
  { kind: 'sync' },
]

/** Replies of a server that may lie, to a proxy that has asked this and that. */
function replies(random: Random): void {
  const shown: Buffer[] = []
  const toClient = new Outbox((bytes) => shown.push(Buffer.from(bytes)))
  const masked = random.oneIn(2)
  const mask = random.pick([MASK, STRAIGHT])
  const dialogue = openPostgresDialogue<string>({
    maxMessage: MAX_MESSAGE,
    toServer: new Outbox(() => {}),
    toClient,
    scrub: scrubFields,
    listener: {
      described: (_exchange, _statement, description) =>
        description.columns().map((_column, at) => (at % 2 === 0 ? `column ${at + 1}` : null)),
      maskers: () => (masked ? [mask, null] : null),
      meter: () => null,
      stopped: () => {},
      copyOut: () => (masked ? copyMasker([MASK, null], copyOptions({}), MAX_MESSAGE) : null),
      guarded: () => masked,
      completed: () => {},
      failed: () => {},
      failedAtSync: () => masked,
      showsPayload: () => !masked,
      setting: () => true,
      readsBy: (_name, _value, asWe) => asWe,
      ready: () => {},
      drained: () => {},
    },
  })
  const pieces = random.pieces(
    hostile(
      random,
      several(random, 8, () => serverMessage(random)),
    ),
  )
  const plain = /COPY data/
  failsCleanly(() => {
    for (const piece of pieces) {
      askSomething(random, dialogue)
      dialogue.receive(Buffer.from(piece))
      toClient.flush()
    }
  }, plain)
  const out = serverMessages(Buffer.concat(shown), 'unchecked')
  const rows = out.messages.filter(({ letter }) => letter === 'D')
  if (masked) insist(!rows.some(hidesSecret), () => 'a masked cell left in clear')
}

/** The first cell is the one that is masked. */
function hidesSecret({ body }: { readonly body: Buffer }): boolean {
  return body.length >= 12 && body.subarray(6, 12).toString('latin1') === 'secret'
}

function askSomething(
  random: Random,
  dialogue: ReturnType<typeof openPostgresDialogue<string>>,
): void {
  switch (random.below(12)) {
    case 0:
      void dialogue.ask('SELECT 1')
      break
    case 1:
      void dialogue.describe('SELECT 1')
      break
    case 2:
      dialogue.sendForSyntaxError(Buffer.from('SELEC'), UNREADABLE)
      break
    case 3:
      dialogue.closeOpenSegment()
      break
    default:
      dialogue.send({ request: random.pick(REQUESTS), bytes: Buffer.from('.'), exchange: 'x' })
  }
}

/** One row with a plan that may be another result's. */
function rows(random: Random): void {
  const cells = several(random, 4, () => random.pick(['secret', 'x', '', null]))
  const frame = Buffer.from(random.oneIn(6) ? dataRow(cells) : mutateOne(random, dataRow(cells)))
  // The framer has cut it: type and length are true.
  if (frame.length < 5) return
  frame[0] = 0x44
  frame.writeUInt32BE(frame.length - 1, 1)
  const maskers = several(random, 4, () => random.pick([MASK, STRAIGHT, STRAIGHT, null]))
  const pieces: Buffer[] = []
  const done = failsCleanly(() => {
    new RowMasking(dataRows, maskers).mask(frame, (bytes) => pieces.push(bytes))
    return true
  })
  const masked = Buffer.concat(pieces)
  if (done === null) {
    insist(masked.length === 0, () => 'a part of a row that does not fit')
    return
  }
  const { messages, unfinished } = serverMessages(masked, 'checked')
  insist(messages.length === 1 && unfinished.length === 0, () => 'a masked row is not one message')
  insist(
    messages[0]?.body.readUInt16BE(0) === maskers.length,
    () => 'a row of another number of columns',
  )
}

const COPIES = {
  text: Buffer.from('secret\tplain\n\\N\tx\\ty\n'),
  csv: Buffer.from('secret,plain\n"a ""b""\nc",\n'),
  binary: Buffer.concat([
    Buffer.from('PGCOPY\n\xff\r\n\0', 'latin1'),
    Buffer.alloc(8),
    Buffer.from([0, 2, 0, 0, 0, 1, 65, 255, 255, 255, 255, 255, 255]),
  ]),
} as const

function copies(random: Random): void {
  const format = random.pick(['text', 'csv', 'binary'] as const)
  const data = hostile(random, [COPIES[format]])
  const masker = copyMasker([MASK, null], copyOptions({ format }), 1024)
  failsCleanly(() => {
    for (const piece of random.pieces(data)) masker.push(Buffer.from(piece))
    masker.end()
  }, /COPY/)
}

// === before the login

const packet = (code: number, ...parts: readonly Buffer[]) => {
  const body = Buffer.concat([int32(code), ...parts])
  return Buffer.concat([int32(body.length + 4), body])
}

function startup(random: Random): Buffer {
  const version = random.pick([196608, 196610, 196617, 131072])
  const pairs = several(random, 4, () =>
    random.pick([
      ['user', 'bot'],
      ['database', 'shop'],
      ['options', '-c search_path=a\\ b --TimeZone=UTC'],
      ['options', '-c'],
      ['replication', 'on'],
      ['_pq_.x', '1'],
      ['application_name', 'é'],
    ]),
  ).flat()
  return packet(version, cstring('user'), cstring('bot'), ...pairs.map(cstring), Buffer.from([0]))
}

/** Feeds what comes, then hangs up: whoever waits for more must be told. */
function feed(random: Random, connection: FakeConnection, bytes: Buffer): void {
  for (const piece of random.pieces(bytes)) {
    if (connection.readable) connection.deliver(piece)
  }
  connection.hangUp()
}

async function openings(random: Random): Promise<void> {
  const packets = [startup(random), packet(80877102, random.bytes(4 + random.below(40)))]
  const asks = random.pick([[], [packet(80877103)], [packet(80877104)]])
  const connection = new FakeConnection()
  const channel = new AgentChannel(connection.face, null)
  const opening = failsCleanlyLater(() => openPostgres(channel, { tlsRequired: false }))
  feed(random, connection, hostile(random, [...asks, random.pick(packets)]))
  await opening
}

async function proofs(random: Random): Promise<void> {
  const first = `n,,n=,r=${'abc'.repeat(1 + random.below(9))}`
  const messages = [
    lettered('p', cstring('SCRAM-SHA-256'), int32(first.length), Buffer.from(first)),
    lettered('p', Buffer.from(`c=biws,r=abc,p=${random.bytes(32).toString('base64')}`)),
  ]
  const connection = new FakeConnection()
  const channel = new AgentChannel(connection.face, null)
  let entered = true
  const login = failsCleanlyLater(() => authenticateByScram(channel, VERIFIER)).then((result) => {
    entered = result !== null
  })
  feed(random, connection, hostile(random, messages))
  await login
  insist(!entered, () => 'somebody came in without the password')
}

const LOGIN = {
  user: 'app',
  password: 'secret',
  database: 'shop',
  tls: 'disable',
  channelBinding: false,
  local: true,
} as const
const HELLO = { user: 'bot', database: 'shop', settings: new Map(), own: new Map() }

/** A database that is none, or somebody between it and us. */
async function welcomes(random: Random): Promise<void> {
  const asks = random.pick([
    [lettered('R', int32(0))],
    [lettered('R', int32(3)), lettered('R', int32(0))],
    [lettered('R', int32(5), Buffer.from('salt')), lettered('R', int32(0))],
    [
      lettered('R', int32(10), cstring('SCRAM-SHA-256'), Buffer.from([0])),
      lettered('R', int32(11), Buffer.from('r=abc,s=c2FsdA==,i=1')),
      lettered('R', int32(12), Buffer.from('v=abcd')),
    ],
  ])
  const rest = [
    lettered('S', cstring('client_encoding'), cstring('UTF8')),
    lettered('S', cstring('standard_conforming_strings'), cstring('on')),
    lettered('K', int32(1), random.bytes(4)),
    lettered('Z', Buffer.from('I')),
  ]
  const connection = new FakeConnection()
  const channel = new UpstreamChannel(connection.face, {})
  const login = failsCleanlyLater(() => logInToPostgres(channel, LOGIN, HELLO))
  feed(random, connection, hostile(random, [...asks, ...rest]))
  await login
}

// === from our own other process and our own files

const RECORD = JSON.stringify({ v: 1, id: 'a', seq: 1, time: 't', type: 'trail.closed', prev: '' })
const LINES = [
  { type: 'opened', ref: 1, id: 'a', url: 'u', how: 'new' },
  { type: 'resolved', resolution: { kind: 'approved', id: 'a', by: ['ana@example.com'] } },
  { type: 'withdraw', id: 'a', cause: 'cancelled' },
  { type: 'reload', text: 'x' },
]

function ownLines(random: Random): void {
  const text = hostile(random, [Buffer.from(JSON.stringify(random.pick(LINES)))]).toString('utf8')
  parseFrame(hostile(random, [Buffer.from(RECORD)]).toString('utf8'))
  let message: unknown
  try {
    message = JSON.parse(text)
  } catch {
    message = text
  }
  parseDataMessage(message)
  parseControlMessage(message)
}

function names(random: Random): void {
  const name = random.pick([...NAMES, 'é'.repeat(40), 'x'.repeat(100)])
  failsCleanly(() => decodeRequest(0x43, serialize.close({ type: 'S', name })))
}

/** By name, with how often each comes in a round: those that wait for promises are slower. */
export const DECODERS: Readonly<Record<string, { readonly run: DecoderCase; share: number }>> = {
  requests: { run: requests, share: 6 },
  replies: { run: replies, share: 6 },
  rows: { run: rows, share: 3 },
  copies: { run: copies, share: 3 },
  openings: { run: openings, share: 3 },
  proofs: { run: proofs, share: 1 },
  welcomes: { run: welcomes, share: 1 },
  ownLines: { run: ownLines, share: 1 },
  names: { run: names, share: 1 },
}

/** What a run goes through, over and over. */
export function roundOf(decoders: typeof DECODERS): readonly DecoderCase[] {
  return Object.values(decoders).flatMap(({ run, share }) =>
    Array.from({ length: share }, () => run),
  )
}
