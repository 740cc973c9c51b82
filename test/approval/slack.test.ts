import t, { type Test } from 'tap'
import { SlackChannel } from '../../src/approval/channels/slack.ts'
import { APPROVE_ACTION, DENY_ACTION } from '../../src/approval/channels/slack-blocks.ts'
import { Directory } from '../../src/identity/directory.ts'
import { systemClock } from '../../src/lib/clock.ts'
import { buttonsOf, FakeSlack, shownIn } from '../support/fake-slack.ts'
import { answerOf, type DeskFixture, draftOf, openDesk } from './fixtures.ts'

function startChannel(fixture: DeskFixture, apiUrl: string, team: string | null = 'T1') {
  const { desk, store } = fixture
  const log: string[] = []
  const channel = new SlackChannel({
    settings: { appToken: 'xapp-1', botToken: 'xoxb-1', channel: 'C1', apiUrl, team },
    desk,
    store,
    directory: () => new Directory(fixture.people),
    clock: systemClock,
    log: (text) => log.push(text),
  })
  channel.start()
  return Object.assign(channel, { log })
}

async function openSlack(t: Test, team?: string | null) {
  const fixture = await openDesk(t)
  const slack = await FakeSlack.open()
  const channel = startChannel(fixture, slack.apiUrl, team)
  t.teardown(async () => {
    await channel.stop()
    await slack.stop()
  })
  await slack.until(() => slack.connections === 2)
  const open = async (change = {}) => (await fixture.desk.open(draftOf(change), 'line')).request
  const messageOf = (id: string) =>
    slack.until(() => [...slack.messages.values()].find((message) => shownIn(message).includes(id)))
  const whispered = async (count: number) => {
    await slack.until(() => slack.callsOf('chat.postEphemeral').length >= count)
    return slack.callsOf('chat.postEphemeral')[count - 1]?.args
  }
  return Object.assign(fixture, { slack, channel, open, messageOf, whispered })
}

t.test('a request is posted whole, approved by a click, and its message edited', async (t) => {
  const { desk, slack, open, messageOf } = await openSlack(t)
  const { id, binding } = await open({ claim: 'tidying', estimatedRows: 12, inTransaction: true })
  const message = await messageOf(id)
  t.equal(message.channel, 'C1')
  for (const part of [
    'DROP TABLE on public.orders, shop (production)',
    'DROP TABLE public.orders',
    'Agent: billing-bot',
    'owner@example.com',
    'tidying (says the agent)',
    'ddl: it drops a table',
    'about 12 rows',
    'its locks are held',
    'never: this shape is new',
  ]) {
    t.match(shownIn(message), part)
  }
  await slack.click({ message, action: APPROVE_ACTION, user: 'UANA' })
  await slack.until(() => slack.messages.get(message.ts)?.edits === 1)
  t.match(desk.get(id), {
    state: 'approved',
    votes: [{ person: 'ana@example.com', channel: 'slack' }],
  })
  await desk.spend(id, binding)
  await desk.settle(id, { rows: 3, ms: 7, sqlState: null })
  const shown = () => shownIn(slack.messages.get(message.ts) ?? message)
  await slack.until(() => shown().includes('executed, 3 rows, 7 ms'))
  t.match(shown(), 'approved by ana@example.com')
  t.same(buttonsOf(slack.messages.get(message.ts) ?? message), [], 'nothing is left to click')
  t.equal(slack.messages.size, 1, 'one message all along')
})

t.test('a denial asks for a reason, and the agent is told it', async (t) => {
  const { desk, slack, open, messageOf } = await openSlack(t)
  const { id } = await open()
  const message = await messageOf(id)
  await slack.click({ message, action: DENY_ACTION, user: 'UBO' })
  const opened = await slack.until(() => slack.callsOf('views.open')[0])
  const view = opened.args.view as Record<string, unknown>
  t.match(await slack.submit({ view, user: 'UBO', reason: '  ' }), { response_action: 'errors' })
  await slack.submit({ view, user: 'UBO', reason: 'not on a Friday' })
  await slack.until(() => slack.messages.get(message.ts)?.edits === 1)
  t.match(desk.get(id), { state: 'denied', votes: [{ reason: 'not on a Friday' }] })
  t.match(shownIn(slack.messages.get(message.ts) ?? message), 'denied by bo@example.com: not on a')
})

