import t from 'tap'
import { ACTIONS } from '../../../src/approval/channels/slack-value.ts'
import { DENY_REASONS } from '../../../src/approval/deny-reasons.ts'
import { actionsOf, buttonsOf, shownIn } from '../../support/fake-slack.ts'
import { openSlack, SteppedClock, startChannel } from './slack-house.ts'

t.test('a shape is approved for a time and so many rows, where it can be', async (t) => {
  const house = await openSlack(t)
  const { desk, slack, open, messageOf, whispered, shows } = house
  const once = await open({ binding: 'b1', fingerprint: 'f2' })
  t.notOk(actionsOf(await messageOf(once.id)).includes(ACTIONS.grant), 'it has no shape')
  const { id } = await open({ shape: 'shape-1', claim: null })
  const like = await open({ shape: 'shape-1', binding: 'b2', agent: 'billing-bot' })
  const other = await open({ shape: 'shape-2', binding: 'b3', fingerprint: 'f3' })
  const message = await messageOf(id)
  await slack.click({ message, action: ACTIONS.grant, user: 'UANA' })
  const view = await slack.modal()
  t.match(JSON.stringify(view), /runs this on shop without asking/)
  for (const rows of ['0', '-1', '1e3', '1.5', '', null, '9'.repeat(16)]) {
    const answer = await slack.submit({ view, user: 'UANA', filled: { rows } })
    t.match(answer, { errors: { rows: /whole number/ } }, String(rows))
  }
  const forever = { ...view, blocks: tampered(view, 'minutes', '525600') }
  const refused = await slack.submit({ view: forever, user: 'UANA', filled: { minutes: '525600' } })
  t.match(refused, { errors: { minutes: /Choose one/ } })
  await slack.submit({ view, user: 'UBO', filled: { rows: '25', written: 'the weekly report' } })
  await shows(message, 'approved by bo@example.com (the weekly report)')
  const [grant] = [...desk.grants()]
  t.match(grant, { maxRows: 25, votes: [{ grant: { minutes: 30 }, channel: 'slack' }] })
  t.equal(grant?.uses, 2, 'what waited and is of the shape goes by it, too')
  t.match(desk.get(like.id), { state: 'approved', grant: { maxRows: 25 } })
  t.equal(desk.get(other.id)?.state, 'pending', 'and nothing else')
  const clear = await open({
    ...{ shape: 's', binding: 'b4', fingerprint: 'f4' },
    asksClear: ['pii.email'],
  })
  const asks = await messageOf(clear.id)
  t.notOk(actionsOf(asks).includes(ACTIONS.grant), 'what is shown in clear is shown once')
  const value = buttonsOf(asks)[0]?.value ?? ''
  await slack.click({ message: asks, action: ACTIONS.grant, user: 'UANA', value })
  t.match(await whispered(1), { text: /one execution only/ })
})

t.test('classes are unmasked by those who may, once', async (t) => {
  const { desk, slack, open, messageOf, whispered, shows } = await openSlack(t)
  const clearable = ['pii.email', 'hr.salary', 'pii.name']
  const { id } = await open({ clearable, classes: clearable })
  const message = await messageOf(id)
  await slack.click({ message, action: ACTIONS.clear, user: 'UANA' })
  t.match(await whispered(1), { text: 'No group of yours clears pii.email, hr.salary, pii.name.' })
  await slack.click({ message, action: ACTIONS.clear, user: 'UBO' })
  const view = await slack.modal()
  t.match(JSON.stringify(view), /Not here, or not yours to show: hr\.salary/)
  const none = await slack.submit({ view, user: 'UBO', filled: {} })
  t.match(none, { errors: { classes: /Choose/ } })
  const more = { ...view, blocks: tampered(view, 'classes', 'hr.salary') }
  await slack.submit({ view: more, user: 'UBO', filled: { classes: ['hr.salary'] } })
  t.match(await whispered(2), { text: /No group of yours clears hr\.salary/ })
  t.equal(desk.get(id)?.state, 'pending', 'a form that was altered gives nothing more')
  await slack.submit({ view, user: 'UANA', filled: { classes: ['pii.email'] } })
  t.match(await whispered(3), { text: /No group of yours/ }, 'nor one that somebody else opened')
  await slack.submit({ view, user: 'UBO', filled: { classes: ['pii.email'] } })
  t.match(await shows(message, 'Shows in clear'), 'pii.email: unmasked, this once')
  t.equal(desk.get(id)?.state, 'approved')
  t.same(desk.get(id)?.cleared, ['pii.email'], 'and no more than was chosen')
})

