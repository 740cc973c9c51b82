// biome-ignore-all lint/suspicious/noThenProperty: a rule's action is called so

import { readFileSync } from 'node:fs'
import t from 'tap'
import { statusOf } from '../../src/approval/channels/rendering.ts'
import { registerAgentToken } from '../../src/cli/agent-token.ts'
import { ActionTokens } from '../../src/identity/action-tokens.ts'
import { PersonTokens } from '../../src/identity/person-tokens.ts'
import { systemClock } from '../../src/lib/clock.ts'
import type { RuleConfig } from '../../src/policy/rule.ts'
import { answerOf, openDesk } from '../approval/fixtures.ts'
import { runCommand } from '../cli/command.ts'
import { openActions } from '../support/actions-house.ts'

const rule = (name: string, when: RuleConfig['when'], then: RuleConfig['then']): RuleConfig => ({
  ...{ name, when, then },
})
const APPROVE_BY_DBA = {
  kind: 'approve' as const,
  by: ['dba'],
  count: 1,
  hold: null,
  expires: 60_000,
}

t.test(
  'a person lets an action pass, the agent goes ahead once and says what came of it',
  async (t) => {
    const { ask, call, desk, records, tokens } = await openActions(t)
    const asked = await ask({ on_behalf_of: 'bo@example.com' })
    t.match(asked, { status: 202, body: { state: 'pending', permitted: false, rule: 'default' } })
    const id = String(asked.body.id)
    const shown = await call(`/v1/approvals/${id}`, { token: tokens.ana })
    t.match(shown.body, { kind: 'action', verb: 'model.deploy', resource: 'prod/recommender' })
    t.same(JSON.parse(String(shown.body.statement)), {
      action: 'model.deploy',
      resource: 'prod/recommender',
      context: { version: 'v7', canary: false },
      on_behalf_of: 'bo@example.com',
    })
    t.match(await call(`/v1/actions/${id}/result`, { body: { outcome: 'executed' } }), {
      status: 409,
    })
    await desk.decide(id, answerOf('ana@example.com'))
    t.equal(desk.get(id)?.spentAt, null, 'nothing is spent before the agent hears it')
    t.equal((await call(`/v1/actions/${id}/result`, { body: { outcome: 'executed' } })).status, 409)
    const go = await call(`/v1/actions/${id}`)
    t.match(go, { status: 200, body: { permitted: true, by: ['ana@example.com'] } })
    t.match(records.at(-1), { type: 'approval.spent', id }, 'on the disk before it is told')
    t.match(await call(`/v1/actions/${id}`), {
      status: 409,
      body: { error: { code: 'already_used' } },
    })
    const result = { outcome: 'executed', detail: 'v7 serves 5 %' }
    t.equal((await call(`/v1/actions/${id}/result`, { body: result })).status, 200)
    t.equal((await call(`/v1/actions/${id}/result`, { body: result })).status, 409, 'once')
    t.match(records.at(-1), {
      type: 'action.outcome',
      agent: 'deploy-bot',
      detail: 'v7 serves 5 %',
    })
    const after = desk.get(id)
    t.match(after, { state: 'executed', outcome: { detail: 'v7 serves 5 %' } })
    t.match(after && statusOf(after), /executed, 0 ms; the agent says: v7 serves 5 %/)
    t.match(await ask(), { status: 202, body: { state: 'pending' } }, 'the next is asked for anew')
  },
)

t.test('rules of actions: the first that holds; what allows has to name the action', async (t) => {
  const { ask, house, records } = await openActions(t)
  house.rules = [
    rule('everything', {}, { kind: 'allow', maxRows: null }),
    rule('sql', { effect: ['ddl'] }, { kind: 'deny', reason: 'no' }),
    rule(
      'staging',
      { action: ['model.*'], agent: ['other-bot'] },
      { kind: 'allow', maxRows: null },
    ),
    rule('never', { action: ['model.delete'] }, { kind: 'deny', reason: 'Models are kept.' }),
    rule('deploy', { action: ['model.*'] }, APPROVE_BY_DBA),
  ]
  t.match(await ask(), { status: 202, body: { rule: 'deploy' } })
  t.match(
    await ask({ action: 'model' }),
    { body: { rule: 'default' } },
    'a rule for SQL opens nothing',
  )
  t.match(await ask({ action: 'model.a.b' }), { body: { rule: 'default' } }, '* is one part')
  t.match(await ask({ action: 'model.delete' }), {
    status: 403,
    body: { error: { code: 'denied_by_rule', message: 'Models are kept.' } },
  })
  t.match(records.at(-1), { type: 'action.refused', action: 'model.delete', rules: ['never'] })
  house.rules = [rule('ok', { action: ['job.*'] }, { kind: 'allow', maxRows: null })]
  t.match(await ask({ action: 'job.run' }), { status: 200, body: { state: 'allowed', rule: 'ok' } })
  t.match(records.at(-1), { type: 'action.allowed', decision: 'allowed', action: 'job.run' })
  house.rules = [rule('stop', { agent: ['deploy-bot'] }, { kind: 'deny', reason: 'stopped' })]
  t.equal((await ask()).status, 403, 'what stops an agent stops its actions too')
  house.rules = [rule('deploy', { action: ['model.*'] }, APPROVE_BY_DBA)]
  house.shadow = true
  t.match(await ask(), { status: 200, body: { state: 'allowed' } })
  t.match(records.at(-1), { type: 'action.allowed', decision: 'shadow', rules: ['deploy'] })
})

