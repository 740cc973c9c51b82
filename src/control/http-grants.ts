import { z } from 'zod'
import { type Grant, isLiveGrant } from '../approval/grant.ts'
import { assertNever } from '../lib/assert-never.ts'
import { channelOf } from './answer-channel.ts'
import { ApiError } from './api-error.ts'
import type { Callers } from './callers.ts'
import type { HttpOptions } from './http-options.ts'
import { IdParams, type Route, route } from './route.ts'

const text = z.string()

/** A grant as the HTTP API shows it. Times are ISO 8601, UTC. */
export const GrantView = z.object({
  id: text,
  state: z.enum(['active', 'revoked', 'expired']),
  agent: text,
  database: text,
  verb: text,
  tables: z.array(
    z.object({ name: text, access: z.enum(['read', 'write']), classes: z.array(text) }),
  ),
  classes: z.array(text),
  max_rows: z.number(),
  by: z.array(text),
  request: text,
  url: text,
  uses: z.number(),
  created_at: text,
  expires_at: text,
  revoked_by: text.nullable(),
  revoked_at: text.nullable(),
})
export const GrantList = z.object({ grants: z.array(GrantView) })

/** /v1/grants: approvals that are for more than one execution, newest first. */
export function grantRoutes(options: HttpOptions, callers: Callers): readonly Route[] {
  const { desk, clock, urlOf } = options
  const view = (grant: Grant) => grantView(grant, clock.now(), urlOf(grant.request))
  return [
    route({
      method: 'GET',
      path: '/v1/grants',
      who: 'person',
      summary: 'What is approved for a time, newest first',
      answers: { 200: { says: 'All that are kept', body: GrantList } },
      handle: () => ({ grants: [...desk.grants()].reverse().map(view) }),
    }),
    route({
      method: 'POST',
      path: '/v1/grants/{id}/revoke',
      who: 'person',
      summary: 'End a grant; what it has let run stays',
      params: IdParams,
      answers: { 200: { says: 'It has ended', body: GrantView } },
      errors: { 403: ['not_an_approver'], 404: ['not_found'], 410: ['revoked', 'expired'] },
      handle: async ({ params, request }) => {
        const by = { person: callers.person(request).email, channel: channelOf(request) }
        const result = await desk.revokeGrant(params.id, by)
        switch (result.kind) {
          case 'revoked':
            return view(result.grant)
          case 'unknown':
            throw new ApiError(404, 'not_found', 'There is no grant of this id.')
          case 'gone':
            throw new ApiError(410, stateOf(result.grant, clock.now()), 'It is over already.')
          case 'refused':
            throw new ApiError(403, 'not_an_approver', result.message)
          default:
            return assertNever(result)
        }
      },
    }),
  ]
}

function stateOf(grant: Grant, now: number): 'active' | 'revoked' | 'expired' {
  if (isLiveGrant(grant, now)) return 'active'
  return grant.revoked ? 'revoked' : 'expired'
}

function grantView(grant: Grant, now: number, url: string): z.output<typeof GrantView> {
  return {
    id: grant.id,
    state: stateOf(grant, now),
    agent: grant.agent,
    database: grant.database,
    verb: grant.verb,
    tables: grant.tables.map(({ classes, ...table }) => ({ ...table, classes: [...classes] })),
    classes: [...grant.classes],
    max_rows: grant.maxRows,
    by: [...new Set(grant.votes.map(({ person }) => person))],
    request: grant.request,
    url,
    uses: grant.uses,
    created_at: grant.createdAt,
    expires_at: grant.expiresAt,
    revoked_by: grant.revoked?.by ?? null,
    revoked_at: grant.revoked?.at ?? null,
  }
}
