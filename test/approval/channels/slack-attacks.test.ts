import t from 'tap'
import { ACTIONS } from '../../../src/approval/channels/slack-value.ts'
import { buttonsOf, shownIn } from '../../support/fake-slack.ts'
import { answerOf } from '../fixtures.ts'
import { openSlack } from './slack-house.ts'

t.test('an owner signs neither by name nor through a group', async (t) => {
  const { desk, slack, open, messageOf, whispered } = await openSlack(t)
  const mine = await open({ owners: ['data-owner'], binding: 'o' })
  const message = await messageOf(mine.id)
  await slack.click({ message, action: ACTIONS.approve, user: 'UBO' })
  t.match(await whispered(1), { text: /You own this agent/ })
  const behalf = await open({ onBehalfOf: 'ANA@example.com ', binding: 'b', fingerprint: 'b' })
  const asked = await messageOf(behalf.id)
  await slack.click({ message: asked, action: ACTIONS.approve, user: 'UANA' })
  t.match(await whispered(2), { text: /acts on your behalf/ })
  await slack.click({ message: asked, action: ACTIONS.deny, user: 'UANA' })
  t.match(await whispered(3), { text: /acts on your behalf/ })
  t.equal(slack.callsOf('views.open').length, 0)
  t.equal(desk.get(mine.id)?.state, 'pending')
})

t.test('a race with the API has one winner, and the loser hears who', async (t) => {
  const { desk, slack, open, messageOf, whispered, records } = await openSlack(t)
  const { id } = await open()
  const message = await messageOf(id)
  const [, byApi] = await Promise.all([
    slack.click({ message, action: ACTIONS.approve, user: 'UANA' }),
    desk.decide(id, answerOf('bo@example.com', 'deny')),
  ])
  t.equal(byApi.kind, 'decided')
  t.match(await whispered(1), { user: 'UANA', text: 'This was denied by bo@example.com already.' })
  t.equal(records.filter(({ type }) => type === 'approval.voted').length, 1)
})

t.test('expired or withdrawn, a button that still shows does nothing', async (t) => {
  const { desk, slack, open, messageOf, whispered, clock, shows } = await openSlack(t)
  const { id } = await open({ expiresMs: 60_000 })
  const message = await messageOf(id)
  clock.advance(60_000)
  await slack.click({ message, action: ACTIONS.approve, user: 'UANA' })
  t.match(await whispered(1), { text: /Too late: expired/ })
  await shows(message, 'expired: nobody answered in time')
  t.same(buttonsOf(slack.now(message)), [])
  const next = await open({ binding: 'n', fingerprint: 'n' })
  const second = await messageOf(next.id)
  await slack.click({ message: second, action: ACTIONS.deny, user: 'UANA' })
  const view = await slack.modal()
  await desk.withdraw(next.id, 'cancelled', 'line')
  await slack.submit({ view, user: 'UANA', filled: { written: 'late' } })
  t.match(await whispered(2), { text: /withdrawn: the client cancelled/ })
})

t.test('the value of a button is no more than a name', async (t) => {
  const { desk, slack, open, messageOf, whispered } = await openSlack(t)
  const one = await open({ binding: 'a', fingerprint: 'a' })
  const two = await open({ binding: 'b', fingerprint: 'b', statement: 'TRUNCATE orders' })
  const message = await messageOf(one.id)
  await messageOf(two.id)
  const click = (value: unknown, action: string = ACTIONS.approve) =>
    slack.click({ message, action, user: 'UANA', value: JSON.stringify(value) })
  await click({ id: two.id, sha: two.statementSha256 })
  t.match(await whispered(1), { text: /not of the message of this request/ })
  await click({ id: one.id, sha: two.statementSha256 })
  t.match(await whispered(2), { text: /another one now/ })
  await click({ id: one.id })
  t.match(await whispered(3), { text: /read it in the inbox/ }, 'nothing is signed unseen')
  for (const nothing of [
    null,
    1,
    [],
    {},
    { id: 7 },
    { sha: 'x' },
    { id: one.id, sha: 7 },
    '__proto__',
  ]) {
    await click(nothing)
  }
  await slack.click({
    message,
    action: ACTIONS.approve,
    user: 'UANA',
    value: `{"id":"${'x'.repeat(4000)}"}`,
  })
  await click({ id: one.id, sha: one.statementSha256 }, 'countersign_something')
    .then(() => t.fail('nobody listens'))
    .catch(() => {})
  t.equal(desk.get(one.id)?.state, 'pending')
  t.equal(desk.get(two.id)?.state, 'pending')
})

t.test('a form is bound to its request, and who sends it is who answers', async (t) => {
  const { desk, slack, open, messageOf, whispered } = await openSlack(t)
  const { id } = await open({ shape: 'shape', owners: ['bo@example.com'] })
  const other = await open({ binding: 'x', fingerprint: 'x' })
  const message = await messageOf(id)
  await messageOf(other.id)
  await slack.click({ message, action: ACTIONS.grant, user: 'UANA' })
  const view = await slack.modal()
  await slack.submit({ view, user: 'UBO', filled: {} })
  t.match(await whispered(1), { user: 'UBO', text: /You own this agent/ })
  await slack.submit({ view, user: 'UANA', team: 'T2', filled: {} })
  t.match(await whispered(2), { text: /a workspace that has no say/ })
  const about = JSON.parse(String(view.private_metadata))
  const moved = { ...view, private_metadata: JSON.stringify({ ...about, id: other.id }) }
  await slack.submit({ view: moved, user: 'UANA', filled: {} })
  t.match(await whispered(3), { text: /not of the message of this request/ })
  const unseen = { ...view, private_metadata: JSON.stringify({ ...about, sha: undefined }) }
  await slack.submit({ view: unseen, user: 'UANA', filled: {} })
  t.match(await whispered(4), { text: /read it in the inbox/ })
  t.equal(desk.get(id)?.state, 'pending')
  t.same([...desk.grants()], [])
})

