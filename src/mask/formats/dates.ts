/** Days from 1970-01-01 of a day of the calendar, years 1 to 9999; null where there is none. */
export function dayOf(year: number, month: number, day: number): number | null {
  if (year < 1 || year > 9999) return null
  const date = new Date(0)
  date.setUTCFullYear(year, month - 1, day)
  const exists = date.getUTCMonth() === month - 1 && date.getUTCDate() === day
  return exists ? Math.round(date.getTime() / 86_400_000) : null
}

/** 1984-06-15 */
export function dateText(day: number): string {
  const date = new Date(day * 86_400_000)
  const year = String(date.getUTCFullYear()).padStart(4, '0')
  return `${year}-${two(date.getUTCMonth() + 1)}-${two(date.getUTCDate())}`
}

/** 1984-06-15 13:14:15 of a second from 1970 on. */
export function timestampText(seconds: number): string {
  const day = Math.floor(seconds / 86_400)
  const rest = seconds - day * 86_400
  const time = [Math.floor(rest / 3600), Math.floor(rest / 60) % 60, rest % 60].map(two).join(':')
  return `${dateText(day)} ${time}`
}

const ISO_DATE = /^(\d{4})-(\d{2})-(\d{2})$/

/** The day of a text like 1984-06-15; null for any other. */
export function readDate(text: string): number | null {
  const [, year, month, day] = ISO_DATE.exec(text) ?? []
  return year === undefined ? null : dayOf(Number(year), Number(month), Number(day))
}

const ISO_TIMESTAMP =
  /^(\d{4})-(\d{2})-(\d{2})[ T](\d{2}):(\d{2}):(\d{2})(?:\.(\d{1,6}))?(?:([+-])(\d{2})(?::?(\d{2}))?(?::(\d{2}))?)?$/

/** Microseconds from 1970 of 1984-06-15 13:14:15.678+02, in UTC; null for any other text. */
export function readTimestamp(text: string): bigint | null {
  const match = ISO_TIMESTAMP.exec(text)
  if (!match) return null
  const [, year, month, date, hours, minutes, seconds, fraction = '', sign, ...zone] = match
  const day = dayOf(Number(year), Number(month), Number(date))
  if (day === null) return null
  const [h = '0', m = '0', s = '0'] = zone
  const offset = secondsOf(h, m, s) * (sign === '-' ? -1 : 1)
  const whole = day * 86_400 + secondsOf(hours ?? '0', minutes ?? '0', seconds ?? '0') - offset
  return BigInt(whole) * 1_000_000n + BigInt(fraction.padEnd(6, '0'))
}

function secondsOf(hours: string, minutes: string, seconds: string): number {
  return Number(hours) * 3600 + Number(minutes) * 60 + Number(seconds)
}

function two(value: number): string {
  return String(value).padStart(2, '0')
}
