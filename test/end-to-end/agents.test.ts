import t, { type Test } from 'tap'
import { AGENT, APPROVER, OWNER, startCountersign } from '../support/countersign.ts'
import { edit } from '../support/e2e-config.ts'
import { codeOf, connectAgent, ONE_SIDE_EACH, type Side } from '../support/e2e-sides.ts'
import { FakeIssuer } from '../support/fake-issuer.ts'
import { LOGINS, type LogIn } from '../support/one-login.ts'
import { writeCertificate } from '../support/postgres-certificate.ts'

const REFUSED = { postgres: /28P01|password authentication failed/, mysql: /28000|1045/ } as const
const ENDED = { postgres: /57P01/, mysql: /08S01|PROTOCOL|lost/ } as const

// Most of the time is spent in waiting for what the proxy looks at every two seconds.
t.jobs = ONE_SIDE_EACH.length
for (const side of ONE_SIDE_EACH) t.test(side.name, { buffered: true }, (t) => agents(t, side))

async function agents(t: Test, side: Side): Promise<void> {
  const db = await side.start(t)
  if (!db) return
  const { system } = side
  const issuer = await FakeIssuer.start(t)
  const agent = { owners: [OWNER], databases: ['shop'] }
  const proxy = await startCountersign(t, {
    upstream: db.upstream,
    config: {
      listen: {
        [system]: '127.0.0.1:0',
        control: '127.0.0.1:0',
        tls: { ...writeCertificate(t.testdir({})), require: false },
      },
      agents: {
        [AGENT]: { ...agent, credential: './bot.json', jwt: issuer.binding },
        pipeline: { ...agent, jwt: issuer.binding },
        other: { ...agent, jwt: { ...issuer.binding, subject: 'other@example' } },
      },
    },
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
    const held = codeOf(client.query('DROP TABLE scratch'))
    const { id } = await proxy.pending()
    await proxy.command('agent', 'revoke', AGENT)
    t.match(await logIn(AGENT, proxy.password), REFUSED[system])
    t.match(await logIn(AGENT, token), REFUSED[system])
    t.match(await held, ENDED[system])
    t.match(await proxy.settled(id), { state: 'withdrawn' })
    t.match(await proxy.decide(id, 'approve'), { status: 410 })
  })
}
