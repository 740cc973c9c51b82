import type { ApprovalRequest } from '../request.ts'

/** Which request a button or a form is about; all else is looked up when it is used. */
export interface Ticket {
  readonly id: string
  /** SHA-256 (hex) of the statement that was shown; null where it wasn't shown whole. */
  readonly sha: string | null
}

/** What a button of ours holds. A hash tells a constant to whoever tries all that it could be. */
export function ticketOf(
  { id, statementSha256: sha }: ApprovalRequest,
  hidden: boolean,
): { readonly id: string; readonly sha?: string } {
  return hidden ? { id } : { id, sha }
}
