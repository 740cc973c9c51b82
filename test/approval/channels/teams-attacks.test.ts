import { generateKeyPairSync } from 'node:crypto'
import t, { type Test } from 'tap'
import { VERBS } from '../../../src/approval/channels/teams-actions.ts'
import { APP, buttonsOf, cardOf, shownIn } from '../../support/fake-teams.ts'
import { answerOf } from '../fixtures.ts'
import { ANA, BO, DI, openTeams, STRANGER } from './teams-house.ts'

type Json = Readonly<Record<string, unknown>>
const rogue = generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey

/** A request that waits, and a click on its button to approve it. */
async function openClick(t: Test, change = {}) {
  const house = await openTeams(t)
  const request = await house.open(change)
  const message = await house.messageOf(request.id)
  const { id, statementSha256: sha } = request
  const good = { message, verb: VERBS.approve, user: ANA, data: { id, sha } }
  const state = () => house.desk.get(id)?.state
  return Object.assign(house, { request, message, good, state })
}

t.test('what the connector has not signed for this bot is nothing', async (t) => {
  const { teams, good, state, records, channel } = await openClick(t)
  const url = teams.url
  const now = Math.floor(Date.now() / 1_000)
  const { serviceUrl: _, ...placeless } = teams.activityOf(good)
  const [head = '', , signature = ''] = (await teams.token({})).split('.')
  const claims = Buffer.from(JSON.stringify({ aud: APP })).toString('base64url')
  const unsigned = Buffer.from('{"alg":"none","kid":"k1"}').toString('base64url')
  for (const [what, how] of [
    ['no token', { authorization: null }],
    ['no bearer', { authorization: 'Basic YTpi' }],
    ['no JWT', { authorization: 'Bearer x' }],
    ['two tokens', { authorization: `Bearer ${await teams.token({})}, Bearer x.y.z` }],
    ['not signed', { authorization: `Bearer ${unsigned}.${claims}.x` }],
    ['other claims', { authorization: `Bearer ${head}.${claims}.${signature}` }],
    ['an endless token', { authorization: `Bearer ${'x'.repeat(12_000)}.y.z` }],
    ['a rogue key', { key: rogue }],
    ['a key that nobody knows', { kid: 'k2' }],
    ['another bot', { claims: { aud: 'another' } }],
    ['for nobody', { claims: { aud: undefined } }],
    ['another issuer', { claims: { iss: 'https://evil.example' } }],
    ['no issuer', { claims: { iss: undefined } }],
    ['over', { claims: { exp: now - 900 } }],
    ['not yet', { claims: { nbf: now + 900 } }],
    ['another place', { claims: { serviceurl: 'https://evil.example/' } }],
    ['no place', { claims: { serviceurl: undefined } }],
    ['a place that the activity names', { activity: { serviceUrl: 'https://evil.example/' } }],
    ['an activity that names none', { activity: { serviceUrl: '' } }],
  ] as const) {
    t.equal((await teams.click({ ...good, ...how })).status, 401, what)
  }
  t.equal((await teams.deliver(placeless)).status, 401, 'an activity without a place')
  const directLine = { channelId: 'directline', serviceUrl: `${url}/teams/` }
  t.equal((await teams.click({ ...good, activity: directLine })).status, 403, 'another channel')
  for (const body of ['', 'null', '[]', '{', '{"serviceUrl":"a","serviceUrl":"b"}']) {
    t.equal((await teams.deliver(body)).status, 400, `not an activity: ${body}`)
  }
  const huge = { ...teams.activityOf(good), text: 'x'.repeat(300_000) }
  t.equal((await teams.deliver(huge)).status, 413)
  t.equal(state(), 'pending')
  t.same(
    records.filter(({ type }) => type.startsWith('approval.vote')),
    [],
  )
  t.ok(channel.log.length <= 1, 'and the log does not grow by it')
  const refusals = (cause: string) =>
    channel.metrics.get(`answers_refused_total{channel="teams",cause="${cause}"}`)
  t.same(['unsigned', 'other_channel', 'unreadable'].map(refusals), [20, 1, 5])
  t.equal((await teams.click(good)).status, 200, 'the connector itself is heard all the same')
  t.equal(state(), 'approved')
})

