import t from 'tap'
import { ProxyError } from '../../../src/lib/errors.ts'
import type { OpenOptions } from '../../../src/wire/handshake.ts'
import type { ServerChannel } from '../../../src/wire/handshake-channel.ts'
import { findHandshake } from '../../../src/wire/mysql/agent-handshake.ts'
import * as capability from '../../../src/wire/mysql/capabilities.ts'
import { characterSetOf } from '../../../src/wire/mysql/collations.ts'
import { decodeError } from '../../../src/wire/mysql/errors.ts'
import { decodeGreeting } from '../../../src/wire/mysql/greeting.ts'
import {
  decodeHandshakeResponse,
  encodeHandshakeResponse,
  encodeSslRequest,
} from '../../../src/wire/mysql/handshake-response.ts'
import { mysqlProtocol } from '../../../src/wire/mysql/mysql-protocol.ts'
import { message, payloadOf } from '../../../src/wire/mysql/packets.ts'
import {
  CACHING_SHA2,
  cachingSha2Proof,
  doubleSha1,
  doubleSha256,
  NATIVE,
  nativeProof,
  provesCachingSha2,
  provesNative,
} from '../../../src/wire/mysql/password-proofs.ts'
import type { AgentVerifier, LoginProof } from '../../../src/wire/verifiers.ts'
import { messagesIn } from './dialogue-world.ts'
import { goldenClients } from './golden.ts'

const GREETING = { serverVersion: '8.0.36', collation: 45, status: 2, connectionId: 7 }
const SECRET = 'sesame'
const NOTHING: AgentVerifier = {
  iterations: 1,
  salt: Buffer.alloc(0),
  storedKey: Buffer.alloc(0),
  serverKey: Buffer.alloc(0),
}
const VERIFIER: AgentVerifier = {
  ...NOTHING,
  doubleSha256: doubleSha256(SECRET),
  doubleSha1: doubleSha1(SECRET),
}

/** A client that answers each message of the server by a script. */
type Answer = (message: Buffer, scramble: Buffer) => Buffer | null

interface Play {
  readonly tls?: boolean
  readonly options?: Partial<OpenOptions>
  readonly verifier?: AgentVerifier
  readonly answers: readonly Answer[]
}

async function play({ tls = false, options = {}, verifier = VERIFIER, answers }: Play) {
  let incoming: Buffer = Buffer.alloc(0)
  let secured = false
  let headOfTls: Buffer | null = null
  const written: Buffer[] = []
  let scramble: Buffer = Buffer.alloc(0)
  let step = 0
  const channel: ServerChannel = {
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
      written.push(bytes)
      if (written.length === 1) scramble = decodeGreeting(payloadOf(bytes)).scramble
      const answer = answers[step++]?.(bytes, scramble)
      if (answer) incoming = Buffer.concat([incoming, answer])
    },
    get tls() {
      return secured ? { description: 'TLS', certificate: null } : null
    },
    offersTls: tls,
    startTls: async () => {
      headOfTls = incoming
      incoming = Buffer.from(answers[step++]?.(Buffer.alloc(0), scramble) ?? [])
      secured = true
    },
    remoteAddress: '127.0.0.1',
  }
  let error: unknown = null
  let opening = null
  let proof: LoginProof | null = null
  try {
    opening = await mysqlProtocol.open(channel, {
      tlsRequired: false,
      greeting: GREETING,
      ...options,
    })
    proof = await mysqlProtocol.authenticate(channel, verifier)
    const key = { processId: 7, secret: Buffer.alloc(0) }
    mysqlProtocol.welcome(channel, { notices: [], settings: new Map(), cancelKey: key }, key)
  } catch (thrown) {
    error = thrown
    if (thrown instanceof ProxyError) mysqlProtocol.reject(channel, thrown)
  }
  return { opening, error, proof, written, headOfTls: headOfTls as Buffer | null, channel }
}

