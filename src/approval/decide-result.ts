import type { ApprovalRequest } from './request.ts'

/** What became of a person's answer; every channel puts it into its own words. */
export type DecideResult =
  /** It ended the waiting: approved or denied. */
  | { readonly kind: 'decided'; readonly request: ApprovalRequest }
  /** It counts, and more people have to sign. */
  | { readonly kind: 'counted'; readonly request: ApprovalRequest }
  | { readonly kind: 'unknown' }
  /** Somebody was first: approved, denied, executed or failed. */
  | { readonly kind: 'already'; readonly request: ApprovalRequest }
  /** Expired or withdrawn. */
  | { readonly kind: 'gone'; readonly request: ApprovalRequest }
  /** The person read another statement. */
  | { readonly kind: 'changed'; readonly request: ApprovalRequest }
  | {
      readonly kind: 'refused'
      readonly request: ApprovalRequest
      readonly code:
        | 'self_approval'
        | 'not_an_approver'
        | 'not_an_owner'
        | 'may_not_clear'
        | 'step_up_required'
        | 'only_once'
      readonly message: string
    }

/** Who decided, for the loser of a race: "approved by bo@example.com". */
export function winnerOf(request: ApprovalRequest): string {
  const last = request.votes.at(-1)
  const by = request.votes
    .filter((vote) => vote.decision === (last?.decision ?? 'approve'))
    .map((vote) => vote.person)
  const what = request.state === 'denied' ? 'denied' : 'approved'
  return `${what} by ${[...new Set(by)].join(', ')}`
}
