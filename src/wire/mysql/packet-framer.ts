import { ProxyError } from '../../lib/errors.ts'
import type { FrameMode, RunMode } from '../framer.ts'
import { HEADER, MAX_PAYLOAD, outOfOrder, payloadLength } from './packets.ts'

/** Where messages go. Buffers are views of the read buffer and are only valid during the call. */
export interface PacketSink {
  /**
   * The header of a message and the first byte of its payload have been read; `type` is -1 where
   * the payload is empty. `length` is that of its first packet with the header. A message of several
   * packets is gathered, whatever this says.
   */
  opens(type: number, length: number, sequence: number): FrameMode
  /** A whole message: its packets as they came, headers included. */
  frame(type: number, bytes: Buffer): void
  run(bytes: Buffer, mode: RunMode): void
}

const NOTHING = Buffer.alloc(0)

/**
 * Cuts a byte stream into messages: packets, with those that continue one (16 MB and more) joined.
 * Only a message that a read has cut in two is copied, and memory grows as its bytes arrive.
 */
export class PacketFramer {
  readonly #cap: number
  readonly #sink: PacketSink
  #held: Buffer = NOTHING
  #heldLength = 0
  /** Where the packet begins in `#held` whose bytes are awaited. */
  #packetAt = 0
  /** How the awaited packet was opened; null while its header hasn't been judged. */
  #opened: FrameMode | null = null
  /** Bytes still to come of a message that passes. */
  #passing = 0
  /** Copies of what came from the message on that wasn't taken. */
  #stopped: Buffer[] | null = null

  /** `cap`: the longest message, headers included, in bytes. */
  constructor(cap: number, sink: PacketSink) {
    this.#cap = cap
    this.#sink = sink
  }

  /** True where the last byte pushed was the last byte of a message. */
  get atBoundary(): boolean {
    return this.#heldLength === 0 && this.#passing === 0
  }

  /** True where a message that passes has been handed on in part. */
  get midPass(): boolean {
    return this.#passing > 0
  }

  /** Opens the message again that was stopped at. */
  goOn(): void {
    const stopped = this.#stopped ?? []
    this.#stopped = null
    for (const chunk of stopped) this.push(chunk)
  }

  push(chunk: Buffer): void {
    if (this.#stopped !== null) {
      this.#stopped.push(Buffer.from(chunk))
      return
    }
    let at = 0
    // What lies between runStart and at has been opened as runMode, and not handed on yet.
    let runStart = 0
    let runMode: RunMode = 'pass'
    if (this.#passing > 0) {
      at = Math.min(this.#passing, chunk.length)
      this.#passing -= at
    }
    try {
      while (at < chunk.length) {
        if (this.#heldLength > 0) {
          runStart = at = this.#feed(chunk, at)
          if (this.#passing > 0) {
            at = Math.min(at + this.#passing, chunk.length)
            this.#passing -= at - runStart
          }
          continue
        }
        const length = lengthAt(chunk, at)
        if (length < 0) {
          const start = runStart
          runStart = at
          this.#endRun(chunk, start, at, runMode)
          runMode = 'pass'
          runStart = at = this.#feed(chunk, at)
          continue
        }
        const end = at + HEADER + length
        const mode = this.#judge(chunk, at, length)
        if (mode === 'stop') {
          this.#stopped = [Buffer.from(chunk.subarray(at))]
          break
        }
        const cut = end > chunk.length
        if (mode !== runMode || (cut && mode === 'row')) {
          const start = runStart
          runStart = at
          this.#endRun(chunk, start, at, runMode)
          runMode = mode === 'row' ? 'row' : 'pass'
        }
        if (mode === 'pass') {
          this.#passing = Math.max(0, end - chunk.length)
          at = Math.min(end, chunk.length)
        } else if (cut || length === MAX_PAYLOAD) {
          this.#opened = mode
          runMode = 'pass'
          runStart = at = this.#feed(chunk, at)
        } else if (mode === 'row') at = end
        else {
          this.#sink.frame(typeAt(chunk, at, length), chunk.subarray(at, end))
          runStart = at = end
        }
      }
    } catch (error) {
      // What passed before is whole: whoever has had its beginning gets the rest.
      this.#endRun(chunk, runStart, at, runMode)
      throw error
    }
    this.#endRun(chunk, runStart, at, runMode)
  }

  #endRun(chunk: Buffer, from: number, to: number, mode: RunMode): void {
    if (to === from) return
    this.#sink.run(from === 0 && to === chunk.length ? chunk : chunk.subarray(from, to), mode)
  }

  #judge(bytes: Buffer, at: number, length: number): FrameMode {
    this.#checkCap(HEADER + length)
    const type = typeAt(bytes, at, length)
    const mode = this.#sink.opens(type, HEADER + length, bytes[at + 3] as number)
    return length === MAX_PAYLOAD && mode !== 'stop' ? 'whole' : mode
  }

