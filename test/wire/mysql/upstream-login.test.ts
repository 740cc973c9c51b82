import { constants, createHash, generateKeyPairSync, privateDecrypt } from 'node:crypto'
import t from 'tap'
import type { UpstreamLogin } from '../../../src/wire/handshake.ts'
import type { ClientChannel } from '../../../src/wire/handshake-channel.ts'
import * as capability from '../../../src/wire/mysql/capabilities.ts'
import { encodeGreeting } from '../../../src/wire/mysql/greeting.ts'
import {
  decodeHandshakeResponse,
  type HandshakeResponse,
} from '../../../src/wire/mysql/handshake-response.ts'
import { mysqlProtocol } from '../../../src/wire/mysql/mysql-protocol.ts'
import { message, payloadOf } from '../../../src/wire/mysql/packets.ts'
import {
  CACHING_SHA2,
  doubleSha1,
  doubleSha256,
  NATIVE,
  provesCachingSha2,
  provesNative,
  xor,
} from '../../../src/wire/mysql/password-proofs.ts'
import { uint8 } from '../../../src/wire/mysql/payload.ts'

const PASSWORD = 'the password of the database'
const SCRAMBLE = Buffer.from('abcdefghijklmnopqrst')
const LOGIN: UpstreamLogin = {
  user: 'app',
  password: PASSWORD,
  database: 'shop_db',
  tls: 'disable',
  channelBinding: false,
  local: false,
}
const HELLO = {
  user: 'bot',
  database: 'shop',
  settings: new Map([['application_name', 'job']]),
  own: new Map(),
  agreement: { capabilities: capability.OFFERED, collation: 255 },
}

interface Server {
  readonly capabilities?: number
  readonly plugin?: string
  readonly login?: Partial<UpstreamLogin>
  readonly hello?: typeof HELLO
  /** What the server answers to each message of the proxy; the sequence ids go on by themselves. */
  readonly says: readonly ((said: Buffer) => readonly Buffer[])[]
  readonly greeting?: Buffer
}

/** A server played by a script; answers what the proxy sent it. */
async function logIn(server: Server) {
  const sent: Buffer[] = []
  let step = 0
  let secured = false
  let incoming = Buffer.from(
    message(
      0,
      server.greeting ??
        encodeGreeting({
          serverVersion: '8.0.36',
          connectionId: 99,
          collation: 255,
          status: 2,
          capabilities: server.capabilities ?? (capability.OFFERED | 0x800) >>> 0,
          scramble: SCRAMBLE,
          plugin: server.plugin ?? CACHING_SHA2,
        }),
    ),
  )
  const channel: ClientChannel = {
    read: async (count) => {
      if (incoming.length < count) throw new Error('the connection closed')
      const taken = incoming.subarray(0, count)
      incoming = incoming.subarray(count)
      return taken
    },
    peek: async () => incoming[0] ?? 0,
    get buffered() {
      return incoming.length
    },
    write(bytes) {
      sent.push(bytes)
      if (payloadOf(bytes).length === 32 && !secured && payloadOf(bytes)[4] === 0) return
      const answers = server.says[step++]?.(payloadOf(bytes)) ?? []
      const first = (bytes[3] as number) + 1
      const packets = answers.map((answer, index) => message(first + index, answer))
      incoming = Buffer.concat([incoming, ...packets])
    },
    get tls() {
      return secured ? { description: 'TLS', certificate: null } : null
    },
    startTls: async () => {
      secured = true
    },
  }
  let error: unknown = null
  let welcome = null
  try {
    welcome = await mysqlProtocol.login(
      channel,
      { ...LOGIN, ...server.login },
      server.hello ?? HELLO,
    )
  } catch (thrown) {
    error = thrown
  }
  const responses = sent.filter((each) => payloadOf(each).length > 32)
  const response = responses[0]
    ? decodeHandshakeResponse(payloadOf(responses[0]), capability.OFFERED)
    : null
  return { welcome, error, sent: sent.map(payloadOf), response: response as HandshakeResponse }
}

const OK = Buffer.from([0, 0, 0, 2, 0, 0, 0])
const FAST = Buffer.from([1, 3])
const FULL = Buffer.from([1, 4])

