import { ProxyError } from '../../lib/errors.ts'
import { FieldReader } from '../field-reader.ts'

/** In place of a length in a text row: the value is NULL. */
export const NULL_CELL = 0xfb

/** Reads the fields of a payload: numbers are little-endian (manual, "Protocol Basics"). */
export class PayloadReader extends FieldReader {
  uint16(): number {
    return this.buffer.readUInt16LE(this.take(2))
  }

  uint24(): number {
    return this.buffer.readUIntLE(this.take(3), 3)
  }

  uint32(): number {
    return this.buffer.readUInt32LE(this.take(4))
  }

  /** Protocol::LengthEncodedInteger. Beyond 2^53 it is the nearest number. */
  lenencInt(): number {
    const first = this.uint8()
    if (first < NULL_CELL) return first
    if (first === 0xfc) return this.uint16()
    if (first === 0xfd) return this.uint24()
    if (first === 0xfe) return Number(this.buffer.readBigUInt64LE(this.take(8)))
    throw new ProxyError('PROTOCOL_VIOLATION', `0x${first.toString(16)} does not begin a length`)
  }

  /** Protocol::LengthEncodedString, as a view. */
  lenencBytes(): Buffer {
    return this.bytes(this.lenencInt())
  }
}

export function uint8(value: number): Buffer {
  return Buffer.from([value & 0xff])
}

export function uint16(value: number): Buffer {
  const bytes = Buffer.allocUnsafe(2)
  bytes.writeUInt16LE(value & 0xffff, 0)
  return bytes
}

export function uint32(value: number): Buffer {
  const bytes = Buffer.allocUnsafe(4)
  bytes.writeUInt32LE(value >>> 0, 0)
  return bytes
}

function lenencLength(value: number): number {
  if (value < NULL_CELL) return 1
  if (value <= 0xffff) return 3
  return value <= 0xffffff ? 4 : 9
}

/** Writes a Protocol::LengthEncodedInteger; returns where it ends. */
function writeLenenc(into: Buffer, at: number, value: number): number {
  if (value < NULL_CELL) {
    into[at] = value
    return at + 1
  }
  if (value <= 0xffff) {
    into[at] = 0xfc
    return into.writeUInt16LE(value, at + 1)
  }
  if (value <= 0xffffff) {
    into[at] = 0xfd
    return into.writeUIntLE(value, at + 1, 3)
  }
  into[at] = 0xfe
  return into.writeBigUInt64LE(BigInt(value), at + 1)
}

export function lenencInt(value: number): Buffer {
  const bytes = Buffer.allocUnsafe(lenencLength(value))
  writeLenenc(bytes, 0, value)
  return bytes
}

export function lenencBytes(value: Buffer): Buffer {
  return Buffer.concat([lenencInt(value.length), value])
}

export function cstring(text: string): Buffer {
  return Buffer.from(`${text}\0`, 'utf8')
}
