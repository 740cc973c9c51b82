import type { ApprovalRequest } from '../request.ts'

/** Every button and form of ours; Slack names it when it is used. */
export const ACTIONS = {
  approve: 'countersign_approve',
  grant: 'countersign_grant',
  clear: 'countersign_clear',
  deny: 'countersign_deny',
  next: 'countersign_next',
  open: 'countersign_open',
} as const

/** Which request a button or a form is about; all else is looked up when it is used. */
export interface Ticket {
  readonly id: string
  /** SHA-256 (hex) of the statement that was shown; null where it wasn't shown whole. */
  readonly sha: string | null
}

/** The value of a button. */
export function buttonValue(request: ApprovalRequest, hidden: boolean): string {
  const { id, statementSha256: sha } = request
  // A hash tells a constant to whoever tries all that it could be.
  return JSON.stringify(hidden ? { id } : { id, sha })
}

/** Where a message stands. */
export interface Place {
  readonly channel: string
  readonly ts: string
}

/** What a form of ours remembers while it is filled in. */
export function formValue(request: ApprovalRequest, hidden: boolean, place: Place): string {
  return JSON.stringify({ ...JSON.parse(buttonValue(request, hidden)), ...place })
}
