import { assertNever } from '../../lib/assert-never.ts'
import { type DecideResult, winnerOf } from '../decide-result.ts'
import type { ApprovalRequest } from '../request.ts'
import { statusOf } from './rendering.ts'

/** What the person who clicked is told, or null where the message itself shows it. */
export function told(result: DecideResult): string | null {
  switch (result.kind) {
    case 'decided':
      return null
    case 'counted':
      return 'Your approval counts; more people have to sign.'
    case 'unknown':
      return "This request isn't known any more."
    case 'already':
      return `This was ${winnerOf(result.request)} already.`
    case 'gone':
      return `Too late: ${statusOf({ ...result.request, votes: [] })}.`
    case 'changed':
      return 'The statement is another one now; read it again.'
    case 'refused':
      return result.message
    default:
      return assertNever(result)
  }
}

/** Why a click can't sign a request that waits, or null. A button signs only what was shown whole. */
export function unsignable(
  { id }: ApprovalRequest,
  {
    wasWhole,
    hasJustChanged,
  }: {
    readonly wasWhole: boolean
    /** The message has shown something else until a moment ago. */
    readonly hasJustChanged: boolean
  },
): string | null {
  if (!wasWhole) {
    return `All of it can't be shown here: read it in the inbox, or by countersign approvals show ${id}.`
  }
  if (!hasJustChanged) return null
  return 'The message had only just changed to this statement. Read it, then click again.'
}