interface Said {
  user?: string
  plugin?: string
  collation?: number
  database?: string
  more?: number
  without?: number
  proof?: (scramble: Buffer) => Buffer
  attributes?: [string, string][]
}

const response = (said: Said = {}, sequence = 1) => {
  const make: Answer = (_message, scramble) =>
    message(
      sequence,
      encodeHandshakeResponse({
        capabilities: (capability.OFFERED | (said.more ?? 0)) & ~(said.without ?? 0),
        collation: said.collation ?? 45,
        user: said.user ?? 'bot',
        authResponse: (said.proof ?? ((bytes) => cachingSha2Proof(SECRET, bytes)))(scramble),
        database: said.database ?? 'shop',
        plugin: said.plugin ?? CACHING_SHA2,
        attributes: new Map(said.attributes ?? []),
      }),
    )
  return make
}

const sslRequest: Answer = () => message(1, encodeSslRequest(capability.OFFERED | 0x800, 45))
const wrong = (scramble: Buffer) => cachingSha2Proof('wrong', scramble)
const errorOf = (written: readonly Buffer[]) => decodeError(payloadOf(written.at(-1) as Buffer))

t.test('what real clients say is read, and their proofs hold', async (t) => {
  const scramble = Buffer.from(goldenClients.scramble, 'hex')
  for (const { client, response: hex } of goldenClients.clients) {
    const frame = Buffer.from(hex, 'hex')
    t.equal(messagesIn(frame).length, 1)
    const read = decodeHandshakeResponse(payloadOf(frame), capability.OFFERED)
    t.match(read, { user: 'bot', database: 'shop' }, client)
    t.ok(characterSetOf(read.collation), client)
    if (read.authResponse.length === 32) {
      const stored = doubleSha256(goldenClients.password)
      t.equal(read.plugin, CACHING_SHA2)
      t.ok(provesCachingSha2(stored, scramble, read.authResponse), client)
      t.notOk(provesCachingSha2(doubleSha256('x'), scramble, read.authResponse), client)
      const longer = Buffer.concat([read.authResponse, Buffer.alloc(1)])
      t.notOk(provesCachingSha2(stored, scramble, longer), 'a byte too many')
    } else {
      t.ok(provesNative(doubleSha1(goldenClients.password), scramble, read.authResponse), client)
    }
    // Each cut of it is refused, none is read past its end.
    const payload = payloadOf(frame)
    for (let end = 0; end < payload.length; end++) {
      try {
        const cut = decodeHandshakeResponse(payload.subarray(0, end), capability.OFFERED)
        // A cut between two fields leaves out what a client may leave out.
        t.ok(cut.plugin === '' || cut.attributes.length === 0, `${client} cut at ${end}`)
      } catch (error) {
        if (!(error instanceof ProxyError)) t.fail(`${client} cut at ${end}: ${error}`)
      }
    }
  }
  const { tls = '' } = goldenClients.clients.find(({ client }) => client === 'mysql 9.7') ?? {}
  t.equal(Buffer.from(tls, 'hex')[36], 0x16, 'a ClientHello comes in the segment of the SSLRequest')
})

t.test('the fast path needs one round trip and the stored digest alone', async (t) => {
  const { written, opening, error } = await play({ answers: [response()] })
  t.equal(error, null)
  t.match(opening, {
    kind: 'session',
    hello: { user: 'bot', database: 'shop', agreement: { collation: 45 } },
  })
  const [greeting, fast, ok] = written.map(payloadOf)
  t.match(decodeGreeting(greeting as Buffer), { ...GREETING, plugin: CACHING_SHA2 })
  t.same([...(fast as Buffer)], [1, 3])
  t.same([...(ok as Buffer)], [0, 0, 0, 2, 0, 0, 0])
  t.same(
    written.map((each) => each[3]),
    [0, 2, 3],
  )
})

