import { createHmac } from 'node:crypto'
import { exportJWK } from 'jose'
import t, { type Test } from 'tap'
import { AgentTokens, type TokenBinding } from '../../src/identity/agent-tokens.ts'
import { IssuerKeys } from '../../src/identity/issuer-keys.ts'
import { ProxyError } from '../../src/lib/errors.ts'
import { ManualClock } from '../approval/fixtures.ts'
import { FakeIssuer, forge, makeKey, SUBJECT, type TokenSays } from '../support/fake-issuer.ts'

async function setUp(t: Test) {
  const clock = new ManualClock()
  const issuer = await FakeIssuer.start(t, () => clock.now())
  const tokens = new AgentTokens(clock)
  const accept = (token: string, binding: TokenBinding = issuer.binding) =>
    tokens.accept(token, binding)
  /** "good", or the code and the reason that the record has. */
  const judged = (token: string, binding?: TokenBinding) =>
    accept(token, binding).then(
      () => 'good',
      (error: unknown) => {
        if (!(error instanceof ProxyError)) throw error
        return `${error.code}: ${(error.cause as Error).message}`
      },
    )
  const says = async (says: TokenSays) => judged(await issuer.token(says))
  return { clock, issuer, accept, judged, says }
}

t.test('a token of the issuer, for us, of this agent, lets it in for its time', async (t) => {
  const { clock, issuer, accept, judged, says } = await setUp(t)
  const seconds = Math.floor(clock.now() / 1_000)
  t.same(await accept(await issuer.token()), {
    until: (seconds + 300 + 30) * 1_000,
    onBehalfOf: null,
  })
  t.equal(await says({ claims: { aud: ['other', 'countersign'] } }), 'good')
  for (const typ of ['JWT', 'at+jwt', 'application/at+jwt']) {
    t.equal(await says({ header: { typ } }), 'good', typ)
  }
  for (const alg of ['RS256', 'PS256', 'EdDSA']) {
    issuer.keys.push(makeKey(alg, alg))
    clock.advance(31_000)
    t.equal(await says({ key: issuer.keys.at(-1) as (typeof issuer.keys)[0] }), 'good', alg)
  }
  const asked = issuer.asked
  await Promise.all([1, 2, 3].map(async () => judged(await issuer.token())))
  t.equal(issuer.asked, asked, 'keys are kept')
})

t.test('whom it names behind the agent is known, and named once', async (t) => {
  const { issuer, accept, says } = await setUp(t)
  const behind = async (claims: Record<string, unknown>) =>
    (await accept(await issuer.token({ claims }))).onBehalfOf
  const ana = 'ana@example.com'
  t.equal(await behind({ act: { sub: ana } }), ana)
  t.equal(await behind({ act: { sub: '00u1', email: ana } }), ana, 'as people are listed')
  t.equal(await behind({ on_behalf_of: ana }), ana)
  t.equal(await behind({ on_behalf_of: ana, act: { sub: 'Ana@Example.com ' } }), ana)
  t.equal(await behind({ act: { sub: ana, act: { sub: ana } } }), ana)
  const nested = { sub: ana, act: { sub: 'bo@example.com' } }
  const deep = Array.from({ length: 9 }).reduce((act) => ({ sub: ana, act }), { sub: ana })
  for (const [claims, why] of [
    [{ on_behalf_of: ana, act: { sub: 'bo@example.com' } }, /several people/],
    [{ act: nested }, /several people/],
    [{ act: deep }, /no actor/],
    [{ act: 'ana@example.com' }, /no actor/],
    [{ act: {} }, /names nobody/],
    [{ on_behalf_of: { sub: ana } }, /no name/],
    [{ on_behalf_of: ' ' }, /no name/],
    [{ on_behalf_of: 'a'.repeat(501) }, /no name/],
  ] as const) {
    t.match(await says({ claims }), why)
  }
})

