import t, { type Test } from 'tap'
import { ACTIONS } from '../../../src/approval/channels/slack-value.ts'
import { EventFeed } from '../../../src/control/event-feed.ts'
import { buildHttp } from '../../../src/control/http.ts'
import { PersonTokens } from '../../../src/identity/person-tokens.ts'
import { systemClock } from '../../../src/lib/clock.ts'
import { buttonsOf, signature } from '../../support/fake-slack.ts'
import { openSlack, SteppedClock, startChannel } from './slack-house.ts'

const SECRET = 'the-signing-secret'
const connect = { by: 'http', signingSecret: SECRET } as const

/** The control plane's HTTP server with a Slack that comes there. */
async function openHttp(t: Test, options: { readonly clock?: SteppedClock } = {}) {
  const { clock = new SteppedClock() } = options
  // What is signed now is signed after it began, by whole seconds too.
  clock.ahead -= 2_000
  const house = await openSlack(t, { connect, clock })
  clock.ahead += 2_000
  const { desk, slack } = house
  const here = { channel: house.channel }
  const server = buildHttp({
    desk,
    directory: () => {
      throw new Error('nobody else is asked')
    },
    tokens: new PersonTokens({ data: t.testdir({}), clock: systemClock }),
    feed: new EventFeed('e'),
    clock: systemClock,
    urlOf: (id) => id,
    notReady: () => [],
    metrics: () => '',
    log: () => {},
    slack: (request) => here.channel.receive(request),
  })
  const base = await server.listen({ host: '127.0.0.1', port: 0 })
  t.teardown(() => server.close())
  slack.deliverTo(`${base}/channels/slack/events`, SECRET)
  const restart = async () => {
    await here.channel.stop()
    const channel = startChannel(house, slack.apiUrl, { connect, clock })
    t.teardown(() => channel.stop())
    here.channel = channel
    return channel
  }
  return Object.assign(house, { base, restart, stepped: clock })
}

const form = (payload: unknown) =>
  new URLSearchParams({ payload: JSON.stringify(payload) }).toString()

t.test('clicks and forms come over HTTP, signed', async (t) => {
  const { desk, slack, open, messageOf, shows, channel } = await openHttp(t)
  t.equal(channel.connections, null, 'no connection is kept')
  const { id } = await open()
  const message = await messageOf(id)
  await slack.click({ message, action: ACTIONS.deny, user: 'UBO' })
  const view = await slack.modal()
  t.match(await slack.submit({ view, user: 'UBO', filled: {} }), { errors: { written: /Say why/ } })
  await slack.submit({ view, user: 'UBO', filled: { written: 'no' } })
  await shows(message, 'denied by bo@example.com: no')
  t.equal(slack.callsOf('apps.connections.open').length, 0)
  const challenge = JSON.stringify({ type: 'url_verification', token: 'x', challenge: 'c-1' })
  const answer = await slack.request(challenge, { type: 'application/json' })
  t.same(answer, { status: 200, body: 'c-1' })
  t.equal(desk.get(id)?.state, 'denied')
})