/** The answers to the two statements that set the session up. */
const settingsWith = (characterSet: string) => () => {
  const text = (value: string) => Buffer.concat([uint8(value.length), Buffer.from(value)])
  const values = [
    'autocommit,time_zone',
    '1',
    'shop_db',
    '1',
    characterSet,
    'utf8mb4',
    'utf8mb4',
    'c',
    '1',
    'ANSI',
    'UTC',
    '28800',
  ]
  const column = Buffer.concat([
    ...['def', '', '', '', 'x', ''].map(text),
    Buffer.from('0c2d00ffff0000fd0000000000', 'hex'),
  ])
  return [
    uint8(values.length),
    ...values.map(() => column),
    Buffer.concat(values.map(text)),
    Buffer.from('fe000002000000', 'hex'),
  ]
}
const SETS_UP = [settingsWith('utf8mb4'), () => [OK]]

t.test('the fast path, and what the session begins with', async (t) => {
  const { welcome, error, response, sent } = await logIn({ says: [() => [FAST, OK], ...SETS_UP] })
  t.equal(error, null)
  t.match(response, { user: 'app', database: 'shop_db', plugin: CACHING_SHA2, collation: 255 })
  t.ok(provesCachingSha2(doubleSha256(PASSWORD), SCRAMBLE, response.authResponse))
  t.match(welcome, {
    cancelKey: { processId: 99 },
    mysql: { serverVersion: '8.0.36', connectionId: 99, status: 2, tracksSchema: true },
  })
  t.equal(welcome?.settings.get('sql_mode'), 'ANSI')
  t.equal(welcome?.settings.get('schema'), 'shop_db')
  t.same([...(welcome?.mysql?.tracked ?? [])], ['autocommit', 'time_zone'])
  t.match(sent.at(-1)?.toString(), /session_track_system_variables = '.*sql_mode.*'/)
  t.ok(response.attributes.includes('job'))
})

t.test('the flags are those that were agreed with the client, and no others', async (t) => {
  const flags = async (agreed: number) => {
    const hello = { ...HELLO, agreement: { capabilities: agreed, collation: 45 } }
    const says = [() => [FAST, OK], ...SETS_UP]
    return (await logIn({ says, hello })).response.asked
  }
  const all = [
    capability.CLIENT_FOUND_ROWS,
    capability.CLIENT_IGNORE_SPACE,
    capability.CLIENT_MULTI_STATEMENTS,
    capability.CLIENT_MULTI_RESULTS,
    capability.CLIENT_PS_MULTI_RESULTS,
    capability.CLIENT_DEPRECATE_EOF,
    capability.CLIENT_ODBC,
    capability.CLIENT_INTERACTIVE,
  ]
  for (const flag of all) {
    t.equal((await flags(flag)) & flag, flag)
    t.equal((await flags(0)) & flag, 0)
  }
  const never =
    capability.CLIENT_LOCAL_FILES |
    capability.CLIENT_COMPRESS |
    capability.CLIENT_QUERY_ATTRIBUTES |
    capability.CLIENT_OPTIONAL_RESULTSET_METADATA |
    capability.CLIENT_ZSTD_COMPRESSION_ALGORITHM
  t.equal((await flags(0xffffffff)) & never, 0)
  t.ok((await flags(0)) & capability.CLIENT_SESSION_TRACK, 'what changes is heard in any case')
  const old = await logIn({
    capabilities: capability.OFFERED & ~capability.CLIENT_SESSION_TRACK,
    says: [],
  })
  t.match(old.error, { code: 'UPSTREAM_UNAVAILABLE', message: /too old/ })
  t.equal(old.sent.length, 0)
})

t.test(
  'the password goes in clear inside TLS or a unix socket, else encrypted to a known key',
  async (t) => {
    const { privateKey, publicKey } = generateKeyPairSync('rsa', { modulusLength: 2048 })
    const pem = publicKey.export({ type: 'spki', format: 'pem' }).toString()
    const asks = (login: Partial<UpstreamLogin>, answers: Server['says'] = [() => [OK]]) =>
      logIn({ login, says: [() => [FULL], ...answers, ...SETS_UP] })
    const given = (sent: readonly Buffer[]) =>
      sent.find((each) => each.toString() === `${PASSWORD}\0`)
    const unix = await asks({ unixSocket: true })
    t.equal(unix.error, null)
    t.ok(given(unix.sent))
    const tls = await asks({ tls: 'require' })
    t.equal(tls.error, null)
    t.ok(given(tls.sent))
    t.equal(tls.sent[0]?.length, 32, 'the SSLRequest goes first, and nothing else')

    const clear = await asks({})
    t.match(clear.error, {
      code: 'UPSTREAM_UNAVAILABLE',
      message: /use TLS, or give its public key/,
    })
    t.notOk(given(clear.sent))
    const decrypted = (sent: Buffer) => {
      const padding = constants.RSA_PKCS1_OAEP_PADDING
      const plain = privateDecrypt({ key: privateKey, padding }, sent)
      const cover = Buffer.concat([SCRAMBLE, SCRAMBLE]).subarray(0, plain.length)
      return xor(plain, cover).toString()
    }
    const keyed = await asks({ publicKey: pem })
    t.equal(keyed.error, null)
    t.equal(decrypted(keyed.sent[1] as Buffer), `${PASSWORD}\0`)
    // On the loopback nobody can put another key into the server's mouth.
    const local = await asks({ local: true }, [
      () => [Buffer.concat([uint8(1), Buffer.from(pem)])],
      () => [OK],
    ])
    t.equal(local.error, null)
    t.same(local.sent[1], Buffer.from([2]))
    t.equal(decrypted(local.sent[2] as Buffer), `${PASSWORD}\0`)
  },
)

