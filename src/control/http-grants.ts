import type { FastifyInstance } from 'fastify'
import { type Grant, isLiveGrant } from '../approval/grant.ts'
import { assertNever } from '../lib/assert-never.ts'
import { channelOf } from './answer-channel.ts'
import { ApiError } from './api-error.ts'
import type { HttpOptions, PersonOf } from './http-options.ts'

type Options = HttpOptions & { readonly personOf: PersonOf }

/** /v1/grants: approvals that are for more than one execution, newest first. */
export function grantRoutes(server: FastifyInstance, options: Options): void {
  const { desk, clock, urlOf } = options
  const view = (grant: Grant) => grantView(grant, clock.now(), urlOf(grant.request))

  server.get('/grants', async () => ({ grants: [...desk.grants()].reverse().map(view) }))

  server.post('/grants/:id/revoke', async (request) => {
    const { id } = request.params as { id: string }
    const by = { person: options.personOf(request).email, channel: channelOf(request) }
    const result = await desk.revokeGrant(id, by)
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
  })
}

function stateOf(grant: Grant, now: number): 'active' | 'revoked' | 'expired' {
  if (isLiveGrant(grant, now)) return 'active'
  return grant.revoked ? 'revoked' : 'expired'
}

/** A grant as the HTTP API shows it. Times are ISO 8601, UTC. */
function grantView(grant: Grant, now: number, url: string) {
  return {
    id: grant.id,
    state: stateOf(grant, now),
    agent: grant.agent,
    database: grant.database,
    verb: grant.verb,
    tables: grant.tables,
    classes: grant.classes,
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