t.test('what Slack has not signed, now and for the first time, is nothing', async (t) => {
  const clock = new SteppedClock()
  const { desk, slack, open, messageOf, base, channel } = await openHttp(t, { clock })
  const { id } = await open()
  const message = await messageOf(id)
  const value = message.blocks.flatMap(({ elements = [] }) => elements).find((e) => e.value)?.value
  const click = (trigger: string, user = 'UBO') =>
    form({
      ...{ type: 'block_actions', team: { id: 'T1' }, user: { id: user, team_id: 'T1' } },
      ...{ channel: { id: 'C1' }, container: { message_ts: message.ts }, trigger_id: trigger },
      actions: [{ type: 'button', action_id: ACTIONS.approve, block_id: 'b', value }],
    })
  const now = Math.floor(clock.now() / 1000)
  const refused = async (what: string, change: Parameters<typeof slack.request>[1]) => {
    t.equal((await slack.request(click(what), change)).status, 401, what)
    t.equal(desk.get(id)?.state, 'pending', what)
  }
  await refused('another secret', { secret: 'guessed' })
  await refused('no signature', { headers: { 'x-slack-signature': '' } })
  await refused('too old', { timestamp: now - 301 })
  await refused('from the future', { timestamp: now + 310 })
  await refused('not a time', { timestamp: 'NaN' })
  await refused('a time with a sign', { timestamp: `+${now}` })
  await refused('a time in milliseconds', { timestamp: clock.now() })
  const other = signature(SECRET, String(now), click('another body'))
  await refused('signature of another body', { headers: { 'x-slack-signature': other } })
  const version = { 'x-slack-signature': other.replace('v0', 'v1') }
  await refused('another version', { headers: version })
  const owner = click('twice', 'USTRANGER')
  const time = { timestamp: now }
  t.equal((await slack.request(owner, time)).status, 200)
  t.equal((await slack.request(owner, time)).status, 401, 'received before')
  const same = signature(SECRET, String(now), owner)
  for (const trick of [`${same}=`, `${same}=again`, same.toUpperCase(), `${same} `, `x,${same}`]) {
    const headers = { 'x-slack-signature': trick }
    const answer = await slack.request(owner, { ...time, headers })
    t.equal(answer.status, 401, `${trick.slice(-8)} is no other signature`)
  }
  t.equal(slack.callsOf('chat.postEphemeral').length, 1, 'and acted upon once')
  const huge = await slack.request(`payload=${'x'.repeat(300_000)}`)
  t.equal(huge.status, 413)
  const cut = await slack.request('payload=%7B%22type')
  t.equal(cut.status, 400, 'signed, and not a payload')
  t.equal((await slack.request(form({ type: 'block_actions' }))).status, 404)
  t.equal((await slack.request(form([]))).status, 400)
  const challenge = JSON.stringify({ type: 'url_verification', challenge: 'x'.repeat(5_000) })
  t.equal((await slack.request(challenge, { type: 'application/json' })).status, 400)
  const unsigned = { secret: 'guessed', type: 'application/json' }
  t.equal(
    (await slack.request('{"type":"url_verification","challenge":"c"}', unsigned)).status,
    401,
  )
  t.equal((await fetch(`${base}/channels/slack/events`)).status, 404, 'a GET is nothing')
  t.equal(desk.get(id)?.state, 'pending')
  const complaints = channel.log.filter((line) => /without a signature/.test(line))
  t.equal(complaints.length, 1, 'who knocks does not fill the log')
  const refusals = (cause: string) =>
    channel.metrics.get(`answers_refused_total{channel="slack",cause="${cause}"}`)
  t.same(['unsigned', 'replayed', 'unreadable'].map(refusals), [14, 2, 3])
  t.equal((await slack.request(click('at last'))).status, 200)
  await slack.until(() => slack.now(message).edits > 0)
  t.match(desk.get(id)?.votes, [{ person: 'bo@example.com', channel: 'slack' }])
})

t.test('what was clicked before a restart does not count again after it', async (t) => {
  const house = await openHttp(t)
  const { desk, slack, open, messageOf, restart, stepped } = house
  const draft = { requirements: [{ rule: 'two', by: ['approvers'], count: 2 }] }
  const { id } = await open(draft)
  const message = await messageOf(id)
  const value = buttonsOf(message)[0]?.value
  const click = (trigger: string, user: string) =>
    form({
      ...{ type: 'block_actions', team: { id: 'T1' }, user: { id: user, team_id: 'T1' } },
      ...{ channel: { id: 'C1' }, container: { message_ts: message.ts }, trigger_id: trigger },
      actions: [{ type: 'button', action_id: ACTIONS.approve, block_id: 'b', value }],
    })
  const seconds = () => Math.floor(stepped.now() / 1000)
  const overheard = [click('once', 'UANA'), { timestamp: seconds() }] as const
  t.equal((await slack.request(...overheard)).status, 200)
  await slack.until(() => desk.get(id)?.votes.length === 1 && slack.now(message).edits > 0)
  // Asked for again, it begins anew: who signed what was taken back has not signed this.
  await desk.withdraw(id, 'cancelled', 'line')
  t.equal((await open(draft)).id, id)
  t.same(desk.get(id)?.votes, [])
  stepped.ahead += 3_000
  const channel = await restart()
  t.equal((await slack.request(...overheard)).status, 503)
  const ofThatSecond = { timestamp: seconds() }
  t.equal((await slack.request(click('just before', 'UBO'), ofThatSecond)).status, 503)
  t.same(desk.get(id)?.votes, [], 'nobody has signed it')
  t.equal(channel.metrics.get('answers_refused_total{channel="slack",cause="stale"}'), 2)
  const after = { timestamp: seconds() + 1 }
  t.equal((await slack.request(click('again', 'UANA'), after)).status, 200, 'they click again')
  await slack.until(() => desk.get(id)?.votes.length === 1)
  t.equal((await slack.request(...overheard)).status, 503)
})

t.test('a click is acknowledged while Slack itself answers nothing', async (t) => {
  const { desk, slack, open, messageOf } = await openHttp(t)
  const { id } = await open()
  const message = await messageOf(id)
  for (const method of ['chat.update', 'chat.postEphemeral', 'users.info']) slack.silent.add(method)
  await slack.click({ message, action: ACTIONS.approve, user: 'UANA' })
  await slack.until(() => slack.callsOf('chat.update').length > 0)
  t.equal(desk.get(id)?.state, 'approved')
})

t.test('where Slack is spoken to over a connection, nothing comes by HTTP', async (t) => {
  const { channel } = await openSlack(t)
  const request = { headers: {}, body: Buffer.from('') }
  t.equal(await channel.receive(request), null)
})
