import t from 'tap'
import { VERBS } from '../../../src/approval/channels/teams-actions.ts'
import { buttonsOf, cardOf, shownIn } from '../../support/fake-teams.ts'
import { wrongWithCard } from '../../support/fake-teams-rules.ts'
import { answerOf } from '../fixtures.ts'
import { ANA, BO, DI, openTeams, STRANGER } from './teams-house.ts'

type Json = Readonly<Record<string, unknown>>
const verbsIn = (card: Json) => buttonsOf(card).flatMap(({ verb, type }) => [verb ?? type])

t.test('a request reads in ten seconds, and is answered where it stands', async (t) => {
  const { desk, teams, open, messageOf, shows, records } = await openTeams(t, {
    regulations: { pii: 'GDPR Art. 4(1)' },
  })
  const { id } = await open({
    tables: [{ name: 'public.orders', access: 'write', classes: ['pii.email'] }],
    ...{ classes: ['pii.email'], shape: 'shape', inTransaction: true },
  })
  const message = await messageOf(id)
  const shown = shownIn(cardOf(message))
  for (const part of [
    ...['DROP TABLE on public.orders', 'billing-bot', 'owner@example.com', 'production'],
    ...['pii.email (GDPR Art. 4(1))', 'its locks are held'],
  ]) {
    t.match(shown.slice(0, 600), part)
  }
  t.match(shown, 'cleaning up (says the agent)')
  t.match(shown, 'DROP TABLE public.orders', 'blanks and all')
  t.same(verbsIn(cardOf(message)), ['Action.OpenUrl'], 'those who may not answer see no buttons')
  t.match(cardOf(message).refresh, { userIds: ['29:00a1', '29:00b0'] }, 'those who may are named')
  const mine = await teams.click({ message, verb: VERBS.view, user: ANA })
  const card = (mine.body as { value: Json }).value
  t.equal(wrongWithCard(card), null)
  t.same(verbsIn(card), [
    VERBS.approve,
    ...['Action.ShowCard', VERBS.grant, 'Action.ShowCard', VERBS.deny, 'Action.OpenUrl'],
  ])
  for (const user of [DI, STRANGER, undefined]) {
    const theirs = await teams.click({ message, verb: VERBS.view, user })
    t.same(verbsIn((theirs.body as { value: Json }).value), ['Action.OpenUrl'])
  }
  t.same(
    records.filter(({ type }) => type === 'approval.refused'),
    [],
    'looking is no try',
  )
  const approved = { ...message, activity: { attachments: [{ content: card }] } }
  const answer = await teams.click({ message: approved, verb: VERBS.approve, user: ANA })
  t.match(answer, { status: 200, body: { type: 'application/vnd.microsoft.card.adaptive' } })
  t.match(shownIn((answer.body as { value: Json }).value), 'approved by ana@example.com')
  t.equal(desk.get(id)?.votes[0]?.channel, 'teams')
  await shows(message, 'approved by ana@example.com')
  t.equal(await desk.spend(id, desk.get(id)?.binding ?? ''), true)
  await desk.settle(id, { rows: 3, ms: 12, sqlState: null })
  await shows(message, 'executed, 3 rows, 12 ms')
  t.same(verbsIn(cardOf(teams.now(message))), ['Action.OpenUrl'])
  t.notOk(cardOf(teams.now(message)).refresh)
  t.equal(teams.messages.size, 1, 'one message, edited')
})

t.test('a shape is approved for a time, and a no has a reason', async (t) => {
  const { desk, teams, open, messageOf, shows } = await openTeams(t)
  const one = await open({ shape: 'shape' })
  const message = await messageOf(one.id)
  const ticket = { id: one.id, sha: one.statementSha256 }
  const grant = (fields: Json) =>
    teams.click({ message, verb: VERBS.grant, user: ANA, data: { ...ticket, ...fields } })
  for (const [fields, says] of [
    [{}, /for how long/],
    [{ grant_minutes: '100000', grant_rows: 5 }, /for how long/],
    [{ grant_minutes: '30', grant_rows: '1e9' }, /whole number above 0/],
    [{ grant_minutes: '30', grant_rows: -1 }, /whole number above 0/],
    [{ grant_minutes: ['30'], grant_rows: { a: 1 } }, /for how long/],
  ] as const) {
    t.match(await grant(fields), { body: { value: says } })
  }
  await grant({ grant_minutes: '60', grant_rows: 50, grant_why: 'the monthly clean-up' })
  await shows(message, 'approved by ana@example.com (the monthly clean-up)')
  t.match([...desk.grants()], [{ maxRows: 50 }])
  const two = await open({ binding: 'b', fingerprint: 'b', statement: 'TRUNCATE orders' })
  const second = await messageOf(two.id)
  const deny = (fields: Json) =>
    teams.click({ message: second, verb: VERBS.deny, user: BO, data: { id: two.id, ...fields } })
  t.match(await deny({ deny_chosen: '77' }), { body: { value: 'Say why; the agent is told.' } })
  t.match(await deny({ deny_chosen: '3', deny_written: ' staging, please ' }), { status: 200 })
  const shown = await shows(second, 'denied by bo@example.com')
  t.match(shown, 'Wrong database or environment. staging, please')
  t.match(
    await teams.click({ message: second, verb: VERBS.grant, user: ANA, data: { id: two.id } }),
    { body: { value: /for how long/ } },
  )
})