t.test('requests of one shape share a message, and each is decided by itself', async (t) => {
  const clock = new SteppedClock()
  const house = await openSlack(t, { clock })
  const { desk, slack, open, messageOf, whispered, shows } = house
  const ask = (n: number, change = {}) =>
    open({ binding: `b${n}`, statement: `DELETE FROM orders WHERE id = ${n}`, ...change })
  const [one, two, three] = [await ask(1), await ask(2), await ask(3)]
  const message = await messageOf(one.id)
  const shown = await shows(message, 'and 2 more like it, 2 of them waiting')
  t.match(shown, 'id = 1')
  t.notMatch(shown, 'id = 2', 'one of them is shown')
  const links = JSON.stringify(slack.now(message)).match(/approvals\/r\d/g)
  t.ok(links?.includes(`approvals/${three.id}`), 'the others are a link away')
  const other = await ask(4, { agent: 'another-bot' })
  t.not((await messageOf(other.id)).ts, message.ts, 'another agent has a message of its own')
  const first = slack.now(message)
  await slack.click({ message: first, action: ACTIONS.approve, user: 'UANA' })
  t.match(await shows(message, 'id = 2'), 'and 2 more like it, 1 of them waiting')
  t.equal(desk.get(two.id)?.state, 'pending', 'what was not shown is not approved')
  const second = slack.now(message)
  await slack.click({ message: second, action: ACTIONS.approve, user: 'UBO' })
  t.match(await whispered(1), { text: /only just changed/ }, 'nobody has read that in no time')
  clock.ahead += 3_000
  await slack.click({ message: first, action: ACTIONS.approve, user: 'UBO' })
  t.match(await whispered(2), { text: /approved by ana@example.com already/ }, 'a button is of one')
  await slack.click({ message: second, action: ACTIONS.next, user: 'UBO' })
  await shows(message, 'id = 3')
  await slack.click({ message: slack.now(message), action: ACTIONS.next, user: 'UBO' })
  await shows(message, 'id = 2')
  await house.approveOnceRead({ id: two.id, message: second, user: 'UBO' })
  await shows(message, 'id = 3')
  t.equal(desk.get(two.id)?.state, 'approved')
  t.equal(desk.get(three.id)?.state, 'pending')
  const late = await ask(5)
  t.equal((await messageOf(late.id)).ts, message.ts, 'it joins while one of them waits')
  await slack.click({ message: slack.now(message), action: ACTIONS.deny, user: 'UBO' })
  const view = await slack.modal()
  await slack.submit({ view, user: 'UBO', filled: { chosen: '0', others: ['all'] } })
  await slack.until(() => desk.get(late.id)?.state === 'denied')
  t.match(desk.get(three.id)?.votes, [{ reason: DENY_REASONS[0] }])
  await slack.until(() => buttonsOf(slack.now(message)).length === 0)
  const anew = await ask(6)
  t.not(
    (await messageOf(anew.id)).ts,
    message.ts,
    'an edit tells nobody: what is over takes no more',
  )
  house.clock.advance(61_000)
  const after = await ask(7)
  t.not((await messageOf(after.id)).ts, (await messageOf(anew.id)).ts, 'nor one of a minute ago')
})

t.test('a restart finds the message that requests share', async (t) => {
  const clock = new SteppedClock()
  const house = await openSlack(t, { clock })
  const { desk, slack, open, messageOf, shows, channel, whispered } = house
  const one = await open({ binding: 'b1', statement: 'DELETE FROM a WHERE id = 1' })
  const two = await open({ binding: 'b2', statement: 'DELETE FROM a WHERE id = 2' })
  const message = await messageOf(one.id)
  await shows(message, 'and 1 more')
  await channel.stop()
  await desk.withdraw(one.id, 'disconnected', 'line')
  const again = startChannel(house, slack.apiUrl, { clock })
  t.teardown(() => again.stop())
  await slack.until(() => slack.connections === 2)
  t.match(await shows(message, 'id = 2'), `${one.id}: withdrawn`)
  await slack.click({ message: slack.now(message), action: ACTIONS.approve, user: 'UANA' })
  t.match(await whispered(1), { text: /only just changed/ }, 'after a restart, too')
  await house.approveOnceRead({ id: two.id, message: slack.now(message), user: 'UANA' })
  t.equal(slack.messages.size, 1)
})