t.test('what an agent writes pings nobody, links nowhere and hides nothing', async (t) => {
  const { slack, open, messageOf, whispered } = await openSlack(t)
  const evil = '<!channel> <@U123> <https://evil.example|Approve> @here :rocket: *b* ```'
  const hidden = 'o\u202er\u200bd\u00ade\u0300rs'
  const { id } = await open({
    ...{ claim: evil, applicationName: evil, onBehalfOf: evil, verb: evil, session: evil },
    statement: `SELECT 1 /* ${evil} */ FROM "nаme" -- ${hidden}`,
    parameters: [{ type: evil, value: `${evil} ${hidden}` }],
    tables: [{ name: `public.${evil}${hidden}`, access: 'write', classes: [evil] }],
    effects: [{ effect: 'opaque', reason: `it runs ${evil}` }],
    ...{ classes: [evil], clearable: [evil], shape: 'shape' },
    requirements: [{ rule: evil, by: ['approvers'], count: 1 }],
  })
  const message = await messageOf(id)
  const kinds = new Set<string>()
  visit(message.blocks, (node) => {
    if (typeof node.text === 'string') kinds.add(String(node.type))
  })
  t.same(
    [...kinds].sort(),
    ['link', 'plain_text', 'text'].filter((k) => kinds.has(k)),
  )
  t.notOk(kinds.has('mrkdwn'))
  t.notMatch(message.text, /[<>@*`]|:rocket|evil\.example/, 'the text of notifications is words')
  const shown = shownIn(message)
  t.match(shown, 'o\\u{202e}r\\u{200b}d\\u{ad}e\\u{300}rs')
  t.match(shown, 'а is U+0430, in "nаme"', 'a letter that looks like another is named')
  t.notMatch(shown, /\p{Cf}|\p{M}/u)
  for (const { args } of slack.callsOf('chat.postMessage')) {
    t.match(args, { parse: 'none', unfurl_links: 'false', mrkdwn: 'false' })
  }
  const urls: string[] = []
  visit(message.blocks, (node) => {
    if (typeof node.url === 'string') urls.push(node.url)
  })
  t.same(urls, [`https://countersign.example.com/v1/approvals/${id}`], 'one place of our own')
  await slack.click({ message, action: ACTIONS.clear, user: 'UANA' })
  const said = await whispered(1)
  t.match(said, { text: /No group of yours clears &lt;!channel&gt;/, parse: 'none' })
  await slack.click({ message, action: ACTIONS.grant, user: 'UANA' })
  const modal = new Set<string>()
  visit(await slack.modal(), (node) => {
    if (typeof node.text === 'string') modal.add(String(node.type))
  })
  t.notOk(modal.has('mrkdwn'))
})

t.test('who, what and where stand within the first 600 characters', async (t) => {
  const { open, messageOf } = await openSlack(t, { regulations: { pii: 'GDPR Art. 4(1)' } })
  const long = (n: number) => `public.${'a_very_long_name_'.repeat(3)}${n}`
  const { id } = await open({
    agent: 'an-agent-with-a-name-of-the-greatest-length-that-there-may-be-x',
    owners: Array.from({ length: 9 }, (_, at) => `somebody.with.a.long.name.${at}@example.com`),
    environment: 'production in the data centre of the north',
    database: 'shop_of_the_north_and_of_the_south',
    verb: 'INSERT ... SELECT',
    claim: 'x'.repeat(2_000),
    tables: Array.from({ length: 12 }, (_, at) => {
      return { name: long(at), access: 'write', classes: ['pii.email'] } as const
    }),
    classes: ['pii.email', 'pii.national-id', 'pci.pan', 'hr.salary', 'pii.health.blood'],
  })
  const shown = shownIn(await messageOf(id))
  const first = shown.slice(0, 600)
  for (const part of [
    'INSERT ... SELECT',
    'an-agent-with',
    'somebody.with',
    'production',
    long(0),
  ]) {
    t.match(first, part)
  }
  t.match(first, 'pii.email GDPR Art. 4(1)')
  t.match(shown.slice(600), long(11), 'what is cut there is said in full below')
  t.match(shown.slice(600), 'somebody.with.a.long.name.8@example.com')
  t.match(shown.slice(600), 'pii.health.blood (GDPR Art. 4(1))')
})

t.test('a message that Slack refuses keeps no other one back', async (t) => {
  const { slack, open, messageOf, channel } = await openSlack(t)
  slack.refusing.set('chat.postMessage', 'channel_not_found')
  const one = await open({ binding: 'a', fingerprint: 'a' })
  await slack.until(() => slack.callsOf('chat.postMessage').length > 0)
  slack.refusing.clear()
  const two = await open({ binding: 'b', fingerprint: 'b' })
  await messageOf(two.id)
  t.match(channel.log.join(), 'channel_not_found')
  slack.refresh()
  t.ok(await messageOf(one.id), 'and is tried again')
})

function visit(node: unknown, look: (node: Record<string, unknown>) => void): void {
  if (typeof node !== 'object' || node === null) return
  if (!Array.isArray(node)) look(node as Record<string, unknown>)
  for (const each of Object.values(node)) visit(each, look)
}
