import t from 'tap'
import type { ApprovalDesk } from '../../src/approval/desk.ts'
import type { Requirement } from '../../src/policy/decision.ts'
import { openSlack } from './channels/slack-house.ts'
import { answerOf, draftOf, nextEvent, openDesk } from './fixtures.ts'

const MINUTE = 60_000
const ESCALATING: Requirement = {
  ...{ rule: 'dba-first', by: ['dba'], count: 1 },
  escalate: { to: ['support'], afterMs: 10 * MINUTE },
}

const turn = () => new Promise((resolve) => setImmediate(resolve))

async function mayDi(desk: ApprovalDesk, id: string, decision: 'approve' | 'deny') {
  return (await desk.whyNot(id, answerOf('di@example.com', decision))) === null
}

t.test('people are reminded once, at half of the time', async (t) => {
  const { desk, clock, events, store } = await openDesk(t)
  const { id } = (await desk.open(draftOf(), 'line')).request
  const reminded = nextEvent(desk, ({ type }) => type === 'reminder')
  clock.advance(15 * MINUTE - 1)
  await turn()
  t.equal(store.get(id)?.remindedAt, null)
  clock.advance(1)
  t.match(await reminded, { request: { id, remindedAt: '2026-11-22T12:15:00.000Z' } })
  clock.advance(10 * MINUTE)
  await desk.look(id)
  t.equal(events.filter(({ type }) => type === 'reminder').length, 1)
  const expired = nextEvent(desk, ({ type }) => type === 'resolved')
  clock.advance(5 * MINUTE)
  t.match(await expired, { request: { state: 'expired' } })

  const { id: approved } = (await desk.open(draftOf({ binding: 'b' }), 'line')).request
  await desk.decide(approved, answerOf('ana@example.com'))
  clock.advance(20 * MINUTE)
  await desk.look(approved)
  t.equal(
    events.filter(({ type }) => type === 'reminder').length,
    1,
    'of what is decided nobody is',
  )
  const lapsed = nextEvent(desk, ({ type }) => type === 'resolved')
  clock.advance(10 * MINUTE)
  t.match(await lapsed, { request: { id: approved, state: 'expired' } }, 'and it lapses unused')
})

t.test('a second group may decide from its time on, and no earlier', async (t) => {
  const { desk, clock, records, events } = await openDesk(t)
  const { id } = (await desk.open(draftOf({ requirements: [ESCALATING] }), 'line')).request
  const early = await desk.decide(id, answerOf('di@example.com'))
  t.match(early, { kind: 'refused', code: 'not_an_approver' })
  clock.advance(10 * MINUTE - 1)
  t.match(await desk.decide(id, answerOf('di@example.com')), { code: 'not_an_approver' })
  t.notOk(await mayDi(desk, id, 'deny'))
  clock.advance(1)
  await desk.look(id)
  t.ok(await mayDi(desk, id, 'approve'))
  t.match(records.at(-1), { type: 'approval.escalated', id, rules: ['dba-first'], to: ['support'] })
  t.equal(events.filter(({ type }) => type === 'escalated').length, 1)
  const decided = await desk.decide(id, answerOf('di@example.com'))
  t.match(decided, { kind: 'decided', request: { state: 'approved' } })
})

t.test('an escalation keeps ties, the first group, and the request that is joined', async (t) => {
  const { desk, clock } = await openDesk(t)
  const draft = draftOf({ requirements: [{ ...ESCALATING, count: 2 }], owners: ['support'] })
  const { id } = (await desk.open(draft, 'line')).request
  clock.advance(11 * MINUTE)
  t.match(await desk.decide(id, answerOf('di@example.com')), { code: 'self_approval' })
  t.match(await desk.decide(id, answerOf('ana@example.com')), { kind: 'counted' })
  t.match(await desk.open(draft, 'line'), { how: 'joined', request: { id } })
  t.match(await desk.decide(id, answerOf('bo@example.com')), { kind: 'decided' })
})

t.test('what is due is due also behind a restart, once', async (t) => {
  const first = await openDesk(t)
  const draft = draftOf({ requirements: [ESCALATING], action: { name: 'a', resource: 'b' } })
  const { id } = (await first.desk.open(draft, 'line')).request
  first.clock.advance(10 * MINUTE)
  await first.desk.look(id)
  await first.desk.stop()
  await first.store.close()
  const again = await openDesk(t, { data: first.data, clock: first.clock })
  t.ok(await mayDi(again.desk, id, 'approve'), 'who was let in stays in')
  t.match(await again.desk.open(draft, 'line'), { how: 'joined', request: { id } })
  first.clock.advance(6 * MINUTE)
  await again.desk.look(id)
  const told = again.events.map(({ type }) => type)
  t.same(told, ['requested', 'reminder'])
})

t.test('where the trail can not say so, the second group stays out', async (t) => {
  const house = await openDesk(t)
  const { desk, clock } = house
  const { id } = (await desk.open(draftOf({ requirements: [ESCALATING] }), 'line')).request
  house.recordTrouble = new Error('disk full')
  clock.advance(11 * MINUTE)
  await t.rejects(desk.decide(id, answerOf('di@example.com')), /disk full/)
  t.match(desk.get(id), { state: 'pending', escalated: [] })
  house.recordTrouble = null
  t.match(await desk.decide(id, answerOf('di@example.com')), { kind: 'decided' })
})

t.test('Slack says so in the thread, in words of our own', async (t) => {
  const { open, messageOf, slack, clock, store } = await openSlack(t)
  const { id } = await open({ requirements: [ESCALATING], agent: '<!channel>' })
  const { ts } = await messageOf(id)
  while (!store.message(id)) await turn()
  const inThread = async (count: number) => {
    const said = () => slack.callsOf('chat.postMessage').filter(({ args }) => args.thread_ts === ts)
    await slack.until(() => said().length === count)
    return said().at(-1)?.args
  }
  clock.advance(10 * MINUTE)
  t.match(await inThread(1), { text: /a second group may/, reply_broadcast: 'true' })
  clock.advance(5 * MINUTE)
  const reminder = await inThread(2)
  t.match(reminder, { text: /Half of the time is over/, reply_broadcast: 'false' })
  t.notMatch(JSON.stringify(reminder), /channel>/)
})