t.test('it waits for the answer, and hears no as no', async (t) => {
  const { ask, call, desk, clock, base, tokens } = await openActions(t)
  const waiting = call('/v1/actions?wait=30', {
    body: { action: 'model.deploy', resource: 'prod' },
  })
  while (clock.timers < 2) await new Promise((resolve) => setImmediate(resolve))
  const [request] = [...desk.waiting()]
  await desk.decide(request?.id ?? '', { ...answerOf('ana@example.com', 'deny'), reason: 'Friday' })
  t.match(await waiting, {
    status: 403,
    body: { error: { code: 'denied', message: /Friday/ }, action: { state: 'denied' } },
  })
  const { id } = (await ask({ resource: 'prod', context: {} })).body
  t.not(id, request?.id, 'a no is for once')
  clock.advance(30 * 60_000)
  t.match(await call(`/v1/actions/${id}`), { status: 410, body: { error: { code: 'expired' } } })
  t.equal((await call(`/v1/actions/${id}?wait=61`)).status, 422)

  const next = await ask({ resource: 'gone' })
  const leaving = new AbortController()
  const left = fetch(`${base}/v1/actions/${next.body.id}?wait=30`, {
    headers: { authorization: `Bearer ${tokens.bot}` },
    signal: leaving.signal,
  }).catch(() => null)
  const before = clock.timers
  while (clock.timers === before) await new Promise((resolve) => setImmediate(resolve))
  leaving.abort()
  await left
  while (clock.timers !== before) await new Promise((resolve) => setImmediate(resolve))
  await desk.decide(String(next.body.id), answerOf('ana@example.com'))
  t.equal(desk.get(String(next.body.id))?.spentAt, null, 'nothing is spent for who has gone')
})

t.test('what waits outlives the process, for no connection holds it', async (t) => {
  const { ask, store, data, clock } = await openActions(t)
  const { id } = (await ask()).body
  await store.close()
  const after = await openDesk(t, { data, clock })
  clock.advance(60_000)
  t.match(await after.desk.look(String(id)), { state: 'pending', action: { name: 'model.deploy' } })
})

t.test('separation of duties is that of statements', async (t) => {
  const { ask, desk, records, agentTokens } = await openActions(t)
  const { id } = (await ask({ on_behalf_of: ' BO@example.com' })).body
  const decide = (person: string) => desk.decide(String(id), answerOf(person))
  t.match(await decide('bo@example.com'), { code: 'self_approval' }, 'it acts for bo')
  t.match(await decide('cy@example.com'), { code: 'self_approval' }, 'cy made its token')
  const second = await agentTokens.add('deploy-bot', 'ana@example.com')
  const other = (await ask({ resource: 'b' })).body.id
  for (const maker of ['ana@example.com', 'cy@example.com']) {
    const tried = await desk.decide(String(other), answerOf(maker))
    t.match(tried, { code: 'self_approval' }, 'who made another of its tokens could use it')
  }
  t.equal((await ask({ resource: 'b' }, { token: second })).body.id, other)
  t.match(await decide('di@example.com'), { code: 'not_an_approver' })
  t.match(await decide('ana@example.com'), { kind: 'decided' })
  t.equal(records.filter(({ type }) => type === 'approval.refused').length, 5)
  t.match(records[0], {
    type: 'approval.requested',
    verb: 'model.deploy',
    resource: 'prod/recommender',
  })
})

