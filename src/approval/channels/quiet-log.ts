import type { Clock } from '../../lib/clock.ts'

const QUIET_MS = 60_000

/** Says one thing a minute: whoever can make us complain by what they send doesn't fill the log. */
export function quietLog(clock: Clock, log: (text: string) => void): (text: () => string) => void {
  let quietUntil = Number.NEGATIVE_INFINITY
  return (text) => {
    if (clock.monotonic() < quietUntil) return
    quietUntil = clock.monotonic() + QUIET_MS
    log(text())
  }
}
