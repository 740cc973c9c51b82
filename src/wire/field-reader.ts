import { ProxyError } from '../lib/errors.ts'
import { strictUtf8 } from './strict-utf8.ts'

/** Reads fields out of one message, one after the other; every read is checked against its end. */
export class FieldReader {
  protected readonly buffer: Buffer
  #at: number

  constructor(buffer: Buffer, at = 0) {
    this.buffer = buffer
    this.#at = at
  }

  get position(): number {
    return this.#at
  }

  get remaining(): number {
    return this.buffer.length - this.#at
  }

  /** Goes on by so many bytes, and returns where they begin. */
  protected take(count: number): number {
    if (count < 0 || count > this.remaining) throw truncated()
    const at = this.#at
    this.#at += count
    return at
  }

  uint8(): number {
    return this.buffer.readUInt8(this.take(1))
  }

  skip(count: number): void {
    this.take(count)
  }

  /** A view of the next `count` bytes. */
  bytes(count: number): Buffer {
    const at = this.take(count)
    return this.buffer.subarray(at, at + count)
  }

  /** A view of the bytes up to the next NUL, which is consumed and not part of the view. */
  cstringBytes(): Buffer {
    const end = this.buffer.indexOf(0, this.#at)
    if (end < 0) throw truncated()
    const view = this.buffer.subarray(this.#at, end)
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
      throw new ProxyError('PROTOCOL_VIOLATION', 'a message has bytes after its last field')
    }
  }
}

function truncated(): ProxyError {
  return new ProxyError('PROTOCOL_VIOLATION', 'a message ends before its last field')
}