t.test('an owner can not approve through a group', async (t) => {
  const { ask, desk, tokens } = await openActions(t)
  const { id } = (await ask({}, { token: tokens.other })).body
  for (const person of ['ana@example.com', 'bo@example.com']) {
    t.match(await desk.decide(String(id), answerOf(person)), { code: 'self_approval' })
  }
  t.match(
    await desk.decide(String(id), {
      ...answerOf('cy@example.com'),
      grant: { minutes: 5, maxRows: 1 },
    }),
    {
      code: 'only_once',
    },
  )
})

t.test('tokens of agents and of people open each their own door', async (t) => {
  const { call, ask, open, tokens, house, agentTokens, clock } = await openActions(t)
  const { id } = await open()
  const doors = [
    ['GET', '/v1/approvals'],
    ['GET', `/v1/approvals/${id}`],
    ['POST', `/v1/approvals/${id}/decisions`],
    ['POST', `/v1/approvals/${id}/withdraw`],
    ['GET', '/v1/grants'],
    ['POST', '/v1/grants/g/revoke'],
    ['GET', '/v1/events'],
  ] as const
  for (const [method, path] of doors) {
    const body = method === 'POST' ? { body: { decision: 'approve' } } : {}
    const answer = await call(path, { ...body, method })
    t.match(answer, { status: 403, body: { error: { code: 'not_a_person' } } }, `${method} ${path}`)
  }
  t.match(await ask({}, { token: tokens.ana }), {
    status: 403,
    body: { error: { code: 'not_an_agent' } },
  })
  const mine = await ask()
  for (const how of ['', '/result', '/withdraw']) {
    const path = `/v1/actions/${mine.body.id}${how}`
    const body = how === '' ? {} : { body: { outcome: 'executed' } }
    t.equal((await call(path, { ...body, token: tokens.other })).status, 404, `not another's${how}`)
  }
  t.equal((await call(`/v1/actions/${id}`)).status, 404, 'a statement is no action')
  const second = await agentTokens.add('deploy-bot', null)
  t.equal((await ask()).status, 202, 'the one before stays good')
  await agentTokens.add('deploy-bot', null)
  t.equal((await ask()).status, 401, 'the third ends the first')
  t.equal((await ask({}, { token: second })).status, 202)
  const listed = house.agents.get('deploy-bot')
  if (!listed) throw new Error('it is not listed')
  house.agents.set('deploy-bot', { ...listed, networks: ['10.0.0.0/8'] })
  t.equal((await ask({}, { token: second })).status, 401, 'from a network that is not its own')
  house.agents.set('deploy-bot', {
    ...listed,
    networks: [],
    expires: clock.now(),
  })
  t.equal((await ask({}, { token: second })).status, 401, 'its time is over')
  await agentTokens.revoke('other-bot')
  t.equal((await ask({}, { token: tokens.other })).status, 401)
})

t.test('countersign agent token makes and ends tokens; the file gives nobody one', async (t) => {
  const folder = t.testdir({
    'countersign.yaml': `databases: { shop: { upstream: postgres://a:b@h/d } }
agents: { deploy-bot: { owners: [dba], databases: [shop] } }`,
  })
  const run = (...args: string[]) =>
    runCommand(registerAgentToken, [
      'agent',
      'token',
      ...args,
      '--config',
      `${folder}/countersign.yaml`,
    ])
  const made = await run('deploy-bot', '--json', '--created-by', 'ana@example.com')
  const { agent, token } = JSON.parse(made.out)
  t.match({ agent, token }, { agent: 'deploy-bot', token: /^csa_[\w-]{43}$/ })
  const data = `${folder}/countersign-data`
  t.notMatch(readFileSync(`${data}/action-tokens.json`, 'utf8'), token.slice(4))
  const tokens = new ActionTokens({ data, clock: systemClock })
  t.same(tokens.authenticate(token), { agent: 'deploy-bot', createdBy: ['ana@example.com'] })
  t.equal(new PersonTokens({ data, clock: systemClock }).authenticate(token), null)
  t.match(await run('nobody'), { code: 2, err: /not listed/ })
  t.match(await run('deploy-bot', '--revoke', '--json'), { code: 0, out: /"revoked":1/ })
  t.equal(tokens.authenticate(token), null, 'at once')
})

