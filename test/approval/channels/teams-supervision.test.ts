import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import t from 'tap'
import { RetryingSet } from '../../../src/approval/channels/retrying-set.ts'
import { isAway, retryAfterMs } from '../../../src/approval/channels/teams-errors.ts'
import { TeamsToken } from '../../../src/approval/channels/teams-token.ts'
import { cardOf, shownIn } from '../../support/fake-teams.ts'
import { answerOf, draftOf, ManualClock, openDesk } from '../fixtures.ts'
import { openTeams, startTeams } from './teams-house.ts'

const turn = () => new Promise<void>((resolve) => setImmediate(resolve))

async function comes(is: () => boolean): Promise<void> {
  while (!is()) await turn()
}

t.test('Teams that is down holds nobody up, and is told when it is back', async (t) => {
  const clock = new ManualClock()
  const { teams, desk, open, messageOf, channel } = await openTeams(t, { clock })
  teams.down = true
  const one = await open()
  const two = await open({ binding: 'b', fingerprint: 'b' })
  // Who is there isn't found out either.
  await comes(() => channel.log.length === 2)
  t.equal((await desk.decide(one.id, answerOf('ana@example.com'))).kind, 'decided')
  const figure = (name: string) => channel.metrics.get(name)
  t.equal(figure('chat_up{chat="teams"}'), 0)
  t.equal(figure('chat_messages_queued{chat="teams"}'), 2)
  t.equal(figure('chat_messages_total{chat="teams",outcome="failed"}'), 1)
  teams.down = false
  clock.advance(1_000)
  const message = await messageOf(two.id)
  t.match(shownIn(cardOf(message)), 'Answer before', 'what still waits is posted')
  t.equal(teams.messages.size, 1, 'what is over is not')
  await comes(() => figure('chat_messages_queued{chat="teams"}') === 0)
  t.equal(figure('chat_up{chat="teams"}'), 1)
  t.equal(figure('chat_messages_total{chat="teams",outcome="delivered"}'), 1)
})

t.test('it waits as long as it is told to, and tries again what may go well', async (t) => {
  const clock = new ManualClock()
  const { teams, open, messageOf, channel, desk, shows } = await openTeams(t, { clock })
  const one = await open()
  const message = await messageOf(one.id)
  teams.failing.push({ status: 429, retryAfter: '7' })
  await desk.decide(one.id, answerOf('ana@example.com'))
  await comes(() => channel.log.length > 0)
  t.match(channel.log.join(), /429/)
  const before = teams.calls.length
  const two = await open({ binding: 'b', fingerprint: 'b' })
  clock.advance(6_999)
  for (let n = 0; n < 50; n++) await turn()
  t.equal(teams.calls.length, before, 'nor is anything else sent meanwhile')
  clock.advance(1)
  await shows(message, 'approved by ana@example.com')
  await messageOf(two.id)
  for (const status of [412, 500, 502, 503, 504]) {
    teams.failing.push({ status })
    const next = await open({ binding: `b${status}`, fingerprint: `f${status}` })
    const logged = channel.log.length
    await comes(() => channel.log.length > logged)
    clock.advance(60_000)
    t.ok(await messageOf(next.id), `${status}`)
  }
  teams.revoke()
  const last = await open({ binding: 'l', fingerprint: 'l' })
  const logged = channel.log.length
  await comes(() => channel.log.length > logged)
  clock.advance(60_000)
  t.ok(await messageOf(last.id), 'a token that is refused is asked for anew')
  t.equal(teams.asked.tokens, 2, 'and kept otherwise')
  t.notMatch(channel.log.join(), /Bearer|the-secret/)
})