t.test('nothing that the proxy doesn’t follow is offered', async (t) => {
  const { written, opening } = await play({ answers: [response({ more: 0x3e0000a0 })] })
  const { capabilities } = decodeGreeting(payloadOf(written[0] as Buffer))
  for (const flag of [
    capability.CLIENT_COMPRESS,
    capability.CLIENT_LOCAL_FILES,
    capability.CLIENT_SSL,
    capability.CLIENT_OPTIONAL_RESULTSET_METADATA,
    capability.CLIENT_ZSTD_COMPRESSION_ALGORITHM,
    capability.CLIENT_QUERY_ATTRIBUTES,
  ]) {
    t.equal(capabilities & flag, 0)
    // A client that sets it all the same has it not.
    if (opening?.kind === 'session') {
      t.equal((opening.hello.agreement?.capabilities ?? 0) & flag, 0)
    }
  }
  t.ok(capabilities & capability.CLIENT_LONG_PASSWORD, 'so the reserved bytes mean nothing')
})

t.test(
  'a ClientHello behind the SSLRequest is given to TLS, and nothing else is read',
  async (t) => {
    const hello = Buffer.from('16030100...', 'latin1')
    const { error, headOfTls } = await play({
      tls: true,
      answers: [
        (...given) => Buffer.concat([sslRequest(...given) as Buffer, hello]),
        response({ more: 0x800 }, 2),
      ],
    })
    t.equal(error, null)
    t.same(headOfTls, hello)
    // Statements sent in clear behind the request go the same way, and are no TLS.
    const smuggled = await play({
      tls: true,
      answers: [
        (...given) =>
          Buffer.concat([sslRequest(...given) as Buffer, response({}, 2)(...given) as Buffer]),
        () => null,
      ],
    })
    t.ok(smuggled.error)
    t.ok((smuggled.headOfTls?.length ?? 0) > 32)
    t.equal(findHandshake(smuggled.channel)?.response, null)
  },
)

t.test('inside TLS the secret itself is a proof; in clear it is never asked for', async (t) => {
  const full = (secret: string, verifier = VERIFIER) =>
    play({
      tls: true,
      verifier,
      answers: [
        sslRequest,
        response({ more: 0x800, proof: wrong }, 2),
        () => message(4, Buffer.from(`${secret}\0`)),
      ],
    })
  const taken = await full(SECRET)
  t.equal(taken.error, null)
  t.same([...payloadOf(taken.written[1] as Buffer)], [1, 4])
  t.match((await full('another')).error, { code: 'LOGIN_FAILED' })
  const token = 'x'.repeat(1400)
  const proof = { kind: 'token', until: 0, onBehalfOf: null, issuer: '' } as const
  const accepts = async (secret: string) => {
    if (secret === token) return proof
    throw new ProxyError('LOGIN_FAILED', 'password authentication failed')
  }
  const byToken = await full(token, { ...NOTHING, accepts })
  t.same([byToken.error, byToken.proof], [null, proof])
  t.match((await full(`${token}x`, { ...NOTHING, accepts })).error, { code: 'LOGIN_FAILED' })
  t.equal((await full(SECRET, { ...VERIFIER, accepts })).error, null, 'a secret or a token')
  const huge = await full('x'.repeat(16 * 1024 + 1), { ...NOTHING, accepts })
  t.match(huge.error, { code: 'PROTOCOL_VIOLATION' })
  t.match((await full(SECRET, NOTHING)).error, { code: 'LOGIN_FAILED' })
  const clear = await play({
    answers: [response({ proof: wrong }), () => message(3, Buffer.from('sesame\0'))],
  })
  t.match(clear.error, { code: 'LOGIN_FAILED' })
  t.same(clear.written.length, 2)
  const clearToken = await play({
    verifier: { ...NOTHING, accepts },
    answers: [response({ proof: wrong }), () => message(3, Buffer.from(`${token}\0`))],
  })
  t.match(clearToken.error, { code: 'TLS_REQUIRED' })
})

