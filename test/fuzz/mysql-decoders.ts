import { makeVerifier } from '../../src/identity/scram-verifier.ts'
import { constantMasker } from '../../src/mask/maskers/constant.ts'
import { AgentChannel, UpstreamChannel } from '../../src/net/channels.ts'
import type { Hello, UpstreamWelcome } from '../../src/wire/handshake.ts'
import type { CellMasker } from '../../src/wire/maskers.ts'
import { authenticateAgent } from '../../src/wire/mysql/agent-authentication.ts'
import { openMysql } from '../../src/wire/mysql/agent-handshake.ts'
import { binaryRows } from '../../src/wire/mysql/binary-rows.ts'
import * as capability from '../../src/wire/mysql/capabilities.ts'
import { decodeColumn } from '../../src/wire/mysql/column-definition.ts'
import { readConnectAttributes } from '../../src/wire/mysql/connect-attributes.ts'
import { openMysqlDialogue } from '../../src/wire/mysql/dialogue.ts'
import { decodeError } from '../../src/wire/mysql/errors.ts'
import { decodeGreeting, encodeGreeting } from '../../src/wire/mysql/greeting.ts'
import {
  decodeHandshakeResponse,
  encodeHandshakeResponse,
  encodeSslRequest,
} from '../../src/wire/mysql/handshake-response.ts'
import { decodeEnding, decodeOk } from '../../src/wire/mysql/ok-packet.ts'
import { PacketFramer } from '../../src/wire/mysql/packet-framer.ts'
import { message, payloadOf } from '../../src/wire/mysql/packets.ts'
import { CACHING_SHA2, cachingSha2Proof, NATIVE } from '../../src/wire/mysql/password-proofs.ts'
import { lenencBytes, uint8 } from '../../src/wire/mysql/payload.ts'
import type { MysqlRequest } from '../../src/wire/mysql/requests.ts'
import { decodeSessionChanges } from '../../src/wire/mysql/session-track.ts'
import { textRows } from '../../src/wire/mysql/text-row.ts'
import { logInToMysql } from '../../src/wire/mysql/upstream-login.ts'
import { Outbox } from '../../src/wire/outbox.ts'
import { RowMasking } from '../../src/wire/row-masking.ts'
import { FakeConnection } from '../support/fake-connection.ts'
import { failsCleanly, failsCleanlyLater, insist } from './clean.ts'
import type { DecoderCase } from './decoders.ts'
import {
  answer,
  anyCommand,
  binaryRow,
  columnPayload,
  eofPayload,
  errPayload,
  okPayload,
  preparedPayloads,
  resultPayloads,
  STATUS,
  textRow,
} from './mysql-letters.ts'
import { mutatePacket, mutatePackets } from './mysql-mutate.ts'
import type { Random } from './random.ts'

const MAX_MESSAGE = 4096
const SECRET = 'secret'
const TEXTS = ['SELECT 1', 'SELECT ?', '', "SELECT 'é東'", 'BEGIN', '/*! x']
const COLUMNS = [
  { table: 't', name: 'name' },
  { table: 't', name: 'n' },
] as const
const MASK = () => Buffer.from('***')
const STRAIGHT = constantMasker(Buffer.from('***'))
const COLLATION = 45
const HELLO: Hello = {
  user: 'bot',
  database: 'shop',
  settings: new Map(),
  own: new Map(),
  agreement: { capabilities: capability.OFFERED, collation: COLLATION },
}
const GREETED = { serverVersion: '11.8.6-MariaDB', collation: COLLATION, status: 2 }
const WELCOME: UpstreamWelcome = {
  notices: [],
  settings: new Map(),
  cancelKey: { processId: 7, secret: Buffer.alloc(0) },
  mysql: {
    ...GREETED,
    connectionId: 7,
    capabilities: capability.OFFERED,
    tracked: new Set(['autocommit']),
    tracksSchema: true,
  },
}

function hostile(random: Random, packets: readonly Buffer[]): Buffer {
  return Buffer.concat(random.oneIn(8) ? packets : mutatePackets(random, packets))
}

