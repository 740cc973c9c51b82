import t, { type Test } from 'tap'
import { ACTIONS } from '../../../src/approval/channels/slack-value.ts'
import type { ChatLinking } from '../../../src/approval/chat-linking.ts'
import { actionsOf, buttonsOf, type FakeMessage, shownIn } from '../../support/fake-slack.ts'
import { BY, linkingAt } from '../../support/linking-house.ts'
import { type ChannelOptions, openSlack } from './slack-house.ts'

const CY = 'cy@example.com'
const FULL = {
  team_id: 'T1',
  ...{ deleted: false, is_bot: false, is_restricted: false, is_ultra_restricted: false },
}

/** A request that waits, and whoever types a code of the inbox into Slack. */
async function open(t: Test, options: ChannelOptions & { readonly change?: object } = {}) {
  let linking: ChatLinking | undefined
  const house = await openSlack(t, {
    ...options,
    linking: (fixture) => {
      linking = linkingAt(fixture)
      return linking
    },
  })
  if (!linking) throw new Error('there is no channel')
  const { slack } = house
  const { id } = await house.open(options.change)
  const message = await house.messageOf(id)
  for (const user of ['UCY', 'UEVE', 'UANA']) slack.members.set(user, FULL)
  const click = (user: string, action: string = ACTIONS.approve, team?: string) =>
    slack.click({ message, action, user, ...(team !== undefined && { team }) })
  let opened = 0
  const form = async (user: string, team = 'T1') => {
    const value = JSON.stringify({ id })
    await slack.click({ message, action: ACTIONS.link, user, team, value })
    return slack.modal(++opened)
  }
  const type = async (user: string, code: string, team = 'T1') =>
    slack.submit({ view: await form(user, team), user, team, filled: { code } })
  const state = () => house.desk.get(id)?.state
  return Object.assign(house, { linking, id, message, click, form, type, state })
}

t.test('whoever isn’t known links their account where they click', async (t) => {
  const { desk, slack, linking, id, click, whispered, records, message, channel } = await open(t)
  await click('UCY')
  const answer = (await whispered(1)) as unknown as FakeMessage & { user: string }
  t.match(answer, { user: 'UCY', text: /people: slack: UCY/ }, 'they alone are told')
  const told = { ...answer, ts: '1700000009.000001', edits: 0 }
  t.match(shownIn(told), 'people: slack: UCY')
  t.same(actionsOf(told), [ACTIONS.link])
  t.equal(buttonsOf(told)[0]?.url, undefined, 'it leads nowhere: nobody is sent to an address')
  await slack.click({ message: told, action: ACTIONS.link, user: 'UCY' })
  const view = await slack.modal()
  t.match(JSON.stringify(view), /Me and press Link Slack.*code that somebody else has given you/)
  for (const code of ['', 'AAAA-AAAA', null]) {
    const wrong = await slack.submit({ view, user: 'UCY', filled: { code } })
    t.match(wrong, { response_action: 'errors', errors: { code: /wrong, was used, or is over/ } })
  }
  const code = linking.begin(CY, 'slack', BY)
  t.same(await slack.submit({ view, user: 'UCY', filled: { code } }), {})
  t.match(await whispered(2), { user: 'UCY', text: /is linked to cy@example\.com now/ })
  t.match(records.at(-1), { type: 'person.linked', person: CY, org: 'T1', account: 'UCY' })
  await click('UCY')
  await slack.until(() => desk.get(id)?.state === 'approved')
  t.match(desk.get(id)?.votes, [{ person: CY, channel: 'slack' }])
  const everything = JSON.stringify([records, channel.log, slack.callsOf('chat.postEphemeral')])
  t.notOk(everything.includes(code.slice(5)), 'the code is nowhere')
  t.notOk(actionsOf(message).includes(ACTIONS.link), 'nor is there a button for it in the open')
})

