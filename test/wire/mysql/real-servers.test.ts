import { once } from 'node:events'
import t, { type Test } from 'tap'
import {
  connectUpstream,
  type UpstreamTarget,
  upstreamTarget,
} from '../../../src/net/upstream-target.ts'
import type { ResultColumn } from '../../../src/wire/columns.ts'
import type { UpstreamWelcome } from '../../../src/wire/handshake.ts'
import { decodeBinaryRow } from '../../../src/wire/mysql/binary-row.ts'
import * as capability from '../../../src/wire/mysql/capabilities.ts'
import { decodeError } from '../../../src/wire/mysql/errors.ts'
import { mysqlProtocol } from '../../../src/wire/mysql/mysql-protocol.ts'
import { endsRows } from '../../../src/wire/mysql/ok-packet.ts'
import { PacketFramer } from '../../../src/wire/mysql/packet-framer.ts'
import { message, payloadOf } from '../../../src/wire/mysql/packets.ts'
import { uint8, uint32 } from '../../../src/wire/mysql/payload.ts'
import { decodeTextRow } from '../../../src/wire/mysql/text-row.ts'
import { MYSQL_FLAVOURS, startMysql } from '../../support/mysql.ts'
import { AGENT, type LittleProxyOptions, littleProxy, SECRET } from './little-proxy.ts'

const PASSWORD = 'the password of the database'
const SCHEMA = `
CREATE USER app@'%' IDENTIFIED BY '${PASSWORD}';
GRANT ALL ON *.* TO app@'%';
CREATE TABLE customers (id INT PRIMARY KEY, name VARCHAR(40), email VARCHAR(80), born DATE);
INSERT INTO customers VALUES (1, 'Ana', 'ana@example.com', '1990-02-03'), (2, 'Bo', NULL, NULL);
`
const SETTINGS = { 'max-allowed-packet': '64M' }

function targetOf(port: number, login: { user: string; password: string; database: string }) {
  return upstreamTarget({
    system: 'mysql',
    ...login,
    host: '127.0.0.1',
    port,
    options: { sslmode: 'disable' },
  })
}

/** A connection in the command phase, for a test that speaks the protocol itself. */
async function connected(target: UpstreamTarget, flags = capability.OFFERED) {
  const channel = connectUpstream(target)
  const hello = {
    user: '',
    database: '',
    settings: new Map(),
    own: new Map(),
    agreement: { capabilities: flags, collation: 45 },
  }
  const welcome: UpstreamWelcome = await mysqlProtocol.login(channel, target.login, hello)
  const arrived = new EventTarget()
  const waiting: Buffer[] = []
  const framer = new PacketFramer(1 << 27, {
    opens: () => 'whole',
    frame: (_type, frame) => {
      waiting.push(Buffer.from(frame))
      arrived.dispatchEvent(new Event('frame'))
    },
    run: () => {},
  })
  channel.connection.listen(
    { bytes: (chunk) => framer.push(Buffer.from(chunk)), drained: () => {}, closed: () => {} },
    channel.reader.rest(),
  )
  channel.connection.resume()
  const next = async (): Promise<Buffer> => {
    while (waiting.length === 0) await once(arrived, 'frame')
    return waiting.shift() as Buffer
  }
  /** All packets of the answer to a command, up to the end of its last result. */
  const ask = async (payload: Buffer): Promise<Buffer[]> => {
    channel.connection.write(message(0, payload))
    const answer: Buffer[] = []
    let inRows = false
    for (;;) {
      const frame = await next()
      answer.push(frame)
      const body = payloadOf(frame)
      const type = body[0] ?? -1
      if (type === 0xff) return answer
      const ends = inRows ? endsRows(type, body.length) : type === 0
      if (!inRows && type !== 0) inRows = true
      if (!ends) continue
      inRows = false
      if ((statusOf(body) & 0x0008) === 0) return answer
    }
  }
  return {
    welcome,
    ask,
    next,
    query: (sql: string) => ask(Buffer.concat([uint8(3), Buffer.from(sql)])),
    close: () => channel.connection.end(mysqlProtocol.goodbye),
  }
}

