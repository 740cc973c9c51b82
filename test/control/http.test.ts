import { request as httpRequest } from 'node:http'
import t, { type Test } from 'tap'
import { linePair } from '../../src/approval/gate-line.ts'
import { GateServer } from '../../src/approval/gate-server.ts'
import { readEvents } from '../../src/cli/server-sent-events.ts'
import { EventFeed } from '../../src/control/event-feed.ts'
import { DeskCounters, metricsText, notReady } from '../../src/control/health.ts'
import { buildHttp } from '../../src/control/http.ts'
import { Directory } from '../../src/identity/directory.ts'
import { PersonTokens } from '../../src/identity/person-tokens.ts'
import { systemClock } from '../../src/lib/clock.ts'
import { answerOf, draftOf, openDesk } from '../approval/fixtures.ts'

async function openApi(t: Test) {
  const data = t.testdir({})
  const fixture = await openDesk(t, { data })
  const { desk, clock, store } = fixture
  const tokens = new PersonTokens({ data, clock: systemClock })
  const [ana, bo, di, gone] = await Promise.all(
    ['ana', 'bo', 'di', 'gone'].map((name) => tokens.add(`${name}@example.com`)),
  )
  const feed = new EventFeed('e')
  const counters = new DeskCounters()
  desk.subscribe((event) => {
    feed.add(event)
    counters.add(event)
  })
  const urlOf = (id: string) => `http://proxy/v1/approvals/${id}`
  const gate = new GateServer({ desk, urlOf, log: () => {} })
  const trouble = { trouble: null as string | null }
  const server = buildHttp({
    desk,
    directory: () => new Directory(fixture.people),
    tokens,
    feed,
    clock,
    urlOf,
    notReady: () => notReady(gate, { store, tokens, audit: trouble }),
    metrics: () => metricsText(desk, gate, counters, 2),
    log: (text) => t.comment(text),
  })
  const base = await server.listen({ host: '127.0.0.1', port: 0 })
  t.teardown(() => server.close())
  const call = async (
    path: string,
    options: { token?: string | undefined; body?: unknown; headers?: object; method?: string } = {},
  ) => {
    const { token = ana, body } = options
    const response = await fetch(`${base}${path}`, {
      method: options.method ?? (body === undefined ? 'GET' : 'POST'),
      headers: {
        authorization: `Bearer ${token}`,
        ...(body === undefined ? {} : { 'content-type': 'application/json' }),
        ...options.headers,
      },
      ...(body === undefined
        ? {}
        : { body: typeof body === 'string' ? body : JSON.stringify(body) }),
    })
    const text = await response.text()
    return { status: response.status, headers: response.headers, text, body: json(text) }
  }
  const open = async (change = {}) => (await desk.open(draftOf(change), 'line')).request
  return Object.assign(fixture, { base, call, open, gate, trouble, tokens: { ana, bo, di, gone } })
}

function json(text: string): Record<string, unknown> {
  try {
    return JSON.parse(text) as Record<string, unknown>
  } catch {
    return {}
  }
}

t.test('only people with a token come in, and nothing else is a token', async (t) => {
  const { call, base, tokens } = await openApi(t)
  const wrong = [tokens.gone, 'cst_', 'billing-bot', `${tokens.ana}A`]
  for (const token of wrong) {
    const answer = await call('/v1/approvals', { token })
    t.match(answer, { status: 401, body: { error: { code: 'unauthorized' } } })
    t.equal(answer.headers.get('www-authenticate'), 'Bearer')
  }
  const bare = await fetch(`${base}/v1/events`)
  t.equal(bare.status, 401)
  const query = await fetch(`${base}/v1/approvals?token=${tokens.ana}`)
  t.equal(query.status, 401, 'a token in the address is none')
  t.equal((await call('/v1/approvals')).status, 200)
})

t.test('answers say to browsers that none of it is for them', async (t) => {
  const { call, base } = await openApi(t)
  const { headers } = await call('/v1/approvals', { headers: { origin: 'https://evil.example' } })
  t.equal(headers.get('access-control-allow-origin'), null)
  t.equal(headers.get('cache-control'), 'no-store')
  t.equal(headers.get('x-content-type-options'), 'nosniff')
  t.match(headers.get('content-security-policy'), "default-src 'none'")
  const preflight = await fetch(`${base}/v1/approvals`, { method: 'OPTIONS' })
  t.equal(preflight.status, 404)
})

