import { ProxyError } from '../lib/errors.ts'

/** How one protocol cuts its byte stream into frames. */
export interface FrameLayout {
  /** Bytes that must be there before a frame's type and length can be read. */
  readonly headerLength: number
  type(buffer: Buffer, at: number): number
  /** Length of the whole frame, header included; throws PROTOCOL_VIOLATION when it can't be one. */
  length(buffer: Buffer, at: number): number
}

/**
 * How a frame is handed on. `whole`: by itself, to `frame()`. `row`: whole, to `run()`, together with
 * neighbours that were opened alike. `pass`: its bytes to `run()` as they come, without gathering,
 * together with such neighbours. `stop`: nothing of it and of what follows; it is opened again by
 * `goOn()`.
 */
export type FrameMode = 'whole' | 'row' | 'pass' | 'stop'
export type RunMode = Extract<FrameMode, 'row' | 'pass'>

/** Where frames go. Buffers are views of the read buffer and are only valid during the call. */
export interface FrameSink {
  /** A header has been read; `length` counts it. */
  opens(type: number, length: number): FrameMode
  frame(type: number, bytes: Buffer): void
  run(bytes: Buffer, mode: RunMode): void
}

const NOTHING = Buffer.alloc(0)

/**
 * Cuts a byte stream into frames, in place. Only a frame that a read has cut in two is copied, and
 * memory grows as its bytes arrive, never as its header announces.
 */
export class Framer {
  readonly #layout: FrameLayout
  readonly #sink: FrameSink
  readonly #cap: number
  /** The beginning of a frame that isn't complete, and room for more of it. */
  #held: Buffer = NOTHING
  #heldLength = 0
  /** Length of the frame in `#held`, or 0 while its header isn't complete. */
  #wanted = 0
  /** The frame in `#held` was opened as a row. */
  #holdsRow = false
  /** Bytes still to come of a frame that passes. */
  #passing = 0
  /** Copies of what came from the frame on that wasn't taken. */
  #stopped: Buffer[] | null = null

  /** `cap`: the longest frame, in bytes, that is accepted. */
  constructor(layout: FrameLayout, cap: number, sink: FrameSink) {
    this.#layout = layout
    this.#cap = cap
    this.#sink = sink
  }

  /** True where the last byte pushed was the last byte of a frame. */
  get atBoundary(): boolean {
    return this.#heldLength === 0 && this.#passing === 0
  }

  /** True where a frame that passes has been handed on in part. */
  get midPass(): boolean {
    return this.#passing > 0
  }

  /** Opens the frame again that was stopped at. */
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
    let at = this.#heldLength === 0 ? 0 : this.#completeHeld(chunk)
    // What lies between runStart and at has been opened as runMode, and not handed on yet.
    let runStart = at
    let runMode: RunMode = 'pass'
    const { headerLength } = this.#layout
    if (this.#passing > 0) {
      const taken = Math.min(this.#passing, chunk.length - at)
      this.#passing -= taken
      at += taken
    }
    try {
      while (at < chunk.length) {
        if (chunk.length - at < headerLength) {
          const start = runStart
          runStart = at
          this.#endRun(chunk, start, at, runMode)
          this.#hold(chunk.subarray(at), 0)
          return
        }
        const type = this.#layout.type(chunk, at)
        const length = this.#checkedLength(chunk, at)
        const end = at + length
        const mode = this.#sink.opens(type, length)
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
        if (cut && mode !== 'pass') {
          this.#hold(chunk.subarray(at), length)
          this.#holdsRow = mode === 'row'
          return
        }
        if (mode === 'whole') this.#sink.frame(type, chunk.subarray(at, end))
        if (cut) this.#passing = end - chunk.length
        at = cut ? chunk.length : end
        if (mode === 'whole') runStart = at
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

  #checkedLength(buffer: Buffer, at: number): number {
    const length = this.#layout.length(buffer, at)
    if (length > this.#cap) {
      throw new ProxyError(
        'PROTOCOL_VIOLATION',
        `a message of ${length} bytes is over the limit of ${this.#cap} bytes (listen.max_message)`,
      )
    }
    return length
  }

  /** Keeps a copy. The room doubles, so that a frame that comes byte by byte costs what it is long. */
  #hold(bytes: Buffer, wanted: number): void {
    const length = this.#heldLength + bytes.length
    if (length > this.#held.length) {
      const room = Math.max(length, Math.min(this.#held.length * 2, wanted))
      const grown = Buffer.allocUnsafe(room)
      this.#held.copy(grown, 0, 0, this.#heldLength)
      this.#held = grown
    }
    bytes.copy(this.#held, this.#heldLength)
    this.#heldLength = length
    this.#wanted = wanted
  }

  /** Feeds the frame that is being gathered; returns how much of `chunk` was taken. */
  #completeHeld(chunk: Buffer): number {
    let at = 0
    if (this.#wanted === 0) {
      at = Math.min(this.#layout.headerLength - this.#heldLength, chunk.length)
      this.#hold(chunk.subarray(0, at), 0)
      if (this.#heldLength < this.#layout.headerLength) return at
      const header = this.#held.subarray(0, this.#heldLength)
      const type = this.#layout.type(header, 0)
      const length = this.#checkedLength(header, 0)
      const mode = this.#sink.opens(type, length)
      if (mode === 'stop') {
        this.#stopped = [Buffer.concat([header, chunk.subarray(at)])]
        this.#release()
        return chunk.length
      }
      if (mode === 'pass') {
        this.#release()
        this.#passing = length - header.length
        this.#sink.run(header, mode)
        return at
      }
      this.#wanted = length
      this.#holdsRow = mode === 'row'
    }
    const missing = this.#wanted - this.#heldLength
    const taken = Math.min(missing, chunk.length - at)
    if (taken > 0) this.#hold(chunk.subarray(at, at + taken), this.#wanted)
    if (taken === missing) {
      const frame = this.#held.subarray(0, this.#heldLength)
      this.#release()
      if (this.#holdsRow) this.#sink.run(frame, 'row')
      else this.#sink.frame(this.#layout.type(frame, 0), frame)
    }
    return at + taken
  }

  #release(): void {
    this.#held = NOTHING
    this.#heldLength = 0
    this.#wanted = 0
  }
}