t.test('either of two secrets opens, by each way of proving it', async (t) => {
  const key = (text: string) => Buffer.from(text)
  const of = (secret: string, storedKey: Buffer) => ({
    ...NOTHING,
    storedKey,
    doubleSha256: doubleSha256(secret),
    doubleSha1: doubleSha1(secret),
  })
  const verifier = { ...of('new', key('1')), second: of('old', key('2')) }
  for (const secret of ['new', 'old', 'other']) {
    const fast = await play({
      verifier,
      answers: [response({ proof: (bytes: Buffer) => cachingSha2Proof(secret, bytes) })],
    })
    const native = await play({
      tls: true,
      options: { nativePassword: true },
      verifier,
      answers: [
        sslRequest,
        response(
          { more: 0x800, plugin: NATIVE, proof: (bytes: Buffer) => nativeProof(secret, bytes) },
          2,
        ),
      ],
    })
    const whole = await play({
      tls: true,
      verifier,
      answers: [
        sslRequest,
        response({ more: 0x800, proof: wrong }, 2),
        () => message(4, Buffer.from(`${secret}\0`)),
      ],
    })
    const expected = { new: key('1'), old: key('2') }[secret]
    for (const { proof, error } of [fast, native, whole]) {
      t.same(proof, expected ? { kind: 'secret', storedKey: expected } : null, secret)
      t.equal(error === null, expected !== undefined)
    }
  }
})

t.test('an unknown agent can’t be told from a wrong password', async (t) => {
  for (const tls of [false, true]) {
    const tries = [VERIFIER, NOTHING].map((verifier) =>
      play({
        tls,
        verifier,
        answers: tls
          ? [
              sslRequest,
              response({ more: 0x800, proof: wrong }, 2),
              () => message(4, Buffer.from('no\0')),
            ]
          : [response({ proof: wrong })],
      }),
    )
    const [known, unknown] = await Promise.all(tries)
    const answers = (each: typeof known) => each?.written.slice(1)
    t.same(answers(known), answers(unknown))
    t.match(errorOf(unknown?.written ?? []), {
      number: 1045,
      sqlState: '28000',
      message: "Access denied for user 'bot'@'127.0.0.1' (using password: YES)",
    })
  }
})

t.test('clients that begin with another plugin are asked to switch', async (t) => {
  const native = { plugin: NATIVE, proof: (bytes: Buffer) => nativeProof(SECRET, bytes) }
  const { error, written } = await play({
    answers: [
      response(native),
      (asked) => message(3, cachingSha2Proof(SECRET, payloadOf(asked).subarray(-21, -1))),
    ],
  })
  t.equal(error, null)
  t.match(
    payloadOf(written[1] as Buffer).toString('latin1'),
    /^\xfecaching_sha2_password\0.{20}\0$/s,
  )
  // Their own is taken inside TLS, where that is configured.
  const over = (tls: boolean, nativePassword: boolean, said: Said = native) =>
    play({
      tls,
      options: { nativePassword },
      answers: tls ? [sslRequest, response({ ...said, more: 0x800 }, 2)] : [response(said)],
    })
  const taken = await over(true, true)
  t.equal(taken.error, null)
  t.equal(taken.written.length, 2, 'greeting, OK')
  t.ok((await over(false, true)).error)
  t.ok((await over(true, false)).error)
  // One that can't be asked.
  const alone = {
    ...native,
    without: capability.CLIENT_PLUGIN_AUTH | capability.CLIENT_CONNECT_ATTRS,
  }
  t.match((await play({ answers: [withoutPlugin(alone)] })).error, { code: 'STARTUP_REFUSED' })
})

/** The response of a client that doesn't know plugins ends behind its database. */
const withoutPlugin =
  (said: Said): Answer =>
  (...given) => {
    const payload = payloadOf(response(said)(...given) as Buffer)
    const end = payload.indexOf('shop') + 5
    return message(1, payload.subarray(0, end))
  }