t.test('the list shows what waits, by state and agent, page by page', async (t) => {
  const { call, open, desk, clock } = await openApi(t)
  for (let at = 0; at < 5; at++) {
    await open({ binding: `b${at}`, agent: at === 0 ? 'other-bot' : 'billing-bot' })
    clock.advance(1000)
  }
  await desk.decide('r5', answerOf('bo@example.com', 'deny'))
  const first = await call('/v1/approvals?state=pending&agent=billing-bot&limit=2')
  t.match(first.body, { approvals: [{ id: 'r4' }, { id: 'r3' }], next: String })
  const next = await call(
    `/v1/approvals?state=pending&agent=billing-bot&limit=2&cursor=${first.body.next}`,
  )
  t.match(next.body, { approvals: [{ id: 'r2' }], next: null })
  t.match((await call('/v1/approvals?state=denied')).body, {
    approvals: [
      {
        id: 'r5',
        state: 'denied',
        agent: 'billing-bot',
        database: 'shop',
        statement: 'DROP TABLE public.orders',
        parameters: [],
        effects: ['ddl'],
        reasons: [{ effect: 'ddl', reason: 'it drops a table' }],
        tables: [{ name: 'public.orders', access: 'write' }],
      },
    ],
  })
  t.match(await call('/v1/approvals?state=waiting'), { status: 422 })
  t.match(await call('/v1/approvals?stat=pending'), { status: 422 })
  t.match(await call('/v1/approvals?cursor=xx'), { status: 422 })
  t.match(await call('/v1/approvals/none'), { status: 404, body: { error: { code: 'not_found' } } })
})

t.test('approving, and every way in which that is refused', async (t) => {
  const { call, open, records, tokens, desk, clock } = await openApi(t)
  const { id, statementSha256 } = await open()
  const path = `/v1/approvals/${id}/decisions`
  const approve = { decision: 'approve', reason: 'fine', scope: 'once' }

  t.match(await call(path, { body: approve, token: tokens.di }), {
    status: 403,
    body: { error: { code: 'not_an_approver' } },
  })
  t.match(records.at(-1), { type: 'approval.refused', person: 'di@example.com' })
  const other = { ...approve, statement_sha256: 'f'.repeat(64) }
  t.match(await call(path, { body: other }), { status: 412 })
  t.match(await call('/v1/approvals/nope/decisions', { body: approve }), { status: 404 })
  t.equal(desk.get(id)?.state, 'pending')

  const right = { ...approve, statement_sha256: statementSha256 }
  t.match(await call(path, { body: right }), { status: 200, body: { state: 'approved' } })
  const late = await call(path, { body: { ...approve, decision: 'deny' }, token: tokens.bo })
  t.match(late, { status: 409, body: { error: { code: 'already_decided' } } })
  t.match(late.text, /approved by ana@example.com/)

  const own = await open({ owners: ['dba'], binding: 'own' })
  const mine = await call(`/v1/approvals/${own.id}/decisions`, { body: approve, token: tokens.bo })
  t.match(mine, { status: 403, body: { error: { code: 'self_approval' } } })
  const withdrawn = await call(`/v1/approvals/${own.id}/withdraw`, { body: {}, token: tokens.bo })
  t.match(withdrawn, { status: 200, body: { state: 'withdrawn', withdrawn_cause: 'owner' } })
  const gone = await call(`/v1/approvals/${own.id}/decisions`, { body: approve })
  t.match(gone, { status: 410, body: { error: { code: 'withdrawn' } } })
  const foreign = await open({ binding: 'x', expiresMs: 1000 })
  t.match(await call(`/v1/approvals/${foreign.id}/withdraw`, { body: {} }), { status: 403 })
  clock.advance(1000)
  t.match(await call(`/v1/approvals/${foreign.id}/decisions`, { body: approve }), {
    status: 410,
    body: { error: { code: 'expired' } },
  })
})

t.test('bodies that are not understood decide nothing and say what is wrong', async (t) => {
  const { call, open, desk } = await openApi(t)
  const { id } = await open()
  const path = `/v1/approvals/${id}/decisions`
  const bad: readonly [unknown, number, RegExp][] = [
    ['{"decision":', 400, /JSON/],
    [{ decision: 'approved' }, 422, /decision/],
    [{ decision: 'approve', scope: 'forever' }, 422, /scope/],
    [{ decision: 'approve', as: 'bo@example.com' }, 422, /as/],
    [{ decision: 'approve', statement_sha256: 'abc' }, 422, /64 hexadecimal/],
    [{ decision: 'approve', reason: 'x'.repeat(2001) }, 422, /reason/],
    [{ decision: 'approve', reason: 'x'.repeat(70_000) }, 413, /large/],
    [[], 422, /./],
  ]
  for (const [body, status, message] of bad) {
    const answer = await call(path, { body })
    t.match(answer, { status, body: { error: { message } } })
  }
  const form = { headers: { 'content-type': 'text/plain' }, body: 'decision=approve' }
  t.equal((await call(path, form)).status, 415, 'no page can post it as a form')
  t.equal((await call(path, { method: 'POST' })).status, 422, 'no body')
  t.equal(desk.get(id)?.state, 'pending')
})