  #checkCap(length: number): void {
    if (length <= this.#cap) return
    throw new ProxyError(
      'PROTOCOL_VIOLATION',
      `a message of ${length} bytes or more is over the limit of ${this.#cap} bytes (listen.max_message)`,
    )
  }

  /** Gathers a message that isn't whole in this chunk; returns up to where the chunk was used. */
  #feed(chunk: Buffer, from: number): number {
    let at = from
    for (;;) {
      const missing = this.#needed() - this.#heldLength
      if (missing > 0) {
        const taken = Math.min(missing, chunk.length - at)
        this.#append(chunk, at, taken)
        at += taken
        if (taken < missing) return at
      } else if (this.#opened === null) {
        const mode = this.#open()
        if (mode === 'stop') {
          this.#stopped = [
            Buffer.concat([this.#held.subarray(0, this.#heldLength), chunk.subarray(at)]),
          ]
          this.#release()
          return chunk.length
        }
        if (mode === 'pass') return at
      } else if (payloadLength(this.#held, this.#packetAt) === MAX_PAYLOAD) {
        this.#packetAt = this.#heldLength
        this.#opened = null
      } else {
        const frame = this.#held.subarray(0, this.#heldLength)
        const mode = this.#opened
        this.#release()
        if (mode === 'row') this.#sink.run(frame, 'row')
        else this.#sink.frame(typeAt(frame, 0, payloadLength(frame, 0)), frame)
        return at
      }
    }
  }

  /** How much must be there for the next step: a header (with a type), or a packet. */
  #needed(): number {
    const header = this.#packetAt + HEADER
    if (this.#heldLength < header) return header
    const length = payloadLength(this.#held, this.#packetAt)
    if (this.#opened !== null) return header + length
    return this.#packetAt === 0 && length > 0 ? header + 1 : header
  }

  /** The header of the awaited packet is there. */
  #open(): FrameMode {
    const length = payloadLength(this.#held, this.#packetAt)
    if (this.#packetAt > 0) {
      this.#checkCap(this.#packetAt + HEADER + length)
      if (this.#held[this.#packetAt + 3] !== this.#nextSequence()) throw outOfOrder()
      this.#opened = 'whole'
      return 'whole'
    }
    const mode = this.#judge(this.#held, 0, length)
    if (mode === 'stop') return mode
    if (mode === 'pass') {
      const head = this.#held.subarray(0, this.#heldLength)
      this.#passing = HEADER + length - head.length
      this.#release()
      this.#sink.run(head, mode)
      return mode
    }
    this.#opened = mode
    return mode
  }

  #nextSequence(): number {
    const before = this.#packetAt - HEADER - MAX_PAYLOAD
    return ((this.#held[before + 3] as number) + 1) & 0xff
  }

  #append(chunk: Buffer, at: number, count: number): void {
    const length = this.#heldLength + count
    if (length > this.#held.length) {
      const room = Math.max(length, Math.min(this.#held.length * 2, this.#cap))
      const grown = Buffer.allocUnsafe(room)
      this.#held.copy(grown, 0, 0, this.#heldLength)
      this.#held = grown
    }
    chunk.copy(this.#held, this.#heldLength, at, at + count)
    this.#heldLength = length
  }

  #release(): void {
    this.#held = NOTHING
    this.#heldLength = 0
    this.#packetAt = 0
    this.#opened = null
  }
}

/** The payload's length, or -1 while header and type aren't both there. */
function lengthAt(chunk: Buffer, at: number): number {
  if (chunk.length - at < HEADER) return -1
  const length = payloadLength(chunk, at)
  return length > 0 && chunk.length - at === HEADER ? -1 : length
}

function typeAt(bytes: Buffer, at: number, length: number): number {
  return length === 0 ? -1 : (bytes[at + HEADER] as number)
}
