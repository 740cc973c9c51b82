import { type GrantTerms, LONGEST_GRANT_MINUTES } from '../grant.ts'
import type { ApprovalRequest } from '../request.ts'
import { visibleLine } from './visible.ts'

/** For how long a shape can be approved in a chat. */
export const MINUTES = [15, 30, 60, 240, 480]

/** What is shown in clear is shown once; the desk says the same. */
export function isGrantable({ shape, asksClear }: ApprovalRequest): boolean {
  return shape !== null && asksClear.length === 0
}

/** What whoever approves a shape is told that they do. */
export function meaningOf({ agent, database }: ApprovalRequest): string {
  return `From now on ${visibleLine(agent)} runs this on ${visibleLine(database)} without asking, with any other constants and values. More rows than you allow are rolled back, or stopped, and asked for.`
}

/** "30 minutes", "4 hours". */
export function minutesText(minutes: number): string {
  return minutes < 60 ? `${minutes} minutes` : `${minutes / 60} hour${minutes === 60 ? '' : 's'}`
}

/** What a form says, as text, or which of its fields don't say what they should. */
export function termsIn(fields: {
  readonly minutes: string | null
  readonly rows: string | null
}):
  | { readonly ok: true; readonly grant: GrantTerms }
  | { readonly ok: false; readonly wrong: readonly ('minutes' | 'rows')[] } {
  const minutes = wholeNumber(fields.minutes)
  const maxRows = wholeNumber(fields.rows)
  const fits = minutes !== null && minutes <= LONGEST_GRANT_MINUTES
  if (fits && maxRows !== null) return { ok: true, grant: { minutes, maxRows } }
  return {
    ok: false,
    wrong: [...(fits ? [] : ['minutes' as const]), ...(maxRows === null ? ['rows' as const] : [])],
  }
}

/** Above 0; null for all else. */
function wholeNumber(text: string | null): number | null {
  return text !== null && /^\d{1,15}$/.test(text) && Number(text) >= 1 ? Number(text) : null
}
