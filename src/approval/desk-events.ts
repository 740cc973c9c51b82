import type { ApprovalRequest, Resolution } from './request.ts'

/** What happened to a request, for channels, streams and counters. */
export type DeskEvent =
  | {
      readonly type: 'requested'
      readonly how: 'new' | 'joined' | 'reopened'
      readonly request: ApprovalRequest
    }
  | { readonly type: 'ticket'; readonly request: ApprovalRequest }
  | { readonly type: 'voted'; readonly request: ApprovalRequest }
  | {
      readonly type: 'resolved'
      readonly request: ApprovalRequest
      readonly resolution: Resolution
    }
  | { readonly type: 'spent'; readonly request: ApprovalRequest }
  | { readonly type: 'settled'; readonly request: ApprovalRequest }
  /** Half of the time is over, and nobody has decided. */
  | { readonly type: 'reminder'; readonly request: ApprovalRequest }
  /** From now on a second group may decide, too. */
  | { readonly type: 'escalated'; readonly request: ApprovalRequest }
  /** One person let it pass alone: an alert, behind that it is resolved. */
  | { readonly type: 'break-glass'; readonly request: ApprovalRequest }

export type DeskListener = (event: DeskEvent) => void

/** True while it can still be answered or used: pending, or approved and not spent. */
export function isLive(request: ApprovalRequest): boolean {
  return request.state === 'pending' || (request.state === 'approved' && request.spentAt === null)
}

/** How waiting ended for whoever waits on this request; null while it goes on. */
export function resolutionOf(request: ApprovalRequest): Resolution | null {
  const { id } = request
  switch (request.state) {
    case 'pending':
      return null
    case 'approved':
      if (request.spentAt !== null) return { kind: 'withdrawn', id, cause: 'changed' }
      return {
        kind: 'approved',
        id,
        by: approversOf(request),
        cleared: request.cleared,
        grant: request.grant,
        ...countedOf(request),
      }
    case 'denied': {
      const no = request.votes.findLast((vote) => vote.decision === 'deny')
      return { kind: 'rejected', id, by: no?.person ?? '', reason: no?.reason ?? '' }
    }
    case 'expired':
      return { kind: 'expired', id }
    case 'withdrawn':
      return { kind: 'withdrawn', id, cause: request.withdrawnCause ?? 'disconnected' }
    case 'executed':
    case 'failed':
      // Somebody else who waited for the same request has used the approval.
      return { kind: 'withdrawn', id, cause: 'changed' }
  }
}

function countedOf({ impact }: ApprovalRequest): { readonly counted?: number } {
  return impact === undefined || impact.rows === null ? {} : { counted: impact.rows }
}

export function approversOf(request: ApprovalRequest): readonly string[] {
  const yes = request.votes.filter((vote) => vote.decision === 'approve')
  return [...new Set(yes.map((vote) => vote.person))]
}
