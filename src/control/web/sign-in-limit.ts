import type { Clock } from '../../lib/clock.ts'
import { FailureLimit } from '../../lib/failure-limit.ts'

/** Failed attempts to sign in, by address: after ten in a minute the rest of it is closed. */
export class SignInLimit extends FailureLimit {
  constructor(clock: Clock) {
    super(clock, { failures: 10, windowMs: 60_000, most: 10_000 })
  }
}
