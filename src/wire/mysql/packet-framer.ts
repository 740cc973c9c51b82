import { ProxyError } from '../../lib/errors.ts'
import { HEADER, MAX_PAYLOAD, outOfOrder, payloadLength } from './packets.ts'

/** Where messages go. Buffers are views of the read buffer and are only valid during the call. */
export interface PacketSink {
  /**
   * The header of a message and the first byte of its payload have been read; `type` is -1 where
   * the payload is empty. `length` is that of its first packet with the header. `pass` hands its
   * bytes to `run()` as they come; a message of several packets is gathered all the same. `stop`
   * takes nothing of it and of what follows: it is opened again by `goOn()`.
   */
  opens(type: number, length: number, sequence: number): 'whole' | 'pass' | 'stop'
  /** A whole message: its packets as they came, headers included. */
  frame(type: number, bytes: Buffer): void
  run(bytes: Buffer): void
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
  /** The awaited packet's header has been judged. */
  #opened = false
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
    let runStart = 0
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
          this.#endRun(chunk, runStart, at)
          runStart = at = this.#feed(chunk, at)
          continue
        }
        const end = at + HEADER + length
        const mode = this.#judge(chunk, at, length)
        if (mode === 'stop') {
          this.#stopped = [Buffer.from(chunk.subarray(at))]
          break
        }
        if (mode === 'pass') {
          this.#passing = Math.max(0, end - chunk.length)
          at = Math.min(end, chunk.length)
          continue
        }
        this.#endRun(chunk, runStart, at)
        runStart = at
        if (length === MAX_PAYLOAD || end > chunk.length) {
          this.#opened = true
          runStart = at = this.#feed(chunk, at)
          continue
        }
        this.#sink.frame(typeAt(chunk, at, length), chunk.subarray(at, end))
        runStart = at = end
      }
    } catch (error) {
      // What passed before is whole: whoever has had its beginning gets the rest.
      this.#endRun(chunk, runStart, at)
      throw error
    }
    this.#endRun(chunk, runStart, at)
  }

  #endRun(chunk: Buffer, from: number, to: number): void {
    if (to > from)
      this.#sink.run(from === 0 && to === chunk.length ? chunk : chunk.subarray(from, to))
  }

  #judge(bytes: Buffer, at: number, length: number): 'whole' | 'pass' | 'stop' {
    this.#checkCap(HEADER + length)
    const type = typeAt(bytes, at, length)
    const mode = this.#sink.opens(type, HEADER + length, bytes[at + 3] as number)
    return length === MAX_PAYLOAD && mode === 'pass' ? 'whole' : mode
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
      } else if (!this.#opened) {
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
        this.#opened = false
      } else {
        const frame = this.#held.subarray(0, this.#heldLength)
        this.#release()
        this.#sink.frame(typeAt(frame, 0, payloadLength(frame, 0)), frame)
        return at
      }
    }
  }

  /** How much must be there for the next step: a header (with a type), or a packet. */
  #needed(): number {
    const header = this.#packetAt + HEADER
    if (this.#heldLength < header) return header
    const length = payloadLength(this.#held, this.#packetAt)
    if (this.#opened) return header + length
    return this.#packetAt === 0 && length > 0 ? header + 1 : header
  }

  /** The header of the awaited packet is there. */
  #open(): 'whole' | 'pass' | 'stop' {
    const length = payloadLength(this.#held, this.#packetAt)
    if (this.#packetAt > 0) {
      this.#checkCap(this.#packetAt + HEADER + length)
      if (this.#held[this.#packetAt + 3] !== this.#nextSequence()) throw outOfOrder()
    } else {
      const mode = this.#judge(this.#held, 0, length)
      if (mode === 'stop') return mode
      if (mode === 'pass') {
        const head = this.#held.subarray(0, this.#heldLength)
        this.#passing = HEADER + length - head.length
        this.#release()
        this.#sink.run(head)
        return mode
      }
    }
    this.#opened = true
    return 'whole'
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
    this.#opened = false
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
