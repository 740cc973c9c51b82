import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { z } from 'zod'
import { ApiError } from './api-error.ts'
import type { Callers } from './callers.ts'

/** Who may call: a person or an agent, each by a token of theirs, or anybody. */
export type Who = 'person' | 'agent' | 'anyone'

/** One kind of answer: what it means, and its body. */
export interface AnswerSpec {
  readonly says: string
  /** Null where the body isn't JSON. */
  readonly body: z.ZodType | null
  /** Of what isn't JSON. */
  readonly type?: string
}

type Parsed<Shape> = Shape extends z.ZodType ? z.output<Shape> : undefined

interface Call<Params, Query, Body> {
  readonly params: Parsed<Params>
  readonly query: Parsed<Query>
  readonly body: Parsed<Body>
  readonly request: FastifyRequest
  readonly reply: FastifyReply
}

/** All that is to be known of a route: fastify serves it and /openapi.json describes it by this. */
interface RouteSpec<Params, Query, Body> {
  readonly method: 'GET' | 'POST'
  /** `/v1/approvals/{id}` */
  readonly path: string
  readonly who: Who
  readonly summary: string
  readonly params?: Params
  readonly query?: Query
  readonly body?: Body
  /** Request headers that mean something: name -> what. */
  readonly headers?: Readonly<Record<string, string>>
  readonly answers: Readonly<Record<number, AnswerSpec>>
  /** Status -> the codes of its errors. */
  readonly errors?: Readonly<Record<number, readonly string[]>>
  readonly handle: (call: Call<Params, Query, Body>) => unknown
}

type Shape = z.ZodType | undefined

/** A declared route, whatever it takes. */
export interface Route extends Omit<RouteSpec<Shape, Shape, Shape>, 'handle'> {
  readonly serve: (request: FastifyRequest, reply: FastifyReply) => unknown
}

/** Declares a route: what is declared is what is parsed before `handle` sees it. */
export function route<
  Params extends Shape = undefined,
  Query extends Shape = undefined,
  Body extends Shape = undefined,
>({ handle, ...spec }: RouteSpec<Params, Query, Body>): Route {
  const read = <S extends Shape>(shape: S | undefined, value: unknown) =>
    (shape ? parsed(shape, value) : undefined) as Parsed<S>
  return {
    ...spec,
    serve: (request, reply) =>
      handle({
        params: read(spec.params, request.params),
        query: read(spec.query, request.query),
        body: read(spec.body, request.body),
        request,
        reply,
      }),
  }
}

/** Lets fastify serve what is declared; who calls is known before a body is read. */
export function serveRoutes(
  server: FastifyInstance,
  routes: readonly Route[],
  callers: Callers,
): void {
  for (const { method, path, who, serve } of routes) {
    server.route({
      method,
      url: path.replace(/\{(\w+)\}/g, ':$1'),
      // An agent's GET can use an approval up: a HEAD would, and tell nobody.
      exposeHeadRoute: who !== 'agent',
      onRequest: async (request) => callers.admit(request, who),
      handler: async (request, reply) => serve(request, reply),
    })
  }
}

/** The value, or 422 with every problem of it. */
function parsed<S extends z.ZodType>(shape: S, value: unknown): z.output<S> {
  const result = shape.safeParse(value ?? {})
  if (result.success) return result.data
  const problems = result.error.issues.map(
    (issue) => `${issue.path.join('.') || 'it'}: ${issue.message}`,
  )
  throw new ApiError(422, 'unprocessable', problems.join('; '))
}

/** The id in an address. */
export const IdParams = z.object({ id: z.string().max(64) })
