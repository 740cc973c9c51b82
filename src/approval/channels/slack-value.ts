import type { ApprovalRequest } from '../request.ts'
import type { Place } from './chat-board.ts'
import { ticketOf } from './chat-ticket.ts'

/** Every button and form of ours; Slack names it when it is used. */
export const ACTIONS = {
  approve: 'countersign_approve',
  grant: 'countersign_grant',
  clear: 'countersign_clear',
  deny: 'countersign_deny',
  next: 'countersign_next',
  open: 'countersign_open',
  link: 'countersign_link',
} as const

/** The value of a button. */
export function buttonValue(request: ApprovalRequest, hidden: boolean): string {
  return JSON.stringify(ticketOf(request, hidden))
}

/** What a form of ours remembers while it is filled in. */
export function formValue(request: ApprovalRequest, hidden: boolean, place: Place): string {
  return JSON.stringify({ ...ticketOf(request, hidden), ...place })
}