t.test('the environment opens no door', async (t) => {
  const names = [
    'DANGEROUSLY_ALLOW_UNAUTHENTICATED_REQUESTS',
    'CLIENT_SECRET',
    'CLIENT_ID',
    'CLOUD',
  ]
  const before = names.map((name) => [name, process.env[name]] as const)
  t.teardown(() => {
    for (const [name, value] of before) {
      if (value === undefined) delete process.env[name]
      else process.env[name] = value
    }
  })
  for (const name of names) process.env[name] = 'true'
  const { teams, good, state } = await openClick(t)
  t.equal((await teams.click({ ...good, key: rogue })).status, 401)
  t.equal((await teams.click({ ...good, claims: { aud: 'true' } })).status, 401)
  t.equal(state(), 'pending')
  t.equal((await teams.click(good)).status, 200)
  t.equal(teams.asked.tokens, 1, 'its own secret is what it uses')
})

t.test('tokens by keys that nobody knows do not make us ask for keys without end', async (t) => {
  const { teams, good } = await openClick(t)
  await teams.click({ ...good, data: { id: 'nothing' } })
  const statuses = new Set<number>()
  for (let n = 0; n < 25; n++) {
    statuses.add((await teams.click({ ...good, key: rogue, kid: `rogue-${n}` })).status)
  }
  t.same([...statuses], [401, 429])
  t.ok(teams.asked.keys <= 21, `${teams.asked.keys}`)
  t.equal((await teams.click({ ...good, activity: { id: 'f:1' } })).status, 200, 'known ones go on')
})

