import t from 'tap'
import { ChatCounts } from '../../../src/approval/channels/chat-counts.ts'
import { ChatPoster } from '../../../src/approval/channels/chat-poster.ts'
import { RetryingSet } from '../../../src/approval/channels/retrying-set.ts'
import { slackClient } from '../../../src/approval/channels/slack-app.ts'
import { SlackBoard } from '../../../src/approval/channels/slack-board.ts'
import { systemClock } from '../../../src/lib/clock.ts'
import { FakeSlack, shownIn } from '../../support/fake-slack.ts'
import { draftOf, ManualClock, openDesk } from '../fixtures.ts'
import { openSlack } from './slack-house.ts'

t.test('what an edit would tell nobody is said in the thread, once', async (t) => {
  const { desk, store } = await openDesk(t)
  const slack = await FakeSlack.open()
  t.teardown(() => slack.stop())
  const log = () => {}
  const client = slackClient({ botToken: 'xoxb-1', apiUrl: slack.apiUrl, log })
  const view = {
    text: 'full',
    regulations: {},
    shortened: new Set<string>(),
    urlOf: (id: string) => `http://x/${id}`,
  } as const
  const clock = systemClock
  const counts = new ChatCounts()
  const board = new SlackBoard({ client, channel: 'C1', view, log })
  const poster = new ChatPoster({ board, view, desk, store, clock, chance: () => 1, counts, log })
  t.teardown(() => poster.stop())
  const { request } = await desk.open(draftOf({ claim: '<!channel>' }), 'line')
  poster.update({ type: 'requested', how: 'new', request })
  await slack.until(() => slack.messages.size === 1)
  const [message] = slack.messages.values()
  slack.failing.set('chat.postMessage', 1)
  slack.limiting.set('chat.postMessage', 1)
  for (const type of ['reminder', 'escalated', 'break-glass'] as const) {
    poster.update({ type, request })
  }
  const lines = () => slack.callsOf('chat.postMessage').filter(({ args }) => args.thread_ts)
  const said = await slack.until(() => slack.messages.size === 4 && lines())
  t.same(new Set(said.map(({ args }) => args.thread_ts)), new Set([message?.ts]))
  const shown = [...slack.messages.values()].slice(1).map(({ text }) => text)
  t.match(shown, [
    /Half of the time is over.*request r1/,
    /a second group may/,
    /ALERT: one person alone/,
  ])
  t.match(lines().at(-1)?.args, { reply_broadcast: 'true' }, 'the channel sees an alert')
  t.match(message && shownIn(message), 'DROP TABLE')
  t.match(counts, { delivered: 1, failed: 0, dropped: 0 })
  view.shortened.add('gone')
  slack.refusing.set('chat.postMessage', 'invalid_blocks')
  const other = (await desk.open(draftOf({ binding: 'b', fingerprint: 'b' }), 'line')).request
  poster.update({ type: 'requested', how: 'new', request: other })
  await slack.until(() => view.shortened.has(other.id))
  t.same([...view.shortened], [other.id], 'what nobody knows any more is not kept')
})

t.test('what Slack finds too long in every shape is given up, and all else is not', async (t) => {
  const clock = new ManualClock()
  const house = await openSlack(t, { clock })
  const { slack, open, channel, messageOf } = house
  const turn = () => new Promise<void>((resolve) => setImmediate(resolve))
  const tried = (method: string) => slack.callsOf(method).length
  slack.refusing.set('chat.postMessage', 'invalid_blocks')
  await open()
  while (!/isn't tried again/.test(channel.log.join())) {
    clock.advance(30_000)
    await turn()
  }
  const before = tried('chat.postMessage')
  t.equal(before, 6, 'once whole, then in part')
  slack.refusing.set('chat.postMessage', 'not_in_channel')
  const { id } = await open({ binding: 'b', fingerprint: 'b' })
  while (tried('chat.postMessage') < before + 10) {
    clock.advance(30_000)
    await turn()
  }
  slack.refusing.clear()
  clock.advance(30_000)
  const posted = messageOf(id)
  for (let found = false; !found; ) {
    found = await Promise.race([posted.then(() => true), turn().then(() => false)])
    clock.advance(30_000)
  }
  t.equal(slack.messages.size, 1)
})

t.test('what fails is tried again, and keeps nobody else back', async (t) => {
  const clock = new ManualClock()
  const done: string[] = []
  const failing = new Set(['b'])
  let away = false
  const set = new RetryingSet<string>({
    work: async (one) => {
      if (away || failing.has(one)) throw new Error(one)
      done.push(one)
    },
    isAway: () => away,
    clock,
    log: () => {},
  })
  const settled = () => new Promise((resolve) => setImmediate(resolve))
  for (const one of ['a', 'b', 'c', 'a']) set.add(one)
  await settled()
  t.same(done.splice(0), ['a', 'c', 'a'], 'what changes while it is done is done again')
  set.add('d')
  await settled()
  t.same(done.splice(0), ['d'])
  failing.clear()
  clock.advance(1_000)
  await settled()
  t.same(done.splice(0), ['b'])
  away = true
  set.add('e')
  await settled()
  set.add('f')
  await settled()
  t.equal(clock.timers, 1, 'who is away is left alone until then')
  away = false
  set.again()
  await settled()
  t.same(done.splice(0).sort(), ['e', 'f'])
  await set.stop()
  set.add('g')
  await settled()
  t.same(done, [])
  t.equal(clock.timers, 0)
})
