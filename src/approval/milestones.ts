import type { Requirement } from '../policy/decision.ts'
import type { ApprovalRequest } from './request.ts'

/** Requirements whose second group may decide from now on, and whose time that wasn't before. */
export function dueEscalations(request: ApprovalRequest, now: number): readonly Requirement[] {
  if (request.state !== 'pending') return []
  return openEscalations(request).filter((one) => escalatesAt(request, one) <= now)
}

/** Whether people are to be reminded: at half of the time, once. */
export function isReminderDue(request: ApprovalRequest, now: number): boolean {
  const waits = request.state === 'pending' && request.remindedAt === null
  return waits && remindsAt(request) <= now
}

/** When something becomes of a request by time alone, the next time. Milliseconds since the epoch. */
export function nextMilestone(request: ApprovalRequest): number {
  const expires = Date.parse(request.expiresAt)
  if (request.state !== 'pending') return expires
  const reminds = request.remindedAt === null ? [remindsAt(request)] : []
  const escalates = openEscalations(request).map((one) => escalatesAt(request, one))
  return Math.min(expires, ...reminds, ...escalates)
}

function openEscalations(request: ApprovalRequest): readonly Requirement[] {
  return request.requirements.filter(
    ({ rule, escalate }) => escalate && !request.escalated.includes(rule),
  )
}

/** Time counts from when it was asked, or asked again. */
function beganAt(request: ApprovalRequest): number {
  return Date.parse(request.expiresAt) - request.expiresMs
}

function remindsAt(request: ApprovalRequest): number {
  return beganAt(request) + request.expiresMs / 2
}

function escalatesAt(request: ApprovalRequest, { escalate }: Requirement): number {
  return beganAt(request) + (escalate?.afterMs ?? Number.POSITIVE_INFINITY)
}