t.test('who clicks is what the connector says, and who that is the configuration', async (t) => {
  const { teams, good, state, message, records } = await openClick(t, { owners: ['data-owner'] })
  const refused = async (what: string, change: object, says: RegExp) => {
    const { status, body } = await teams.click({ ...good, ...change })
    t.match({ status, body }, { status: 200, body: { value: says } }, what)
    t.equal(body.type, 'application/vnd.microsoft.activity.message')
    t.equal(state(), 'pending', what)
  }
  await refused('outsider', { user: STRANGER }, /isn't that of anybody in the configuration/)
  await refused('no account', { user: undefined }, /Teams does not say who you are/)
  await refused('another group', { user: DI }, /isn't asked for; those who may decide: approvers/)
  await refused('owner by a group', { user: BO }, /You own this agent/)
  const named = { from: { id: '29:1x', name: 'ana@example.com', aadObjectId: STRANGER } }
  await refused('a name', { activity: named }, /isn't that of anybody/)
  const listed = { from: { id: '29:1x', aadObjectId: [ANA] } }
  await refused('a list', { activity: listed }, /does not say who you are/)
  const tenant = (id: unknown) => ({ activity: { channelData: { tenant: { id } } } })
  await refused('another tenant', tenant('another'), /an organisation that has no say/)
  await refused('a tenant that is none', tenant(7), /an organisation that has no say/)
  const guest = { from: { id: '29:1x', aadObjectId: ANA, tenantId: 'another' } }
  await refused('a guest', { activity: guest }, /an organisation that has no say/)
  const nowhere = { channelData: {}, conversation: { id: message.conversation } }
  await refused('no tenant', { activity: nowhere }, /an organisation that has no say/)
  await refused(
    'a no',
    { verb: VERBS.deny, user: BO, data: { ...good.data, deny_written: 'x' } },
    /You own/,
  )
  const codes = records.flatMap((each) => (each.type === 'approval.refused' ? [each.why] : []))
  t.same([...new Set(codes)].sort(), [
    ...['not_an_approver', 'other_tenant', 'self_approval', 'unknown_member'],
  ])
})

t.test('nobody signs for themselves here either', async (t) => {
  const { teams, good, state } = await openClick(t, { onBehalfOf: 'ANA@example.com ' })
  t.match(await teams.click(good), { body: { value: /acts on your behalf/ } })
  const upper = { ...good, user: ANA.toUpperCase() }
  t.match(await teams.click(upper), { body: { value: /acts on your behalf/ } })
  t.equal(state(), 'pending')
})

t.test('a button is bound to its request, its statement and its message', async (t) => {
  const { teams, good, state, request, message, open, messageOf, desk } = await openClick(t)
  const other = await open({ binding: 'x', fingerprint: 'x', statement: 'TRUNCATE orders' })
  const second = await messageOf(other.id)
  const { id, statementSha256: sha } = request
  for (const [change, says] of [
    [{ data: { id: other.id, sha: other.statementSha256 } }, /not of the message of this request/],
    [{ activity: { replyToId: second.id } }, /not of the message of this request/],
    [{ activity: { replyToId: undefined } }, /not of the message of this request/],
    [
      { activity: { conversation: { id: '19:other@thread.tacv2' } } },
      /not of the message of this request/,
    ],
    [{ data: { id, sha: other.statementSha256 } }, /another one now/],
    [{ data: { id } }, /read it in the inbox/],
    [{ data: { id, sha: [sha] } }, /read it in the inbox/],
    [{ data: { id: 'nothing', sha } }, /isn't known any more/],
    [{ verb: 'countersign_something' }, /not known here/],
    [{ verb: VERBS.view, activity: { replyToId: second.id } }, /isn't known any more/],
  ] as const) {
    t.match(await teams.click({ ...good, ...change }), { status: 200, body: { value: says } })
  }
  for (const data of [null, 1, [], {}, { id: 7 }, 'x', { id: 'x'.repeat(4_000) }, { id: [id] }]) {
    t.match(await teams.click({ ...good, data }), { body: { value: /not known here/ } })
  }
  const prototype = JSON.stringify(teams.activityOf(good)).replace('"sha"', '"__proto__"')
  t.equal((await teams.deliver(prototype)).status, 400)
  t.equal(state(), 'pending')
  t.equal(desk.get(other.id)?.state, 'pending')
  t.equal((await teams.click({ ...good, message })).status, 200)
  t.equal(state(), 'approved')
})

t.test('a click counts once, in time, and for whoever was first', async (t) => {
  const { teams, good, desk, clock, open, messageOf, shows, records, channel } = await openClick(
    t,
    {
      expiresMs: 60_000,
      requirements: [{ rule: 'two', by: ['approvers'], count: 2 }],
    },
  )
  const activity = { id: 'f:once' }
  t.match(await teams.click({ ...good, activity }), { body: { value: /more people have to sign/ } })
  t.match(await teams.click({ ...good, activity, user: BO }), { body: { value: /counts once/ } })
  t.equal(channel.metrics.get('answers_refused_total{channel="teams",cause="replayed"}'), 1)
  t.match(await teams.click(good), { body: { value: /more people have to sign/ } })
  t.equal(records.filter(({ type }) => type === 'approval.voted').length, 1, 'one person, one vote')
  await shows(good.message, 'so far ana@example.com')
  clock.advance(60_000)
  t.match(await teams.click({ ...good, user: BO }), { body: { value: /Too late: expired/ } })
  const next = await open({ binding: 'n', fingerprint: 'n' })
  const message = await messageOf(next.id)
  const data = { id: next.id, sha: next.statementSha256 }
  const [mine, theirs] = await Promise.all([
    teams.click({ message, verb: VERBS.approve, user: ANA, data }),
    desk.decide(next.id, answerOf('bo@example.com', 'deny')),
  ])
  t.equal(theirs.kind, 'decided')
  t.match(mine, { body: { value: 'This was denied by bo@example.com already.' } })
  await desk.withdraw((await open({ binding: 'w', fingerprint: 'w' })).id, 'cancelled', 'line')
})

t.test('what an agent writes is no markup, pings nobody and hides nothing', async (t) => {
  const evil =
    '<at>Ana</at> [Approve](http://evil.example) **b** `c` https://evil.example {{DATE(2026-01-01T00:00:00Z)}}'
  const hidden = 'o\u202er\u200bd\u00ade\u0300rs'
  const house = await openTeams(t)
  const { teams, open, messageOf } = house
  const { id } = await open({
    ...{ claim: evil, applicationName: evil, onBehalfOf: evil, verb: evil, session: evil },
    ...{ agent: evil, environment: evil, database: evil, shape: 'shape' },
    statement: `SELECT  1,\n\t 'a\t  b' /* ${evil} */ FROM "nаme" -- ${hidden}`,
    parameters: [{ type: evil, value: `${evil} ${hidden}` }],
    tables: [{ name: `public.${evil}${hidden}`, access: 'write', classes: [evil] }],
    effects: [{ effect: 'opaque', reason: `it runs ${evil}` }],
    classes: [evil],
    requirements: [{ rule: evil, by: ['approvers'], count: 1 }],
  })
  const message = await messageOf(id)
  const { body } = await teams.click({ message, verb: VERBS.view, user: ANA })
  for (const card of [cardOf(message), body.value as Json]) {
    visit(card, (node) => {
      const isRun = node.type === 'TextRun'
      if (isRun) t.notMatch(node.text, '{{', 'no date is made of it')
      for (const key of ['text', 'title', 'label', 'value', 'fallbackText', 'speak']) {
        if (!isRun && typeof node[key] === 'string')
          t.notMatch(node[key], /evil|<at>|Ana/, `${key}: our words`)
      }
    })
    t.notOk((card.msteams as Json).entities, 'nobody is mentioned')
    const urls = buttonsOf(card).flatMap(({ url }) => url ?? [])
    t.same(urls, [`https://countersign.example.com/v1/approvals/${id}`], 'one place of our own')
    const shown = shownIn(card)
    t.match(shown, '[Approve](http://evil.example) **b** `c` https', 'it is seen as it is')
    t.match(shown, 'o\\u{202e}r\\u{200b}d\\u{ad}e\\u{300}rs')
    t.match(shown, 'а is U+0430, in "nаme"', 'a letter that looks like another is named')
    t.match(shown, "SELECT\u00a0\u00a01,\n\u00a0\u00a0\u00a0\u00a0\u00a0'a\\u{9}\u00a0\u00a0b'")
    t.notMatch(shown, /\p{Cf}|\p{M}/u)
  }
  t.notMatch(message.activity.summary, /[<>@*`[\]({}]|evil\.example/, 'notifications are words')
})

t.test('what is typed into a form goes no further than its field', async (t) => {
  const { teams, request, message, desk } = await openClick(t)
  const data = {
    id: request.id,
    deny_chosen: '__proto__',
    deny_written: `<at>Ana</at> \u202e${'x'.repeat(5_000)}`,
    ...{ person: 'bo@example.com', decision: 'approve', scope: 'shape' },
  }
  const answer = await teams.click({ message, verb: VERBS.deny, user: ANA, data })
  t.equal(answer.body.type, 'application/vnd.microsoft.card.adaptive')
  const [vote] = desk.get(request.id)?.votes ?? []
  t.match(vote, { person: 'ana@example.com', decision: 'deny', channel: 'teams' })
  t.equal(vote?.reason.length, 500)
  t.notMatch(shownIn(answer.body.value as Json), /\p{Cf}/u)
})

function visit(node: unknown, look: (node: Record<string, unknown>) => void): void {
  if (typeof node !== 'object' || node === null) return
  if (!Array.isArray(node)) look(node as Record<string, unknown>)
  for (const each of Object.values(node)) visit(each, look)
}
