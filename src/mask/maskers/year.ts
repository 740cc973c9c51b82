import type { Masker } from '../plan.ts'
import type { TypeShape } from '../types.ts'

const DAY_MS = 86_400_000
/** PostgreSQL counts days and microseconds from here. */
const EPOCH_MS = Date.UTC(2000, 0, 1)
/** Only DateStyle ISO puts the year first; others, BC and infinity are masked whole. */
const ISO = /^(\d{4})-\d{2}-\d{2}(?:[ T][\d:.]+(?:[+-][\d:]+)?)?$/

/** The first of January of the same year (UTC in binary), at midnight; null for other types. */
export function yearMasker(shape: TypeShape, redacted: Buffer): Masker | null {
  switch (shape.family) {
    case 'date':
      return shape.binary ? binary(4, readDays, writeDays, redacted) : text('', redacted)
    case 'timestamp':
      return shape.binary
        ? binary(8, readMicros, writeMicros, redacted)
        : text(' 00:00:00', redacted)
    case 'timestamptz':
      return shape.binary
        ? binary(8, readMicros, writeMicros, redacted)
        : text(' 00:00:00+00', redacted)
    default:
      return null
  }
}

function text(midnight: string, redacted: Buffer): Masker {
  return (cell) => {
    const year = ISO.exec(cell.toString('latin1'))?.[1]
    return year === undefined ? redacted : Buffer.from(`${year}-01-01${midnight}`, 'latin1')
  }
}

function binary(
  size: number,
  read: (cell: Buffer) => number,
  write: (ms: number) => Buffer,
  redacted: Buffer,
): Masker {
  return (cell) => {
    if (cell.length !== size) return redacted
    const year = new Date(read(cell)).getUTCFullYear()
    return year >= 1 && year <= 9999 ? write(newYear(year)) : redacted
  }
}

/** Date.UTC takes years below 100 for those of the last century. */
function newYear(year: number): number {
  return new Date(0).setUTCFullYear(year, 0, 1)
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
