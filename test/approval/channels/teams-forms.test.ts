import { createHash } from 'node:crypto'
import t from 'tap'
import { slackMessage } from '../../../src/approval/channels/slack-blocks.ts'
import { VERBS } from '../../../src/approval/channels/teams-actions.ts'
import {
  isApprovable,
  messageWith,
  teamsCard,
} from '../../../src/approval/channels/teams-message.ts'
import { DENY_REASONS } from '../../../src/approval/deny-reasons.ts'
import { messageProblem } from '../../support/fake-slack-rules.ts'
import { buttonsOf, shownIn } from '../../support/fake-teams.ts'
import { wrongWith, wrongWithCard } from '../../support/fake-teams-rules.ts'
import { answerOf, draftOf, openDesk } from '../fixtures.ts'
import { SteppedClock } from './slack-house.ts'
import { ANA, BO, DI, openTeams, startTeams } from './teams-house.ts'

type Json = Readonly<Record<string, unknown>>
const urlOf = (id: string) => `https://countersign.example.com/v1/approvals/${id}`
const sha256 = (text: string) => createHash('sha256').update(text).digest('hex')
const verbsIn = (card: Json) => buttonsOf(card).flatMap(({ verb }) => (verb ? [verb] : []))

t.test('classes are unmasked by those who may, once', async (t) => {
  const { desk, teams, open, messageOf, shows } = await openTeams(t)
  const clearable = ['pii.email', 'hr.salary', 'pii.name', 'pii.<at>Ana</at>,x']
  const { id, statementSha256: sha } = await open({ clearable, classes: clearable })
  const message = await messageOf(id)
  const see = async (user: string) =>
    (await teams.click({ message, verb: VERBS.view, user })).body.value as Json
  t.notOk(verbsIn(await see(ANA)).includes(VERBS.clear), 'no group of hers clears any')
  const card = await see(BO)
  t.equal(wrongWithCard(card), null)
  const form = JSON.stringify(
    buttonsOf(card).find(({ title }) => title === 'Approve and unmask...'),
  )
  t.match(form, '"choices":[{"title":"pii.email","value":"pii.email"},{"title":"pii.name"')
  t.match(form, 'Not here, or not yours to show: hr.salary, pii.<at>')
  t.notMatch(form, '"pii.<at>', 'what is no name of a class is no choice')
  const clear = (user: string, clear_classes: unknown, more: Json = {}) =>
    teams.click({
      ...{ message, verb: VERBS.clear, user },
      data: { id, sha, clear_classes, clear_why: 'the ticket', ...more },
    })
  for (const nothing of [undefined, '', ',,', ['pii.email'], { a: 1 }, 'x,'.repeat(2_000)]) {
    t.match(await clear(BO, nothing), { body: { value: 'Choose what to show.' } })
  }
  t.match(await clear(BO, 'pii.email,hr.salary'), { body: { value: /clears hr\.salary/ } })
  t.match(await clear(BO, 'pii.ssn'), { body: { value: /nothing that this statement could show/ } })
  t.match(await clear(ANA, 'pii.email'), { body: { value: /No group of yours/ } }, 'not her form')
  t.match(await clear(DI, 'pii.email'), { body: { value: /isn't asked for/ } })
  t.match(await clear(BO, 'pii.email', { sha: null }), { body: { value: /read it in the inbox/ } })
  t.equal(desk.get(id)?.state, 'pending')
  await clear(BO, 'pii.email,pii.email')
  t.match(await shows(message, 'Shows in clear'), 'pii.email: unmasked, this once')
  t.same(desk.get(id)?.cleared, ['pii.email'], 'and no more than was chosen')
  t.match(desk.get(id)?.votes, [{ person: 'bo@example.com', reason: 'the ticket' }])
})

t.test('requests of one shape share a card, and each is decided by itself', async (t) => {
  const clock = new SteppedClock()
  const house = await openTeams(t, { clock })
  const { desk, teams, open, messageOf, shows, records } = house
  const ask = (n: number, change = {}) =>
    open({ binding: `b${n}`, statement: `DELETE FROM orders WHERE id = ${n}`, ...change })
  const [one, two, three] = [await ask(1), await ask(2), await ask(3)]
  const message = await messageOf(one.id)
  const shown = await shows(message, 'and 2 more like it, 2 of them waiting')
  t.match(shown, 'id = 1')
  t.notMatch(shown, 'id = 2', 'one of them is shown')
  t.match(
    JSON.stringify(teams.now(message)),
    `approvals/${three.id}"`,
    'the others are a link away',
  )
  t.equal(teams.messages.size, 1)
  const other = await ask(4, { agent: 'another-bot' })
  t.not((await messageOf(other.id)).id, message.id, 'another agent has a message of its own')

  const see = async (user: string) =>
    (await teams.click({ message: teams.now(message), verb: VERBS.view, user })).body.value as Json
  const mine = await see(ANA)
  t.same(verbsIn(mine), [VERBS.approve, VERBS.deny, VERBS.next])
  t.equal(wrongWithCard(mine), null)
  t.same(verbsIn(await see(DI)), [], 'who may not answer turns no pages')
  const data = (request: { id: string; statementSha256: string }) => ({
    ...{ id: request.id, sha: request.statementSha256 },
  })
  const click = (verb: string, user: string, about: Json) =>
    teams.click({ message: teams.now(message), verb, user, data: about })

  // The card of who clicks may come before the edit that everybody sees.
  teams.failing.push({ status: 502 })
  const next = await click(VERBS.approve, ANA, data(one))
  t.match(shownIn(next.body.value as Json), 'id = 2', 'the next comes with the answer')
  t.equal(desk.get(one.id)?.state, 'approved')
  t.equal(desk.get(two.id)?.state, 'pending', 'what was not shown is not approved')
  t.match(await click(VERBS.approve, BO, data(two)), { body: { value: /only just changed/ } })
  await shows(message, 'id = 2')
  clock.ahead += 3_000
  t.match(await click(VERBS.approve, BO, data(one)), {
    body: { value: /approved by ana@example.com already/ },
  })
  const turned = await click(VERBS.next, BO, data(two))
  t.match(shownIn(turned.body.value as Json), 'id = 3')
  t.match(await click(VERBS.approve, BO, data(three)), { body: { value: /only just changed/ } })
  await shows(message, 'id = 3')
  while (desk.get(three.id)?.state === 'pending') {
    // It counts from when Teams has said that it shows it, which we may see before.
    clock.ahead += 3_000
    await click(VERBS.approve, BO, data(three))
  }
  await shows(message, 'id = 2')
  t.equal(desk.get(three.id)?.state, 'approved')
  const late = await ask(5)
  await shows(message, 'and 3 more like it, 1 of them waiting')
  t.equal(teams.messages.size, 2, 'it joins while one of them waits')

  const no = { deny_chosen: '0', deny_others: 'true' }
  t.match(
    await click(VERBS.deny, DI, { ...data(two), ...no }),
    { body: { value: /isn't asked for/ } },
    'who may not deny the one denies none of the others',
  )
  t.equal(desk.get(late.id)?.state, 'pending')
  t.equal(records.filter(({ type }) => type === 'approval.refused').length, 1)
  await click(VERBS.deny, BO, { ...data(two), ...no })
  t.match(desk.get(two.id)?.votes, [{ reason: DENY_REASONS[0] }])
  t.match(desk.get(late.id)?.votes, [{ reason: DENY_REASONS[0], person: 'bo@example.com' }])
  const anew = await ask(6)
  t.not((await messageOf(anew.id)).id, message.id, 'what is over takes no more')
  house.clock.advance(61_000)
  t.not(
    (await messageOf((await ask(7)).id)).id,
    (await messageOf(anew.id)).id,
    'nor of a minute ago',
  )
})

t.test('a restart finds the card that requests share', async (t) => {
  const clock = new SteppedClock()
  const house = await openTeams(t, { clock })
  const { desk, teams, open, messageOf, shows, channel, store } = house
  const one = await open({ binding: 'b1', statement: 'DELETE FROM a WHERE id = 1' })
  const two = await open({ binding: 'b2', statement: 'DELETE FROM a WHERE id = 2' })
  const message = await messageOf(one.id)
  await shows(message, 'and 1 more')
  await channel.stop()
  await desk.decide(one.id, answerOf('ana@example.com', 'deny'))
  const again = startTeams(house, teams, { clock })
  t.teardown(() => again.stop())
  t.match(await shows(message, 'id = 2'), `${one.id}: denied by ana@example.com`)
  t.equal(store.message(two.id, 'teams')?.ts, message.id)
  t.equal(teams.messages.size, 1)
})

t.test('a card that many share stays within what Teams takes', async (t) => {
  const { desk } = await openDesk(t)
  const clearable = Array.from({ length: 12 }, (_, n) => `pii.${'long-name-'.repeat(6)}${n}`)
  const ask = async (n: number, length: number) => {
    const statement = `SELECT '${'x'.repeat(length)}${n}'`
    const draft = draftOf({ binding: `b${length}-${n}`, statement, shape: 'shape', clearable })
    return (await desk.open(draft, 'line')).request
  }
  const view = {
    text: 'full' as const,
    regulations: {},
    shortened: new Set<string>(),
    urlOf,
  }
  const ids = Array.from({ length: 60 }, (_, n) => `29:${String(n).padStart(90, 'x')}`)
  let length = 5_000
  let one = await ask(0, length)
  // As much as just fits by itself.
  for (let step = 8_192; step >= 1; step /= 2) {
    const longer = await ask(0, length + step)
    if (isApprovable(longer, view)) [one, length] = [longer, length + step]
  }
  t.ok(length > 8_000, `${length}`)
  const others = []
  for (let n = 1; n < 12; n++) others.push(await ask(n, 10))
  const audience = { approves: true, denies: true, clears: clearable }
  const card = teamsCard(one, view, { audience, viewers: { ids, all: false }, others })
  t.match(shownIn(card), 'and 6 more in the inbox')
  t.notMatch(shownIn(card), 'This is not all of it', 'others are no reason to hide it')
  t.equal(verbsIn(card).includes(VERBS.clear), true)
  const from = { id: '28:x', role: 'bot' }
  const activity = { ...messageWith(card, one), from, conversation: { id: 'c' } }
  t.equal(wrongWith(activity, JSON.stringify(activity)), null)
})

t.test(
  'what is left out where all of it is too long leaves a message that both chats take',
  async (t) => {
    const { desk } = await openDesk(t)
    // Four bytes in UTF-8 and two in JSON's own count, and nothing of it is written as an escape.
    const long = (length: number) => '\u{20000}'.repeat(length)
    const many = Array.from({ length: 60 }, (_, n) => n)
    const draft = draftOf({
      ...{ verb: long(4_000), statement: `SELECT '${long(4_000)}'\n`.repeat(20), shape: 'shape' },
      ...{ agent: long(300), owners: many.map(() => long(200)), database: long(4_000) },
      ...{ environment: long(4_000), claim: long(4_000), applicationName: long(4_000) },
      onBehalfOf: long(4_000),
      parameters: many.map(() => ({ type: long(500), value: long(1_000) })),
      effects: many.map(() => ({ effect: 'ddl' as const, reason: long(2_000) })),
      tables: many.map(() => ({
        ...{ name: long(500), access: 'write' as const },
        classes: many.map(() => long(200)),
      })),
      classes: many.map((n) => `${long(200)}${n}`),
      clearable: many.map((n) => `pii.${'n'.repeat(60)}${n}`),
      requirements: many.map(() => ({ rule: long(300), by: [long(300)], count: 1 })),
    })
    const { request } = await desk.open(
      { ...draft, statementSha256: sha256(draft.statement) },
      'line',
    )
    const far = (id: string) => `https://${'far.'.repeat(40)}example.com/v1/approvals/${id}`
    const view = {
      ...{ text: 'full' as const, regulations: {} },
      ...{ shortened: new Set<string>(), urlOf: far },
    }
    const others = many.map((n) => ({ ...request, id: `r${n + 10}` }))
    const ids = many.map((n) => `29:${String(n).padStart(90, 'x')}`)
    const audience = { approves: true, denies: true, clears: request.clearable }
    const card = teamsCard(request, view, { audience, viewers: { ids, all: false }, others })
    const from = { id: '28:x', role: 'bot' }
    const activity = { ...messageWith(card, request), from, conversation: { id: 'c' } }
    const size = Buffer.byteLength(JSON.stringify(activity))
    t.equal(wrongWith(activity, JSON.stringify(activity)), null, `${size} bytes`)
    const { blocks, ...said } = slackMessage(request, view, others)
    const args = { channel: 'C1', text: said.text, blocks }
    t.equal(messageProblem(args), null, `${JSON.stringify(blocks).length}`)
  },
)