t.test('what a client claims of itself is read with care', async (t) => {
  const { opening } = await play({
    answers: [
      response({
        attributes: [
          ['program_name', 'job\n{"forged":true}'],
          ['countersign.claim', 'tidy up'],
          ['_os', 'Linux'],
        ],
      }),
    ],
  })
  if (opening?.kind !== 'session') throw new Error('no session')
  t.equal(opening.hello.settings.get('application_name'), 'job?{"forged":true}')
  t.same([...opening.hello.own], [['claim', 'tidy up']])
  const refused = async (attributes: [string, string][]) =>
    (await play({ answers: [response({ attributes })] })).error
  t.match(await refused([['k', 'x'.repeat(5000)]]), { code: 'STARTUP_REFUSED' })
  const many = Array.from({ length: 200 }, (_each, index): [string, string] => [`k${index}`, 'v'])
  t.match(await refused(many), { code: 'STARTUP_REFUSED' })
})

t.test('three ways to begin a session that means something else fail', async (t) => {
  // Character sets in which a byte can be a quote or a backslash; those that aren't known.
  for (const collation of [1, 13, 28, 84, 87, 88, 95, 96, 248, 249, 250, 35, 54, 200 - 100]) {
    const { error } = await play({ answers: [response({ collation })] })
    t.match(error, { code: 'STARTUP_REFUSED', message: /utf8mb4/ }, `collation ${collation}`)
  }
  const zero = await play({ answers: [response({ collation: 0 })] })
  t.match(zero.opening, { hello: { agreement: { collation: 45 } } }, '0 is what was greeted with')
  // A packet out of its turn.
  const turn = await play({ answers: [response({}, 2)] })
  t.match(turn.error, { code: 'PROTOCOL_VIOLATION', message: /out of order/ })
  // Lengths that promise more than is there.
  const long = (_bytes: Buffer, scramble: Buffer) => {
    const payload = Buffer.from(payloadOf(response()(Buffer.alloc(0), scramble) as Buffer))
    payload[32 + 4] = 0xfd
    return message(1, payload)
  }
  t.match((await play({ answers: [long] })).error, { code: 'PROTOCOL_VIOLATION' })
  const huge = () => Buffer.from([0xff, 0xff, 0x10, 1])
  t.match((await play({ answers: [huge] })).error, { code: 'PROTOCOL_VIOLATION' })
  const trailing = (_bytes: Buffer, scramble: Buffer) =>
    message(1, payloadOf(response()(Buffer.alloc(0), scramble) as Buffer), Buffer.from('more'))
  t.match((await play({ answers: [trailing] })).error, { code: 'PROTOCOL_VIOLATION' })
})

t.test(
  'before any database has been reached the reason stands in place of the greeting',
  async (t) => {
    const none = {} as OpenOptions
    const channel = { write: (bytes: Buffer) => said.push(bytes) } as unknown as ServerChannel
    const said: Buffer[] = []
    const error = await mysqlProtocol.open(channel, none).catch((thrown: unknown) => thrown)
    t.match(error, { code: 'UPSTREAM_UNAVAILABLE' })
    mysqlProtocol.reject(channel, error as ProxyError)
    t.equal(said[0]?.[3], 0)
    t.match(payloadOf(said[0] as Buffer).toString('latin1'), /^\xff..no database/s)
  },
)

t.test('TLS is demanded where it is required, and the reason is told', async (t) => {
  const { error, written } = await play({
    tls: true,
    options: { tlsRequired: true },
    answers: [response()],
  })
  t.match(error, { code: 'TLS_REQUIRED' })
  t.match(errorOf(written), { number: 3159 })
  t.match((await play({ answers: [sslRequest] })).error, { code: 'PROTOCOL_VIOLATION' })
  const second = await play({
    tls: true,
    answers: [sslRequest, () => message(2, encodeSslRequest(capability.OFFERED, 45))],
  })
  t.match(second.error, { code: 'PROTOCOL_VIOLATION', message: /second SSLRequest/ })
})
