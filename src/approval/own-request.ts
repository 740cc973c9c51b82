import { assertNever } from '../lib/assert-never.ts'
import { resolutionOf } from './desk-events.ts'
import type { ApprovalRequest } from './request.ts'

/** A request as the agent that asks is shown it. */
export interface OwnRequest {
  readonly id: string
  readonly state: string
  /** Its first 200 characters. */
  readonly statement: string
  readonly database: string
  /** ISO 8601, UTC. */
  readonly createdAt: string
  readonly expiresAt: string
  readonly url: string
  /** What the agent is to do next. */
  readonly message: string
}

const SHOWN_CHARACTERS = 200
const MOST = 100

/** The requests of one agent, those that changed last first; `id` chooses one. */
export function ownRequests(
  requests: Iterable<ApprovalRequest>,
  asked: { readonly agent: string; readonly id: string | null },
  urlOf: (id: string) => string,
): readonly OwnRequest[] {
  const own: ApprovalRequest[] = []
  for (const request of requests) {
    if (request.agent !== asked.agent) continue
    if (asked.id === null || request.id === asked.id) own.push(request)
  }
  return own
    .reverse()
    .slice(0, MOST)
    .map((request) => shown(request, urlOf(request.id)))
}

function shown(request: ApprovalRequest, url: string): OwnRequest {
  const { id, state, database, createdAt, expiresAt } = request
  const statement = [...request.statement.slice(0, 2 * SHOWN_CHARACTERS)]
    .slice(0, SHOWN_CHARACTERS)
    .join('')
  const message = nextStep(request, url)
  return { id, state, statement, database, createdAt, expiresAt, url, message }
}

function nextStep(request: ApprovalRequest, url: string): string {
  const again = request.action ? 'Ask for the same action again' : 'Send exactly the same statement'
  switch (request.state) {
    case 'pending':
      return `A person decides at ${url}. ${again} once it is approved; it runs once.`
    case 'approved':
      return request.spentAt === null
        ? `Approved. ${again} before ${request.expiresAt}; it runs once.`
        : 'Approved and sent; how it ended is not known yet.'
    case 'denied':
      return denial(request)
    case 'expired':
      return `Nobody decided in time. ${again} to ask anew.`
    case 'withdrawn':
      return request.withdrawnCause === 'owner'
        ? 'An owner of the agent has withdrawn it. Ask them before you send it again.'
        : `Nobody waited for it any more. ${again} to ask anew.`
    case 'executed':
      return 'It has run. The approval is used up.'
    case 'failed':
      return `It was sent and failed (${request.outcome?.sqlState ?? 'unknown'}). The approval is used up.`
    default:
      return assertNever(request.state)
  }
}

function denial(request: ApprovalRequest): string {
  const no = resolutionOf(request)
  const [by, reason] = no?.kind === 'rejected' ? [no.by, no.reason] : ['', '']
  return `Rejected by ${by}: ${reason || 'no reason given'}. Do not rephrase it to get round this; ask for what you need.`
}
