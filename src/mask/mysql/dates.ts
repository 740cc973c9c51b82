import { dateText, dayOf, readDate, readTimestamp, timestampText } from '../formats/dates.ts'
import type { DateValues } from '../values.ts'
import type { MysqlShape } from './types.ts'

/** What stands for every date: clients refuse 0000-00-00. */
const FIXED_YEAR = 2000
/** Months and days can be 00; the year alone is read. */
const DATE = /^(\d{4})-\d{2}-\d{2}/

/** DATE, DATETIME and TIMESTAMP. In binary a midnight has no time (manual, "Binary Protocol Value"). */
export function dates(shape: Extract<MysqlShape, { family: 'date' | 'datetime' }>): DateValues {
  const midnight = shape.family === 'date' ? '' : ` 00:00:00${fraction(shape.digits)}`
  const newYear = (year: number) =>
    shape.binary
      ? Buffer.of(year & 0xff, year >> 8, 1, 1)
      : Buffer.from(`${String(year).padStart(4, '0')}-01-01${midnight}`, 'latin1')
  const year = (cell: Buffer) => {
    // Empty: 0000-00-00.
    if (shape.binary) return cell.length >= 4 ? cell.readUInt16LE() : null
    const text = DATE.exec(cell.toString('latin1'))?.[1]
    return text === undefined ? null : Number(text)
  }
  const isDate = shape.family === 'date'
  return {
    kind: 'date',
    redacted: newYear(FIXED_YEAR),
    unit: isDate ? 'day' : 'moment',
    year,
    newYear,
    moment: (cell) => {
      if (shape.binary) return binaryMoment(cell, isDate)
      return (isDate ? readDate : readTimestamp)(cell.toString('latin1'))
    },
    at: (count) => {
      if (shape.binary) return binaryAt(count, isDate)
      const text = isDate ? dateText(count) : timestampText(count) + fraction(shape.digits)
      return Buffer.from(text, 'latin1')
    },
  }
}

/** Year, month, day; hour, minute, second; microseconds (manual, "Binary Protocol Value"). */
function binaryMoment(cell: Buffer, isDate: boolean): number | bigint | null {
  if (cell.length < 4) return null
  const day = dayOf(cell.readUInt16LE(), cell[2] ?? 0, cell[3] ?? 0)
  if (day === null || isDate) return day
  const [hours = 0, minutes = 0, seconds = 0] = cell.subarray(4, 7)
  const micros = cell.length === 11 ? cell.readUInt32LE(7) : 0
  const whole = day * 86_400 + hours * 3600 + minutes * 60 + seconds
  return BigInt(whole) * 1_000_000n + BigInt(micros)
}

function binaryAt(count: number, isDate: boolean): Buffer {
  const date = new Date(count * (isDate ? 86_400_000 : 1000))
  const year = date.getUTCFullYear()
  const day = Buffer.of(year & 0xff, year >> 8, date.getUTCMonth() + 1, date.getUTCDate())
  if (isDate) return day
  const time = Buffer.of(date.getUTCHours(), date.getUTCMinutes(), date.getUTCSeconds())
  return time.every((part) => part === 0) ? day : Buffer.concat([day, time])
}

/** YEAR: the mask `year` leaves it as it is, every other one but `null` redacts it. */
export function years({ binary }: MysqlShape): DateValues {
  const newYear = (year: number) =>
    binary
      ? Buffer.of(year & 0xff, year >> 8)
      : Buffer.from(String(year).padStart(4, '0'), 'latin1')
  const year = (cell: Buffer) => {
    if (binary) return cell.length === 2 ? cell.readUInt16LE() : null
    const text = cell.toString('latin1')
    return /^\d{4}$/.test(text) ? Number(text) : null
  }
  const redacted = newYear(FIXED_YEAR)
  return {
    kind: 'date',
    redacted,
    unit: 'year',
    year,
    newYear,
    moment: () => null,
    at: () => redacted,
  }
}

/** The fixed time. In binary 00:00:00 is empty. */
export function fixedTime({ binary, digits }: Extract<MysqlShape, { family: 'time' }>): Buffer {
  return binary ? Buffer.alloc(0) : Buffer.from(`00:00:00${fraction(digits)}`, 'latin1')
}

function fraction(digits: number): string {
  return digits > 0 ? `.${'0'.repeat(digits)}` : ''
}
