import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { ACTIONS } from '../../src/approval/channels/slack-value.ts'
import type { AuditEvent, Trail } from '../../src/audit/events.ts'
import type { TrailRecord } from '../../src/audit/read-records.ts'
import { showRecord } from '../../src/cli/audit-records.ts'
import { registerPerson } from '../../src/cli/person.ts'
import { parseConfig } from '../../src/config/parse-config.ts'
import { ControlPlane } from '../../src/control/control-plane.ts'
import { PersonTokens } from '../../src/identity/person-tokens.ts'
import { systemClock } from '../../src/lib/clock.ts'
import { runCommand } from '../cli/command.ts'
import { FakeSlack } from '../support/fake-slack.ts'
import type { InboxHouse } from '../support/inbox-house.ts'
import { Visitor } from '../support/inbox-visitor.ts'

const CY = 'cy@example.com'
const TENANT = '7E9A0000-0000-4000-8000-0000000000C0'

/** The control plane as the process has it, with Slack by signed requests and a bot in Teams. */
async function openPlane(t: Test, team: string | null = 'T1') {
  const folder = t.testdir({})
  const slack = await FakeSlack.open()
  const full = { deleted: false, is_bot: false, is_restricted: false, is_ultra_restricted: false }
  slack.members.set('UCY', { team_id: 'T1', ...full })
  const data = join(folder, 'data')
  const keys = 'bot_token: xoxb-1, signing_secret: s3cret, channel: C1'
  const text = `listen: { control: "127.0.0.1:0" }
data: ${data}
people: { ${CY}: { groups: [approvers] } }
channels:
  slack: { ${keys}, api_url: "${slack.apiUrl}"${team === null ? '' : `, team: ${team}`} }
  teams: { app_id: a, app_secret: b, tenant: ${TENANT}, conversation: "19:abc@thread.tacv2" }
`
  const path = join(folder, 'countersign.yaml')
  writeFileSync(path, text)
  const parsed = parseConfig(text, { path, env: {} })
  if (!parsed.ok) throw new Error(parsed.problems.join())
  const events: AuditEvent[] = []
  const trail = {
    append: (event: AuditEvent) => events.push(event),
    durable: async () => {},
    trouble: null,
  } as unknown as Trail
  const log: string[] = []
  const plane = await ControlPlane.open({
    ...{ config: parsed.config, trail, clock: systemClock, newId: () => 'r1', listen: null },
    log: (text) => log.push(text),
  })
  t.teardown(async () => {
    await plane.stop({ dataPlaneGone: true })
    await slack.stop()
  })
  const base = `http://127.0.0.1:${plane.listening?.port}`
  slack.deliverTo(`${base}/channels/slack/events`, 's3cret')
  const visitor = new Visitor({ base } as InboxHouse)
  await visitor.signIn(await new PersonTokens({ data, clock: systemClock }).add(CY))
  let told = 0
  const click = async (action: string) => {
    const message = { channel: 'C1', ts: '1.1', text: '', blocks: [], edits: 0 }
    await slack.click({ message, action, user: 'UCY', value: '{"id":"r1"}' })
    if (action === ACTIONS.link) return ''
    const whispers = () => slack.callsOf('chat.postEphemeral')
    await slack.until(() => whispers().length > told)
    return String(whispers()[told++]?.args.text)
  }
  /** Links UCY to cy; returns the code. */
  const link = async () => {
    const form =
      /name="form" value="([^"]+)"/.exec((await visitor.get('/inbox/me')).text)?.[1] ?? ''
    const answer = await visitor.post('/inbox/me/link', { form, chat: 'slack', org: 'T1' })
    const code = /id="code">([^<]+)</.exec(answer.text)?.[1] ?? ''
    await click(ACTIONS.link)
    const view = await slack.modal()
    t.equal(await slack.submit({ view, user: 'UCY', filled: { code } }), undefined)
    await slack.until(() => slack.callsOf('chat.postEphemeral').length > told)
    t.match(slack.callsOf('chat.postEphemeral')[told++]?.args, { text: /to cy@example\.com now/ })
    return code
  }
  return { path, data, slack, visitor, click, link, events, log }
}

t.test('a person links an account in the running house, and an operator ends it', async (t) => {
  const { path, visitor, click, link, events, log } = await openPlane(t)
  t.match(await click(ACTIONS.approve), /people: slack: UCY\). Link it with a code/)
  t.match((await visitor.get('/inbox/me')).text, TENANT.toLowerCase(), 'Teams, too')
  const code = await link()
  t.match((await visitor.get('/inbox/me')).text, '<bdi>UCY</bdi>, linked')
  const forget = (...more: string[]) =>
    runCommand(registerPerson, ['person', 'forget', CY, '--config', path, ...more])
  t.match(await forget('--links'), {
    code: 0,
    out: `the slack account UCY of ${CY} is forgotten\n`,
  })
  t.match(await forget(), { code: 1, err: /no account is known/ })
  t.match(await click(ACTIONS.approve), /people: slack: UCY/, 'it takes it at once')
  const account = { person: CY, chat: 'slack', org: 'T1', account: 'UCY' }
  t.match(
    events.filter(({ type }) => type.startsWith('person.')),
    [
      { type: 'person.linked', ...account },
      { type: 'person.unlinked', by: 'operator', ...account },
    ],
  )
  t.match(events.at(-1), { type: 'approval.refused', person: 'slack:T1:UCY' })
  const linked = { time: 't', seq: 1, ...events.find(({ type }) => type === 'person.linked') }
  const line = showRecord({ chain: 'control', record: linked, line: '' } as unknown as TrailRecord)
  t.match(line, `person.linked  ${CY}  slack  UCY`, 'as `audit tail` prints it')
  t.notOk(JSON.stringify([events, log]).includes(code))
})

t.test('a link ends with the access token that it was made by', async (t) => {
  const { data, click, link, visitor } = await openPlane(t)
  await link()
  t.match(await click(ACTIONS.approve), /isn't known any more/, 'the request; cy is')
  await new PersonTokens({ data, clock: systemClock }).add(CY)
  const path = join(data, 'tokens.json')
  const { tokens, ...file } = JSON.parse(readFileSync(path, 'utf8'))
  writeFileSync(path, JSON.stringify({ ...file, tokens: tokens.slice(1) }))
  t.match(await click(ACTIONS.approve), /people: slack: UCY/)
  t.match(await visitor.get('/inbox/me'), { status: 303 }, 'and so does the session')
})

t.test('a workspace without its id links nobody', async (t) => {
  const { visitor, click } = await openPlane(t, null)
  t.notMatch(await click(ACTIONS.approve), 'Link it')
  const me = (await visitor.get('/inbox/me')).text
  t.match(me, 'Link Teams')
  t.notMatch(me, 'Link Slack')
})