t.test('a code is good for full members of the workspace', async (t) => {
  const { slack, linking, type, form, whispered, click, state, records } = await open(t)
  const code = linking.begin(CY, 'slack', BY)
  const strangers: Readonly<Record<string, Readonly<Record<string, unknown>>>> = {
    UGUEST: { ...FULL, is_restricted: true },
    UULTRA: { ...FULL, is_ultra_restricted: true },
    USTRANGER: { ...FULL, is_stranger: true },
    UBOT: { ...FULL, is_bot: true },
    UGONE: { ...FULL, deleted: true },
    UELSEWHERE: { ...FULL, team_id: 'T2' },
    UUNSAID: { team_id: 'T1' },
    USWAPPED: { ...FULL, id: 'UCY' },
  }
  for (const [user, member] of Object.entries(strangers)) {
    slack.members.set(user, member)
    t.match(await type(user, code), { errors: { code: /Nothing was decided/ } }, user)
  }
  t.match(await type('UNOBODY', code), { errors: { code: /could not say who you are/ } })
  const asked = slack.callsOf('users.info').length
  t.match(await type('UCY', code, 'T2'), { errors: { code: /workspace that has no say/ } })
  t.equal(slack.callsOf('users.info').length, asked)
  t.match(records.at(-1), { org: 'T2', account: 'UCY', why: 'other_workspace', person: null })
  const view = await form('UEVE')
  t.same(await slack.submit({ view, user: 'UCY', filled: { code } }), {})
  t.same(
    linking.links.of(CY).map(({ user }) => user),
    ['UCY'],
    'the form is of whoever sends it, not of whoever opened it',
  )
  slack.members.set('UCY', { ...FULL, is_restricted: true })
  await click('UCY')
  t.match(await whispered(2), { text: /guests have no say/ }, 'and only while they are one')
  t.equal(state(), 'pending')
})

t.test('a linked account has the rights of its person, and no more', async (t) => {
  const own = { owners: [CY] }
  const { slack, linking, type, click, whispered, state, records } = await open(t, { change: own })
  await type('UCY', linking.begin(CY, 'slack', BY))
  await whispered(1)
  await click('UCY')
  t.match(await whispered(2), { text: /You own this agent/ })
  t.match(records.at(-1), { type: 'approval.refused', person: CY, why: 'self_approval' })
  t.match(await type('UANA', linking.begin(CY, 'slack', BY)), { errors: { code: /somebody else/ } })
  t.match(await type('UEVE', linking.begin('ana@example.com', 'slack', BY)), {
    errors: { code: /configuration names another account/ },
  })
  const code = linking.begin(CY, 'teams', BY)
  t.match(await type('UEVE', code), { errors: { code: /wrong, was used/ } }, 'of another chat')
  t.equal(state(), 'pending')
  t.equal(slack.callsOf('chat.postEphemeral').length, 2)
})

t.test('a link that goes between a click and its decision gives nothing', async (t) => {
  const { slack, linking, type, click, whispered, state } = await open(t)
  await type('UCY', linking.begin(CY, 'slack', BY))
  await whispered(1)
  await click('UCY', ACTIONS.deny)
  const why = await slack.until(() =>
    slack
      .callsOf('views.open')
      .map(({ args }) => args.view as Readonly<Record<string, unknown>>)
      .find(({ callback_id }) => callback_id === ACTIONS.deny),
  )
  slack.silent.add('users.info')
  const asked = slack.callsOf('users.info').length
  await slack.submit({ view: why, user: 'UCY', filled: { written: 'no' } })
  await slack.until(() => slack.callsOf('users.info').length > asked)
  await linking.unlink(CY, { chat: 'slack', org: 'T1' })
  slack.answerAgain()
  t.match(await whispered(2), { text: /isn't that of anybody|Neither your Slack account/ })
  t.equal(state(), 'pending', 'while Slack was asked who that is')
  await click('UCY')
  t.match(await whispered(3), { text: /people: slack: UCY/ }, 'and from then on')
  t.equal(state(), 'pending')
})

t.test('one account is one person, by a link and by an address', async (t) => {
  const house = await open(t, { emailMatch: true })
  const { slack, linking, type, click, whispered, state } = house
  house.people = [...house.people, { email: 'dot@example.com', groups: ['approvers'], slack: null }]
  const mail = (user: string, email: string) =>
    slack.members.set(user, { ...FULL, profile: { email } })
  mail('UCY', 'zoe@example.com')
  t.same(await type('UCY', linking.begin(CY, 'slack', BY)), {})
  await whispered(1)
  mail('UEVE', CY)
  await click('UEVE')
  t.match(await whispered(2), { text: /Neither your Slack account/ }, 'cy has another account')
  mail('UDOT', 'dot@example.com')
  t.match(await type('UDOT', linking.begin(CY, 'slack', BY)), { errors: { code: /somebody else/ } })
  mail('UCY', 'dot@example.com')
  await click('UCY')
  t.match(await whispered(3), {
    text: /linked to one person and has the e-mail address of another/,
  })
  t.equal(state(), 'pending')
  mail('UCY', 'ana@example.com')
  await click('UCY')
  await slack.until(() => state() === 'approved')
  t.pass('ana lists an account, so that the address says nothing')
})

t.test('without a workspace that is named nobody links', async (t) => {
  const { slack, click, whispered } = await open(t, { team: null })
  await click('UCY')
  const said = await whispered(1)
  t.match(said, { text: /people: slack: UCY/ })
  t.equal(said?.blocks, undefined)
  t.equal(slack.callsOf('views.open').length, 0)
})
