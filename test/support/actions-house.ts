import { join } from 'node:path'
import type { Test } from 'tap'
import { Actions } from '../../src/approval/actions.ts'
import type { AuditEvent } from '../../src/audit/events.ts'
import { EventFeed } from '../../src/control/event-feed.ts'
import { buildHttp } from '../../src/control/http.ts'
import { ActionTokens } from '../../src/identity/action-tokens.ts'
import { Directory } from '../../src/identity/directory.ts'
import { PersonTokens } from '../../src/identity/person-tokens.ts'
import { systemClock } from '../../src/lib/clock.ts'
import type { RuleConfig } from '../../src/policy/rule.ts'
import { draftOf, openDesk } from '../approval/fixtures.ts'

const agentOf = (name: string, owners: readonly string[]) => ({
  ...{ name, owners, databases: ['shop'], networks: [] as string[] },
  expires: null as number | null,
})

/** A control plane in process that takes actions: no database, time by hand. */
export async function openActions(t: Test) {
  const data = t.testdir({})
  const fixture = await openDesk(t, { data })
  const { desk, clock, records } = fixture
  const tokens = new PersonTokens({ data, clock: systemClock })
  const agentTokens = new ActionTokens({ data, clock: systemClock })
  const feed = new EventFeed('e')
  desk.subscribe((event) => feed.add(event))
  let number = 0
  const house = {
    rules: [] as readonly RuleConfig[],
    shadow: false,
    agents: new Map([
      ['deploy-bot', agentOf('deploy-bot', ['owner@example.com'])],
      ['other-bot', agentOf('other-bot', ['dba'])],
    ]),
  }
  const directory = () => new Directory(fixture.people, fixture.groups)
  const actions = new Actions({
    ...{ desk, clock, directory },
    newId: () => `a${++number}`,
    policy: () => house,
    record: async (event) => {
      if (fixture.recordTrouble) throw fixture.recordTrouble
      records.push(event)
    },
  })
  const searched: AuditEvent[] = []
  const server = buildHttp({
    ...{ desk, directory, tokens, feed, clock },
    urlOf: (id) => `http://proxy/v1/approvals/${id}`,
    notReady: () => [],
    metrics: () => '',
    log: (text) => t.comment(text),
    audit: {
      folder: join(data, 'audit'),
      record: async (event) => {
        if (fixture.recordTrouble) throw fixture.recordTrouble
        searched.push(event)
      },
    },
    actions: { actions, tokens: agentTokens, find: (name) => house.agents.get(name) },
  })
  const base = await server.listen({ host: '127.0.0.1', port: 0 })
  t.teardown(() => server.close())
  const [bot, other, ana, bo] = await Promise.all([
    agentTokens.add('deploy-bot', 'cy@example.com'),
    agentTokens.add('other-bot', null),
    tokens.add('ana@example.com'),
    tokens.add('bo@example.com'),
  ])
  const call = async (path: string, options: CallOptions = {}) => {
    const { token = bot, body, headers } = options
    const response = await fetch(`${base}${path}`, {
      method: options.method ?? (body === undefined ? 'GET' : 'POST'),
      headers: {
        authorization: `Bearer ${token}`,
        ...(body === undefined ? {} : { 'content-type': 'application/json' }),
        ...headers,
      },
      ...(body === undefined
        ? {}
        : { body: typeof body === 'string' ? body : JSON.stringify(body) }),
    })
    const answer = (await response.json()) as Record<string, unknown>
    return { status: response.status, body: answer }
  }
  const ask = (change: object = {}, options: CallOptions = {}) =>
    call('/v1/actions', { body: { ...DEPLOY, ...change }, ...options })
  const open = async (change = {}) => (await desk.open(draftOf(change), 'line')).request
  const parts = {
    personTokens: tokens,
    data,
    searched,
    base,
    house,
    actions,
    agentTokens,
    call,
    ask,
    open,
  }
  return Object.assign(fixture, parts, { tokens: { bot, other, ana, bo } })
}

interface CallOptions {
  readonly token?: string
  readonly body?: unknown
  readonly headers?: Record<string, string>
  readonly method?: string
}

export const DEPLOY = {
  action: 'model.deploy',
  resource: 'prod/recommender',
  context: { version: 'v7', canary: false },
}

export type ActionsHouse = Awaited<ReturnType<typeof openActions>>