t.test('a repeat joins its request; an approval is for one of those who ask', async (t) => {
  const { ask, call, desk } = await openActions(t)
  const first = await ask({}, { headers: { 'idempotency-key': 'run-1' } })
  const second = await ask({ context: { canary: false, version: 'v7' } })
  t.equal(first.body.id, second.body.id, 'the order of keys is nothing')
  const id = String(first.body.id)
  await desk.decide(id, answerOf('ana@example.com'))
  const path = `/v1/actions/${id}`
  const key = { headers: { 'idempotency-key': 'run-1' } }
  const answers = await Promise.all([call(path), call(path), ask()])
  t.equal(answers.filter(({ status }) => status === 200).length, 1, 'one of them goes ahead')

  const again = await ask({ resource: 'b' }, key)
  t.match(again, { status: 422, body: { error: { code: 'idempotency_key_reused' } } })
  const other = await ask({ resource: 'b' }, { headers: { 'idempotency-key': 'run-2' } })
  await desk.decide(String(other.body.id), answerOf('ana@example.com'))
  const two = { headers: { 'idempotency-key': 'run-2' } }
  t.equal((await ask({ resource: 'b' }, two)).status, 200)
  t.equal((await ask({ resource: 'b' }, two)).status, 200, 'an answer that was lost is given again')
  t.equal((await call(`/v1/actions/${other.body.id}`, two)).status, 200)
  t.equal((await call(`/v1/actions/${other.body.id}`)).status, 409, 'to nobody else')
  const both = await Promise.all(
    [1, 2].map(() => ask({ resource: 'c' }, { headers: { 'idempotency-key': 'k' } })),
  )
  t.equal(both[0]?.body.id, both[1]?.body.id)
})

t.test('what was signed is what may be done', async (t) => {
  const { ask, call, desk, house } = await openActions(t)
  const { id } = (await ask()).body
  await desk.decide(String(id), answerOf('ana@example.com'))
  const changes = [
    { context: { version: 'v8', canary: false } },
    { context: { version: 'v7', canary: 'false' } },
    { resource: 'prod/recommender ' },
    { resource: 'prod/rec\u043emmender' },
    { on_behalf_of: 'bo@example.com' },
  ]
  for (const change of changes) {
    const asked = await ask(change)
    t.match(asked, { status: 202, body: { state: 'pending' } }, JSON.stringify(change))
    t.not(asked.body.id, id)
  }
  house.rules = [rule('two', { action: ['model.*'] }, { ...APPROVE_BY_DBA, count: 2 })]
  t.match(
    await call(`/v1/actions/${id}`),
    { status: 410, body: { error: { code: 'withdrawn', message: /the rules have changed/ } } },
    'signed under other rules',
  )
  const fresh = await ask()
  t.match(fresh, { status: 202, body: { rule: 'two' } })
})

t.test('the trail failing is no permission', async (t) => {
  const house = await openActions(t)
  const { ask, call, desk } = house
  house.house.rules = [rule('ok', { action: ['job.*'] }, { kind: 'allow', maxRows: null })]
  const { id } = (await ask()).body
  await desk.decide(String(id), answerOf('ana@example.com'))
  const trouble = new Error('disk full')
  house.recordTrouble = trouble
  t.equal((await call(`/v1/actions/${id}`)).status, 500)
  t.equal((await ask({ action: 'job.run' }, { headers: { 'idempotency-key': 'j' } })).status, 500)
  house.recordTrouble = null
  t.equal((await call(`/v1/actions/${id}`)).status, 200, 'and nothing was spent by that')
  t.equal((await ask({ action: 'job.run' }, { headers: { 'idempotency-key': 'j' } })).status, 200)
})

