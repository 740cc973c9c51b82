import type { FastifyReply } from 'fastify'
import { z } from 'zod'
import { MAX_CONTEXT } from '../approval/action-draft.ts'
import type { ActionAnswer } from '../approval/actions.ts'
import type { Agent } from '../identity/principal.ts'
import { canonicalJson, type Json } from '../lib/canonical-json.ts'
import type { ActionOptions } from './action-options.ts'
import { ActionView, answerAction } from './action-view.ts'
import { ApiError } from './api-error.ts'
import type { Callers } from './callers.ts'
import { WaitQuery } from './http-approvals.ts'
import type { HttpOptions } from './http-options.ts'
import { idempotencyKey } from './idempotency.ts'
import { type AnswerSpec, IdParams, type Route, route } from './route.ts'
import { untilChanged } from './until-changed.ts'

/** Requests of one agent that may wait at a time; people need connections too. */
const MAX_WAITS = 20

const name = z
  .string()
  .max(100)
  .regex(
    /^[a-z0-9_-]+(\.[a-z0-9_-]+)*$/,
    'write words of small letters, digits, _ and - joined by dots, like model.deploy',
  )

export const ActionBody = z.strictObject({
  action: name.describe('What is to be done: model.deploy. Rules go by it.'),
  resource: z.string().min(1).max(1000).describe('What it is to be done to.'),
  context: z
    .record(z.string(), z.unknown())
    .default({})
    .describe('Whatever a person needs to decide; at most 16 KiB. It is bound to the approval.'),
  on_behalf_of: z
    .string()
    .min(1)
    .max(320)
    .optional()
    .describe('The e-mail address of the person you act for, who then can not approve it.'),
})
export const ResultBody = z.strictObject({
  outcome: z.enum(['executed', 'failed']),
  detail: z.string().max(2000).default(''),
})

const KEY = {
  'idempotency-key':
    'Any text of yours, the same for each try: an answer that was lost is given again.',
}
const ANSWERS: Readonly<Record<number, AnswerSpec>> = {
  200: { says: 'Go ahead, once', body: ActionView },
  202: { says: 'It waits for people: ask again', body: ActionView },
}
const STOP = {
  403: ['denied_by_rule', 'denied'],
  404: ['not_found'],
  409: ['already_used'],
  410: ['expired', 'withdrawn'],
  429: ['too_many_open', 'too_many_waits'],
} as const

/** /v1/actions: what agents ask for that isn't SQL. 200 means go ahead, 202 ask again, else don't. */
export function actionRoutes(
  options: HttpOptions,
  own: ActionOptions,
  callers: Callers,
): readonly Route[] {
  return [...askingRoutes(options, own, callers), ...endingRoutes(options, own, callers)]
}

function askingRoutes(
  options: HttpOptions,
  { actions }: ActionOptions,
  callers: Callers,
): readonly Route[] {
  const waits = new Waits(options)
  const common = { who: 'agent', query: WaitQuery, headers: KEY, answers: ANSWERS } as const
  return [
    route({
      ...common,
      method: 'POST',
      path: '/v1/actions',
      summary: 'Ask whether something may be done that is not SQL',
      body: ActionBody,
      errors: { ...STOP, 413: ['context_too_large'], 422: ['idempotency_key_reused'] },
      handle: async ({ body, query, request, reply }) => {
        const agent = callers.agent(request)
        const key = idempotencyKey(request)
        const asked = {
          name: body.action,
          resource: body.resource,
          context: contextOf(body.context),
          onBehalfOf: body.on_behalf_of ?? null,
        }
        const first = await actions.ask(agent, asked, key)
        const poll = (id: string) => actions.poll(agent, id, key)
        const answer = await waits.until(first, { agent, query, reply, poll })
        return answerAction(reply, answer, options.urlOf)
      },
    }),
    route({
      ...common,
      method: 'GET',
      path: '/v1/actions/{id}',
      summary: 'Ask again; the first answer of 200 uses the approval up',
      params: IdParams,
      errors: STOP,
      handle: async ({ params, query, request, reply }) => {
        const agent = callers.agent(request)
        const key = idempotencyKey(request)
        const poll = (id: string) => actions.poll(agent, id, key)
        const answer = await waits.until(await poll(params.id), { agent, query, reply, poll })
        return answerAction(reply, answer, options.urlOf)
      },
    }),
  ]
}

