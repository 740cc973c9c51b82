import t from 'tap'
import type { ProxyError } from '../../../src/lib/errors.ts'
import { UpstreamChannel } from '../../../src/net/channels.ts'
import type { UpstreamLogin } from '../../../src/wire/handshake.ts'
import { cstring, int32, message } from '../../../src/wire/postgres/framing.ts'
import * as type from '../../../src/wire/postgres/message-types.ts'
import { logInToPostgres } from '../../../src/wire/postgres/upstream-login.ts'
import { FakeConnection } from '../../support/fake-connection.ts'

const LOGIN: UpstreamLogin = {
  user: 'app',
  password: 'upstream-password',
  database: 'shop',
  tls: 'disable',
  channelBinding: false,
  local: false,
}
const HELLO = { user: 'bot', database: 'shop', settings: new Map(), own: new Map() }

const asks = (step: number, ...parts: Buffer[]) =>
  message(type.AUTHENTICATION, int32(step), ...parts)
const setting = (name: string, value: string) =>
  message(type.PARAMETER_STATUS, cstring(name), cstring(value))
const PINNED = [setting('client_encoding', 'UTF8'), setting('standard_conforming_strings', 'on')]
const KEY = message(type.BACKEND_KEY_DATA, int32(7), Buffer.from([1, 2, 3, 4]))
const READY = message(type.READY_FOR_QUERY, Buffer.from('I'))

/** What the login comes to when a server says this, in pieces, and then hangs up. */
async function answered(pieces: readonly Buffer[], login: Partial<UpstreamLogin> = {}) {
  const connection = new FakeConnection()
  const channel = new UpstreamChannel(connection.face, {})
  const result = logInToPostgres(channel, { ...LOGIN, ...login }, HELLO).catch(
    (error: ProxyError) => error,
  )
  for (const piece of pieces) connection.deliver(piece)
  connection.hangUp()
  return { result: await result, sent: connection.take().toString('latin1') }
}

t.test('a login is the same wherever the reads cut it', async (t) => {
  const all = Buffer.concat([asks(0), ...PINNED, KEY, READY])
  const { result: whole } = await answered([all])
  t.match(whole, { cancelKey: { processId: 7 } })
  for (let cut = 0; cut <= all.length; cut++) {
    const { result } = await answered([all.subarray(0, cut), all.subarray(cut)])
    t.strictSame(result, whole, `cut at ${cut}`)
  }
  const { result } = await answered([...all].map((byte) => Buffer.from([byte])))
  t.strictSame(result, whole, 'byte by byte')
})

t.test('bytes in clear behind the answer to SSLRequest are not taken for TLS', async (t) => {
  const { result, sent } = await answered([Buffer.concat([Buffer.from('S'), asks(0)])], {
    tls: 'require',
  })
  t.match(result, { code: 'UPSTREAM_UNAVAILABLE', message: /in clear/ })
  t.notMatch(sent, 'app', 'nobody has heard who logs in')
})

t.test('nobody who asks gets the password in clear, or hashes it for minutes', async (t) => {
  const scram = asks(10, cstring('SCRAM-SHA-256'), Buffer.from([0]))
  const rounds = (count: number) => asks(11, Buffer.from(`r=x,s=c2FsdA==,i=${count}`))
  for (const [what, ...says] of [
    ['the password in clear', asks(3)],
    ['two thousand million rounds', scram, rounds(2_000_000_000)],
    ['a nonce that is not ours', scram, rounds(4096)],
    ['a mechanism that nobody knows', asks(10, cstring('PLAIN'), Buffer.from([0]))],
    ['GSSAPI', asks(7)],
    ['a final message before the first', asks(12, Buffer.from('v=x'))],
    ['a message without a sane length', Buffer.from([0x52, 0x7f, 0xff, 0xff, 0xff])],
    ['another message', READY],
    ['another way to read text', asks(0), setting('client_encoding', 'SJIS'), KEY, READY],
  ] as const) {
    const { result, sent } = await answered([Buffer.concat(says)])
    t.match(result, { code: 'UPSTREAM_UNAVAILABLE' }, what)
    t.notMatch(sent, LOGIN.password, what)
  }
})
