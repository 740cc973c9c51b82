import type { FastifyInstance } from 'fastify'
import type { TeamsAnswer, TeamsRequest } from '../approval/channels/teams-inlet.ts'
import { ApiError } from './api-error.ts'
import { CHAT_BODY_LIMIT, keepRaw, rawBodyOf } from './raw-body.ts'

/** Takes a request; null where there is no bot. */
export type TeamsBotInlet = (request: TeamsRequest) => Promise<TeamsAnswer | null>

/** POST /channels/teams/messages: the bot's address; each request has to be the connector's own. */
export function teamsRoutes(server: FastifyInstance, inlet: TeamsBotInlet): void {
  keepRaw(server)
  const options = { bodyLimit: CHAT_BODY_LIMIT }
  server.post('/channels/teams/messages', options, async (request, reply) => {
    const answer = await inlet({ headers: request.headers, body: rawBodyOf(request) })
    if (!answer) throw new ApiError(404, 'not_found', 'There is no bot of Teams here.')
    return reply.code(answer.status).type('application/json').send(JSON.stringify(answer.body))
  })
}
