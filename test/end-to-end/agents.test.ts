import { join } from 'node:path'
import { setTimeout as after } from 'node:timers/promises'
import t, { type Test } from 'tap'
import { credentialFor } from '../../src/identity/credential.ts'
import { writeCredential } from '../../src/identity/credential-file.ts'
import { AGENT, APPROVER, OWNER, startCountersign } from '../support/countersign.ts'
import { edit } from '../support/e2e-config.ts'
import { codeOf, connectAgent, ONE_SIDE_EACH, type Side } from '../support/e2e-sides.ts'
import { FakeIssuer } from '../support/fake-issuer.ts'
import { LOGINS, type LogIn } from '../support/one-login.ts'
import { ClientAuthority, writeCertificate } from '../support/postgres-certificate.ts'

const REFUSED = { postgres: /28P01|password authentication failed/, mysql: /28000|1045/ } as const
const ENDED = { postgres: /57P01/, mysql: /08S01|PROTOCOL|lost/ } as const

// Most of the time is spent in waiting for what the proxy looks at every two seconds.
t.jobs = ONE_SIDE_EACH.length
const SLEEP = { postgres: 'SELECT pg_sleep(300)', mysql: 'SELECT sleep(300)' } as const
const ASLEEP = {
  postgres:
    "SELECT pid FROM pg_stat_activity WHERE query = 'SELECT pg_sleep(300)' AND state = 'active'",
  mysql: "SELECT id FROM information_schema.processlist WHERE info = 'SELECT sleep(300)'",
} as const
const TAKES_CERTIFICATES = ['pg', 'mysql2', 'mariadb']

for (const side of ONE_SIDE_EACH) t.test(side.name, { buffered: true }, (t) => agents(t, side))

