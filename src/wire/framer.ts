import { ProxyError } from '../lib/errors.ts'
import { FrameRun } from './frame-run.ts'
import { Gathered } from './gathered.ts'

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

/**
 * Cuts a byte stream into frames, in place. Only a frame that a read has cut in two is copied, and
 * memory grows as its bytes arrive, never as its header announces.
 */
export class Framer {
  readonly #layout: FrameLayout
  readonly #sink: FrameSink
  readonly #cap: number
  /** The beginning of a frame that isn't complete. */
  readonly #held = new Gathered()
  /** Its length, or 0 while its header isn't complete. */
  #wanted = 0
  /** It was opened as a row. */
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
    return this.#held.length === 0 && this.#passing === 0
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
    let at = this.#held.length === 0 ? 0 : this.#completeHeld(chunk)
    const run = new FrameRun(chunk, at, this.#sink)
    const { headerLength } = this.#layout
    if (this.#passing > 0) {
      const taken = Math.min(this.#passing, chunk.length - at)
      this.#passing -= taken
      at += taken
    }
    try {
      while (at < chunk.length) {
        if (chunk.length - at < headerLength) {
          run.end(at)
          this.#hold(chunk, at, 0)
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
        run.opened(at, mode)
        if (end <= chunk.length) {
          if (mode === 'whole') {
            this.#sink.frame(type, chunk.subarray(at, end))
            run.skipTo(end)
          }
          at = end
        } else if (mode === 'pass') {
          this.#passing = end - chunk.length
          at = chunk.length
        } else {
          run.end(at)
          this.#hold(chunk, at, length)
          this.#holdsRow = mode === 'row'
          return
        }
      }
    } catch (error) {
      // What passed before is whole: whoever has had its beginning gets the rest.
      run.end(at)
      throw error
    }
    run.end(at)
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

  #hold(chunk: Buffer, at: number, wanted: number): void {
    this.#held.append(chunk, at, chunk.length - at, wanted)
    this.#wanted = wanted
  }

  /** Feeds the frame that is being gathered; returns how much of `chunk` was taken. */
  #completeHeld(chunk: Buffer): number {
    const held = this.#held
    let at = 0
    if (this.#wanted === 0) {
      at = Math.min(this.#layout.headerLength - held.length, chunk.length)
      held.append(chunk, 0, at, 0)
      if (held.length < this.#layout.headerLength) return at
      const mode = this.#openHeld()
      if (mode === 'stop') {
        this.#stopped = [Buffer.concat([held.release(), chunk.subarray(at)])]
        return chunk.length
      }
      if (mode === 'pass') return at
    }
    const taken = Math.min(this.#wanted - held.length, chunk.length - at)
    held.append(chunk, at, taken, this.#wanted)
    if (held.length === this.#wanted) this.#handOnHeld()
    return at + taken
  }

  /** The header of the frame is there. */
  #openHeld(): FrameMode {
    const header = this.#held.bytes
    const length = this.#checkedLength(header, 0)
    const mode = this.#sink.opens(this.#layout.type(header, 0), length)
    if (mode === 'stop') return mode
    if (mode === 'pass') {
      this.#passing = length - header.length
      this.#sink.run(this.#held.release(), mode)
      return mode
    }
    this.#wanted = length
    this.#holdsRow = mode === 'row'
    return mode
  }

  #handOnHeld(): void {
    const frame = this.#held.release()
    this.#wanted = 0
    if (this.#holdsRow) this.#sink.run(frame, 'row')
    else this.#sink.frame(this.#layout.type(frame, 0), frame)
  }
}
