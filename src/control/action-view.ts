import type { FastifyReply } from 'fastify'
import { z } from 'zod'
import type { ActionAnswer } from '../approval/actions.ts'
import { statusOf } from '../approval/channels/rendering.ts'
import { approversOf } from '../approval/desk-events.ts'
import { type ApprovalRequest, REQUEST_STATES } from '../approval/request.ts'
import { assertNever } from '../lib/assert-never.ts'
import { ApiError } from './api-error.ts'

const text = z.string()

/** An action as its agent sees it. Times are ISO 8601, UTC. */
export const ActionView = z.object({
  id: text,
  /** `allowed`: a rule lets it pass, and nobody was asked. */
  state: z.enum([...REQUEST_STATES, 'allowed']),
  /** True where it may be done now, once. */
  permitted: z.boolean(),
  rule: text.nullable(),
  /** Who let it pass. */
  by: z.array(text),
  /** Where a person decides; null where nobody is asked. */
  url: text.nullable(),
  expires_at: text.nullable(),
})

/** Sends what an agent hears: 200 only where it may go ahead. */
export function answerAction(
  reply: FastifyReply,
  answer: ActionAnswer,
  urlOf: (id: string) => string,
  status?: number,
): FastifyReply {
  const view = (request: ApprovalRequest) => viewOf(request, urlOf(request.id), answer)
  switch (answer.kind) {
    case 'allowed':
      return reply.code(200).send(allowedView(answer))
    case 'granted':
      return reply.code(200).send(view(answer.request))
    case 'pending':
      return reply.code(202).send(view(answer.request))
    case 'over':
      if (status !== undefined) return reply.code(status).send(view(answer.request))
      throw overError(answer.request, view(answer.request))
    case 'used': {
      const message = 'The approval of this action has been used; ask anew to do it again.'
      throw new ApiError(409, 'already_used', message, { action: view(answer.request) })
    }
    case 'refused':
      throw new ApiError(403, 'denied_by_rule', answer.reason, { rule: answer.rule })
    case 'unknown':
      throw new ApiError(404, 'not_found', 'You have asked for no action of this id.')
    case 'crowded': {
      const message = 'You ask for too much: wait until some of it is answered, or a minute.'
      throw new ApiError(429, 'too_many_open', message)
    }
    case 'reused-key': {
      const message = 'This Idempotency-Key was used for another action; use a new one.'
      throw new ApiError(422, 'idempotency_key_reused', message)
    }
    default:
      return assertNever(answer)
  }
}

function overError(request: ApprovalRequest, action: z.output<typeof ActionView>): ApiError {
  const message = `It is ${statusOf(request)}.`
  if (request.state === 'denied') return new ApiError(403, 'denied', message, { action })
  return new ApiError(410, request.state, message, { action })
}

function viewOf(
  request: ApprovalRequest,
  url: string,
  { kind }: ActionAnswer,
): z.output<typeof ActionView> {
  return {
    id: request.id,
    state: request.state,
    permitted: kind === 'granted',
    rule: request.requirements[0]?.rule ?? null,
    by: [...approversOf(request)],
    url,
    expires_at: request.state === 'pending' ? request.expiresAt : null,
  }
}

function allowedView({
  id,
  rule,
}: Extract<ActionAnswer, { kind: 'allowed' }>): z.output<typeof ActionView> {
  return { id, state: 'allowed', permitted: true, rule, by: [], url: null, expires_at: null }
}