t.test('what Teams refuses is given up, and keeps no other back', async (t) => {
  const clock = new ManualClock()
  const { teams, open, messageOf, channel } = await openTeams(t, { clock })
  await messageOf((await open()).id)
  for (let n = 0; n < 5; n++) teams.failing.push({ status: 400 })
  const bad = await open({ binding: 'b', fingerprint: 'b' })
  for (let n = 1; n < 5; n++) {
    await comes(() => channel.log.length === n)
    clock.advance(30_000)
  }
  await comes(() => /isn't tried again/.test(channel.log.join()))
  t.equal(channel.metrics.get('chat_messages_total{chat="teams",outcome="dropped"}'), 1)
  t.equal(channel.metrics.get('chat_messages_total{chat="teams",outcome="failed"}'), 5)
  const good = await open({ binding: 'g', fingerprint: 'g' })
  await messageOf(good.id)
  clock.advance(60_000)
  t.equal(teams.messages.size, 2)
  teams.failing.push({ status: 413 })
  const large = await open({ binding: 'l', fingerprint: 'l' })
  t.match(shownIn(cardOf(await messageOf(large.id))), 'This is not all of it')
  t.ok(bad.id)
})

t.test('a restart goes on with the message that stands, and posts what was deleted', async (t) => {
  const house = await openTeams(t)
  const { teams, open, messageOf, desk, channel, store } = house
  const { id } = await open()
  const gone = await open({ binding: 'g', fingerprint: 'g' })
  const message = await messageOf(id)
  await messageOf(gone.id)
  await channel.stop()
  await desk.decide(id, answerOf('bo@example.com', 'deny'))
  teams.messages.delete(store.message(gone.id, 'teams')?.ts ?? '')
  await store.setMessage(gone.id, { channel: message.conversation, ts: '1', shown: 'x' }, 'teams')
  const again = startTeams(house, teams)
  t.teardown(() => again.stop())
  await house.shows(message, 'denied by bo@example.com')
  await messageOf(gone.id)
  t.equal(teams.messages.size, 2)
  t.equal(store.message(id), undefined, 'Slack has a message of its own')
})

t.test('what was posted where is known after a restart, for each chat', async (t) => {
  const { store, desk } = await openDesk(t)
  const { request } = await desk.open(draftOf(), 'line')
  await store.setMessage(request.id, { channel: 'C1', ts: '1.1', shown: 's' })
  await store.setMessage(request.id, { channel: '19:a', ts: '17', shown: 't' }, 'teams')
  t.match(store.message(request.id), { channel: 'C1' })
  t.match(store.message(request.id, 'teams'), { channel: '19:a', ts: '17' })
})

t.test('those who wait for the same do not all come back at once', async (t) => {
  const clock = new ManualClock()
  let tries = 0
  const set = new RetryingSet<string>({
    work: async () => {
      tries++
      throw new Error('no')
    },
    ...{ isAway: () => true, leastWait: () => (tries === 2 ? 5_000 : 0), chance: () => 0 },
    ...{ clock, log: () => {} },
  })
  set.add('a')
  await turn()
  clock.advance(499)
  await turn()
  t.equal(tries, 1)
  clock.advance(1)
  await turn()
  t.equal(tries, 2, 'between half of the time and all of it')
  clock.advance(4_999)
  await turn()
  t.equal(tries, 2)
  clock.advance(1)
  await turn()
  t.equal(tries, 3)
  await set.stop()
})

t.test('how long to wait is read from the answer, and is bounded', async (t) => {
  const now = Date.parse('2026-11-22T12:00:00Z')
  const after = (value: unknown) =>
    retryAfterMs({ response: { status: 429, headers: { 'retry-after': value } } }, now)
  t.equal(after('3'), 3_000)
  t.equal(after('Sun, 22 Nov 2026 12:00:09 GMT'), 9_000)
  t.equal(after('99999999'), 600_000)
  for (const value of ['-5', 'soon', '', 7, null, undefined, '1e9']) t.equal(after(value), 0)
  t.equal(retryAfterMs(new Error('reset'), now), 0)
  t.equal(isAway(new Error('reset')), true)
})

t.test('a token is what looks like one, from where it was asked for, and is kept', async (t) => {
  const clock = new ManualClock()
  const answers: { status: number; body: string; location?: string }[] = []
  let asked = 0
  const server = createServer((_request, answer) => {
    asked++
    const { status, body, location } = answers.shift() ?? { status: 500, body: '' }
    answer.writeHead(status, location ? { location } : {}).end(body)
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  t.teardown(() => server.close())
  const loginEndpoint = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  const token = new TeamsToken({ appId: 'a', appSecret: 'hush', loginEndpoint, clock })
  const good = (value: string) => JSON.stringify({ access_token: value, expires_in: 3_600 })
  for (const [answer, says] of [
    [{ status: 401, body: 'hush' }, /gave no token \(401\)/],
    [{ status: 200, body: 'x' }, /without a token/],
    [{ status: 200, body: 'null' }, /without a token/],
    [{ status: 200, body: good('a b\r\nX-Evil: 1') }, /without a token/],
    [{ status: 200, body: 'x'.repeat(300_000) }, /over 256 KiB/],
    [{ status: 307, body: '', location: 'https://evil.example/' }, /fetch failed/],
  ] as const) {
    answers.push(answer)
    await t.rejects(token.get('s', 't'), { message: says })
  }
  answers.push({ status: 200, body: good('a.b.c') })
  const before = asked
  t.same(await Promise.all([token.get('s', 't'), token.get('s', 't')]), ['a.b.c', 'a.b.c'])
  clock.advance(54 * 60_000)
  await token.get('s', 't')
  t.equal(asked, before + 1, 'those who ask at once share a call')
  clock.advance(60_000)
  answers.push({ status: 200, body: good('d.e.f') })
  t.equal(await token.get('s', 't'), 'd.e.f', 'asked for anew before it ends')
})
