import { X509Certificate } from 'node:crypto'
import { readFileSync } from 'node:fs'
import sasl from 'pg/lib/crypto/sasl.js'
import t from 'tap'
import { makeVerifier, mockVerifier } from '../../../src/identity/scram-verifier.ts'
import type { ServerChannel } from '../../../src/wire/handshake-channel.ts'
import { cstring, int32, message } from '../../../src/wire/postgres/framing.ts'
import { PASSWORD } from '../../../src/wire/postgres/message-types.ts'
import { authenticateByScram } from '../../../src/wire/postgres/scram-server.ts'
import type { AgentVerifier } from '../../../src/wire/verifiers.ts'
import { writeCertificate } from '../../support/postgres-certificate.ts'

/** A fresh self-signed certificate, DER. */
function makeCertificate(): Buffer {
  const folder = t.testdir({})
  return new X509Certificate(readFileSync(writeCertificate(folder).cert)).raw
}

/** Two ends in one process; the client's end reads whole messages. */
function pair(certificate: Buffer | null) {
  const toServer: Buffer[] = []
  const toClient: Buffer[] = []
  let wake = () => {}
  const take = async (from: Buffer[], count: number): Promise<Buffer> => {
    for (;;) {
      const all = Buffer.concat(from)
      if (all.length >= count) {
        from.splice(0, from.length, all.subarray(count))
        return all.subarray(0, count)
      }
      await new Promise<void>((resolve) => {
        wake = resolve
      })
    }
  }
  const server = {
    read: (count: number) => take(toServer, count),
    peek: async () => 0,
    buffered: 0,
    write: (bytes: Buffer) => {
      toClient.push(bytes)
      wake()
    },
    tls: certificate && { description: 'TLS', certificate },
    offersTls: certificate !== null,
    startTls: async () => {},
    remoteAddress: '127.0.0.1',
  } satisfies ServerChannel
  const say = (...parts: Buffer[]) => {
    toServer.push(message(PASSWORD, ...parts))
    wake()
  }
  const hear = async () => {
    const header = await take(toClient, 5)
    return take(toClient, header.readUInt32BE(1) - 4)
  }
  return { server, say, hear }
}

async function logIn(
  verifier: AgentVerifier,
  password: string,
  options: {
    offered?: Buffer | null
    seen?: Buffer | null
    change?: (final: string) => string
  } = {},
) {
  const { server, say, hear } = pair(options.offered ?? null)
  const done = authenticateByScram(server, verifier)
  done.catch(() => {})
  const mechanisms = (await hear()).subarray(4).toString('latin1').split('\0').filter(Boolean)
  const seen = options.seen ?? options.offered ?? null
  const stream = seen && { getPeerCertificate: () => ({ raw: seen }) }
  const session = sasl.startSession(mechanisms, stream)
  say(
    cstring(session.mechanism),
    int32(Buffer.byteLength(session.response)),
    Buffer.from(session.response),
  )
  await sasl.continueSession(session, password, (await hear()).subarray(4).toString(), stream)
  const change = options.change ?? ((final) => final)
  say(Buffer.from(change(session.response)))
  const proof = await done
  sasl.finalizeSession(session, (await hear()).subarray(4).toString())
  return { mechanism: session.mechanism, proof }
}

const verifier = makeVerifier('right')

t.test('the password opens, and the client can check the server', async (t) => {
  t.equal((await logIn(verifier, 'right')).mechanism, 'SCRAM-SHA-256')
  const certificate = makeCertificate()
  const bound = await logIn(verifier, 'right', { offered: certificate })
  t.equal(bound.mechanism, 'SCRAM-SHA-256-PLUS')
})

t.test('either of two secrets opens, and is told apart', async (t) => {
  const second = makeVerifier('other', verifier)
  const both = { ...verifier, second }
  // The client checks that it is answered by the keys of the secret that it has.
  for (const [password, of] of [
    ['right', verifier],
    ['other', second],
  ] as const) {
    t.same((await logIn(both, password)).proof, { kind: 'secret', storedKey: of.storedKey })
  }
  await t.rejects(logIn(both, 'wrong'), { code: 'LOGIN_FAILED' })
  await t.rejects(logIn(verifier, 'other'), { code: 'LOGIN_FAILED' }, 'over, it is nothing')
  const elsewhere = { ...verifier, second: makeVerifier('other') }
  await t.rejects(logIn(elsewhere, 'other'), { code: 'LOGIN_FAILED' }, 'of another salt')
})

t.test('a wrong password and an unknown name fail alike', async (t) => {
  const refused = { code: 'LOGIN_FAILED', message: 'password authentication failed' }
  await t.rejects(logIn(verifier, 'wrong'), refused)
  await t.rejects(logIn(mockVerifier('nobody', Buffer.alloc(32, 1)), 'right'), refused)
  t.same(
    mockVerifier('nobody', Buffer.alloc(32, 1)).salt,
    mockVerifier('nobody', Buffer.alloc(32, 1)).salt,
    'the salt stays',
  )
})

t.test('a certificate of somebody in between does not bind', async (t) => {
  await t.rejects(
    logIn(verifier, 'right', { offered: makeCertificate(), seen: makeCertificate() }),
    { code: 'LOGIN_FAILED' },
  )
})

t.test('a proof for another nonce, no proof, and a replayed final message fail', async (t) => {
  await t.rejects(logIn(verifier, 'right', { change: (final) => final.replace(/r=./, 'r=!') }))
  await t.rejects(logIn(verifier, 'right', { change: (final) => final.replace(/,p=.*/, '') }))
  let replay = ''
  await logIn(verifier, 'right', { change: (final) => (replay = final) })
  await t.rejects(logIn(verifier, 'right', { change: () => replay }))
})

t.test('a downgrade is noticed: "y" where binding was offered', async (t) => {
  const { server, say, hear } = pair(makeCertificate())
  const done = authenticateByScram(server, verifier)
  done.catch(() => {})
  await hear()
  const first = 'y,,n=,r=abcdefgh'
  say(cstring('SCRAM-SHA-256'), int32(first.length), Buffer.from(first))
  await t.rejects(done, /tampered/)
})
