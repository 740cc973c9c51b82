import { ProxyError } from '../../lib/errors.ts'
import { strictUtf8 } from '../reader.ts'

/** In place of a length in a text row: the value is NULL. */
export const NULL_CELL = 0xfb

/** Reads little-endian fields out of one payload; every read is checked against its end. */
export class PayloadReader {
  readonly #bytes: Buffer
  #at: number

  constructor(bytes: Buffer, at = 0) {
    this.#bytes = bytes
    this.#at = at
  }

  get position(): number {
    return this.#at
  }

  get remaining(): number {
    return this.#bytes.length - this.#at
  }

  #take(count: number): number {
    if (count < 0 || count > this.remaining) throw truncated()
    const at = this.#at
    this.#at += count
    return at
  }

  uint8(): number {
    return this.#bytes.readUInt8(this.#take(1))
  }

  uint16(): number {
    return this.#bytes.readUInt16LE(this.#take(2))
  }

  uint24(): number {
    return this.#bytes.readUIntLE(this.#take(3), 3)
  }

  uint32(): number {
    return this.#bytes.readUInt32LE(this.#take(4))
  }

  skip(count: number): void {
    this.#take(count)
  }

  /** A view of the next `count` bytes. */
  bytes(count: number): Buffer {
    const at = this.#take(count)
    return this.#bytes.subarray(at, at + count)
  }

  /** Protocol::LengthEncodedInteger. Beyond 2^53 it is the nearest number. */
  lenencInt(): number {
    const first = this.uint8()
    if (first < NULL_CELL) return first
    if (first === 0xfc) return this.uint16()
    if (first === 0xfd) return this.uint24()
    if (first === 0xfe) return Number(this.#bytes.readBigUInt64LE(this.#take(8)))
    throw new ProxyError('PROTOCOL_VIOLATION', `0x${first.toString(16)} does not begin a length`)
  }

  /** Protocol::LengthEncodedString, as a view. */
  lenencBytes(): Buffer {
    return this.bytes(this.lenencInt())
  }

  /** A view of the bytes up to the next NUL, which is consumed and not part of the view. */
  cstringBytes(): Buffer {
    const end = this.#bytes.indexOf(0, this.#at)
    if (end < 0) throw truncated()
    const view = this.#bytes.subarray(this.#at, end)
    this.#at = end + 1
    return view
  }

  cstring(): string {
    return strictUtf8(this.cstringBytes())
  }

  rest(): Buffer {
    return this.bytes(this.remaining)
  }

  /** Throws unless every byte has been read. */
  end(): void {
    if (this.remaining !== 0) {
      throw new ProxyError('PROTOCOL_VIOLATION', 'a packet has bytes after its last field')
    }
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

function truncated(): ProxyError {
  return new ProxyError('PROTOCOL_VIOLATION', 'a packet ends before its last field')
}
