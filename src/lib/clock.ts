/** Cancels a timer; harmless when the timer has fired. */
export type CancelTimer = () => void

/** Time comes in from outside, so that a test can advance it instead of waiting. */
export interface Clock {
  /** Milliseconds since the epoch, for records and deadlines that people see. */
  now(): number
  /** Milliseconds that never go backwards, for durations. */
  monotonic(): number
  /** Calls `fire` once after `ms` milliseconds. */
  after(ms: number, fire: () => void): CancelTimer
}

export const systemClock: Clock = {
  now: Date.now,
  monotonic: () => performance.now(),
  after(ms, fire) {
    const timer = setTimeout(fire, ms)
    return () => clearTimeout(timer)
  },
}
