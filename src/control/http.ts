import fastify, { type FastifyInstance, type FastifyRequest } from 'fastify'
import type { Person } from '../identity/principal.ts'
import { ApiError, sendError } from './api-error.ts'
import { approvalRoutes } from './http-approvals.ts'
import { eventRoutes } from './http-events.ts'
import { grantRoutes } from './http-grants.ts'
import {
  type HttpOptions,
  type PersonOf,
  personBehind,
  SECURITY_HEADERS,
  unauthorized,
} from './http-options.ts'
import { slackRoutes } from './http-slack.ts'
import { addressOf } from './web/request-words.ts'
import { webRoutes } from './web/web.ts'

/** A decision is a few lines of JSON. */
const BODY_LIMIT = 64 * 1024
const MAX_CONNECTIONS = 1_000

/**
 * The HTTP API of the control plane, not listening yet. Everything under /v1 needs a person's
 * token; health and metrics name no agent, person or table and need none. There is no CORS: no web
 * page of another origin is to read any of it.
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
  healthRoutes(server, options)
  server.register(
    (v1, _options, done) => {
      if (options.web) showPeopleThePage(v1)
      const personOf = authenticated(v1, options)
      approvalRoutes(v1, { ...options, personOf })
      grantRoutes(v1, { ...options, personOf })
      eventRoutes(v1, options)
      done()
    },
    { prefix: '/v1' },
  )
  const { web, slack } = options
  if (slack) {
    server.register((channel, _options, done) => {
      slackRoutes(channel, slack)
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

/** A request's address is given to agents and to people; whoever follows it in a browser reads it. */
function showPeopleThePage(server: FastifyInstance): void {
  server.addHook('onRequest', async (request, reply) => {
    const { authorization, accept } = request.headers
    const id = /^\/v1\/approvals\/([A-Za-z0-9]+)$/.exec(request.url)?.[1]
    if (request.method !== 'GET' || id === undefined || authorization !== undefined) return
    if (accept?.includes('text/html')) return reply.redirect(addressOf(id), 303)
  })
}

function healthRoutes(server: FastifyInstance, options: HttpOptions): void {
  server.get('/healthz', async () => ({ ok: true }))
  server.get('/readyz', async (_request, reply) => {
    const reasons = options.notReady()
    reply.code(reasons.length === 0 ? 200 : 503)
    return { ready: reasons.length === 0, reasons }
  })
  server.get('/metrics', async (_request, reply) => {
    reply.type('text/plain; version=0.0.4; charset=utf-8')
    return options.metrics()
  })
}

/** Lets only people in, before a body is read. */
function authenticated(server: FastifyInstance, options: HttpOptions): PersonOf {
  const people = new WeakMap<FastifyRequest, Person>()
  server.addHook('onRequest', async (request) => {
    people.set(request, personBehind(request, options))
  })
  return (request) => people.get(request) ?? unauthorized()
}