/** A dialogue whose second column alone may be seen in clear. */
function openDialogue(mask: CellMasker | null, deprecateEof: boolean) {
  const masked = mask !== null
  const shown: Buffer[] = []
  const toClient = new Outbox((bytes) => shown.push(Buffer.from(bytes)))
  const flags = deprecateEof
    ? capability.OFFERED
    : capability.OFFERED & ~capability.CLIENT_DEPRECATE_EOF
  const dialogue = openMysqlDialogue<string>({
    maxMessage: MAX_MESSAGE,
    toServer: new Outbox(() => {}),
    toClient,
    hello: { ...HELLO, agreement: { capabilities: flags >>> 0, collation: COLLATION } },
    welcome: WELCOME,
    scrub: (fields) => fields,
    listener: {
      described: (_exchange, _statement, description) =>
        description.columns().map((_column, at) => (at % 2 === 0 ? `column ${at + 1}` : null)),
      maskers: () => (masked ? [mask, null] : null),
      meter: () => null,
      stopped: () => {},
      copyOut: () => null,
      guarded: () => masked,
      completed: () => {},
      failed: () => {},
      failedAtSync: () => masked,
      showsPayload: () => !masked,
      setting: () => !masked,
      readsBy: (_name, _value, asWe) => asWe,
      ready: () => {},
      drained: () => {},
    },
  })
  return { dialogue, toClient, shown }
}

/** Commands, through the framer and the decoder that a session has. */
function requests(random: Random): void {
  const commands = Array.from({ length: 1 + random.below(6) }, () => anyCommand(random, TEXTS))
  const stream = hostile(random, commands)
  const { dialogue } = openDialogue(null, true)
  let framed = 0
  const framer = new PacketFramer(MAX_MESSAGE, {
    opens: () => 'whole',
    frame: (type, bytes) => {
      framed += bytes.length
      const request = dialogue.decode(type, Buffer.from(bytes)) as MysqlRequest
      if (request.kind === 'run') failsCleanly(() => request.parameters())
    },
    run: () => insist(false, () => 'a command passed unread'),
  })
  failsCleanly(() => {
    for (const piece of random.pieces(stream)) framer.push(piece)
    insist(framed <= stream.length, () => 'more bytes came out than went in')
    insist(!framer.atBoundary || framed === stream.length, () => 'bytes are lost')
  })
}

/** Answers to each of the commands that were asked, more or less. */
function answersTo(random: Random, deprecateEof: boolean): Buffer[] {
  const cells = [
    [SECRET, '1'],
    [null, '2'],
    [SECRET, null],
  ] as const
  const result = (binary: boolean, more: boolean) =>
    resultPayloads({
      columns: COLUMNS,
      rows: cells.slice(random.below(3)),
      status: STATUS.autocommit | (more ? STATUS.moreResults : 0),
      binary,
      deprecateEof,
    })
  switch (random.below(7)) {
    case 0:
      return answer([okPayload(STATUS.autocommit)])
    case 1:
      return answer([errPayload(1064, '42000', `near '${SECRET}'`)])
    case 2:
      return answer(preparedPayloads(5, random.below(3), COLUMNS, deprecateEof))
    case 3:
      return answer([tracked(), ...(random.oneIn(2) ? [eofPayload(2)] : [])])
    case 4: {
      const first = result(false, true)
      return [...answer(first), ...answer(result(false, false), first.length + 1)]
    }
    default:
      return answer(result(random.oneIn(2), random.oneIn(6)))
  }
}

/** An OK packet with blocks of session tracking. */
function tracked(): Buffer {
  const variable = Buffer.concat(['autocommit', 'ON'].map((text) => lenencBytes(Buffer.from(text))))
  const schema = lenencBytes(Buffer.from('shop'))
  const blocks = [uint8(0), lenencBytes(variable), uint8(1), lenencBytes(schema)]
  const state = lenencBytes(Buffer.concat(blocks))
  const status = STATUS.autocommit | STATUS.tracked
  return Buffer.concat([okPayload(status), lenencBytes(Buffer.alloc(0)), state])
}

/** Replies of a server that may lie, to a proxy that has asked this and that. */
function replies(random: Random): void {
  const [masked, deprecateEof] = [random.oneIn(2), random.oneIn(2)]
  const mask = masked ? random.pick([MASK, STRAIGHT]) : null
  const { dialogue, toClient, shown } = openDialogue(mask, deprecateEof)
  const stream = hostile(
    random,
    Array.from({ length: 1 + random.below(4) }, () => answersTo(random, deprecateEof)).flat(),
  )
  failsCleanly(() => {
    for (const piece of random.pieces(stream)) {
      for (let count = random.below(3); count > 0; count--) ask(random, dialogue)
      dialogue.receive(Buffer.from(piece))
      toClient.flush()
    }
  })
  if (masked) insist(!hidesSecret(Buffer.concat(shown)), () => 'a masked cell left in clear')
}

