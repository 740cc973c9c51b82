import type { TypeShape } from '../types.ts'
import type { DateValues } from '../values.ts'

const DAY_MS = 86_400_000
/** PostgreSQL counts days and microseconds from here. */
const EPOCH_MS = Date.UTC(2000, 0, 1)
/** Only DateStyle ISO puts the year first; others, BC and infinity are masked whole. */
const ISO = /^(\d{4})-\d{2}-\d{2}(?:[ T][\d:.]+(?:[+-][\d:]+)?)?$/

/** Dates and timestamps; years are those of UTC in binary. */
export function dateValues(shape: TypeShape, midnight: string, redacted: Buffer): DateValues {
  if (!shape.binary) return textDates(midnight, redacted)
  return shape.family === 'date'
    ? binaryDates(4, readDays, writeDays, redacted)
    : binaryDates(8, readMicros, writeMicros, redacted)
}

function textDates(midnight: string, redacted: Buffer): DateValues {
  return {
    kind: 'date',
    redacted,
    year: (cell) => {
      const year = ISO.exec(cell.toString('latin1'))?.[1]
      return year === undefined ? null : Number(year)
    },
    newYear: (year) => Buffer.from(`${String(year).padStart(4, '0')}-01-01${midnight}`, 'latin1'),
  }
}

function binaryDates(
  size: number,
  read: (cell: Buffer) => number,
  write: (ms: number) => Buffer,
  redacted: Buffer,
): DateValues {
  return {
    kind: 'date',
    redacted,
    year: (cell) => (cell.length === size ? new Date(read(cell)).getUTCFullYear() : null),
    // Date.UTC takes years below 100 for those of the last century.
    newYear: (year) => write(new Date(0).setUTCFullYear(year, 0, 1)),
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

function readMicros(cell: Buffer): number {
  const micros = cell.readBigInt64BE()
  // Rounded down also before 2000, where the quotient of whole numbers goes towards zero.
  const ms = micros / 1000n - (micros % 1000n < 0n ? 1n : 0n)
  return EPOCH_MS + Number(ms)
}

function writeMicros(ms: number): Buffer {
  const cell = Buffer.alloc(8)
  cell.writeBigInt64BE(BigInt(ms - EPOCH_MS) * 1000n)
  return cell
}
