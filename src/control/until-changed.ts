import type { ApprovalDesk } from '../approval/desk.ts'
import type { ApprovalRequest } from '../approval/request.ts'
import type { Clock } from '../lib/clock.ts'
import { deferred } from '../lib/deferred.ts'

/** Waits until the state of a request isn't what it was, it can't change, or the time is over. */
export async function untilChanged(options: {
  readonly desk: ApprovalDesk
  readonly clock: Clock
  readonly request: ApprovalRequest
  readonly waitMs: number
  /** Resolves when whoever asked has gone. */
  readonly gone: Promise<void>
}): Promise<void> {
  const { desk, clock, request, waitMs, gone } = options
  const isOpen = request.state === 'pending' || request.state === 'approved'
  if (waitMs <= 0 || !isOpen) return
  const changed = deferred<void>()
  const unsubscribe = desk.subscribe((event) => {
    if (event.request.id === request.id && event.request.state !== request.state) changed.resolve()
  })
  const cancel = clock.after(waitMs, changed.resolve)
  await Promise.race([changed.promise, gone])
  unsubscribe()
  cancel()
}
