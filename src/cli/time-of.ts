import { parseDuration } from '../config/values.ts'
import type { Clock } from '../lib/clock.ts'
import { UsageError } from './usage-error.ts'

/**
 * A time, or how long ago, as an option gives it: milliseconds since the epoch.
 *
 * @throws UsageError where it is neither
 */
export function timeOf(text: string, option: string, clock: Clock): number {
  const ago = parseDuration(text)
  const ms = ago === null ? Date.parse(text) : clock.now() - ago
  if (!Number.isNaN(ms)) return ms
  throw new UsageError(`${option} takes a time, or how long ago: 30m, 12h, 7d`)
}

/** As records spell time, so that texts compare as times do. */
export function inRecords(ms: number): string {
  return new Date(ms).toISOString()
}