function endingRoutes(
  options: HttpOptions,
  { actions }: ActionOptions,
  callers: Callers,
): readonly Route[] {
  return [
    route({
      method: 'POST',
      path: '/v1/actions/{id}/result',
      who: 'agent',
      summary: 'Say once what became of an action that was let pass',
      params: IdParams,
      body: ResultBody,
      answers: { 200: { says: 'It is on record', body: z.object({ id: z.string() }) } },
      errors: { 404: ['not_found'], 409: ['not_due'] },
      handle: async ({ params, body, request }) => {
        const noted = await actions.report(callers.agent(request), params.id, body)
        if (noted === 'noted') return { id: params.id }
        if (noted === 'unknown') throw new ApiError(404, 'not_found', 'You have no such action.')
        const message = 'A result is taken once, of an action that you were let do.'
        throw new ApiError(409, 'not_due', message)
      },
    }),
    route({
      method: 'POST',
      path: '/v1/actions/{id}/withdraw',
      who: 'agent',
      summary: 'Take back what is not needed any more',
      params: IdParams,
      answers: { 200: { says: 'It is withdrawn', body: ActionView } },
      errors: { 404: ['not_found'], 409: ['already_used'] },
      handle: async ({ params, request, reply }) => {
        const answer = await actions.withdraw(callers.agent(request), params.id)
        const withdrawn = answer.kind === 'over' && answer.request.state === 'withdrawn'
        return answerAction(reply, answer, options.urlOf, withdrawn ? 200 : undefined)
      },
    }),
  ]
}

/** Throws 413 for what nobody would read. */
function contextOf(context: Record<string, unknown>): Json {
  const json = context as Json
  if (Buffer.byteLength(canonicalJson(json)) <= MAX_CONTEXT) return json
  const message = `context: at most ${MAX_CONTEXT} bytes of JSON; give a link to what is longer.`
  throw new ApiError(413, 'context_too_large', message)
}

interface Waiting {
  readonly agent: Agent
  readonly query: { readonly wait: number }
  readonly reply: FastifyReply
  readonly poll: (id: string) => Promise<ActionAnswer>
}

/** Keeps answers back until something changes, for a bounded number of requests of each agent. */
class Waits {
  readonly #options: HttpOptions
  readonly #byAgent = new Map<string, number>()

  constructor(options: HttpOptions) {
    this.#options = options
  }

  async until(answer: ActionAnswer, { agent, query, reply, poll }: Waiting): Promise<ActionAnswer> {
    if (answer.kind !== 'pending' || query.wait <= 0) return answer
    const { request } = answer
    const gone = new Promise<void>((resolve) => reply.raw.once('close', resolve))
    this.#enter(agent.name)
    try {
      const { desk, clock } = this.#options
      await untilChanged({ desk, clock, request, waitMs: query.wait * 1000, gone })
    } finally {
      this.#leave(agent.name)
    }
    // Who has gone doesn't hear the answer, so nothing is spent for them.
    return reply.raw.destroyed ? answer : poll(request.id)
  }

  #enter(agent: string): void {
    const waits = this.#byAgent.get(agent) ?? 0
    if (waits >= MAX_WAITS) {
      const message = `At most ${MAX_WAITS} of your requests may wait at a time.`
      throw new ApiError(429, 'too_many_waits', message)
    }
    this.#byAgent.set(agent, waits + 1)
  }

  #leave(agent: string): void {
    const waits = (this.#byAgent.get(agent) ?? 1) - 1
    if (waits > 0) this.#byAgent.set(agent, waits)
    else this.#byAgent.delete(agent)
  }
}
