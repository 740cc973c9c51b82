import type { ServerResponse } from 'node:http'
import t, { type Test } from 'tap'
import { OidcClient, type OidcFlow } from '../../src/identity/oidc-client.ts'
import { identityOf } from '../../src/identity/oidc-identity.ts'
import { systemClock } from '../../src/lib/clock.ts'
import { FakeIssuer, forge, makeKey, type TokenSays } from '../support/fake-issuer.ts'

const REDIRECT = 'http://127.0.0.1:1/inbox/oidc/callback'

/** An issuer that gives out whatever ID token a test wants. */
async function open(t: Test) {
  const issuer = await FakeIssuer.start(t)
  let token: (flow: OidcFlow) => Promise<string> | string = () => ''
  let current: OidcFlow | null = null
  const found = {
    issuer: issuer.url,
    jwks_uri: `${issuer.url}/keys`,
    authorization_endpoint: `${issuer.url}/authorize`,
    token_endpoint: `${issuer.url}/token`,
    authorization_response_iss_parameter_supported: true,
  }
  let discovery: object = found
  issuer.meddle = (path, answer) => {
    if (path === '/.well-known/openid-configuration') return said(answer, discovery)
    if (path !== '/token' || !current) return false
    void Promise.resolve(token(current)).then((id_token) =>
      said(answer, { access_token: 'a', token_type: 'Bearer', id_token }),
    )
    return true
  }
  const newClient = () => {
    const settings = {
      issuer: issuer.url,
      clientId: 'countersign',
      clientSecret: 's',
      groupsClaim: 'groups',
    }
    return new OidcClient(settings, systemClock)
  }
  const client = newClient()
  const signIn = async (give: typeof token) => {
    const { flow } = await client.begin({ redirectUri: REDIRECT, how: 'usual' })
    token = give
    current = flow
    const search = new URLSearchParams({ code: 'c', state: flow.state, iss: issuer.url })
    return client.finish(`?${search}`, flow)
  }
  const good = (flow: OidcFlow, says: TokenSays = {}) => {
    const claims = { email: 'bo@example.com', nonce: flow.nonce, ...says.claims }
    return issuer.token({ ...says, claims })
  }
  const setDiscovery = (change: object) => {
    discovery = { ...found, ...change }
  }
  return { issuer, newClient, signIn, good, setDiscovery }
}

function said(answer: ServerResponse, body: object): true {
  answer.setHeader('content-type', 'application/json')
  answer.end(JSON.stringify(body))
  return true
}

t.test('an ID token is believed that is ours, signed, in time and of this sign-in', async (t) => {
  const { issuer, signIn, good } = await open(t)
  issuer.keys = [makeKey('one', 'RS256')]
  const claims = { groups: ['dba', 'dba'], auth_time: 1_700_000_000, acr: 'phr' }
  t.same(await signIn((flow) => good(flow, { claims })), {
    issuer: issuer.url,
    subject: 'pipeline@example',
    email: 'bo@example.com',
    groups: ['dba'],
    authenticatedAt: 1_700_000_000_000,
    acr: 'phr',
  })
  const seconds = Math.floor(Date.now() / 1_000)
  const stranger = makeKey('one', 'RS256')
  const body = (flow: OidcFlow) => ({
    ...{ iss: issuer.url, aud: 'countersign', sub: 's', nonce: flow.nonce },
    ...{ iat: seconds, exp: seconds + 300 },
  })
  const bad: Record<string, (flow: OidcFlow) => Promise<string> | string> = {
    'of another audience': (flow) => good(flow, { claims: { aud: 'another' } }),
    'of several, meant for another': (flow) =>
      good(flow, { claims: { aud: ['countersign', 'another'], azp: 'another' } }),
    'of another issuer': (flow) => good(flow, { claims: { iss: 'https://evil.example' } }),
    'that is over': (flow) => good(flow, { claims: { iat: seconds - 600, exp: seconds - 300 } }),
    'without an end': (flow) => good(flow, { claims: { exp: null as never } }),
    'without a subject': (flow) => good(flow, { claims: { sub: null as never } }),
    'of another sign-in': (flow) => good(flow, { claims: { nonce: 'x' } }),
    'of no sign-in': (flow) => good(flow, { claims: { nonce: undefined } }),
    'signed by a stranger': (flow) => good(flow, { key: stranger }),
    'signed by nobody': (flow) => forge({ alg: 'none' }, body(flow), ''),
    'with our secret as its key': (flow) => forge({ alg: 'HS256' }, body(flow), 'x'.repeat(32)),
    'that is none': () => 'x.y.z',
    'that is missing': () => '',
    'with too many groups': (flow) =>
      good(flow, { claims: { groups: Array.from({ length: 1_001 }, (_, at) => `g${at}`) } }),
    'with groups that are no names': (flow) => good(flow, { claims: { groups: [{ a: 1 }] } }),
  }
  for (const [what, give] of Object.entries(bad))
    await t.rejects(signIn(give), { code: null, message: /./ }, what)
  t.match(await signIn((flow) => good(flow)), { email: 'bo@example.com' }, 'none of that is kept')
})

t.test('an e-mail address counts where nobody says that it is not verified', async (t) => {
  const of = (claims: object) => identityOf({ iss: 'i', sub: 's', ...claims }, null).email
  t.equal(of({ email: 'a@example.com' }), 'a@example.com')
  t.equal(of({ email: 'a@example.com', email_verified: true }), 'a@example.com')
  for (const email_verified of [false, 'false'])
    t.equal(of({ email: 'a@b.c', email_verified }), null)
  t.equal(of({}), null)
  t.throws(() => of({ email: ['a@example.com'] }))
  t.throws(() => of({ email: 'x'.repeat(300) }))
})

t.test('a provider that cannot be relied on is not asked', async (t) => {
  const { issuer, newClient, setDiscovery } = await open(t)
  const ask = { redirectUri: REDIRECT, how: 'usual' } as const
  const begin = () => newClient().begin(ask)
  setDiscovery({ issuer: 'https://evil.example' })
  await t.rejects(begin(), /can't be asked/, 'who says that it is another')
  setDiscovery({ more: 'x'.repeat(300 * 1024) })
  await t.rejects(begin(), /256 KiB/)
  const { meddle } = issuer
  issuer.meddle = (_path, answer) => {
    answer.writeHead(302, { location: 'http://127.0.0.1:1/' }).end()
    return true
  }
  await t.rejects(begin(), /can't be asked/, 'who sends us elsewhere')
  issuer.meddle = meddle
  setDiscovery({})
  const client = newClient()
  const { url } = await client.begin({ ...ask, how: 'fresh' })
  t.match(Object.fromEntries(url.searchParams), {
    ...{ response_type: 'code', code_challenge_method: 'S256', prompt: 'login', max_age: '0' },
    ...{ client_id: 'countersign', redirect_uri: REDIRECT, scope: 'openid email' },
  })
  t.ok((url.searchParams.get('state') ?? '').length >= 43)
  setDiscovery({ token_endpoint: 'http://evil.example/token' })
  const leaky = newClient()
  const { flow } = await leaky.begin(ask)
  const search = `?code=c&state=${flow.state}&iss=${encodeURIComponent(issuer.url)}`
  await t.rejects(leaky.finish(search, flow), /not https/, 'our secret goes nowhere without TLS')
})
