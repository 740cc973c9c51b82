import { ProxyError } from '../../lib/errors.ts'
import { FrameRun } from '../frame-run.ts'
import type { FrameMode, RunMode } from '../framer.ts'
import { Gathered } from '../gathered.ts'
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

const UNKNOWN = -1
/** How a message that is gathered was opened. */
type Opened = 'whole' | 'row'

/**
 * Cuts a byte stream into messages: packets, with those that continue one (16 MB and more) joined.
 * Only a message that a read has cut in two is copied, and memory grows as its bytes arrive.
 */
export class PacketFramer {
  readonly #cap: number
  readonly #sink: PacketSink
  readonly #held = new Gathered()
  /** Where the packet begins in `#held` whose bytes are awaited. */
  #packetAt = 0
  /** How the awaited packet was opened; null while its header hasn't been judged. */
  #opened: Opened | null = null
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
    return this.#held.length === 0 && this.#passing === 0
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
    let at = this.#passOn(chunk, 0)
    const run = new FrameRun(chunk, 0, this.#sink)
    try {
      while (at < chunk.length) {
        const length = this.#held.length > 0 ? UNKNOWN : lengthAt(chunk, at)
        if (length === UNKNOWN) {
          run.end(at)
          const fed = this.#feed(chunk, at)
          run.skipTo(fed)
          at = this.#passOn(chunk, fed)
          continue
        }
        const mode = this.#judge(chunk, at, length)
        if (mode === 'stop') {
          this.#stopped = [Buffer.from(chunk.subarray(at))]
          break
        }
        run.opened(at, mode)
        const end = at + HEADER + length
        if (mode === 'pass') {
          this.#passing = end - at
          at = this.#passOn(chunk, at)
        } else if (end > chunk.length || length === MAX_PAYLOAD) {
          run.end(at)
          this.#opened = mode
          at = this.#feed(chunk, at)
          run.skipTo(at)
        } else {
          if (mode === 'whole') {
            this.#sink.frame(typeAt(chunk, at, length), chunk.subarray(at, end))
            run.skipTo(end)
          }
          at = end
        }
      }
    } catch (error) {
      // What passed before is whole: whoever has had its beginning gets the rest.
      run.end(at)
      throw error
    }
    run.end(at)
  }

  /** Goes over what is there of a message that passes, and returns where it ends. */
  #passOn(chunk: Buffer, at: number): number {
    const taken = Math.min(this.#passing, chunk.length - at)
    this.#passing -= taken
    return at + taken
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
    const held = this.#held
    let at = from
    for (;;) {
      const missing = this.#needed() - held.length
      if (missing > 0) {
        const taken = Math.min(missing, chunk.length - at)
        held.append(chunk, at, taken, this.#cap)
        at += taken
        if (taken < missing) return at
      } else if (this.#opened === null) {
        const mode = this.#open()
        if (mode === 'stop') {
          this.#stopped = [Buffer.concat([held.release(), chunk.subarray(at)])]
          return chunk.length
        }
        if (mode === 'pass') return at
      } else if (payloadLength(held.bytes, this.#packetAt) === MAX_PAYLOAD) {
        this.#packetAt = held.length
        this.#opened = null
      } else {
        this.#handOnHeld(this.#opened)
        return at
      }
    }
  }

  /** How much must be there for the next step: a header (with a type), or a packet. */
  #needed(): number {
    const header = this.#packetAt + HEADER
    if (this.#held.length < header) return header
    const length = payloadLength(this.#held.bytes, this.#packetAt)
    if (this.#opened !== null) return header + length
    return this.#packetAt === 0 && length > 0 ? header + 1 : header
  }

  /** The header of the awaited packet is there. */
  #open(): FrameMode {
    const { bytes } = this.#held
    const length = payloadLength(bytes, this.#packetAt)
    if (this.#packetAt > 0) {
      this.#checkCap(this.#packetAt + HEADER + length)
      if (bytes[this.#packetAt + 3] !== this.#nextSequence(bytes)) throw outOfOrder()
      this.#opened = 'whole'
      return 'whole'
    }
    const mode = this.#judge(bytes, 0, length)
    if (mode === 'pass') {
      this.#passing = HEADER + length - bytes.length
      this.#sink.run(this.#held.release(), mode)
    } else if (mode !== 'stop') this.#opened = mode
    return mode
  }

  #nextSequence(bytes: Buffer): number {
    const before = this.#packetAt - HEADER - MAX_PAYLOAD
    return ((bytes[before + 3] as number) + 1) & 0xff
  }

  #handOnHeld(mode: Opened): void {
    const frame = this.#held.release()
    this.#packetAt = 0
    this.#opened = null
    if (mode === 'row') this.#sink.run(frame, mode)
    else this.#sink.frame(typeAt(frame, 0, payloadLength(frame, 0)), frame)
  }
}

/** The payload's length; UNKNOWN while header and type aren't both there. */
function lengthAt(chunk: Buffer, at: number): number {
  if (chunk.length - at < HEADER) return UNKNOWN
  const length = payloadLength(chunk, at)
  return length > 0 && chunk.length - at === HEADER ? UNKNOWN : length
}

function typeAt(bytes: Buffer, at: number, length: number): number {
  return length === 0 ? -1 : (bytes[at + HEADER] as number)
}
