import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { isLive } from '../../approval/desk-events.ts'
import type { ApprovalRequest } from '../../approval/request.ts'
import { isOwner } from '../../identity/authorize-decision.ts'
import { assertNever } from '../../lib/assert-never.ts'
import { ApiError } from '../api-error.ts'
import { cursorAfter, pageOf } from '../page.ts'
import { type AgentsContent, agentsPage, type OwnAgent, type Waiting } from './agents-page.ts'
import { fieldsOf } from './form-fields.ts'
import { grantsPage } from './grants-page.ts'
import { historyPage } from './history-page.ts'
import { fitsQuery, historyQuery } from './history-query.ts'
import { needOwnPage } from './own-page.ts'
import type { PageContent } from './page-frame.ts'
import type { InboxOptions } from './web-options.ts'
import { needViewer, type Viewer } from './who.ts'

/** Shows a page of the frame to whoever is signed in. */
export type ShowPage = (
  path: string,
  make: (request: FastifyRequest, reply: FastifyReply, viewer: Viewer) => PageContent,
) => void

/** Answers with a page of the frame. */
export type SendPage = (reply: FastifyReply, viewer: Viewer, content: PageContent) => FastifyReply

const FOUND = 50
/** Of what is over, for each agent of the reader's. */
const LAST = 5

/** GET /inbox/history, /inbox/agents and /inbox/grants; POST /inbox/grants/:id/revoke. */
export function moreRoutes(server: FastifyInstance, options: InboxOptions, show: ShowPage): void {
  const { desk, clock, web } = options

  show('/inbox/history', (request) => ({
    title: 'History',
    main: history(request.query as Record<string, unknown>, options),
  }))

  show('/inbox/agents', (_request, _reply, viewer) => ({
    title: 'Agents',
    main: agentsPage(agentsOf(viewer, options)),
  }))

  show('/inbox/grants', (_request, _reply, { person, formToken }) => ({
    title: 'Grants',
    main: grantsPage({
      grants: [...desk.grants()].reverse(),
      mayRevoke: (grant) => desk.mayRevokeGrant(grant, person),
      formToken,
      now: clock.now(),
    }),
  }))

  server.post('/inbox/grants/:id/revoke', async (request, reply) => {
    const viewer = needViewer(request, options)
    const { form = '' } = fieldsOf(request)
    needOwnPage(request, { publicUrl: web.publicUrl(), expected: viewer.formToken, given: form })
    const { id } = request.params as { id: string }
    const by = { person: viewer.person.email, channel: 'inbox' } as const
    const result = await desk.revokeGrant(id, by)
    switch (result.kind) {
      case 'revoked':
      case 'gone':
        return reply.redirect('/inbox/grants', 303)
      case 'unknown':
        throw new ApiError(404, 'not_found', 'There is no grant of this id.')
      case 'refused':
        throw new ApiError(403, 'not_an_approver', result.message)
      default:
        return assertNever(result)
    }
  })
}

function history(given: Readonly<Record<string, unknown>>, { desk }: InboxOptions) {
  const { after } = given
  if (after !== undefined && typeof after !== 'string') {
    throw new ApiError(422, 'unprocessable', 'after: give what the page before gave')
  }
  const query = historyQuery(given)
  const all = [...desk.all()]
  const { page: found, next: older } = pageOf(
    all.filter((request) => fitsQuery(request, query)),
    { limit: FOUND, after: cursorAfter(after) },
  )
  const agents = [...new Set(all.map(({ agent }) => agent))].sort()
  return historyPage({ query, agents, found, older, isOlder: after !== undefined })
}

function agentsOf({ person, formToken }: Viewer, options: InboxOptions): AgentsContent {
  const { desk, clock, web } = options
  const all = [...desk.all()]
  const mine = all.filter((request) => isOwner(request, person))
  const listed = [...(web.agents?.() ?? [])].filter((agent) => isOwner(agent, person))
  const names = new Set([...listed.map(({ name }) => name), ...mine.map(({ agent }) => agent)])
  const own = [...names].sort().map((name) => ownAgent(name, mine))
  return { waiting: whoWaits(all), own, formToken, now: clock.now() }
}

function ownAgent(name: string, mine: readonly ApprovalRequest[]): OwnAgent {
  const its = mine
    .filter(({ agent }) => agent === name)
    .sort((a, b) => (a.createdAt < b.createdAt ? 1 : -1))
  const past = its.filter((request) => !isLive(request)).slice(0, LAST)
  return { name, open: its.filter(isLive), past }
}

/** The one that has waited longest comes first. */
function whoWaits(all: readonly ApprovalRequest[]): readonly Waiting[] {
  const waiting = new Map<string, Waiting>()
  for (const { agent, state, createdAt } of all) {
    if (state !== 'pending') continue
    const { count = 0, oldest = createdAt } = waiting.get(agent) ?? {}
    waiting.set(agent, {
      ...{ agent, count: count + 1 },
      oldest: [createdAt, oldest].sort()[0] ?? createdAt,
    })
  }
  return [...waiting.values()].sort((a, b) => (a.oldest < b.oldest ? -1 : 1))
}
