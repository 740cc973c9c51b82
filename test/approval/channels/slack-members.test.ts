import t from 'tap'
import { ACTIONS } from '../../../src/approval/channels/slack-value.ts'
import { openSlack } from './slack-house.ts'

const FULL = {
  team_id: 'T1',
  ...{ deleted: false, is_bot: false, is_restricted: false, is_ultra_restricted: false },
  profile: { email: 'cy@example.com' },
}

t.test(
  'full members of the workspace are known by their address, where that is said',
  async (t) => {
    const { desk, slack, open, messageOf, whispered, records } = await openSlack(t, {
      emailMatch: true,
    })
    const { id } = await open()
    const message = await messageOf(id)
    const click = (user: string, team = 'T1') =>
      slack.click({ message, action: ACTIONS.approve, user, team })
    const strangers = {
      USTRANGER: { ...FULL, is_stranger: true },
      UGUEST: { ...FULL, is_restricted: true },
      UULTRA: { ...FULL, is_ultra_restricted: true },
      UGONE: { ...FULL, deleted: true },
      UBOT2: { ...FULL, is_bot: true },
      UAPP: { ...FULL, is_app_user: true },
      UINVITED: { ...FULL, is_invited_user: true },
      UFLOW: { ...FULL, is_workflow_bot: true },
      UELSEWHERE: { ...FULL, team_id: 'T2' },
      UUNSAID: { team_id: 'T1', profile: FULL.profile },
      UODD: { ...FULL, is_restricted: 'false' },
      UUNCONFIRMED: { ...FULL, is_email_confirmed: false },
      USWAPPED: { ...FULL, id: 'UANA' },
      UNOBODY: { ...FULL, profile: { email: 'eve@example.com' } },
      UNOMAIL: { ...FULL, profile: {} },
      UFULLWIDTH: { ...FULL, profile: { email: 'ｃy@example.com' } },
      UBLANK: { ...FULL, profile: { email: ' cy@example.com' } },
      ULISTED: { ...FULL, profile: { email: 'ana@example.com' } },
    }
    let told = 0
    for (const [user, member] of Object.entries(strangers)) {
      slack.members.set(user, member)
      await click(user)
      const said = await whispered(++told)
      t.match(said, { user }, user)
      t.equal(desk.get(id)?.state, 'pending', user)
    }
    await click('UUNKNOWN')
    t.match(
      await whispered(++told),
      { text: /could not say who you are/ },
      'not found is a refusal',
    )
    slack.members.set('UCY', FULL)
    await click('UCY', 'T2')
    t.match(await whispered(++told), { text: /workspace that has no say/ })
    const asked = slack.callsOf('users.info').length
    await click('UANA', 'T2')
    t.match(await whispered(++told), { text: /workspace that has no say/ })
    t.equal(
      slack.callsOf('users.info').length,
      asked,
      'who is of another workspace is not asked for',
    )
    t.equal(records.filter(({ type }) => type === 'approval.refused').length, told)
    await click('UCY')
    await slack.until(() => desk.get(id)?.state === 'approved')
    t.match(desk.get(id)?.votes, [{ person: 'cy@example.com', channel: 'slack' }])
  },
)

t.test('an address counts for as long as it is theirs', async (t) => {
  const { desk, slack, open, messageOf, whispered } = await openSlack(t, { emailMatch: true })
  const { id } = await open()
  const message = await messageOf(id)
  slack.members.set('UCY', FULL)
  await slack.click({ message, action: ACTIONS.deny, user: 'UCY' })
  const view = await slack.modal()
  slack.members.set('UCY', { ...FULL, deleted: true })
  await slack.submit({ view, user: 'UCY', filled: { written: 'no' } })
  t.match(await whispered(1), { text: /deactivated/ })
  slack.failing.set('users.info', 9)
  await slack.click({ message, action: ACTIONS.approve, user: 'UCY' })
  t.match(await whispered(2), { text: /could not say who you are, so nothing was decided/ })
  t.equal(desk.get(id)?.state, 'pending')
})

t.test('without it nobody is looked up', async (t) => {
  const { slack, open, messageOf, whispered } = await openSlack(t)
  const message = await messageOf((await open()).id)
  slack.members.set('UCY', FULL)
  await slack.click({ message, action: ACTIONS.approve, user: 'UCY' })
  t.match(await whispered(1), { text: /people: slack: UCY/ })
  t.equal(slack.callsOf('users.info').length, 0)
})
