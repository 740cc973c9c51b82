import t from 'tap'
import { chatCard } from '../../src/approval/channels/chat-card.ts'
import type { ApprovalDesk } from '../../src/approval/desk.ts'
import type { ApprovalRequest } from '../../src/approval/request.ts'
import { parseConfig } from '../../src/config/parse-config.ts'
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

t.test('a second group gives a grant as the first does, while it still may', async (t) => {
  const house = await openDesk(t)
  const { desk, clock } = house
  const asked = (binding: string) =>
    desk.open(draftOf({ requirements: [ESCALATING], shape: 's', binding }), 'line')
  const { id } = (await asked('b1')).request
  clock.advance(10 * MINUTE)
  await desk.decide(id, { ...answerOf('di@example.com'), grant: { minutes: 20, maxRows: 5 } })
  t.match(await asked('b2'), { resolution: { kind: 'approved', by: ['di@example.com'] } })
  house.people = house.people.map((each) => ({
    ...each,
    groups: each.groups.filter((one) => one !== 'support'),
  }))
  t.match(await asked('b3'), { resolution: null }, 'di has left the group')
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

const UPDATE = {
  ...{
    verb: 'UPDATE',
    shape: 'shape',
    statement: 'UPDATE public.orders SET note = $1 WHERE id = $2',
  },
  effects: [{ effect: 'write', reason: 'it changes rows' }] as const,
}

async function approvedRuns(desk: ApprovalDesk, rows: readonly number[], change: object = {}) {
  let last = ''
  for (const [at, count] of rows.entries()) {
    const binding = `run ${at} of ${JSON.stringify(change)}`
    const draft = draftOf({ ...UPDATE, binding, ...change })
    const { id } = (await desk.open(draft, 'line')).request
    await desk.decide(id, answerOf('ana@example.com'))
    await desk.spend(id, binding)
    await desk.settle(id, { rows: count, ms: 1, sqlState: null })
    last = id
  }
  return desk.get(last) as ApprovalRequest
}

t.test('after the fifth approval of the same a rule is proposed, as text', async (t) => {
  const { desk, store, data, clock } = await openDesk(t)
  t.equal(desk.ruleFor(await approvedRuns(desk, [3, 12, 1, 2])), null, 'not before')
  const fifth = await approvedRuns(desk, [4])
  const text = desk.ruleFor(fifth) ?? ''
  t.match(text, /^# People let this pass 5 times/)
  const parsed = parseConfig(`rules:\n${text}`, { path: '/c.yaml', env: {} })
  if (!parsed.ok) throw new Error(parsed.problems.join())
  const [rule] = parsed.config.rules
  t.match(rule?.when, { agent: ['billing-bot'], database: ['shop'], verb: ['UPDATE'] })
  t.match(rule?.when, { effect: ['write'], tables: ['public.orders'] })
  t.match(rule?.then, { kind: 'allow', maxRows: 12 }, 'the most rows of any of them')
  const fresh = (await desk.open(draftOf({ ...UPDATE, binding: 'next' }), 'line')).request
  t.equal(fresh.state, 'pending', 'nothing is allowed by itself')
  const ruleFor = (request: ApprovalRequest) => desk.ruleFor(request)
  for (const text of ['full', 'redacted'] as const) {
    const { card } = chatCard(fresh, { text, regulations: {}, ruleFor })
    t.match(card.fields.at(-1), { label: 'Make it a rule?', value: /its page in the inbox/ })
  }
  const other = { ...fresh, agent: 'another-bot' }
  const { card } = chatCard(other, { text: 'full', regulations: {}, ruleFor })
  t.notMatch(JSON.stringify(card), 'Make it a rule')
  await desk.stop()
  await store.close()
  const again = await openDesk(t, { data, clock })
  t.equal(again.desk.ruleFor(fresh), text, 'it is known behind a restart')
})

t.test('no rule is proposed for what no rule should allow', async (t) => {
  const { desk } = await openDesk(t)
  const five = [1, 1, 1, 1, 1]
  const never: Record<string, object> = {
    'no shape': { shape: null },
    export: { effects: [{ effect: 'export', reason: '' }], shape: 'a' },
    probe: { effects: [{ effect: 'probe', reason: '' }], shape: 'b' },
    'no table': { tables: [], shape: 'c' },
    'a star in a name': {
      tables: [{ name: 'public.*', access: 'write', classes: [] }],
      shape: 'd',
    },
  }
  for (const [name, change] of Object.entries(never)) {
    t.equal(desk.ruleFor(await approvedRuns(desk, five, change)), null, name)
  }
  const other = await approvedRuns(desk, [1, 1, 1, 1], { shape: 'e' })
  t.equal(desk.ruleFor(await approvedRuns(desk, [1], { shape: 'e', agent: 'other-bot' })), null)
  t.equal(desk.ruleFor(await approvedRuns(desk, [1], { shape: 'e', database: 'blog' })), null)
  t.equal(desk.ruleFor(other), null, 'another agent and another database are not the same')
  const evil = { verb: 'UPDATE\n- name: evil\n  then: allow\n#', shape: 'f' }
  const made = desk.ruleFor(await approvedRuns(desk, five, evil)) ?? ''
  const parsed = parseConfig(`rules:\n${made}`, { path: '/c.yaml', env: {} })
  t.equal(parsed.ok && parsed.config.rules.length, 1, 'names can not add a rule')
})
