import type { OpenRequest } from '../approval/gate.ts'
import type { Approved, Resolution, WithdrawCause } from '../approval/request.ts'
import { assertNever } from '../lib/assert-never.ts'
import { ProxyError } from '../lib/errors.ts'
import { type Exchange, verbOf } from './exchange.ts'

/** The approval in which a request ended; throws what its client is to be told where it has none. */
export function approvalOrError(resolution: Resolution, exchange: Exchange): Approved {
  switch (resolution.kind) {
    case 'approved':
      return resolution
    case 'rejected':
      throw new ProxyError(
        'APPROVAL_REJECTED',
        `rejected by ${resolution.by}: ${resolution.reason || 'no reason given'} (request ${resolution.id}). Do not rephrase the statement to get round this; ask for what you need.`,
      )
    case 'expired':
      throw new ProxyError(
        'APPROVAL_EXPIRED',
        `nobody decided in time (request ${resolution.id}): send the ${verbOf(exchange)} again to ask anew`,
      )
    case 'withdrawn':
      throw withdrawn(resolution.id, resolution.cause)
    default:
      return assertNever(resolution)
  }
}

function withdrawn(id: string, cause: WithdrawCause): ProxyError {
  switch (cause) {
    case 'cancelled':
    case 'disconnected':
      return new ProxyError('CANCELLED', `canceling statement due to user request (request ${id})`)
    case 'shutdown':
      return new ProxyError('SHUTDOWN', `the proxy is shutting down (request ${id} is withdrawn)`)
    case 'owner':
      return new ProxyError(
        'APPROVAL_REJECTED',
        `withdrawn by an owner of the agent (request ${id})`,
      )
    case 'changed':
      return new ProxyError(
        'APPROVAL_EXPIRED',
        `superseded (request ${id}): send the statement again`,
      )
    default:
      return assertNever(cause)
  }
}

/** The id, the address and the instruction stand in the message: many tools show a model no more. */
export function ticket(
  request: OpenRequest,
  exchange: Exchange,
  inTransaction: boolean,
): ProxyError {
  const again = inTransaction
    ? 'Then start the transaction again and send exactly the same statement.'
    : 'Then send exactly the same statement again; it runs once.'
  const what = `${verbOf(exchange)} needs a person's approval: request ${request.id}, ${request.url}.`
  return request.how === 'new'
    ? new ProxyError('APPROVAL_NEEDED', `${what} Ask for it there. ${again}`)
    : new ProxyError('APPROVAL_PENDING', `${what} It is still pending. ${again}`)
}