/** Header, affected rows and insert id of one byte each, status. */
const statusOf = (body: Buffer) => body.readUInt16LE(3)

const proxied = async (t: Test, port: number, options: Partial<LittleProxyOptions> = {}) => {
  const upstream = { user: 'app', password: PASSWORD, database: 'shop' }
  const proxy = await littleProxy({ target: targetOf(port, upstream), ...options })
  t.teardown(proxy.close)
  const agent = { user: AGENT, password: SECRET, database: 'shop' }
  return { proxy, direct: targetOf(port, upstream), through: targetOf(proxy.port, agent) }
}

for (const flavour of MYSQL_FLAVOURS) {
  t.test(flavour, async (t) => {
    const server = await startMysql(t, flavour, { schema: SCHEMA, settings: SETTINGS })
    if (!server) {
      t.comment(`SKIPPED: there is no ${flavour} on this machine`)
      return
    }
    await t.test('answers are the same through the proxy, byte for byte', (t) =>
      sameAnswers(t, server.port),
    )
    await t.test('masked cells never leave, in text and in binary rows', (t) =>
      masked(t, server.port),
    )
    await t.test('statements and rows of over 16 MB pass whole', (t) => long(t, server.port))
    await t.test('a cancel ends the statement and leaves the session', (t) =>
      cancelled(t, server.port),
    )
    await t.test('an agent is let in by its own secret alone', (t) => letIn(t, server.port))
  })
}

const bytes = (code: number, ...parts: readonly Buffer[]) => Buffer.concat([uint8(code), ...parts])
const text = (value: string) => Buffer.from(value)

async function sameAnswers(t: Test, port: number): Promise<void> {
  const { direct, through, proxy } = await proxied(t, port)
  for (const flags of [
    capability.OFFERED,
    capability.OFFERED & ~capability.CLIENT_DEPRECATE_EOF,
    capability.OFFERED & ~capability.CLIENT_MULTI_STATEMENTS,
    capability.OFFERED & ~capability.CLIENT_FOUND_ROWS,
  ]) {
    const one = await played(direct, flags)
    const two = await played(through, flags)
    t.equal(two.welcome.mysql?.serverVersion, one.welcome.mysql?.serverVersion)
    t.equal(two.welcome.mysql?.status, one.welcome.mysql?.status)
    for (const [index, answer] of one.answers.entries()) {
      t.same(two.answers[index], answer, `${CONVERSATION[index]?.toString('latin1', 1, 40)}`)
    }
  }
  t.same(proxy.heard.errors, [])
}

async function played(target: UpstreamTarget, flags: number) {
  const { welcome, ask, close } = await connected(target, flags)
  const answers: string[][] = []
  for (const payload of CONVERSATION) {
    answers.push((await ask(payload)).map((packet) => packet.toString('latin1')))
  }
  close()
  return { welcome, answers }
}

const CONVERSATION = [
  'select * from customers order by id',
  'select 1; select 2; do 1',
  'select * from nowhere',
  'update customers set name = name where id = 1',
  'start transaction',
  "insert into customers values (9, 'Cy', 'cy@example.com', '2001-01-01')",
  "insert into customers values (9, 'Cy', 'cy@example.com', '2001-01-01')",
  'rollback',
  'use mysql',
  'select database()',
  'use shop',
  "set time_zone = '+01:00'",
  'set names latin1',
  'set names utf8mb4',
  'show warnings',
  '',
].map((sql) => bytes(0x03, text(sql)))

