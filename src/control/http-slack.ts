import type { FastifyInstance } from 'fastify'
import type { SlackHttpAnswer, SlackHttpRequest } from '../approval/channels/slack-http.ts'
import { ApiError } from './api-error.ts'
import { CHAT_BODY_LIMIT, keepRaw, rawBodyOf } from './raw-body.ts'

/** Takes a request; null where Slack doesn't come by HTTP. */
export type SlackInlet = (request: SlackHttpRequest) => Promise<SlackHttpAnswer | null>

/** POST /channels/slack/events: where Slack's requests come in; each has to be signed by it. */
export function slackRoutes(server: FastifyInstance, inlet: SlackInlet): void {
  keepRaw(server)
  const options = { bodyLimit: CHAT_BODY_LIMIT }
  server.post('/channels/slack/events', options, async (request, reply) => {
    const answer = await inlet({ headers: request.headers, body: rawBodyOf(request) })
    if (!answer) throw new ApiError(404, 'not_found', 'Slack is not spoken to over HTTP here.')
    return reply.code(answer.status).type(answer.type).send(answer.body)
  })
}