t.test('withdrawn and expired ones say so, and what an edit tells nobody is said', async (t) => {
  const { desk, clock, teams, open, messageOf, shows } = await openTeams(t)
  const one = await open({ expiresMs: 60_000 })
  const message = await messageOf(one.id)
  clock.advance(30_000)
  const below = await teams.until(() =>
    teams.callsOf('POST').find(({ body }) => typeof body.text === 'string'),
  )
  t.match(below, { path: new RegExp(`;messageid=${message.id}/`), body: { textFormat: 'plain' } })
  t.match(below.body.text, /Half of the time is over.*request r1/)
  clock.advance(30_000)
  await desk.look(one.id)
  await shows(message, 'expired: nobody answered in time')
  const two = await open({ binding: 'b', fingerprint: 'b' })
  const second = await messageOf(two.id)
  await desk.withdraw(two.id, 'cancelled', 'line')
  await shows(second, 'withdrawn: the client cancelled')
})

t.test('what is too long, or hides constants, is not signed here', async (t) => {
  const { desk, teams, open, messageOf } = await openTeams(t)
  const lines = await open({ statement: `SELECT 1\n${'-- more\n'.repeat(200)}DROP TABLE x` })
  const wide = await open({
    binding: 'w',
    fingerprint: 'w',
    statement: `SELECT '${'é'.repeat(12_000)}'`,
  })
  for (const request of [lines, wide]) {
    const message = await messageOf(request.id)
    t.match(shownIn(cardOf(message)), 'This is not all of it')
    const view = await teams.click({ message, verb: VERBS.view, user: ANA })
    const card = (view.body as { value: Json }).value
    t.same(verbsIn(card), ['Action.ShowCard', VERBS.deny, 'Action.OpenUrl'])
    const data = { id: request.id, sha: request.statementSha256 }
    const said = await teams.click({ message, verb: VERBS.approve, user: ANA, data })
    t.match(said.body.value, /read it in the inbox/)
    t.equal(desk.get(request.id)?.state, 'pending')
  }
})

t.test('what takes a fresh sign-in is approved in the inbox', async (t) => {
  const { desk, teams, open, messageOf } = await openTeams(t)
  const { id, statementSha256: sha } = await open({
    requirements: [{ rule: 'fresh', by: ['approvers'], count: 1, stepUpMs: 300_000 }],
  })
  const message = await messageOf(id)
  const { body } = await teams.click({ message, verb: VERBS.view, user: ANA })
  t.match(shownIn(body.value as Json), 'This takes a fresh sign-in')
  t.same(verbsIn(body.value as Json), ['Action.ShowCard', VERBS.deny, 'Action.OpenUrl'])
  const said = await teams.click({ message, verb: VERBS.approve, user: ANA, data: { id, sha } })
  t.match(said, { body: { value: /Approve it in the inbox/ } })
  t.equal(desk.get(id)?.state, 'pending')
})

t.test('constants stay out of Teams where that is said', async (t) => {
  const { desk, teams, open, shows } = await openTeams(t, { text: 'redacted' })
  const { id, statementSha256, binding } = await open({
    ...{ claim: 'look for 0101', applicationName: '0101', onBehalfOf: '0101' },
    parameters: [{ type: 'text', value: '0101' }],
    effects: [{ effect: 'write', reason: 'compares ssn with 0101' }],
    statement: "DELETE FROM people WHERE ssn = '0101'",
    withoutConstants: 'DELETE FROM people WHERE ssn = ?',
    classes: ['pii.ssn'],
  })
  const message = await teams.until(() => [...teams.messages.values()][0])
  t.notMatch(JSON.stringify(message), /0101/)
  t.notMatch(JSON.stringify(message), new RegExp(statementSha256), 'nor a hash that tells it')
  t.match(shownIn(cardOf(message)), 'Constants are not shown here')
  const data = { id, sha: statementSha256 }
  t.match(await teams.click({ message, verb: VERBS.approve, user: ANA, data }), {
    body: { value: /read it in the inbox/ },
  })
  const view = await teams.click({ message, verb: VERBS.view, user: ANA })
  t.same(verbsIn(view.body.value as Json), ['Action.ShowCard', VERBS.deny, 'Action.OpenUrl'])
  await desk.decide(id, answerOf('ana@example.com'))
  await desk.spend(id, binding)
  await desk.settle(id, { rows: 1, ms: 2, sqlState: null, detail: 'it was 0101' })
  t.notMatch(await shows(message, 'executed, 1 row, 2 ms'), 'it was')
  t.notMatch(JSON.stringify(teams.calls), /0101/)
})

t.test('who is not in the conversation as Teams tells it asks for the buttons', async (t) => {
  const { teams, open, messageOf } = await openTeams(t, { present: [] })
  teams.failing.push({ status: 403 })
  const { id } = await open()
  const message = await messageOf(id)
  t.same(verbsIn(cardOf(message)), [VERBS.view, 'Action.OpenUrl'])
  const { body } = await teams.click({ message, verb: VERBS.view, user: BO })
  t.ok(verbsIn(body.value as Json).includes(VERBS.approve))
})
