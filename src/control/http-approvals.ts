import type { FastifyRequest } from 'fastify'
import { z } from 'zod'
import type { Answer } from '../approval/answer.ts'
import { statusOf } from '../approval/channels/rendering.ts'
import { type DecideResult, winnerOf } from '../approval/decide-result.ts'
import { DEFAULT_TERMS, LONGEST_GRANT_MINUTES } from '../approval/grant.ts'
import { type ApprovalRequest, REQUEST_STATES } from '../approval/request.ts'
import { assertNever } from '../lib/assert-never.ts'
import { channelOf } from './answer-channel.ts'
import { ApiError } from './api-error.ts'
import type { Callers } from './callers.ts'
import type { HttpOptions } from './http-options.ts'
import { type Answered, IdempotentAnswers, idempotencyKey } from './idempotency.ts'
import { cursorAfter, pageOf } from './page.ts'
import { ApprovalView, requestView } from './request-view.ts'
import { IdParams, type Route, route } from './route.ts'
import { untilChanged } from './until-changed.ts'

/** Seconds. */
export const LONGEST_WAIT = 60

const ListQuery = z.strictObject({
  state: z.enum(REQUEST_STATES).optional(),
  agent: z.string().optional(),
  cursor: z.string().max(200).optional().describe('What `next` of the page before gave.'),
  limit: z.coerce.number().int().min(1).max(200).default(50),
})
export const ApprovalList = z.object({
  approvals: z.array(ApprovalView),
  next: z.string().nullable().describe('The cursor of the next page; null where there is none.'),
})
export const WaitQuery = z.strictObject({
  wait: z.coerce
    .number()
    .min(0)
    .max(LONGEST_WAIT)
    .default(0)
    .describe('Seconds: it answers when something changes, or then.'),
})
const Common = {
  decision: z.enum(['approve', 'deny']),
  reason: z.string().max(2000).default(''),
  statement_sha256: z
    .string()
    .regex(/^[0-9a-fA-F]{64}$/, 'must be 64 hexadecimal digits')
    .optional()
    .describe('The decision counts only for this text.'),
}
/** One execution, or its shape for a time: any constants, and at most so many rows each. */
export const Decision = z.discriminatedUnion('scope', [
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

export const BreakGlassBody = z.strictObject({
  reason: z.string().min(1).max(2000).describe('Why it can not wait for those who are asked.'),
  ticket: z.string().min(1).max(200).describe('Of the incident that it is for.'),
  statement_sha256: Common.statement_sha256,
})

const DECIDED = {
  200: { says: 'It is decided', body: ApprovalView },
  202: { says: 'It counts, and more people have to sign', body: ApprovalView },
} as const
const NOT_DECIDED = {
  404: ['not_found'],
  409: ['already_decided'],
  410: ['expired', 'withdrawn'],
} as const

/** /v1/approvals: anybody with a token lists and reads; who may decide is the desk's to say. */
export function approvalRoutes(options: HttpOptions, callers: Callers): readonly Route[] {
  return [...readingRoutes(options), ...decidingRoutes(options, callers)]
}

function readingRoutes({ desk, clock, urlOf, regulations }: HttpOptions): readonly Route[] {
  const view = (request: ApprovalRequest) =>
    requestView(request, urlOf(request.id), regulations?.(), desk.ruleFor(request))
  return [
    route({
      method: 'GET',
      path: '/v1/approvals',
      who: 'person',
      summary: 'Requests, newest first, page by page',
      query: ListQuery,
      answers: { 200: { says: 'A page', body: ApprovalList } },
      handle: ({ query }) => {
        const { page, next } = pageOf(desk.all(), { ...query, after: cursorAfter(query.cursor) })
        return { approvals: page.map(view), next }
      },
    }),
    route({
      method: 'GET',
      path: '/v1/approvals/{id}',
      who: 'person',
      summary: 'One request, now or when something changes',
      params: IdParams,
      query: WaitQuery,
      answers: { 200: { says: 'The request', body: ApprovalView } },
      errors: { 404: ['not_found'] },
      handle: async ({ params, query, reply }) => {
        const request = desk.get(params.id) ?? unknown()
        const gone = new Promise<void>((resolve) => reply.raw.once('close', resolve))
        await untilChanged({ desk, clock, request, waitMs: query.wait * 1000, gone })
        return view(desk.get(request.id) ?? unknown())
      },
    }),
  ]
}

function decidingRoutes(
  { desk, urlOf, regulations }: HttpOptions,
  callers: Callers,
): readonly Route[] {
  const answers = new IdempotentAnswers()
  const view = (request: ApprovalRequest) =>
    requestView(request, urlOf(request.id), regulations?.(), desk.ruleFor(request))
  const speaker = (request: FastifyRequest) => ({
    person: callers.person(request).email,
    channel: channelOf(request),
  })
  return [
    route({
      method: 'POST',
      path: '/v1/approvals/{id}/decisions',
      who: 'person',
      summary: 'Approve or deny a request',
      params: IdParams,
      body: Decision,
      headers: {
        'idempotency-key': 'The same key with the same body gets the answer of the first time.',
      },
      answers: DECIDED,
      errors: {
        ...NOT_DECIDED,
        403: ['self_approval', 'not_an_approver', 'may_not_clear', 'only_once', 'step_up_required'],
        412: ['statement_differs'],
        422: ['idempotency_key_reused'],
      },
      handle: async ({ params, body, request, reply }) => {
        const by = speaker(request)
        const asked = { person: by.person, path: request.url, body }
        const { status, body: answer } = await answers.once(
          idempotencyKey(request),
          asked,
          async () => {
            const statementSha256 = body.statement_sha256?.toLowerCase() ?? null
            const { decision, reason } = body
            const given = { ...by, decision, reason, statementSha256, ...scopeOf(body) }
            return answerTo(await desk.decide(params.id, given), view)
          },
        )
        return reply.code(status).send(answer)
      },
    }),
    route({
      method: 'POST',
      path: '/v1/approvals/{id}/break-glass',
      who: 'person',
      summary: 'Let a request pass alone, and alert everybody',
      params: IdParams,
      body: BreakGlassBody,
      answers: { 200: DECIDED[200] },
      errors: {
        ...NOT_DECIDED,
        403: ['self_approval', 'not_an_approver', 'may_not_clear'],
        412: ['statement_differs'],
      },
      handle: async ({ params, body, request, reply }) => {
        const statementSha256 = body.statement_sha256?.toLowerCase() ?? null
        const { reason, ticket } = body
        const by = { ...speaker(request), reason, ticket, statementSha256 }
        const { status, body: answer } = answerTo(await desk.breakGlass(params.id, by), view)
        return reply.code(status).send(answer)
      },
    }),
    route({
      method: 'POST',
      path: '/v1/approvals/{id}/withdraw',
      who: 'person',
      summary: "Take back a request of one's own agent",
      params: IdParams,
      answers: { 200: { says: 'It is withdrawn', body: ApprovalView } },
      errors: { ...NOT_DECIDED, 403: ['not_an_owner'] },
      handle: async ({ params, request, reply }) => {
        const result = await desk.withdrawByOwner(params.id, speaker(request))
        const { status, body } = answerTo(result, view)
        return reply.code(status).send(body)
      },
    }),
  ]
}

function scopeOf(body: z.infer<typeof Decision>): Pick<Answer, 'clears' | 'grant'> {
  if (body.scope === 'once') return { clears: body.clear }
  return { grant: { minutes: body.minutes, maxRows: body.max_rows } }
}

/** 200: it is decided. 202: it counts and more people have to sign. */
export function answerTo(
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
    case 'refused': {
      // Where it can be decided: the address leads a browser to the inbox.
      const { url } = view(result.request)
      return failed(403, result.code, result.message, {
        ...(result.code === 'step_up_required' && { inbox: url }),
      })
    }
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