t.test('a token that is anything else is none', async (t) => {
  const { clock, issuer, judged, says } = await setUp(t)
  const good = await issuer.token()
  const now = Math.floor(clock.now() / 1_000)
  for (const [claims, why] of [
    [{ aud: 'another' }, /"aud"/],
    [{ aud: undefined }, /"aud"/],
    [{ iss: 'https://another.example.com' }, /"iss"/],
    [{ iss: `${issuer.url}/` }, /"iss"/],
    [{ sub: 'other@example' }, /"sub"/],
    [{ sub: SUBJECT.toUpperCase() }, /"sub"/],
    [{ sub: undefined }, /"sub"/],
    [{ exp: undefined }, /"exp"/],
    [{ exp: now - 31 }, /"exp"/],
    [{ exp: String(now + 300) }, /"exp"/],
    [{ nbf: now + 31 }, /"nbf"/],
    [{ cnf: { jkt: 'x' } }, /bound to a key/],
  ] as const) {
    const judgement = await says({ claims: claims as never })
    t.match(judgement, /^LOGIN_FAILED: the token is refused: /)
    t.match(judgement, why)
  }
  t.equal(await says({ claims: { exp: now - 29, nbf: now + 29 } }), 'good', 'clocks differ')
  t.match(await says({ header: { typ: 'logout+jwt' } }), /another type/)
  const critical = { alg: 'ES256', kid: 'one', crit: ['urn:x'], 'urn:x': true }
  t.match(await judged(forge(critical, {}, 'x')), /"urn:x" is not recognized/)
  t.match(await judged('hunter2'), /not a token/)
  t.match(await judged(`${good}.x`), /not a token/)
  t.match(await judged(good.slice(0, -2)), /LOGIN_FAILED/)
  t.match(await says({ claims: { pad: 'x'.repeat(16_000) } }), /over 16 KiB/)
  t.match(await judged(good, { ...issuer.binding, subject: 'billing-bot' }), /"sub"/, 'replayed')
  const other = await FakeIssuer.start(t, () => clock.now())
  const theirs = await other.token({ claims: { iss: issuer.url } })
  t.match(await judged(theirs), /signature verification failed/, 'the same kid elsewhere')
})

t.test('a token can neither bring its own key nor its own kind of proof', async (t) => {
  const { clock, issuer, judged, says } = await setUp(t)
  const [key] = issuer.keys
  const mallory = makeKey('one')
  const seconds = Math.floor(clock.now() / 1_000)
  const claims = { ...issuer.binding, iss: issuer.url, aud: 'countersign', sub: SUBJECT }
  const payload = { ...claims, exp: seconds + 300 }
  for (const alg of ['none', 'None', 'NONE', '']) {
    t.match(await judged(forge({ alg, kid: 'one' }, payload, 'x')), /LOGIN_FAILED/, alg)
    t.match(await judged(forge({ alg, kid: 'one' }, payload, '')), /not a token/)
  }
  const publicKeys = [
    key?.publicKey.export({ type: 'spki', format: 'pem' }),
    key?.publicKey.export({ type: 'spki', format: 'der' }),
    JSON.stringify(key && (await exportJWK(key.publicKey))),
    '',
  ]
  for (const secret of publicKeys) {
    const head = forge({ alg: 'HS256', kid: 'one' }, payload, '').slice(0, -1)
    const mac = createHmac('sha256', secret ?? '')
      .update(head)
      .digest()
    t.match(await judged(`${head}.${mac.toString('base64url')}`), /"alg"/)
  }
  for (const alg of ['RS384', 'RS512', 'PS512']) {
    const weaker = makeKey(alg, alg)
    issuer.keys = [...issuer.keys, weaker]
    clock.advance(31_000)
    t.match(await says({ key: weaker }), /"alg".*not allowed/, 'though the issuer has such a key')
  }
  // It names a key of its own, or where one lies; nothing of that is read.
  const jwk = await exportJWK(mallory.publicKey)
  const lair = await FakeIssuer.start(t)
  lair.keys = [mallory]
  for (const header of [
    { jwk },
    { jku: `${lair.url}/keys` },
    { x5u: `${lair.url}/keys` },
    { x5c: ['AAAA'] },
  ]) {
    t.match(await says({ key: mallory, header }), /signature verification failed/)
  }
  for (const kid of ['../../keys', "one' OR 1=1", 'http://evil.example.com/keys', '']) {
    t.match(await says({ key: mallory, header: { kid } }), /no applicable key/, kid)
  }
  t.equal(lair.asked, 0)
  const asked = issuer.asked
  for (let i = 0; i < 20; i++) await says({ key: mallory, header: { kid: `kid-${i}` } })
  t.ok(issuer.asked - asked <= 1, 'unknown keys make nobody ask for each')
})