t.test('texts that two readers could read in two ways are refused', async (t) => {
  const { call, ask, desk } = await openActions(t)
  const raw = (body: string) => call('/v1/actions', { body })
  const bad: readonly [string, number, RegExp][] = [
    ['{"action":"a","resource":"r","resource":"s"}', 400, /"resource" stands twice/],
    ['{"action":"a","resource":"r","context":{"v":1,"\\u0076":2}}', 400, /"v" stands twice/],
    ['{"action":"a","resource":"r","context":{"x":[{"y":1,"y":1}]}}', 400, /"y" stands twice/],
    ['{"action":"a","resource":"r","context":{"__proto__":{}}}', 400, /can't be used/],
    ['{"action":"a","resource":"\\ud800"}', 400, /surrogate/],
    ['{"action":"a","resource":"r","context":{"n":9007199254740993}}', 400, /exactly/],
    ['{"action":"a","resource":"r","context":{"n":1e999}}', 400, /exactly/],
    [`{"action":"a","resource":"r","context":${'{"a":'.repeat(40)}1${'}'.repeat(40)}}`, 400, /32/],
    [`{"action":"a","resource":"r","context":${'['.repeat(20_000)}`, 400, /JSON/],
    ['{"action":"a","resource":"r","context":[]}', 422, /context/],
    ['{"action":"model.d\u0435ploy","resource":"r"}', 422, /small letters/],
    ['{"action":"Model.deploy","resource":"r"}', 422, /small letters/],
    ['{"action":"model..deploy","resource":"r"}', 422, /small letters/],
    ['{"action":"a","resource":""}', 422, /resource/],
    ['{"action":"a","resource":"r","approved":true}', 422, /approved/],
    [
      JSON.stringify({ action: 'a', resource: 'r', context: { x: 'é'.repeat(9_000) } }),
      413,
      /16384/,
    ],
    [
      JSON.stringify({ action: 'a', resource: 'r', context: { x: 'x'.repeat(70_000) } }),
      413,
      /large/,
    ],
  ]
  for (const [body, status, message] of bad) {
    t.match(await raw(body), { status, body: { error: { message } } }, body.slice(0, 60))
  }
  t.same([...desk.all()], [])
  const { id } = (await ask({ resource: 'prod\u202E/tset\n' })).body
  const { renderRequest } = await import('../../src/approval/channels/rendering.ts')
  const request = desk.get(String(id))
  const card = request && renderRequest(request)
  t.equal(card?.title, 'model.deploy on prod\\u{202e}/tset\\u{a}', 'nothing hides from a person')
  t.match(card?.statement, /prod\\u\{202e\}/)
})

t.test('no loop can tire people out, and no HEAD uses an approval up', async (t) => {
  const { ask, call, clock, desk, tokens, base } = await openActions(t)
  for (let at = 0; at < 60; at++) {
    const { id } = (await ask({ resource: `r${at}` })).body
    await call(`/v1/actions/${id}/withdraw`, { body: {} })
  }
  const more = await ask({ resource: 'more' })
  t.match(more, { status: 429, body: { error: { code: 'too_many_open' } } })
  t.equal((await ask({}, { token: tokens.other })).status, 202)
  clock.advance(60_000)
  const { id } = (await ask({ resource: 'more' })).body
  await desk.decide(String(id), answerOf('ana@example.com'))
  const authorization = `Bearer ${tokens.bot}`
  const head = await fetch(`${base}/v1/actions/${id}`, {
    method: 'HEAD',
    headers: { authorization },
  })
  t.equal(head.status, 404)
  t.equal(desk.get(String(id))?.spentAt, null)
})

t.test('what one agent says is not pushed out by another', async (t) => {
  const { ask, call, actions, house, desk } = await openActions(t)
  house.rules = [rule('ok', { action: ['job.*'] }, { kind: 'allow', maxRows: null })]
  const key = { headers: { 'idempotency-key': 'mine' } }
  const { id } = (await ask({}, key)).body
  await desk.decide(String(id), answerOf('ana@example.com'))
  t.equal((await ask({}, key)).status, 200)
  const job = await ask({ action: 'job.run' })
  const other = { name: 'other-bot', owners: [], databases: [], credentialCreatedBy: [] }
  for (let at = 0; at < 2_100; at++) {
    const asked = { name: 'job.run', resource: `r${at}`, context: {}, onBehalfOf: null }
    await actions.ask(other, asked, `k${at}`)
  }
  t.equal((await ask({}, key)).status, 200, 'its key is known')
  const result = `/v1/actions/${job.body.id}/result`
  const both = await Promise.all([1, 2].map(() => call(result, { body: { outcome: 'failed' } })))
  t.same(both.map(({ status }) => status).sort(), [200, 404], 'its result is taken, once')
})

t.test('one agent can not crowd out the others, nor the people', async (t) => {
  const { ask, call, clock, tokens } = await openActions(t)
  for (let at = 0; at < 50; at++) await ask({ resource: `r${at}` })
  t.match(await ask({ resource: 'more' }), {
    status: 429,
    body: { error: { code: 'too_many_open' } },
  })
  t.equal((await ask({ resource: 'r7' })).status, 202, 'what waits already is joined')
  t.equal((await ask({}, { token: tokens.other })).status, 202, 'others ask on')
  const { id } = (await ask({ resource: 'r0' })).body
  const before = clock.timers
  const waits = Array.from({ length: 20 }, () => call(`/v1/actions/${id}?wait=60`))
  while (clock.timers < before + 20) await new Promise((resolve) => setImmediate(resolve))
  t.match(await call(`/v1/actions/${id}?wait=60`), {
    status: 429,
    body: { error: { code: 'too_many_waits' } },
  })
  t.equal((await call('/v1/approvals', { token: tokens.ana })).status, 200)
  t.match(await call(`/v1/actions/${id}/withdraw`, { body: {} }), {
    status: 200,
    body: { state: 'withdrawn' },
  })
  for (const { status } of await Promise.all(waits)) t.equal(status, 410)
})