function ask(random: Random, dialogue: ReturnType<typeof openDialogue>['dialogue']): void {
  if (random.oneIn(12)) {
    void dialogue.ask('SELECT 1').catch(() => {})
    return
  }
  if (random.oneIn(12)) {
    void dialogue.describe('SELECT 1').catch(() => {})
    return
  }
  const bytes = anyCommand(random, TEXTS)
  const request = failsCleanly(() => dialogue.decode(0, bytes))
  if (!request || request.kind === 'kill' || request.kind === 'refused') return
  dialogue.send({ request, bytes, exchange: 'x' })
}

/** As the first cell of a whole row, which is where it is masked; a description may hold anything. */
function hidesSecret(stream: Buffer): boolean {
  const cell = lenencBytes(Buffer.from(SECRET))
  for (let at = 0; at + 4 <= stream.length; ) {
    const length = stream.readUIntLE(at, 3)
    const payload = stream.subarray(at + 4, at + 4 + length)
    const isRow = payload.equals(textRow([SECRET, '1'])) || payload.equals(textRow([SECRET, null]))
    if (isRow && payload.subarray(0, cell.length).equals(cell)) return true
    at += 4 + length
  }
  return false
}

/** One row with a plan that may be another result's. */
function rows(random: Random): void {
  const cells = Array.from({ length: 1 + random.below(4) }, () =>
    random.pick([SECRET, 'x', '', null]),
  )
  const columns = cells.map(() => COLUMNS[0])
  const binary = random.oneIn(2)
  const row = message(0, binary ? binaryRow(cells, columns) : textRow(cells))
  const frame = honestly(random.oneIn(6) ? row : mutatePacket(random, row))
  const maskers = Array.from({ length: random.oneIn(3) ? 3 : cells.length }, () =>
    random.pick([MASK, STRAIGHT, STRAIGHT, null]),
  )
  const types = maskers.map(() => 0xfd)
  const pieces: Buffer[] = []
  const done = failsCleanly(() => {
    const layout = binary ? binaryRows(types) : textRows
    new RowMasking(layout, maskers).mask(frame, (bytes) => pieces.push(bytes))
    return true
  })
  const masked = Buffer.concat(pieces)
  if (done === null) insist(masked.length === 0, () => 'a part of a row that does not fit')
  if (!maskers.every((masker) => masker !== null)) return
  insist(!masked.includes(lenencBytes(Buffer.from(SECRET))), () => 'a masked cell left in clear')
}

/** As the framer has cut it: the length is true. */
function honestly(frame: Buffer): Buffer {
  return message(0, frame.subarray(Math.min(4, frame.length)))
}

// === before the login

const SCRAMBLE = Buffer.alloc(20, 0x41)
const FLAGS = (capability.OFFERED | capability.CLIENT_SSL) >>> 0

function response(random: Random): Buffer {
  return encodeHandshakeResponse({
    capabilities: random.oneIn(4) ? random.uint32() : FLAGS & ~capability.CLIENT_SSL,
    collation: random.pick([45, 8, 28, 0, 255]),
    user: random.pick(['bot', '', 'é'.repeat(20)]),
    authResponse: random.oneIn(2) ? cachingSha2Proof('wrong', SCRAMBLE) : random.bytes(20),
    database: random.pick(['shop', '']),
    plugin: random.pick([CACHING_SHA2, NATIVE, 'mysql_clear_password', 'x'.repeat(70)]),
    attributes: new Map([
      ['program_name', 'fuzz'],
      ['countersign.hold', random.pick(['1s', 'x', '-1'])],
    ]),
  })
}

/** Feeds what comes, then hangs up: whoever waits for more must be told. */
function feed(random: Random, connection: FakeConnection, bytes: Buffer): void {
  for (const piece of random.pieces(bytes)) {
    if (connection.readable) connection.deliver(piece)
  }
  connection.hangUp()
}

