import t from 'tap'
import { ProxyError } from '../../../src/lib/errors.ts'
import type { ServerChannel } from '../../../src/wire/handshake-channel.ts'
import { authenticateAgent } from '../../../src/wire/postgres/agent-authentication.ts'
import { int32, message } from '../../../src/wire/postgres/framing.ts'
import { PASSWORD } from '../../../src/wire/postgres/message-types.ts'
import type { AgentVerifier } from '../../../src/wire/verifiers.ts'
import { doubleSha256 } from '../../../src/wire/whole-secret.ts'

const TOKEN = 'x'.repeat(16 * 1024)
const PROOF = { kind: 'token', until: 1, onBehalfOf: null, issuer: '' } as const
const KEY = Buffer.from('key')
const AGENT: AgentVerifier = {
  iterations: 4096,
  salt: Buffer.alloc(16),
  storedKey: KEY,
  serverKey: KEY,
  doubleSha256: doubleSha256('sesame'),
  accepts: async (token) => {
    if (token === TOKEN) return PROOF
    throw new ProxyError('LOGIN_FAILED', 'password authentication failed')
  },
}

async function logIn(said: Buffer, { verifier = AGENT, tls = true } = {}) {
  const written: Buffer[] = []
  let taken = 0
  const channel: ServerChannel = {
    read: async (count) => {
      if (said.length - taken < count) throw new Error('the connection closed')
      taken += count
      return said.subarray(taken - count, taken)
    },
    peek: async () => said[taken] ?? 0,
    buffered: 0,
    write: (bytes) => written.push(bytes),
    tls: tls ? { description: 'TLS', certificate: null } : null,
    offersTls: tls,
    startTls: async () => {},
    remoteAddress: '127.0.0.1',
  }
  const result = await authenticateAgent(channel, verifier).catch((error: ProxyError) => error.code)
  /** The kinds of authentication that the client was told of. */
  const told = written.map((bytes) => bytes.readUInt32BE(5))
  return { result, told, taken }
}

const password = (text: string | Buffer) =>
  message(PASSWORD, Buffer.isBuffer(text) ? text : Buffer.from(`${text}\0`))

t.test('a token or a secret is taken whole, inside TLS', async (t) => {
  t.match(await logIn(password(TOKEN)), { result: PROOF, told: [3, 0] })
  t.match(await logIn(password('sesame')), {
    result: { kind: 'secret', storedKey: KEY },
    told: [3, 0],
  })
  t.match(await logIn(password('other')), { result: 'LOGIN_FAILED', told: [3] })
  t.match(await logIn(password('')), { result: 'LOGIN_FAILED', told: [3] })
})

t.test('nobody else is asked for it, and nobody in clear', async (t) => {
  const { accepts: _, ...secretOnly } = AGENT
  t.same((await logIn(password('sesame'), { verifier: secretOnly })).told, [10], 'SASL')
  t.same((await logIn(password(TOKEN), { tls: false })).told, [10])
})

t.test('what is not a password ends the login before it is read', async (t) => {
  const long = await logIn(Buffer.concat([Buffer.from('p'), int32(0x7fffffff), Buffer.alloc(99)]))
  t.match(long, { result: 'PROTOCOL_VIOLATION', taken: 5 })
  t.equal((await logIn(password(`${TOKEN}x`))).result, 'PROTOCOL_VIOLATION')
  for (const wrong of [
    message(0x51, Buffer.from('SELECT 1\0')),
    message(PASSWORD),
    password(Buffer.from('no end')),
    password('two\0texts'),
    Buffer.concat([Buffer.from('p'), int32(0)]),
  ]) {
    t.equal((await logIn(wrong)).result, 'PROTOCOL_VIOLATION')
  }
  t.equal((await logIn(password(Buffer.from([0xff, 0xfe, 0])))).result, 'PROTOCOL_VIOLATION')
})
