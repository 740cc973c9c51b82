import { dateText, readDate, readTimestamp, timestampText } from '../formats/dates.ts'
import type { TypeShape } from '../types.ts'
import type { DateValues } from '../values.ts'

const DAY_MS = 86_400_000
/** PostgreSQL counts days and microseconds from here. */
const EPOCH_MS = Date.UTC(2000, 0, 1)
const EPOCH_MICROS = BigInt(EPOCH_MS) * 1000n
/** Only DateStyle ISO puts the year first; others, BC and infinity are masked whole. */
const ISO = /^(\d{4})-\d{2}-\d{2}(?:[ T][\d:.]+(?:[+-][\d:]+)?)?$/

/** Dates and timestamps; years are those of UTC in binary. */
export function dateValues(shape: TypeShape, zone: string, redacted: Buffer): DateValues {
  const isDate = shape.family === 'date'
  if (!shape.binary) return textDates(isDate, zone, redacted)
  return isDate
    ? binaryDates(4, readDays, writeDays, 'day', redacted)
    : binaryDates(8, readMs, writeMs, 'moment', redacted)
}

function textDates(isDate: boolean, zone: string, redacted: Buffer): DateValues {
  const midnight = isDate ? '' : ` 00:00:00${zone}`
  const latin1 = (text: string) => Buffer.from(text, 'latin1')
  return {
    kind: 'date',
    redacted,
    unit: isDate ? 'day' : 'moment',
    year: (cell) => {
      const year = ISO.exec(cell.toString('latin1'))?.[1]
      return year === undefined ? null : Number(year)
    },
    newYear: (year) => latin1(`${String(year).padStart(4, '0')}-01-01${midnight}`),
    moment: (cell) => (isDate ? readDate : readTimestamp)(cell.toString('latin1')),
    at: (count) => latin1(isDate ? dateText(count) : timestampText(count) + zone),
  }
}

function binaryDates(
  size: number,
  read: (cell: Buffer) => number,
  write: (ms: number) => Buffer,
  unit: 'day' | 'moment',
  redacted: Buffer,
): DateValues {
  const yearOf = (cell: Buffer) => new Date(read(cell)).getUTCFullYear()
  return {
    kind: 'date',
    redacted,
    unit,
    year: (cell) => (cell.length === size ? yearOf(cell) : null),
    // Date.UTC takes years below 100 for those of the last century.
    newYear: (year) => write(new Date(0).setUTCFullYear(year, 0, 1)),
    moment: (cell) => {
      if (cell.length !== size) return null
      const year = yearOf(cell)
      if (!(year >= 1 && year <= 9999)) return null
      return unit === 'day' ? read(cell) / DAY_MS : cell.readBigInt64BE() + EPOCH_MICROS
    },
    at: (count) => write(count * (unit === 'day' ? DAY_MS : 1000)),
  }
}

function readDays(cell: Buffer): number {
  return EPOCH_MS + cell.readInt32BE() * DAY_MS
}

function writeDays(ms: number): Buffer {
  const cell = Buffer.alloc(4)
  cell.writeInt32BE(Math.round((ms - EPOCH_MS) / DAY_MS))
  return cell
}

function readMs(cell: Buffer): number {
  const micros = cell.readBigInt64BE()
  // Rounded down also before 2000, where the quotient of whole numbers goes towards zero.
  const ms = micros / 1000n - (micros % 1000n < 0n ? 1n : 0n)
  return EPOCH_MS + Number(ms)
}

function writeMs(ms: number): Buffer {
  const cell = Buffer.alloc(8)
  cell.writeBigInt64BE(BigInt(ms - EPOCH_MS) * 1000n)
  return cell
}
