import type { FastifyInstance, FastifyRequest } from 'fastify'
import { z } from 'zod'
import { statusOf } from '../approval/channels/rendering.ts'
import { type DecideResult, winnerOf } from '../approval/decide-result.ts'
import type { Answer } from '../approval/desk.ts'
import { DEFAULT_TERMS, LONGEST_GRANT_MINUTES } from '../approval/grant.ts'
import { type ApprovalRequest, REQUEST_STATES } from '../approval/request.ts'
import { assertNever } from '../lib/assert-never.ts'
import { channelOf } from './answer-channel.ts'
import { ApiError } from './api-error.ts'
import type { HttpOptions, PersonOf } from './http-options.ts'
import { type Answered, IdempotentAnswers } from './idempotency.ts'
import { cursorAfter, pageOf } from './page.ts'
import { requestView } from './request-view.ts'
import { untilChanged } from './until-changed.ts'

type Options = HttpOptions & { readonly personOf: PersonOf }

/** Seconds. */
const LONGEST_WAIT = 60

const ListQuery = z.strictObject({
  state: z.enum(REQUEST_STATES).optional(),
  agent: z.string().optional(),
  cursor: z.string().max(200).optional(),
  limit: z.coerce.number().int().min(1).max(200).default(50),
})
const OneQuery = z.strictObject({
  wait: z.coerce.number().min(0).max(LONGEST_WAIT).default(0),
})
const Common = {
  decision: z.enum(['approve', 'deny']),
  reason: z.string().max(2000).default(''),
  statement_sha256: z
    .string()
    .regex(/^[0-9a-fA-F]{64}$/, 'must be 64 hexadecimal digits')
    .optional(),
}
/** One execution, or its shape for a time: any constants, and at most so many rows each. */
const Decision = z.discriminatedUnion('scope', [
  z.strictObject({
    ...Common,
    scope: z.literal('once').default('once'),
    clear: z.array(z.string().max(200)).max(100).default([]),
  }),
  z.strictObject({
    ...Common,
    scope: z.literal('shape'),
    minutes: z.int().min(1).max(LONGEST_GRANT_MINUTES).default(DEFAULT_TERMS.minutes),
    max_rows: z.int().min(1).default(DEFAULT_TERMS.maxRows),
  }),
])

/** /v1/approvals: anybody with a token lists and reads; who may decide is the desk's to say. */
export function approvalRoutes(server: FastifyInstance, options: Options): void {
  const { desk, urlOf } = options
  const answers = new IdempotentAnswers()
  const view = (request: ApprovalRequest) =>
    requestView(request, urlOf(request.id), options.regulations?.())

  server.get('/approvals', async (request) => {
    const query = parsed(ListQuery, request.query)
    const { page, next } = pageOf(desk.all(), { ...query, after: cursorAfter(query.cursor) })
    return { approvals: page.map(view), next }
  })

  server.get('/approvals/:id', async (request, reply) => {
    const { wait } = parsed(OneQuery, request.query)
    const found = desk.get(idOf(request)) ?? unknown()
    const gone = new Promise<void>((resolve) => reply.raw.once('close', resolve))
    await untilChanged({ desk, clock: options.clock, request: found, waitMs: wait * 1000, gone })
    return view(desk.get(found.id) ?? unknown())
  })

  server.post('/approvals/:id/decisions', async (request, reply) => {
    const body = parsed(Decision, request.body)
    const { email } = options.personOf(request)
    const key = request.headers['idempotency-key']
    if (Array.isArray(key)) throw new ApiError(400, 'bad_request', 'Send one Idempotency-Key.')
    const asked = { person: email, path: request.url, body }
    const { status, body: answer } = await answers.once(key, asked, async () => {
      const sha = body.statement_sha256?.toLowerCase() ?? null
      const { decision, reason } = body
      const channel = channelOf(request)
      const scope = scopeOf(body)
      const given = { person: email, decision, reason, channel, statementSha256: sha, ...scope }
      return answerTo(await desk.decide(idOf(request), given), view)
    })
    return reply.code(status).send(answer)
  })

  server.post('/approvals/:id/withdraw', async (request, reply) => {
    const by = { person: options.personOf(request).email, channel: channelOf(request) }
    const { status, body } = answerTo(await desk.withdrawByOwner(idOf(request), by), view)
    return reply.code(status).send(body)
  })
}

function scopeOf(body: z.infer<typeof Decision>): Pick<Answer, 'clears' | 'grant'> {
  if (body.scope === 'once') return { clears: body.clear }
  return { grant: { minutes: body.minutes, maxRows: body.max_rows } }
}

function idOf(request: FastifyRequest): string {
  return (request.params as { id: string }).id
}

/** 200: it is decided. 202: it counts and more people have to sign. */
function answerTo(
  result: DecideResult,
  view: (request: ApprovalRequest) => Record<string, unknown>,
): Answered {
  switch (result.kind) {
    case 'decided':
      return { status: 200, body: view(result.request) }
    case 'counted':
      return { status: 202, body: view(result.request) }
    case 'unknown':
      return failed(404, 'not_found', 'There is no request of this id.')
    case 'already':
      return failed(409, 'already_decided', `It was ${winnerOf(result.request)} already.`, {
        approval: view(result.request),
      })
    case 'gone':
      return failed(410, result.request.state, `It is over: ${statusOf(result.request)}.`, {
        approval: view(result.request),
      })
    case 'changed':
      return failed(
        412,
        'statement_differs',
        'statement_sha256 is not that of this statement: read the request again.',
      )
    case 'refused':
      return failed(403, result.code, result.message)
    default:
      return assertNever(result)
  }
}

function failed(
  status: number,
  code: string,
  message: string,
  more: Record<string, unknown> = {},
): Answered {
  return { status, body: { error: { code, message }, ...more } }
}

function unknown(): never {
  throw new ApiError(404, 'not_found', 'There is no request of this id.')
}

/** The value, or 422 with every problem of it. */
function parsed<Shape extends z.ZodType>(shape: Shape, value: unknown): z.infer<Shape> {
  const result = shape.safeParse(value ?? {})
  if (result.success) return result.data
  const problems = result.error.issues.map(
    (issue) => `${issue.path.join('.') || 'it'}: ${issue.message}`,
  )
  throw new ApiError(422, 'unprocessable', problems.join('; '))
}