t.test('the same Idempotency-Key is one decision', async (t) => {
  const { call, open, tokens, desk } = await openApi(t)
  const two = { requirements: [{ rule: 'two', by: ['approvers'], count: 2 }] }
  const { id } = await open(two)
  const path = `/v1/approvals/${id}/decisions`
  const body = { decision: 'approve' }
  const headers = { 'idempotency-key': 'k1' }
  const both = await Promise.all([call(path, { body, headers }), call(path, { body, headers })])
  t.same(
    both.map((answer) => answer.status),
    [202, 202],
  )
  t.equal(desk.get(id)?.votes.length, 1)
  t.equal((await call(path, { body: { decision: 'deny' }, headers })).status, 422)
  const other = await call(path, { body, headers, token: tokens.bo })
  t.match(other, { status: 200, body: { state: 'approved' } }, "a key is its person's own")
  t.equal((await call(path, { body, headers })).status, 202, 'the answer of the first time')
})

t.test('a long poll returns when the state changes, or the time is over', async (t) => {
  const { call, open, desk, clock } = await openApi(t)
  const { id } = await open()
  const polled = call(`/v1/approvals/${id}?wait=30`)
  while (clock.timers < 2) await new Promise((resolve) => setImmediate(resolve))
  await desk.decide(id, answerOf('bo@example.com'))
  t.match(await polled, { status: 200, body: { state: 'approved' } })
  const timers = clock.timers
  const idle = call(`/v1/approvals/${id}?wait=30`)
  while (clock.timers === timers) await new Promise((resolve) => setImmediate(resolve))
  clock.advance(30_000)
  t.match(await idle, { body: { state: 'approved' } })
  t.equal((await call(`/v1/approvals/${id}?wait=3600`)).status, 422)
})

t.test('events are streamed, and taken up where they broke off', async (t) => {
  const { base, open, desk, tokens } = await openApi(t)
  const listen = async (headers = {}) => {
    const abort = new AbortController()
    t.teardown(() => abort.abort())
    const authorization = `Bearer ${tokens.ana}`
    const { signal } = abort
    const response = await fetch(`${base}/v1/events`, {
      headers: { authorization, ...headers },
      signal,
    })
    t.match(response.headers.get('content-type'), 'text/event-stream')
    if (!response.body) throw new Error('no body')
    const events = readEvents(response.body)
    return async () => (await events.next()).value
  }
  const next = await listen()
  const { id } = await open()
  t.match(await next(), { id: 'e-1', type: 'requested' })
  await desk.decide(id, answerOf('bo@example.com'))
  t.match(await next(), { id: 'e-2', type: 'resolved', data: /"state":"approved"/ })
  const again = await listen({ 'last-event-id': 'e-1' })
  t.match(await again(), { id: 'e-2' })
  const lost = await listen({ 'last-event-id': 'another-7' })
  t.match(await lost(), { type: 'reset' })
})

t.test('health and readiness say what is wrong; metrics name nobody', async (t) => {
  const { call, open, gate, trouble, desk } = await openApi(t)
  const token = 'none'
  t.equal((await call('/healthz', { token })).status, 200)
  t.match(await call('/readyz', { token }), { status: 503, text: /data plane is not connected/ })
  const { ends } = linePair()
  gate.connect(ends[1])
  t.equal((await call('/readyz', { token })).status, 200)
  trouble.trouble = 'disk full'
  t.match(await call('/readyz', { token }), { status: 503, text: /audit: disk full/ })
  trouble.trouble = null
  const counters = { statements_total: 12, sessions: 3 }
  ends[0].send({ type: 'report', report: { troubles: ['upstream shop is away'], counters } })
  await new Promise((resolve) => setImmediate(resolve))
  t.match(await call('/readyz', { token }), { status: 503, text: /upstream shop is away/ })
  const { id } = await open()
  await open({ binding: 'second' })
  await desk.decide(id, answerOf('bo@example.com'))
  const { text } = await call('/metrics', { token })
  t.match(text, /^countersign_requests_pending 1$/m)
  t.match(text, /^countersign_decisions_total\{outcome="approved"\} 1$/m)
  t.match(text, /^# TYPE countersign_statements_total counter\ncountersign_statements_total 12$/m)
  t.notMatch(text, /billing-bot|example\.com|orders/)
})

t.test('a client that goes away in the middle of a request stops nobody', async (t) => {
  const { base, open, call, tokens } = await openApi(t)
  const { id } = await open()
  const url = new URL(`/v1/approvals/${id}?wait=30`, base)
  const headers = { authorization: `Bearer ${tokens.ana}` }
  const left = httpRequest(url, { headers })
  left.on('error', () => {})
  left.end()
  await new Promise((resolve) => setTimeout(resolve, 20))
  left.destroy()
  t.equal((await call('/v1/approvals')).status, 200)
})
