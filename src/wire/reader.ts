import { ProxyError } from '../lib/errors.ts'

/** Reads fields out of one frame; every read is checked against the frame's end. */
export class Reader {
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

  int16(): number {
    return this.#bytes.readInt16BE(this.#take(2))
  }

  /** A count: an Int16 that the server reads as unsigned. */
  uint16(): number {
    return this.#bytes.readUInt16BE(this.#take(2))
  }

  int32(): number {
    return this.#bytes.readInt32BE(this.#take(4))
  }

  uint32(): number {
    return this.#bytes.readUInt32BE(this.#take(4))
  }

  /** A view of the next `count` bytes. */
  bytes(count: number): Buffer {
    const at = this.#take(count)
    return this.#bytes.subarray(at, at + count)
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

  /** Throws unless every byte of the frame has been read. */
  end(): void {
    if (this.remaining !== 0) {
      throw new ProxyError('PROTOCOL_VIOLATION', 'a message has bytes after its last field')
    }
  }
}

function truncated(): ProxyError {
  return new ProxyError('PROTOCOL_VIOLATION', 'a message ends before its last field')
}

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })
/** Up to here a look at each byte is cheaper than a call of the decoder. */
const SHORT = 64

/** Decodes UTF-8 and refuses what isn't; never substitutes, so text and bytes can't differ. */
export function strictUtf8(bytes: Buffer): string {
  if (bytes.length === 0) return ''
  if (bytes.length <= SHORT && isAscii(bytes)) return bytes.toString('latin1')
  try {
    return utf8.decode(bytes)
  } catch {
    throw new ProxyError('PROTOCOL_VIOLATION', 'a text field is not valid UTF-8')
  }
}

function isAscii(bytes: Buffer): boolean {
  for (let at = 0; at < bytes.length; at++) {
    if ((bytes[at] as number) >= 0x80) return false
  }
  return true
}