const VERIFIER = makeVerifier('right')

async function logins(random: Random): Promise<void> {
  const connection = new FakeConnection()
  const channel = new AgentChannel(connection.face, null)
  let entered = false
  const opened = failsCleanlyLater(async () => {
    await openMysql(channel, {
      tlsRequired: false,
      nativePassword: random.oneIn(2),
      greeting: { ...GREETED, connectionId: 9 },
    })
    await authenticateAgent(channel, VERIFIER)
    entered = true
  })
  const ssl = random.oneIn(6) ? [message(1, encodeSslRequest(FLAGS, COLLATION))] : []
  const packets = [...ssl, message(1, response(random)), message(3, random.bytes(20))]
  feed(random, connection, hostile(random, packets))
  await opened
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

/** A database that is none, or somebody between it and us. */
async function welcomes(random: Random): Promise<void> {
  const plugin = random.pick([CACHING_SHA2, NATIVE, 'mysql_clear_password', 'dialog'])
  const greeting = encodeGreeting({
    ...GREETED,
    connectionId: 9,
    capabilities: random.oneIn(5) ? random.uint32() : FLAGS,
    scramble: SCRAMBLE,
    plugin,
  })
  const next = random.pick([
    [message(2, okPayload())],
    [message(2, uint8(1), uint8(3)), message(3, okPayload())],
    [message(2, uint8(1), uint8(4)), message(3, okPayload())],
    [
      message(2, uint8(0xfe), Buffer.from(`${plugin}\0`), SCRAMBLE, uint8(0)),
      message(4, okPayload()),
    ],
  ])
  const facts = Array.from({ length: 12 }, (_, index) => ({ table: '', name: `f${index}` }))
  const row = facts.map(() => 'utf8mb4')
  const session = [
    ...answer(
      resultPayloads({ columns: facts, rows: [row], status: 2, binary: false, deprecateEof: true }),
    ),
    ...answer([okPayload()]),
  ]
  const connection = new FakeConnection()
  const login = failsCleanlyLater(() =>
    logInToMysql(new UpstreamChannel(connection.face, {}), LOGIN, HELLO),
  )
  feed(random, connection, hostile(random, [message(0, greeting), ...next, ...session]))
  await login
  const sent = connection.take()
  insist(!sent.includes(LOGIN.password), () => 'the password was given in clear')
}

/** Decoders of one packet each, by what they are given when all is well. */
const SMALL: readonly (readonly [decode: (payload: Buffer) => unknown, good: Buffer])[] = [
  [
    decodeGreeting,
    encodeGreeting({
      ...GREETED,
      connectionId: 1,
      capabilities: FLAGS,
      scramble: SCRAMBLE,
      plugin: NATIVE,
    }),
  ],
  [
    (payload) => decodeHandshakeResponse(payload, FLAGS),
    response({
      oneIn: () => false,
      pick: (of: readonly unknown[]) => of[0],
      bytes: () => SCRAMBLE,
    } as unknown as Random),
  ],
  [decodeOk, tracked()],
  [(payload) => decodeEnding(payload, true), okPayload(2, 0xfe)],
  [(payload) => decodeEnding(payload, false), eofPayload(2)],
  [(payload) => decodeColumn(payload, true), columnPayload(COLUMNS[0])],
  [decodeError, errPayload(1064, '42000', 'wrong')],
  [decodeSessionChanges, Buffer.concat([uint8(1), lenencBytes(lenencBytes(Buffer.from('shop')))])],
  [
    readConnectAttributes,
    Buffer.concat(['program_name', 'x'].map((text) => lenencBytes(Buffer.from(text)))),
  ],
]

function packets(random: Random): void {
  const [decode, good] = random.pick(SMALL)
  failsCleanly(() => decode(payloadOf(honestly(mutatePacket(random, message(0, good))))))
}

/** By name, with how often each comes in a round: those that wait for promises are slower. */
export const MYSQL_DECODERS: Readonly<
  Record<string, { readonly run: DecoderCase; share: number }>
> = {
  requests: { run: requests, share: 6 },
  replies: { run: replies, share: 6 },
  rows: { run: rows, share: 3 },
  packets: { run: packets, share: 4 },
  logins: { run: logins, share: 2 },
  welcomes: { run: welcomes, share: 2 },
}