async function masked(t: Test, port: number): Promise<void> {
  const masker = ({ origin }: ResultColumn) =>
    origin?.column === 'email'
      ? () => text('***')
      : origin?.column === 'born'
        ? (cell: Buffer) => (cell.length === 4 ? Buffer.from([0xd0, 7, 1, 1]) : null)
        : null
  const { through, proxy } = await proxied(t, port, { masker })
  const client = await connected(through)
  const rows = (await client.query('select id, email, name from customers order by id')).slice(
    4,
    -1,
  )
  t.same(
    rows.map((row) => decodeTextRow(payloadOf(row), 3).map((cell) => cell?.toString())),
    [
      ['1', '***', 'Ana'],
      ['2', undefined, 'Bo'],
    ],
  )
  const [prepared] = await client.ask(
    bytes(0x16, text('select email, born, id from customers where id >= ? order by id')),
  )
  t.equal(prepared?.readUInt32LE(5), 1)
  // One parameter and three columns are described.
  for (let count = 0; count < 4; count++) await client.next()
  const execute = bytes(
    0x17,
    uint32(1),
    uint8(0),
    uint32(1),
    Buffer.from('00010300', 'hex'),
    uint32(1),
  )
  const binary = (await client.ask(execute)).slice(4, -1).map(payloadOf)
  const types = (proxy.heard.columns.at(-1) ?? []).map(({ typeOid }) => typeOid)
  t.same(
    binary.map((row) => decodeBinaryRow(row, types).map((cell) => cell?.toString('hex'))),
    [
      [text('***').toString('hex'), 'd0070101', '01000000'],
      [undefined, undefined, '02000000'],
    ],
  )
  const [email, born] = proxy.heard.columns.at(-1) ?? []
  t.match(email, { origin: { schema: 'shop', table: 'customers', column: 'email' }, format: 1 })
  t.match(born, { origin: { column: 'born' } })
  const settled = await client.ask(bytes(0x0e))
  t.equal(settled.length, 1)
  client.close()
  t.same(proxy.heard.errors, [])
}

async function long(t: Test, port: number): Promise<void> {
  const length = 17_000_000
  const { through, proxy } = await proxied(t, port)
  const client = await connected(through)
  const [, , row] = await client.query(`select length('${'x'.repeat(length)}')`)
  t.same(decodeTextRow(payloadOf(row as Buffer), 1), [text(`${length}`)])
  const [, , big] = await client.query(`select repeat('y', ${length})`)
  t.equal(decodeTextRow(payloadOf(big as Buffer), 1)[0]?.length, length)
  client.close()
  const shortened = await proxied(t, port, { masker: shortensZ })
  const other = await connected(shortened.through)
  const [, , small, end] = await other.query(`select repeat('z', ${length}) as z`)
  t.same(decodeTextRow(payloadOf(small as Buffer), 1), [text('-')])
  t.equal(end?.[3], (small?.[3] ?? 0) + 1, 'the packets are numbered as the client counts them')
  other.close()
  t.same([...proxy.heard.errors, ...shortened.proxy.heard.errors], [])
}

const shortensZ = ({ name }: ResultColumn) => (name === 'z' ? () => text('-') : null)

async function cancelled(t: Test, port: number): Promise<void> {
  const { direct } = await proxied(t, port)
  const client = await connected(direct)
  const sleeps = client.query('select id, sleep(60) from customers, (select 1 union select 2) as x')
  const watcher = await connected(direct)
  for (;;) {
    const listed = await watcher.query(
      'select count(*) from information_schema.processlist where info like "%sleep(60)%" and info not like "%count%"',
    )
    if (decodeTextRow(payloadOf(listed[2] as Buffer), 1)[0]?.toString() === '1') break
  }
  const channel = connectUpstream(direct)
  await mysqlProtocol.cancel(channel, direct.login, client.welcome.cancelKey)
  channel.connection.destroy('the cancel is sent')
  const last = payloadOf((await sleeps).at(-1) as Buffer)
  // Either an error, or the sleeps that were cut short.
  if (last[0] === 0xff) t.equal(decodeError(last).number, 1317)
  t.ok((await client.query('select 1')).length > 2, 'the session goes on')
  client.close()
  watcher.close()
}

async function letIn(t: Test, port: number): Promise<void> {
  const { through } = await proxied(t, port)
  const wrong = { ...through, login: { ...through.login, password: 'wrong' } }
  const nobody = { ...through, login: { ...through.login, user: 'nobody' } }
  for (const target of [wrong, nobody]) {
    await t.rejects(connected(target), { message: /error 1045, SQLSTATE 28000/ })
  }
  const client = await connected(through)
  t.ok((await client.query('select current_user()')).length > 2)
  client.close()
}
