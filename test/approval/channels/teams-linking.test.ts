import t, { type Test } from 'tap'
import { VERBS } from '../../../src/approval/channels/teams-actions.ts'
import type { ChatLinking } from '../../../src/approval/chat-linking.ts'
import { buttonsOf, cardOf, shownIn, TENANT } from '../../support/fake-teams.ts'
import { type Json, wrongWithCard } from '../../support/fake-teams-rules.ts'
import { BY, linkingAt } from '../../support/linking-house.ts'
import { ANA, BO, DI, openTeams, STRANGER } from './teams-house.ts'

const CY = 'cy@example.com'

/** A request that waits, and whoever types a code of the inbox into its card. cy lists no account. */
async function open(t: Test, change: object = {}) {
  let linking: ChatLinking | undefined
  const house = await openTeams(t, {
    present: [ANA, BO, DI, STRANGER],
    linking: (fixture) => {
      linking = linkingAt(fixture)
      return linking
    },
  })
  const { teams } = house
  const { id, statementSha256: sha } = await house.open(change)
  const message = await house.messageOf(id)
  if (!linking) throw new Error('there is no channel')
  const click = async (verb: string, user = STRANGER, fields: Json = {}, activity: Json = {}) => {
    const data = { id, ...(verb === VERBS.approve && { sha }), ...fields }
    const { body } = await teams.click({ message, verb, user, data, activity })
    const { type, value } = body as { readonly type: string; readonly value: unknown }
    return { card: type.endsWith('card.adaptive') ? (value as Json) : {}, said: String(value) }
  }
  const type = (code: unknown, user = STRANGER, activity: Json = {}) =>
    click(VERBS.link, user, { link_code: code }, activity)
  const state = () => house.desk.get(id)?.state
  return Object.assign(house, { linking, message, id, click, type, state })
}

const verbsOf = (card: Json) => buttonsOf(card).flatMap(({ verb }) => verb ?? [])

t.test('whoever isn’t known links their account in a card of their own', async (t) => {
  const { desk, id, linking, message, click, type, records, channel, teams } = await open(t)
  t.same(verbsOf(cardOf(message)), [VERBS.view], 'what all see has a button and no field')
  const { card } = await click(VERBS.view)
  t.equal(wrongWithCard(card), null)
  t.same(verbsOf(card), [VERBS.link])
  t.match(shownIn(card), `people: teams: ${STRANGER}`)
  t.match(JSON.stringify(card), /press Link Teams.*code that somebody else has given you/)
  t.same(verbsOf((await click(VERBS.approve)).card), [VERBS.link], 'and so it is for a click')
  t.match(records.at(-1), { type: 'approval.refused', why: 'unknown_member' })
  t.notMatch(verbsOf((await click(VERBS.view, DI)).card), VERBS.link, 'di is known')
  const code = linking.begin(CY, 'teams', BY)
  for (const wrong of ['AAAA-AAAA', '', 7, null, code.repeat(3)]) {
    t.match((await type(wrong, DI)).said, /wrong, was used, or is over/, String(wrong).slice(0, 9))
  }
  const linked = (await type(code.toLowerCase())).card
  t.match(shownIn(linked), 'is linked to cy@example.com now')
  t.ok(verbsOf(linked).includes(VERBS.approve), 'with the buttons of who that is')
  t.match(records.at(-1), { type: 'person.linked', person: CY, org: TENANT, account: STRANGER })
  t.match((await type(code)).said, /wrong, was used, or is over/, 'once')
  await click(VERBS.approve)
  t.match(desk.get(id), { state: 'approved', votes: [{ person: CY, channel: 'teams' }] })
  const everything = JSON.stringify([records, channel.log, [...teams.messages.values()]])
  t.notOk(everything.includes(code.slice(5)), 'the code is nowhere')
})

t.test('a code is good for full members of the organisation', async (t) => {
  const { teams, linking, type, click, state } = await open(t)
  const code = linking.begin(CY, 'teams', BY)
  for (const [what, profile] of Object.entries({
    guest: { userRole: 'guest' },
    anonymous: { userRole: 'anonymous' },
    unsaid: { userRole: undefined },
    external: { userPrincipalName: 'eve_other.example#EXT#@example.com' },
    elsewhere: { tenantId: '7e9a0000-0000-4000-8000-0000000000ff' },
  })) {
    teams.profiles.set(DI, profile)
    t.match((await type(code, DI)).said, /Nothing was decided/, what)
  }
  teams.profiles.set(STRANGER, { aadObjectId: DI })
  t.match((await type(code)).said, /answered about somebody else/)
  teams.profiles.delete(STRANGER)
  const absent = '8f2c1c5e-0000-4000-8000-000000000098'
  t.match((await type(code, absent)).said, /could not say who you are/)
  const foreign = { tenant: { id: '7e9a0000-0000-4000-8000-0000000000ff' } }
  t.match((await type(code, STRANGER, { channelData: foreign })).said, /another organisation/)
  const elsewhere = { conversation: { id: '19:other@thread.tacv2', tenantId: TENANT } }
  t.match((await type(code, STRANGER, elsewhere)).said, /isn't known any more/)
  t.match((await type(code, STRANGER, { replyToId: '17' })).said, /isn't known any more/)
  t.ok((await type(code)).card.body, 'which is not lost by any of it')
  teams.profiles.set(STRANGER, { userRole: 'guest' })
  t.match((await click(VERBS.approve)).said, /guests have no say/, 'and only while they are one')
  t.equal(state(), 'pending')
})

t.test('a linked account has the rights of its person, for as long as it is theirs', async (t) => {
  const { linking, type, click, state, teams } = await open(t, { owners: [CY] })
  const slack = linking.begin(CY, 'slack', BY)
  t.match((await type(slack)).said, /in this chat only/, 'a code of another chat')
  t.match((await type(linking.begin('ana@example.com', 'teams', BY))).said, /names another account/)
  t.match((await type(linking.begin(CY, 'teams', BY), ANA)).said, /somebody else/)
  await type(linking.begin(CY, 'teams', BY))
  t.match((await click(VERBS.approve)).said, /You own this agent/)
  const asked = teams.calls.length
  const deciding = click(VERBS.deny, STRANGER, { deny_written: 'no' })
  await teams.until(() => teams.calls.slice(asked).some(({ path }) => path.includes('/members/')))
  await linking.unlink(CY, { chat: 'teams', org: TENANT })
  t.same(verbsOf((await deciding).card), [VERBS.link], 'taken away while Teams was asked')
  t.same(verbsOf((await click(VERBS.approve)).card), [VERBS.link])
  t.equal(state(), 'pending')
})