t.test('a server may ask for the native proof instead', async (t) => {
  const other = Buffer.from('ABCDEFGHIJKLMNOPQRST')
  const asked = Buffer.concat([uint8(0xfe), Buffer.from(`${NATIVE}\0`), other, uint8(0)])
  const { error, sent } = await logIn({ says: [() => [asked], () => [OK], ...SETS_UP] })
  t.equal(error, null)
  t.ok(provesNative(doubleSha1(PASSWORD), other, sent[1] as Buffer))
  const first = await logIn({ plugin: NATIVE, says: [() => [OK], ...SETS_UP] })
  t.ok(provesNative(doubleSha1(PASSWORD), SCRAMBLE, first.response.authResponse))
})

t.test('three ways to get the password out of the proxy fail', async (t) => {
  const secrets = [
    PASSWORD,
    createHash('sha1').update(PASSWORD).digest().toString('latin1'),
    createHash('sha256').update(PASSWORD).digest().toString('latin1'),
  ]
  const keeps = async (what: string, server: Server) => {
    const { error, sent } = await logIn(server)
    t.match(error, { code: /UPSTREAM_UNAVAILABLE|PROTOCOL_VIOLATION/ }, what)
    const all = Buffer.concat(sent).toString('latin1')
    for (const secret of secrets) t.notOk(all.includes(secret), what)
  }
  const asks = (plugin: string) =>
    Buffer.concat([uint8(0xfe), Buffer.from(`${plugin}\0`), SCRAMBLE, uint8(0)])
  for (const plugin of ['mysql_clear_password', 'dialog', 'sha256_password', 'client_ed25519']) {
    await keeps(plugin, { says: [() => [asks(plugin)]] })
  }
  await keeps('the passwords of 4.0', { says: [() => [uint8(0xfe)]] })
  await keeps('a downgrade', {
    capabilities: capability.OFFERED,
    login: { tls: 'require' },
    says: [],
  })
  await keeps('a key of its own choosing', {
    says: [
      () => [FULL],
      () => [Buffer.concat([uint8(1), Buffer.from('-----BEGIN PUBLIC KEY-----')])],
    ],
  })
  await keeps('a short scramble', {
    says: [() => [Buffer.concat([uint8(0xfe), Buffer.from(`${NATIVE}\0`), uint8(0)])]],
  })
  await keeps('a login without an end', { says: [() => Array.from({ length: 20 }, () => FAST)] })
})

t.test('a server that reads statements by another character set is not used', async (t) => {
  for (const characterSet of ['gbk', 'sjis', 'big5', 'cp932', 'gb18030', '']) {
    const says = [() => [FAST, OK], settingsWith(characterSet), () => [OK]]
    t.match((await logIn({ says })).error, { code: 'UPSTREAM_UNAVAILABLE', message: /utf8mb4/ })
  }
})

t.test('what the server says against a login stays out of the client’s sight', async (t) => {
  const denied = Buffer.concat([
    Buffer.from([0xff, 0x15, 0x04]),
    Buffer.from("#28000Access denied for user 'app'@'10.0.0.9'"),
  ])
  const { error } = await logIn({ says: [() => [denied]] })
  t.match(error, { code: 'UPSTREAM_UNAVAILABLE', message: /error 1045, SQLSTATE 28000/ })
  t.notMatch(error, { message: /app|10\.0/ })
  const blocked = await logIn({
    greeting: Buffer.from('\xff\x69\x04Host is blocked', 'latin1'),
    says: [],
  })
  t.match(blocked.error, { code: 'UPSTREAM_UNAVAILABLE', message: /error 1129/ })
  const old = await logIn({ greeting: Buffer.from([9, 0x35, 0]), says: [] })
  t.match(old.error, { message: /protocol 9/ })
})
