import fastify, { type FastifyInstance } from 'fastify'
import { messageOf } from '../lib/errors.ts'
import { parseStrictJson } from '../lib/strict-json.ts'
import { ApiError, sendError } from './api-error.ts'
import { Callers } from './callers.ts'
import { actionRoutes } from './http-actions.ts'
import { approvalRoutes } from './http-approvals.ts'
import { auditRoutes } from './http-audit.ts'
import { eventRoutes } from './http-events.ts'
import { grantRoutes } from './http-grants.ts'
import { healthRoutes } from './http-health.ts'
import { type HttpOptions, SECURITY_HEADERS } from './http-options.ts'
import { sessionRoutes } from './http-session.ts'
import { slackRoutes } from './http-slack.ts'
import { teamsRoutes } from './http-teams.ts'
import { openApiRoute } from './open-api.ts'
import { type Route, serveRoutes } from './route.ts'
import { addressOf } from './web/request-words.ts'
import { webRoutes } from './web/web.ts'

/** A decision is a few lines of JSON, an action's context 16 KiB at most. */
const BODY_LIMIT = 64 * 1024
const MAX_CONNECTIONS = 1_000

/**
 * The HTTP API of the control plane, not listening yet. Everything under /v1 needs a token; health
 * and metrics name no agent, person or table and need none. There is no CORS: no web page of
 * another origin is to read any of it.
 */
export function buildHttp(options: HttpOptions): FastifyInstance {
  const server = fastify({ bodyLimit: BODY_LIMIT, forceCloseConnections: true })
  server.server.maxConnections = MAX_CONNECTIONS
  // JSON only: what a page of another origin can post without asking first isn't it.
  server.removeContentTypeParser('text/plain')
  server.setErrorHandler((error, _request, reply) => sendError(error, reply, options.log))
  server.setNotFoundHandler((request, reply) => {
    const message = `There is no ${request.method} ${request.url.split('?')[0]}.`
    return sendError(new ApiError(404, 'not_found', message), reply, options.log)
  })
  server.addHook('onRequest', async (_request, reply) => {
    reply.headers(SECURITY_HEADERS)
  })
  server.register((api, _options, done) => {
    if (options.web) showPeopleThePage(api)
    readStrictly(api)
    const callers = callersOf(options)
    const routes = apiRoutes(options, callers)
    serveRoutes(api, [...routes, openApiRoute(routes)], callers)
    done()
  })
  const { web, slack, teams } = options
  if (slack) {
    server.register((channel, _options, done) => {
      slackRoutes(channel, slack)
      done()
    })
  }
  if (teams) {
    server.register((channel, _options, done) => {
      teamsRoutes(channel, teams)
      done()
    })
  }
  if (web) {
    server.register((inbox, _options, done) => {
      webRoutes(inbox, { ...options, web })
      done()
    })
  }
  return server
}

function callersOf({ clock, directory, tokens, actions, session }: HttpOptions): Callers {
  const sessions = session?.tokens
  return new Callers({ clock, directory, tokens, sessions, agents: actions ?? null })
}

/** Every route of the API, as it is served and described. */
function apiRoutes(options: HttpOptions, callers: Callers): readonly Route[] {
  const { actions, audit, session } = options
  return [
    ...healthRoutes(options),
    ...approvalRoutes(options, callers),
    ...grantRoutes(options, callers),
    ...(actions ? actionRoutes(options, actions, callers) : []),
    ...(session ? sessionRoutes(options, session, callers) : []),
    ...(audit ? auditRoutes(audit, callers) : []),
    ...eventRoutes(options, callers),
  ]
}

/** What a body says has to be the same for every reader of it. */
function readStrictly(server: FastifyInstance): void {
  server.removeContentTypeParser('application/json')
  server.addContentTypeParser('application/json', { parseAs: 'string' }, (_request, body, done) => {
    try {
      done(null, parseStrictJson(String(body)))
    } catch (error) {
      done(new ApiError(400, 'bad_request', messageOf(error)))
    }
  })
}

/** A request's address is given to agents and to people; whoever follows it in a browser reads it. */
function showPeopleThePage(server: FastifyInstance): void {
  server.addHook('onRequest', async (request, reply) => {
    const { authorization, accept } = request.headers
    const id = /^\/v1\/approvals\/([A-Za-z0-9]+)$/.exec(request.url)?.[1]
    if (request.method !== 'GET' || id === undefined || authorization !== undefined) return
    if (accept?.includes('text/html')) return reply.redirect(addressOf(id), 303)
  })
}
