import t from 'tap'
import { ACTIONS } from '../../../src/approval/channels/slack-value.ts'
import { actionsOf, buttonsOf, FakeSlack, shownIn } from '../../support/fake-slack.ts'
import { answerOf, type DeskFixture, draftOf, openDesk } from '../fixtures.ts'
import { openSlack, startChannel } from './slack-house.ts'

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
  await slack.click({ message, action: ACTIONS.approve, user: 'UANA' })
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
  await slack.click({ message, action: ACTIONS.deny, user: 'UBO' })
  const view = await slack.modal()
  const blank = await slack.submit({ view, user: 'UBO', filled: { written: '  ' } })
  t.match(blank, { response_action: 'errors', errors: { written: /Say why/ } })
  await slack.submit({ view, user: 'UBO', filled: { chosen: '1', written: 'not on a Friday' } })
  await slack.until(() => slack.messages.get(message.ts)?.edits === 1)
  t.match(desk.get(id), { state: 'denied', votes: [{ reason: /^Not now.*not on a Friday$/ }] })
  t.match(
    shownIn(slack.messages.get(message.ts) ?? message),
    'denied by bo@example.com: Not now: ask again outside working hours. not on a Friday',
  )
})

t.test('a click grants nothing by itself', async (t) => {
  const fixture = await openSlack(t)
  const { desk, slack, open, messageOf, whispered, records } = fixture
  const { id } = await open({ owners: ['bo@example.com'] })
  const message = await messageOf(id)
  const approve = { message, action: ACTIONS.approve }
  await slack.click({ ...approve, user: 'USTRANGER' })
  t.match(await whispered(1), { user: 'USTRANGER', text: /isn't that of anybody/ })
  await slack.click({ ...approve, user: 'UANA', team: 'TELSEWHERE' })
  t.match(
    await whispered(2),
    { text: /from a workspace that has no say/ },
    'the same id in another workspace',
  )
  await slack.click({ ...approve, user: 'UBO' })
  t.match(await whispered(3), { user: 'UBO', text: /You own this agent/ })
  await slack.click({ ...approve, user: 'UDI' })
  t.match(await whispered(4), { text: /isn't asked for/ })
  await slack.click({ message, action: ACTIONS.deny, user: 'UBO' })
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
    const click = { message, action: ACTIONS.approve, user: 'UANA', trigger: 'same' }
    await Promise.all([slack.click(click), slack.click(click)])
    await slack.until(() => slack.messages.get(message.ts)?.edits === 1)
    await slack.click({ message, action: ACTIONS.approve, user: 'UBO' })
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
    t.same(actionsOf(message), [ACTIONS.deny, ACTIONS.open])
    t.match(shownIn(message), 'countersign approvals show')
    const value = buttonsOf(message)[0]?.value ?? ''
    await slack.click({ message, action: ACTIONS.approve, user: 'UANA', value })
    t.match(await whispered(1), { text: /can't be shown here/ })
    t.equal(desk.get(id)?.state, 'pending')
    const many = Array.from({ length: 3000 }, () => ({ type: 'text', value: 'x' }))
    const tall = `${'-\n'.repeat(150)}; DROP TABLE x`
    const high = await messageOf((await open({ statement: tall, fingerprint: 't' })).id)
    t.same(actionsOf(high), [ACTIONS.deny, ACTIONS.open], 'nor what is scrolled through')
    slack.blocksLimit = 7_000
    const measured = await open({ statement: `SELECT '${'x'.repeat(6_000)}'`, fingerprint: 'm' })
    const part = await messageOf(measured.id)
    t.same(actionsOf(part), [ACTIONS.deny, ACTIONS.open], 'nor what Slack itself finds too long')
    const whole = JSON.stringify({ id: measured.id, sha: measured.statementSha256 })
    await slack.click({ message: part, action: ACTIONS.approve, user: 'UANA', value: whole })
    t.match(await whispered(2), { text: /can't be shown here/ })
    slack.blocksLimit = undefined
    const wide = await open({ binding: 'w', fingerprint: 'w', parameters: many })
    t.same(actionsOf(await messageOf(wide.id)), [ACTIONS.deny, ACTIONS.open], 'parameters count')
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

t.test(
  'a Slack that answers nothing keeps nobody waiting, and is told all when it does',
  async (t) => {
    const house = await openSlack(t)
    const { desk, slack, open, messageOf } = house
    slack.silent.add('chat.postMessage')
    const one = await open({ binding: 'a', fingerprint: 'a' })
    const two = await open({ binding: 'b', fingerprint: 'b' })
    await slack.until(() => slack.callsOf('chat.postMessage').length > 0)
    t.match(await desk.decide(one.id, answerOf('ana@example.com')), { kind: 'decided' })
    t.equal(slack.messages.size, 0)
    slack.answerAgain()
    await messageOf(two.id)
    t.ok(true, 'what still waits is posted')
  },
)

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