t.test('a long statement is attached in the thread, once', async (t) => {
  const { desk, slack, channel, open, messageOf } = await openSlack(t)
  const statement = `SELECT '${'x'.repeat(20_000)}\u202e'; DROP TABLE orders`
  const { id } = await open({ statement })
  const message = await messageOf(id)
  const file = await slack.until(() => slack.files.find(({ shared }) => shared !== null))
  t.match(file.shared, { channel_id: 'C1', thread_ts: message.ts })
  t.match(file.content, /x\\u\{202e\}'; DROP TABLE orders\n-- request r1/)
  await desk.withdraw(id, 'cancelled', 'line')
  await slack.until(() => slack.now(message).edits === 1)
  t.equal(slack.files.length, 1)
  slack.refusing.set('files.getUploadURLExternal', 'missing_scope')
  const next = await open({ statement: `${statement} `, binding: 'n', fingerprint: 'n' })
  await messageOf(next.id)
  const last = await open({ binding: 'z', fingerprint: 'z' })
  t.ok(await messageOf(last.id), 'an app that may not upload goes on without')
  t.match(channel.log.join(), /no file for request r2.*missing_scope/)
})

t.test('constants can be kept out of Slack, and then nothing is signed there', async (t) => {
  const house = await openSlack(t, { text: 'redacted' })
  const { desk, slack, open, messageOf, whispered, shows } = house
  const secret = '123-45-6789'
  const draft = {
    statement: `UPDATE people SET note = 'x' WHERE ssn = '${secret}' -- ${secret}`,
    withoutConstants: 'UPDATE people SET note = ? WHERE ssn = ?',
    parameters: [{ type: 'text', value: secret }],
    effects: [{ effect: 'probe', reason: `compares ssn with ${secret}` }],
    ...{ claim: `look for ${secret}`, applicationName: secret, onBehalfOf: secret },
    classes: ['pii.national-id'],
  }
  const { id, statementSha256 } = await open(draft)
  const message = await messageOf(id)
  const all = JSON.stringify(slack.calls)
  t.notMatch(all, secret)
  t.notMatch(all, statementSha256, 'by a hash a short constant can be found')
  t.match(shownIn(message), 'UPDATE people SET note = ? WHERE ssn = ?')
  t.match(shownIn(message), '1 values, not shown here')
  t.same(actionsOf(message), [ACTIONS.deny, ACTIONS.open])
  const value = JSON.stringify({ id, sha: statementSha256 })
  await slack.click({ message, action: ACTIONS.approve, user: 'UANA', value })
  t.match(await whispered(1), { text: /read it in the inbox/ })
  await slack.click({ message, action: ACTIONS.deny, user: 'UANA' })
  const view = await slack.modal()
  await slack.submit({ view, user: 'UANA', filled: { chosen: '3' } })
  await shows(message, 'denied by ana@example.com')
  const unread = await open({
    ...draft,
    binding: 'u',
    fingerprint: 'u',
    withoutConstants: null,
    classes: [],
  })
  t.match(
    shownIn(await messageOf(unread.id)),
    '(not shown here)',
    'what is not known may be anything',
  )
  const opaque = { effects: [{ effect: 'opaque', reason: secret }], classes: [] }
  const dynamic = await open({ ...draft, ...opaque, binding: 'o', fingerprint: 'o' })
  t.notOk(actionsOf(await messageOf(dynamic.id)).includes(ACTIONS.approve))
  t.notMatch(JSON.stringify(slack.calls), secret)
  const plain = await open({ binding: 'p', fingerprint: 'p' })
  const open3 = await messageOf(plain.id)
  t.ok(actionsOf(open3).includes(ACTIONS.approve), 'what touches no class is shown and signed')
  t.equal(desk.get(dynamic.id)?.state, 'pending')
})

/** A modal whose options were added to by whoever sends it back. */
function tampered(view: Readonly<Record<string, unknown>>, block: string, value: string): unknown {
  return (view.blocks as readonly Record<string, unknown>[]).map((each) => {
    if (each.block_id !== block) return each
    const element = each.element as { options: readonly unknown[] }
    return { ...each, element: { ...element, options: [...element.options, { value }] } }
  })
}