async function agents(t: Test, side: Side): Promise<void> {
  const db = await side.start(t)
  if (!db) return
  const { system } = side
  const issuer = await FakeIssuer.start(t)
  const agent = { owners: [OWNER], databases: ['shop'] }
  const authority = new ClientAuthority()
  const robot = 'spiffe://example.com/robot'
  const proxy = await startCountersign(t, {
    upstream: db.upstream,
    config: {
      listen: {
        [system]: '127.0.0.1:0',
        control: '127.0.0.1:0',
        tls: { ...writeCertificate(t.testdir({})), require: false, client_ca: './ca.crt' },
      },
      agents: {
        [AGENT]: { ...agent, credential: './bot.json', jwt: issuer.binding },
        pipeline: { ...agent, jwt: issuer.binding },
        robot: { ...agent, certificate: { subject_alt_name: `URI:${robot}` } },
        both: {
          ...agent,
          credential: './both.json',
          certificate: { subject_alt_name: 'DNS:both.example.com' },
        },
        other: { ...agent, jwt: { ...issuer.binding, subject: 'other@example' } },
      },
    },
    files: { 'ca.crt': authority.certificate },
  })
  const clients: Readonly<Record<string, LogIn>> = LOGINS[system]
  const [plain] = Object.values(clients) as [LogIn]
  const logIn = (user: string, password: string, more: object = {}) =>
    plain({ port: proxy.port, user, password, ...more })

  t.test('a token is a password, for every client as it comes', async (t) => {
    const token = await issuer.token({ claims: { pad: 'x'.repeat(1_000) } })
    await Promise.all(
      Object.entries(clients).map(async ([name, by]) => {
        const login = { port: proxy.port, user: 'pipeline' }
        t.equal(await by({ ...login, password: token }), 'in', name)
        t.match(await by({ ...login, password: 'hunter2' }), REFUSED[system], name)
        t.equal(await by({ ...login, user: AGENT, password: proxy.password }), 'in', name)
      }),
    )
    t.equal(await logIn(AGENT, token), 'in', 'either, where an agent has both')
    t.equal(await logIn(AGENT, proxy.password, { tls: false }), 'in')
  })

  t.test('a token opens nothing for others, and nothing in clear', async (t) => {
    const token = await issuer.token()
    t.match(await logIn('other', token), REFUSED[system], 'under another name')
    t.match(await logIn('nobody', token), REFUSED[system])
    t.match(await logIn('pipeline', token, { tls: false }), /token is taken inside TLS only/)
    t.match(await logIn('pipeline', await issuer.token({ claims: { exp: 1 } })), REFUSED[system])
    const long = await issuer.token({ claims: { pad: 'x'.repeat(20_000) } })
    t.not(await logIn('pipeline', long), 'in')
    const reasons = proxy.records().filter(({ type }) => type === 'session.refused')
    t.match(JSON.stringify(reasons), /the token is refused: .*sub/, 'the record says why')
    t.match(JSON.stringify(reasons), /the token is refused: .*exp/)
    t.notMatch(JSON.stringify(reasons), token)
  })

  t.test('whom the token names behind the agent can not sign', async (t) => {
    const token = await issuer.token({ claims: { act: { sub: APPROVER } } })
    const sql = 'DROP TABLE scratch'
    t.match(await logIn('pipeline', token, { onBehalfOf: OWNER }), /another person than the token/)
    const dropped = logIn('pipeline', token, { sql, onBehalfOf: APPROVER.toUpperCase() })
    const request = await proxy.pending()
    t.match(request, { on_behalf_of: APPROVER, agent: 'pipeline' })
    const answer = await proxy.decide(request.id, 'approve')
    t.match(await answer.json(), { error: { code: 'self_approval' } })
    await proxy.api(`/v1/approvals/${request.id}/withdraw`, { body: {}, person: OWNER })
    t.not(await dropped, 'in')
    t.equal(await db.exists('scratch'), true)
  })

  t.test('a session ends with its token, and what it waits for is withdrawn', async (t) => {
    // Good for some seconds only, for as much as clocks may differ.
    const token = await issuer.token({ claims: { exp: Math.floor(Date.now() / 1_000) - 27 } })
    const dropped = logIn('pipeline', token, { sql: 'DROP TABLE scratch' })
    const { id } = await proxy.pending()
    t.match(await dropped, ENDED[system])
    t.match(await proxy.settled(id), { state: 'withdrawn' })
    t.equal(await db.exists('scratch'), true)
    t.match(await logIn('pipeline', token), REFUSED[system])
  })

  t.test('while the issuer is away nobody comes in by it, and is told why', async (t) => {
    const closed = await FakeIssuer.start(t)
    closed.meddle = (_path, answer) => {
      answer.writeHead(503)
      answer.end()
      return true
    }
    t.match(
      await edit(proxy, (config) => {
        config.agents.other.jwt.issuer = closed.url
      }),
      /has been reloaded/,
    )
    const told = await logIn('other', await closed.token())
    t.match(told, /this is no refusal, try again later/)
    t.equal(await logIn('pipeline', await issuer.token()), 'in')
    closed.meddle = () => false
    t.pass('and is asked again')
  })

  t.test('a certificate of the right name lets in, alone or beside a secret', async (t) => {
    const own = authority.sign({ hosts: ['x.example.com'], uris: [robot] })
    const made = { agent: 'both', createdAt: new Date().toISOString(), createdBy: null }
    await writeCredential(join(proxy.folder, 'both.json'), credentialFor(made, 'sesame'))
    const both = authority.sign({ hosts: ['both.example.com'] })
    for (const [name, by] of Object.entries(clients)) {
      if (!TAKES_CERTIFICATES.includes(name)) continue
      const knock = (user: string, certificate: object, password = 'anything') =>
        by({ port: proxy.port, user, password, ...(certificate as { certificate: typeof own }) })
      t.equal(await knock('robot', { certificate: own }), 'in', name)
      t.equal(await knock('robot', { certificate: own }, ''), 'in', name)
      t.equal(await knock('both', { certificate: both }, 'sesame'), 'in', name)
      t.match(await knock('both', { certificate: both }), REFUSED[system], 'and the secret')
      t.match(await knock('both', {}, 'sesame'), REFUSED[system], 'and the certificate')
      t.match(await knock('both', { certificate: own }, 'sesame'), REFUSED[system])
      t.equal(await knock(AGENT, { certificate: own }, proxy.password), 'in', 'needs none')
    }
    const wrong = [
      authority.sign({ hosts: ['both.example.com'] }),
      authority.sign({ uris: [`${robot}/x`, `x, URI:${robot}`, `"${robot}"`] }),
      authority.sign({ uris: [robot], until: '210101000000Z' }),
      new ClientAuthority().sign({ uris: [robot] }),
      authority.sign(),
    ]
    for (const certificate of wrong) {
      t.match(await logIn('robot', 'x', { certificate }), REFUSED[system])
    }
    const opened = proxy.records().filter(({ type }) => type === 'session.opened')
    const ways = new Set(opened.map(({ provedBy }) => provedBy))
    t.same([...ways].sort(), [
      'certificate',
      'secret',
      'secret, certificate',
      `token of ${issuer.url}`,
    ])
    t.match(await logIn('robot', 'x'), REFUSED[system])
    t.match(await logIn('robot', 'x', { tls: false }), REFUSED[system])
    // Behind it all records of before are in the file.
    t.equal(await logIn(AGENT, proxy.password), 'in')
    const reasons = JSON.stringify(proxy.records().filter(({ type }) => type === 'session.refused'))
    for (const why of [
      /shown no certificate/,
      /CERT_HAS_EXPIRED/,
      /is of nobody/,
      /is of DNS:both/,
    ]) {
      t.match(reasons, why)
    }
    t.match(reasons, /refused: (?:CERT_SIGNATURE_FAILURE|UNABLE_TO_VERIFY|UNABLE_TO_GET)/)
  })

  t.test('two secrets while one takes the place of the other', async (t) => {
    const before = proxy.password
    const old = await connectAgent(t, side, proxy)
    const made = await proxy.command('agent', 'rotate', AGENT, '--overlap', '1h')
    proxy.useAgentPassword(String(made.password))
    for (const tls of [true, false]) {
      t.equal(await logIn(AGENT, before, { tls }), 'in')
      t.equal(await logIn(AGENT, proxy.password, { tls }), 'in')
    }
    const own = await connectAgent(t, side, proxy)
    await proxy.command('agent', 'rotate', AGENT, '--finish')
    t.match(await logIn(AGENT, before), REFUSED[system])
    t.match(await old.ended, ENDED[system], 'what came in by it ends')
    t.equal((await own.query('SELECT 1 AS one')).length, 1)
  })

  t.test('a revoked agent is out at once, by whatever it came', async (t) => {
    const token = await issuer.token()
    const client = await connectAgent(t, side, proxy, { tls: true })
    const busy = await connectAgent(t, side, proxy)
    const running = codeOf(busy.query(SLEEP[system]))
    const held = codeOf(client.query('DROP TABLE scratch'))
    const { id } = await proxy.pending()
    await proxy.command('agent', 'revoke', AGENT)
    t.match(await logIn(AGENT, proxy.password), REFUSED[system])
    t.match(await logIn(AGENT, token), REFUSED[system])
    t.match(await held, ENDED[system])
    t.match(await running, ENDED[system])
    while ((await db.run(ASLEEP[system])).length > 0) await after(20)
    t.pass('and what ran has ended')
    t.match(await proxy.settled(id), { state: 'withdrawn' })
    t.match(await proxy.decide(id, 'approve'), { status: 410 })
  })
}
