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
  return { kind: 'date', redacted: newYear(FIXED_YEAR), year, newYear }
}

/** YEAR: the mask `year` leaves it as it is, every other one redacts it. */
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
  return { kind: 'date', redacted: newYear(FIXED_YEAR), year, newYear }
}

/** The fixed time. In binary 00:00:00 is empty. */
export function fixedTime({ binary, digits }: Extract<MysqlShape, { family: 'time' }>): Buffer {
  return binary ? Buffer.alloc(0) : Buffer.from(`00:00:00${fraction(digits)}`, 'latin1')
}

function fraction(digits: number): string {
  return digits > 0 ? `.${'0'.repeat(digits)}` : ''
}
