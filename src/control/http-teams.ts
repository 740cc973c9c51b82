import type { FastifyInstance } from 'fastify'
import type { TeamsAnswer, TeamsRequest } from '../approval/channels/teams-inlet.ts'
import { ApiError } from './api-error.ts'

/** What people write to a bot comes here too, 100 KB at most. */
const BODY_LIMIT = 256 * 1024

/** Takes a request; null where there is no bot. */
export type TeamsBotInlet = (request: TeamsRequest) => Promise<TeamsAnswer | null>

/** POST /channels/teams/messages: the bot's address; each request has to be the connector's own. */
export function teamsRoutes(server: FastifyInstance, inlet: TeamsBotInlet): void {
  server.removeAllContentTypeParsers()
  // Nothing is read before it is known to carry a token.
  server.addContentTypeParser('*', { parseAs: 'buffer' }, (_request, body, done) => {
    done(null, body)
  })
  server.post('/channels/teams/messages', { bodyLimit: BODY_LIMIT }, async (request, reply) => {
    const body = Buffer.isBuffer(request.body) ? request.body : Buffer.alloc(0)
    const answer = await inlet({ headers: request.headers, body })
    if (!answer) throw new ApiError(404, 'not_found', 'There is no bot of Teams here.')
    return reply.code(answer.status).type('application/json').send(JSON.stringify(answer.body))
  })
}
