import { messageOf } from '../../lib/errors.ts'

/** What the connector answered where it took a call not, or null where it answered nothing. */
export function statusOf(error: unknown): number | null {
  const status = (error as { response?: { status?: unknown } } | null)?.response?.status
  return typeof status === 'number' ? status : null
}

/** What concerns one message only; with all else the connector is away for the others, too. */
const ITS_OWN = new Set([400, 404, 409, 412, 413])

export function isAway(error: unknown): boolean {
  return !ITS_OWN.has(statusOf(error) ?? 0)
}

/** Longer than that nobody is told to wait. */
const LONGEST_WAIT_MS = 10 * 60_000

/** `Retry-After` (RFC 9110, section 10.2.3), in seconds or as a date: milliseconds, else 0. */
export function retryAfterMs(error: unknown, now: number): number {
  const { headers } = (error as { response?: { headers?: unknown } } | null)?.response ?? {}
  const value = (headers as Readonly<Record<string, unknown>> | undefined)?.['retry-after']
  if (typeof value !== 'string') return 0
  const ms = /^\d{1,9}$/.test(value) ? Number(value) * 1_000 : Date.parse(value) - now
  return Number.isNaN(ms) ? 0 : Math.min(Math.max(ms, 0), LONGEST_WAIT_MS)
}

/** The connector's own words, for the log. Requests have the bot's token in them: never they. */
export function saidBy(error: unknown): string {
  const data = (error as { response?: { data?: unknown } } | null)?.response?.data
  const said = data === undefined ? '' : `: ${JSON.stringify(data).slice(0, 200)}`
  return `${messageOf(error)}${said}`
}
