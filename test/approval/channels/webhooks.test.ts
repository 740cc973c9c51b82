import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { Webhook } from 'standardwebhooks'
import t, { type Test } from 'tap'
import { Notifiers } from '../../../src/control/notifiers.ts'
import { newId } from '../../../src/lib/ids.ts'
import { answerOf, draftOf, openDesk } from '../fixtures.ts'

const SECRET = 'whsec_MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE='

interface Got {
  readonly headers: IncomingMessage['headers']
  readonly body: string
}

/** A receiver that answers as a test says, and tells when it has got something. */
async function receiver(t: Test, answer: (response: ServerResponse, got: Got) => void) {
  const got: Got[] = []
  let heard = () => {}
  const server = createServer((request, response) => {
    let body = ''
    request.on('data', (chunk) => {
      body += chunk
    })
    request.on('end', () => {
      got.push({ headers: request.headers, body })
      answer(response, { headers: request.headers, body })
      heard()
    })
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  t.teardown(() => {
    server.closeAllConnections()
    server.close()
  })
  const until = async (count: number) => {
    while (got.length < count) {
      await new Promise<void>((resolve) => {
        heard = resolve
      })
    }
  }
  return { got, until, url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/in` }
}

async function openNotifiers(
  t: Test,
  urls: readonly string[],
  teamsWorkflow: string | null = null,
) {
  const fixture = await openDesk(t)
  const { desk, clock } = fixture
  const logged: string[] = []
  const urlOf = (id: string) => `https://proxy.example.com/v1/approvals/${id}`
  const log = (text: string) => logged.push(text)
  const regulations = () => ({ pii: 'GDPR **Art. 4(1)**' })
  const notifiers = new Notifiers({ desk, clock, newId, urlOf, regulations, log })
  notifiers.configure({ webhooks: urls.map((url) => ({ url, secret: SECRET })), teamsWorkflow })
  t.teardown(() => notifiers.stop())
  const count = (outcome: string, to = 'webhook 1') =>
    notifiers.metrics.get(`notifications_total{to="${to}",outcome="${outcome}"}`)
  /** Lets what is under way come to its end, and time pass. */
  const settled = async (is: () => boolean) => {
    while (!is()) await new Promise((resolve) => setImmediate(resolve))
  }
  const open = async (change = {}) => (await desk.open(draftOf(change), 'line')).request
  return Object.assign(fixture, { notifiers, logged, count, settled, open })
}

const ok = (response: ServerResponse) => response.end('{}')

t.test('what happens is told, signed, without a word of the statement', async (t) => {
  const there = await receiver(t, ok)
  const house = await openNotifiers(t, [there.url])
  const { open, desk, settled, count } = house
  const { id } = await open({
    statement: "DELETE FROM patients WHERE name = 'Hidden Name'",
    parameters: [{ type: 'text', value: 'hidden value' }],
    claim: 'hidden claim',
    shape: 's',
  })
  const grant = { minutes: 5, maxRows: 3 }
  await desk.decide(id, { ...answerOf('bo@example.com'), reason: 'hidden reason', grant })
  await desk.spend(id, desk.get(id)?.binding ?? '')
  await desk.settle(id, { rows: 2, ms: 7, sqlState: null })
  const [made] = [...desk.grants()]
  await desk.revokeGrant(made?.id ?? '', { person: 'bo@example.com', channel: 'api' })
  await settled(() => count('delivered') === 5)
  const seen = there.got.map(({ headers, body }) => {
    const webhook = new Webhook(SECRET)
    // The time of the test stands still, so that only the signature is compared.
    const at = new Date(Number(headers['webhook-timestamp']) * 1000)
    t.equal(webhook.sign(String(headers['webhook-id']), at, body), headers['webhook-signature'])
    t.equal(at.getTime(), house.clock.now())
    t.notMatch(body, /hidden|Hidden|patients/)
    return JSON.parse(body) as { type: string; data: object }
  })
  t.same(seen.map(({ type }) => type).sort(), [
    'approval.requested',
    'approval.resolved',
    'approval.settled',
    'grant.made',
    'grant.revoked',
  ])
  t.match(seen.find(({ type }) => type === 'approval.settled')?.data, {
    ...{ id, kind: 'statement', verb: 'DROP TABLE', agent: 'billing-bot', database: 'shop' },
    ...{ tables: ['public.orders'], effects: ['ddl'], by: ['bo@example.com'] },
    ...{ outcome: { rows: 2, ms: 7, sql_state: null } },
    url: `https://proxy.example.com/v1/approvals/${id}`,
  })
})

t.test(
  'a receiver verifies it with the library of the standard, and finds a forgery',
  async (t) => {
    const there = await receiver(t, ok)
    const { open, clock } = await openNotifiers(t, [there.url])
    clock.advance(Date.now() - clock.now())
    await open()
    await there.until(1)
    const [{ headers, body } = { headers: {}, body: '' }] = there.got
    const webhook = new Webhook(SECRET)
    t.match(webhook.verify(body, headers as Record<string, string>), { type: 'approval.requested' })
    t.throws(() =>
      webhook.verify(body.replace('pending', 'approved'), headers as Record<string, string>),
    )
  },
)

t.test(
  'an endpoint that is down is tried again, with growing pauses, under the same id',
  async (t) => {
    let failing = true
    const there = await receiver(t, (response) => {
      if (failing) response.statusCode = 500
      response.end()
    })
    const { open, clock, count, settled, logged, notifiers } = await openNotifiers(t, [there.url])
    await open({ expiresMs: 48 * 3_600_000 })
    const pauses = [5_000, 300_000, 1_800_000, 7_200_000]
    for (const [at, pause] of pauses.entries()) {
      await settled(() => count('failed') === at + 1)
      clock.advance(pause - 1)
      t.equal(there.got.length, at + 1, 'not before its time')
      if (at === 3) failing = false
      clock.advance(1)
      await there.until(at + 2)
    }
    await settled(() => count('delivered') === 1)
    t.equal(new Set(there.got.map(({ headers }) => headers['webhook-id'])).size, 1)
    t.equal(notifiers.metrics.get('notifications_queued{to="webhook 1"}'), 0)
    t.same(
      logged,
      ['webhook 1: it answered 500; it is tried again'],
      'said once, without the address',
    )
  },
)

t.test('one endpoint concerns no other, and no decision', async (t) => {
  const silent = await receiver(t, () => {})
  const redirecting = await receiver(t, (response) => {
    response.writeHead(307, { location: good.url }).end()
  })
  const gone = await receiver(t, (response) => response.writeHead(410).end())
  const good = await receiver(t, ok)
  const urls = [silent.url, redirecting.url, gone.url, good.url, 'http://127.0.0.1:1/']
  const { open, desk, clock, count, settled, logged } = await openNotifiers(t, urls)
  const { id } = await open()
  await good.until(1)
  await settled(() => count('failed', 'webhook 2') === 1 && count('dropped', 'webhook 3') === 1)
  await settled(() => count('failed', 'webhook 5') === 1)
  await silent.until(1)
  clock.advance(10_000)
  await settled(() => count('failed', 'webhook 1') === 1)
  t.ok(logged.some((line) => line === 'webhook 1: it took over 10 s; it is tried again'))
  t.ok(good.got.every(({ body }) => !body.includes('redirect')))
  t.equal(good.got.length, 1, 'no redirect is followed')
  t.match(await desk.decide(id, answerOf('ana@example.com')), { kind: 'decided' })
  await good.until(2)
  t.equal(gone.got.length, 1, 'whoever is gone is told nothing more')
})

t.test('another configuration takes the place of the one before', async (t) => {
  const before = await receiver(t, ok)
  const after = await receiver(t, ok)
  const { open, notifiers, count, settled } = await openNotifiers(t, [before.url])
  await open()
  await settled(() => count('delivered') === 1)
  const same = { webhooks: [{ url: before.url, secret: SECRET }], teamsWorkflow: null }
  notifiers.configure(same)
  t.equal(count('delivered'), 1, 'the same goes on')
  notifiers.configure({ webhooks: [{ url: after.url, secret: SECRET }], teamsWorkflow: null })
  await open({ binding: 'second' })
  await after.until(1)
  t.equal(before.got.length, 1)
  notifiers.configure({ webhooks: [], teamsWorkflow: null })
  await open({ binding: 'third' })
  t.equal(notifiers.metrics.size, 0)
})

t.test('a queue is bounded: the oldest go, and are counted, alerts last', async (t) => {
  let silent = true
  const there = await receiver(t, (response) => {
    if (!silent) response.end()
  })
  const house = await openNotifiers(t, [there.url])
  const { notifiers, count, desk, clock, settled } = house
  house.groups = new Map([['support', { clears: [], breakGlass: true }]])
  const first = (await desk.open(draftOf(), 'line')).request
  for (let at = 0; at < 4; at++) await desk.open(draftOf({ binding: `b${at}` }), 'line')
  const why = { reason: 'down', ticket: 'INC-1', statementSha256: null }
  await desk.breakGlass(first.id, { person: 'di@example.com', channel: 'api', ...why })
  for (let at = 0; at < 600; at++) {
    const { id } = (await desk.open(draftOf({ binding: 'loop' }), 'line')).request
    await desk.open(draftOf({ binding: 'loop' }), 'line')
    await desk.withdraw(id, 'cancelled', 'line')
  }
  t.equal(count('dropped'), 5 + 2 + 1_200 - 1_000 - 4, 'what joins is no news')
  t.equal(notifiers.metrics.get('notifications_queued{to="webhook 1"}'), 1_004)
  silent = false
  clock.advance(10_000)
  await settled(() => there.got.some(({ body }) => body.includes('approval.break_glass')))
})

t.test(
  'a Teams channel is told what waits, in text that is no markup, and decides nothing',
  async (t) => {
    const there = await receiver(t, ok)
    const { open, desk, count, settled } = await openNotifiers(t, [], there.url)
    const { id } = await open({
      ...{ agent: 'bot', claim: 'x', statement: "SELECT 'hidden'" },
      tables: [
        { name: '**public**.[x](https://evil.example)', access: 'write', classes: ['pii.email'] },
      ],
      classes: ['pii.email'],
    })
    await desk.open(draftOf({ ...desk.get(id) }), 'line')
    await there.until(1)
    const { type, attachments } = JSON.parse(there.got[0]?.body ?? '{}')
    t.equal(type, 'message')
    t.equal(attachments[0].contentType, 'application/vnd.microsoft.card.adaptive')
    const { body, actions } = attachments[0].content
    t.same(actions, [
      {
        type: 'Action.OpenUrl',
        title: 'Open in inbox',
        url: `https://proxy.example.com/v1/approvals/${id}`,
      },
    ])
    t.ok(
      body.every(({ type }: { type: string }) => type === 'RichTextBlock'),
      'nothing of it is read as markdown',
    )
    t.match(JSON.stringify(body), /A signature is asked for.*DROP TABLE.*pii\.email/)
    t.match(JSON.stringify(body), 'pii.email (GDPR **Art. 4(1)**)')
    t.notMatch(there.got[0]?.body, /hidden|Says it is/)
    await open({ binding: 'another' })
    await settled(() => count('delivered', 'teams') === 2)
    t.match(there.got[1]?.body, /public\.orders/, 'what joins is not told again')
  },
)
