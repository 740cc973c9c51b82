import type { FastifyInstance } from 'fastify'
import type { SlackHttpAnswer, SlackHttpRequest } from '../approval/channels/slack-http.ts'
import { ApiError } from './api-error.ts'

/** A click carries the message that it was made in, percent-encoded. */
const BODY_LIMIT = 256 * 1024

/** Takes a request; null where Slack doesn't come by HTTP. */
export type SlackInlet = (request: SlackHttpRequest) => Promise<SlackHttpAnswer | null>

/** POST /channels/slack/events: where Slack's requests come in; each has to be signed by it. */
export function slackRoutes(server: FastifyInstance, inlet: SlackInlet): void {
  server.removeAllContentTypeParsers()
  // The signature is of the bytes, so that nothing reads them before.
  server.addContentTypeParser('*', { parseAs: 'buffer' }, (_request, body, done) => {
    done(null, body)
  })
  server.post('/channels/slack/events', { bodyLimit: BODY_LIMIT }, async (request, reply) => {
    const body = Buffer.isBuffer(request.body) ? request.body : Buffer.alloc(0)
    const answer = await inlet({ headers: request.headers, body })
    if (!answer) throw new ApiError(404, 'not_found', 'Slack is not spoken to over HTTP here.')
    return reply.code(answer.status).type(answer.type).send(answer.body)
  })
}
