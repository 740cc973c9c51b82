import type { Settings } from './services.ts'

/** What is left for the answer to reach the database before it hangs up. */
const MARGIN_MS = 1_000

/**
 * A MySQL server ends a session that has been silent for `wait_timeout` seconds, and a session that
 * is held is silent: it gets its ticket before that.
 */
export function waitTimeoutMs(settings: Settings): number {
  const seconds = Number(settings.get('wait_timeout'))
  if (!Number.isFinite(seconds) || seconds <= 0) return Number.POSITIVE_INFINITY
  return Math.max(seconds * 1000 - MARGIN_MS, 0)
}