t.test('a click grants nothing by itself', async (t) => {
  const fixture = await openSlack(t)
  const { desk, slack, open, messageOf, whispered, records } = fixture
  const { id } = await open({ owners: ['bo@example.com'] })
  const message = await messageOf(id)
  const approve = { message, action: APPROVE_ACTION }
  await slack.click({ ...approve, user: 'USTRANGER' })
  t.match(await whispered(1), { user: 'USTRANGER', text: /isn't that of anybody/ })
  await slack.click({ ...approve, user: 'UANA', team: 'TELSEWHERE' })
  t.match(await whispered(2), { text: /isn't that of anybody/ }, 'the same id in another workspace')
  await slack.click({ ...approve, user: 'UBO' })
  t.match(await whispered(3), { user: 'UBO', text: /You own this agent/ })
  await slack.click({ ...approve, user: 'UDI' })
  t.match(await whispered(4), { text: /isn't asked for/ })
  await slack.click({ message, action: DENY_ACTION, user: 'UBO' })
  t.match(await whispered(5), { text: /You own this agent/ }, 'nor may an owner deny')
  const sha = 'f'.repeat(64)
  await slack.click({ ...approve, user: 'UANA', value: JSON.stringify({ id, sha }) })
  t.match(await whispered(6), { text: /another one now/ })
  await slack.click({ ...approve, user: 'UANA', value: '{"id":"nope","sha":"x"}' })
  t.match(await whispered(7), { text: /isn't known/ })
  await slack.click({ ...approve, user: 'UANA', value: 'not json' })
  t.equal(desk.get(id)?.state, 'pending')
  t.equal(records.filter((record) => record.type === 'approval.refused').length, 5)
})

t.test(
  'what Slack delivers twice is one answer, and the second person hears who won',
  async (t) => {
    const { desk, slack, open, messageOf, whispered, records } = await openSlack(t)
    const { id } = await open()
    const message = await messageOf(id)
    const click = { message, action: APPROVE_ACTION, user: 'UANA', trigger: 'same' }
    await Promise.all([slack.click(click), slack.click(click)])
    await slack.until(() => slack.messages.get(message.ts)?.edits === 1)
    await slack.click({ message, action: APPROVE_ACTION, user: 'UBO' })
    t.match(await whispered(1), { user: 'UBO', text: /approved by ana@example.com already/ })
    t.equal(records.filter((record) => record.type === 'approval.voted').length, 1)
    t.equal(desk.get(id)?.votes.length, 1)
  },
)

t.test('text of an agent can not ping, link, format or hide', async (t) => {
  const { open, messageOf } = await openSlack(t)
  const evil = '<!channel> <https://evil.example|Approve> *bold* ```\u202e\u200b\u001b[2J'
  const statement = `SELECT 1 -- ${evil}${' '.repeat(5000)}; DROP TABLE x`
  const { id } = await open({ claim: evil, applicationName: evil, onBehalfOf: evil, statement })
  const message = await messageOf(id)
  const texts: { type: string; text: string }[] = []
  const visit = (node: unknown): void => {
    if (Array.isArray(node)) node.forEach(visit)
    else if (typeof node === 'object' && node !== null) {
      const { type, text } = node as { type?: unknown; text?: unknown }
      if (typeof text === 'string') texts.push({ type: String(type), text })
      Object.values(node).forEach(visit)
    }
  }
  visit(message.blocks)
  t.same([...new Set(texts.map(({ type }) => type))].sort(), ['plain_text', 'text'])
  t.notMatch(message.text, /channel|evil/, 'the text of notifications is our own')
  const shown = shownIn(message)
  t.match(shown, '\\u{202e}\\u{200b}\\u{1b}[2J')
  t.notMatch(shown, /\p{Cf}/u)
  t.match(shown, '⟦5000 blanks⟧; DROP TABLE x', 'nothing is pushed out of sight')
})

t.test(
  'what can not be shown whole has no button to approve, and no click makes up for it',
  async (t) => {
    const { desk, slack, open, messageOf, whispered } = await openSlack(t)
    const statement = `SELECT '${'é"\\'.repeat(4000)}'; DROP TABLE x`
    const { id } = await open({ statement, claim: '"'.repeat(20_000) })
    const message = await messageOf(id)
    t.same(
      buttonsOf(message).map((button) => button.action_id),
      [DENY_ACTION],
    )
    t.match(shownIn(message), 'countersign approvals show')
    const value = buttonsOf(message)[0]?.value ?? ''
    await slack.click({ message, action: APPROVE_ACTION, user: 'UANA', value })
    t.match(await whispered(1), { text: /can't be shown here/ })
    t.equal(desk.get(id)?.state, 'pending')
    const many = Array.from({ length: 3000 }, () => ({ type: 'text', value: 'x' }))
    const wide = await open({ binding: 'w', parameters: many })
    t.equal(buttonsOf(await messageOf(wide.id)).length, 1, 'parameters count as well')
  },
)

t.test('Slack being away stops nobody, and is caught up with when it returns', async (t) => {
  const fixture = await openDesk(t)
  const { desk } = fixture
  const probe = await FakeSlack.open()
  const { port, apiUrl } = probe
  await probe.stop()
  const channel = startChannel(fixture, apiUrl)
  const { id } = (await desk.open(draftOf(), 'line')).request
  const second = (await desk.open(draftOf({ binding: 'second' }), 'line')).request
  t.match(await desk.decide(second.id, answerOf('ana@example.com')), { kind: 'decided' })
  const slack = await FakeSlack.open(port)
  t.teardown(() => slack.stop())
  await slack.until(() => slack.connections === 2)
  await slack.until(() => slack.messages.size === 1)
  const [message] = slack.messages.values()
  t.match(message && shownIn(message), id)
  slack.refresh()
  await slack.until(
    () => slack.connections === 2 && slack.callsOf('apps.connections.open').length > 3,
  )
  slack.failing.set('chat.update', 3)
  await desk.decide(id, answerOf('bo@example.com', 'deny'))
  await slack.until(() => [...slack.messages.values()][0]?.edits === 1)
  await channel.stop()
})

t.test('a restart edits the message that was posted before it', async (t) => {
  const { desk, store, slack, channel, open, messageOf, people } = await openSlack(t)
  const { id } = await open()
  const message = await messageOf(id)
  await channel.stop()
  await desk.withdraw(id, 'disconnected', 'line')
  const fixture = { desk, store, people } as DeskFixture
  const again = startChannel(fixture, slack.apiUrl)
  await slack.until(() => slack.messages.get(message.ts)?.edits === 1)
  t.match(shownIn(slack.messages.get(message.ts) ?? message), 'withdrawn: the client has gone')
  t.equal(slack.messages.size, 1)
  await again.stop()
})