t.test('a key that is new is found, and one that is gone is believed no more', async (t) => {
  const { clock, issuer, says } = await setUp(t)
  const [old] = issuer.keys
  t.equal(await says({}), 'good')
  issuer.keys = [makeKey('two')]
  t.match(await says({}), /no applicable key/, 'asked a moment ago')
  clock.advance(31_000)
  t.equal(await says({}), 'good')
  if (old) t.match(await says({ key: old }), /no applicable key/)
  const [two] = issuer.keys
  issuer.keys = [makeKey('three')]
  clock.advance(601_000)
  if (two) t.match(await says({ key: two }), /no applicable key/, 'kept for ten minutes, no longer')
})

t.test('an issuer that is away, or is another, opens nothing', async (t) => {
  const { clock, issuer, judged, says } = await setUp(t)
  const answer = (body: unknown, status = 200) => {
    issuer.meddle = (_path, to) => {
      to.writeHead(status, { 'content-type': 'application/json' })
      to.end(typeof body === 'string' ? body : JSON.stringify(body))
      return true
    }
    clock.advance(601_000)
  }
  const own = { issuer: issuer.url, jwks_uri: `${issuer.url}/keys` }
  for (const [body, status, why] of [
    ['', 500, /answered 500/],
    ['<html>', 200, /not JSON/],
    [' '.repeat(300_000), 200, /over 256 KiB/],
    [{ ...own, issuer: 'https://another.example.com' }, 200, /another issuer/],
    [{ ...own, jwks_uri: 'http://10.0.0.1/keys' }, 200, /behind https/],
    [{ ...own, jwks_uri: 'file:///etc/passwd' }, 200, /behind https/],
    [{ issuer: issuer.url }, 200, /names no keys/],
    [{ ...own, keys: 'none' }, 200, /can't be read/],
    [{ ...own, keys: Array.from({ length: 101 }, () => ({ kty: 'EC' })) }, 200, /can't be read/],
  ] as const) {
    answer(body, status)
    const judgement = await says({})
    t.match(judgement, /^IDENTITY_UNAVAILABLE: /)
    t.match(judgement, why)
  }
  const secret = { kty: 'oct', k: Buffer.from('known to all').toString('base64url'), kid: 'one' }
  answer({ ...own, keys: [secret] })
  t.match(await says({}), /no applicable key/)
  const head = forge({ alg: 'HS256', kid: 'one' }, { sub: SUBJECT }, '').slice(0, -1)
  const mac = createHmac('sha256', 'known to all').update(head).digest('base64url')
  t.match(await judged(`${head}.${mac}`), /LOGIN_FAILED/, 'a secret that all can see is none')
  const [pair] = issuer.keys
  const good = { ...pair?.publicKey.export({ format: 'jwk' }), kid: 'two' }
  answer({ ...own, keys: [secret, good, { ...secret, kid: 'three' }] })
  const find = await new IssuerKeys(issuer.url, clock).current()
  // Whatever a library makes of it: it doesn't get to know of one.
  const { keys } = (find as unknown as { jwks(): { keys: { kid: string }[] } }).jwks()
  t.same(
    keys.map(({ kid }) => kid),
    ['two'],
  )

  issuer.meddle = () => false
  clock.advance(601_000)
  t.equal(await says({}), 'good', 'it is back')
  issuer.meddle = (_path, to) => {
    to.writeHead(302, { location: 'http://127.0.0.1:1/' })
    to.end()
    return true
  }
  t.equal(await says({}), 'good', 'what is known goes on while it is away')
  clock.advance(601_000)
  t.match(await says({}), /IDENTITY_UNAVAILABLE.*redirect/)

  let asked = 0
  issuer.meddle = () => {
    asked++
    return true
  }
  clock.advance(3_000)
  const waiting = [judged(await issuer.token()), judged(await issuer.token())]
  while (asked === 0) await new Promise((resolve) => setImmediate(resolve))
  clock.advance(5_000)
  for (const judgement of await Promise.all(waiting)) t.match(judgement, /no answer within 5 s/)
  t.match(await says({}), /no answer within 5 s/)
  t.equal(asked, 1, 'several logins ask once, and not again at once')
  const closed = { ...issuer.binding, issuer: 'http://127.0.0.1:1' }
  t.match(
    await judged(await issuer.token(), closed),
    /IDENTITY_UNAVAILABLE: .*(ECONNREFUSED|bad port)/,
  )
})
