import { readFileSync, writeFileSync } from 'node:fs'
import t from 'tap'
import { ACTIONS } from '../../src/approval/channels/slack-value.ts'
import { startCountersign } from '../support/countersign.ts'
import { codeOf, connect, errorFrom, exists } from '../support/e2e-client.ts'
import {
  actionsOf,
  type FakeBlock,
  type FakeMessage,
  FakeSlack,
  shownIn,
} from '../support/fake-slack.ts'
import { startPostgres } from '../support/postgres.ts'
import { SHOP } from '../support/shop.ts'

t.test('a person signs in Slack, and the held statement runs on its connection', async (t) => {
  const slack = await FakeSlack.open()
  t.teardown(() => slack.stop())
  const db = await startPostgres(t, { schema: SHOP })
  const channels = {
    slack: {
      app_token: 'xapp-test',
      bot_token: 'xoxb-test',
      channel: 'C0123456',
      api_url: slack.apiUrl,
    },
  }
  const proxy = await startCountersign(t, { upstream: db.superuserUrl, config: { channels } })
  await slack.until(() => slack.connections > 0)
  const messageWith = (text: string): Promise<FakeMessage> =>
    slack.until(() => [...slack.messages.values()].find((each) => shownIn(each).includes(text)))

  t.test('Approve', async (t) => {
    await db.query('CREATE TABLE by_slack (id integer)')
    const client = await connect(t, proxy)
    const dropped = client.query('DROP TABLE by_slack')
    const message = await messageWith('DROP TABLE by_slack')
    t.equal(await exists(db, 'by_slack'), true)
    await slack.click({ message, action: ACTIONS.approve, user: 'USTRANGER' })
    await slack.until(() => slack.callsOf('chat.postEphemeral').length > 0)
    t.equal(await exists(db, 'by_slack'), true, 'a stranger signs nothing')
    await slack.click({ message, action: ACTIONS.approve, user: 'UBO' })
    t.equal((await dropped).command, 'DROP')
    await slack.until(() => shownIn(slack.messages.get(message.ts) ?? message).includes('executed'))
    t.match(shownIn(slack.messages.get(message.ts) ?? message), 'bo@example.com')
  })

  t.test('Deny, with a reason that the agent hears', async (t) => {
    const client = await connect(t, proxy)
    const refused = errorFrom(client.query('TRUNCATE scratch'))
    const message = await messageWith('TRUNCATE scratch')
    await slack.click({ message, action: ACTIONS.deny, user: 'UBO' })
    const view = await slack.modal()
    await slack.submit({ view, user: 'UBO', filled: { written: 'keep the notes' } })
    t.match(await refused, { code: '42501', message: /keep the notes/ })
  })

  t.test('what the client withdraws is withdrawn in the message', async (t) => {
    const client = await connect(t, proxy)
    void codeOf(client.query('DROP TABLE scratch'))
    const message = await messageWith('DROP TABLE scratch')
    client.connection.stream.destroy()
    await slack.until(() =>
      shownIn(slack.messages.get(message.ts) ?? message).includes('withdrawn'),
    )
    t.equal(await exists(db, 'scratch'), true)
  })

  t.test('over HTTP, without constants, to a person known by their address', async (t) => {
    const other = await FakeSlack.open()
    t.teardown(() => other.stop())
    const settings = {
      ...{ bot_token: 'xoxb-test', channel: 'C0123456', api_url: other.apiUrl },
      ...{ signing_secret: 'shh', team: 'T1', email_match: true, text: 'redacted' },
    }
    const config = {
      people: { 'bo@example.com': { groups: ['approvers'] } },
      regulations: { pii: 'GDPR Art. 4(1)' },
      channels: { slack: settings },
    }
    const house = await startCountersign(t, { upstream: db.superuserUrl, config, like: proxy })
    other.deliverTo(`${house.control}/channels/slack/events`, 'shh')
    other.members.set('UMAIL', {
      ...{ team_id: 'T1', deleted: false, is_bot: false },
      ...{ is_restricted: false, is_ultra_restricted: false },
      profile: { email: 'bo@example.com' },
    })
    const first = (text: string): Promise<FakeMessage> =>
      other.until(() => [...other.messages.values()].find((each) => shownIn(each).includes(text)))
    const probe = await connect(t, house)
    const looked = errorFrom(probe.query("DELETE FROM customers WHERE ssn > '966-34-5007'"))
    const message = await first('DELETE FROM customers WHERE ssn > ?')
    t.match(shownIn(message), 'pii.national-id GDPR Art. 4(1)')
    t.notMatch(JSON.stringify(other.calls), '966-34-5007')
    t.notOk(actionsOf(message).includes(ACTIONS.approve))
    await other.click({ message, action: ACTIONS.deny, user: 'UMAIL' })
    await other.submit({ view: await other.modal(), user: 'UMAIL', filled: { chosen: '2' } })
    t.match(await looked, { code: '42501', message: /Say what it is for, with a ticket/ })
    const plain = await connect(t, house)
    const done = plain.query('DELETE FROM scratch')
    const asked = await first('DELETE FROM scratch')
    await other.click({ message: asked, action: ACTIONS.approve, user: 'UMAIL' })
    t.equal((await done).command, 'DELETE')
    await other.until(() => shownIn(other.now(asked)).includes('approved by bo@example.com'))
    t.equal((await fetch(asked.blocks.flatMap(urlOf)[0] ?? '')).status, 401, 'a link is no answer')
    await house.kill('SIGTERM')
  })

  t.test('another channel, and words of another regulation, from a reload on', async (t) => {
    const client = await connect(t, proxy)
    const pending = codeOf(client.query('DROP VIEW contacts'))
    const before = await messageWith('DROP VIEW contacts')
    const text = readFileSync(proxy.configPath, 'utf8').replace('C0123456', 'C0999999')
    writeFileSync(proxy.configPath, `${text}\nregulations: { pii: GDPR }\n`)
    await proxy.said(/has been reloaded/)
    await slack.until(() => slack.connections > 1)
    await slack.click({ message: before, action: ACTIONS.approve, user: 'UBO' })
    t.equal(await pending, 'done', 'what stands in the old one is decided there')
    void codeOf(client.query('COPY customers TO STDOUT'))
    const message = await messageWith('COPY customers TO STDOUT')
    t.equal(message.channel, 'C0999999')
    t.match(shownIn(message), 'pii.email GDPR')
  })

  t.test('Slack that is gone touches no query that needs no signature', async (t) => {
    await slack.stop()
    const client = await connect(t, proxy)
    t.equal((await client.query('SELECT 1 AS one')).rows[0].one, 1)
    const dropped = codeOf(client.query('DROP TABLE scratch'))
    const request = await proxy.pending(({ statement }) => statement === 'DROP TABLE scratch')
    await proxy.approve(request.id)
    t.equal(await dropped, 'done', 'and other channels decide')
  })
})

function urlOf({ elements = [] }: FakeBlock): readonly string[] {
  return elements.flatMap(({ url }) => url ?? [])
}
