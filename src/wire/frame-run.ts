import type { FrameMode, FrameSink, RunMode } from './framer.ts'

/** Frames that lie side by side in one read, were opened alike, and are handed on together. */
export class FrameRun {
  readonly #chunk: Buffer
  readonly #sink: Pick<FrameSink, 'run'>
  #start: number
  #mode: RunMode = 'pass'

  constructor(chunk: Buffer, start: number, sink: Pick<FrameSink, 'run'>) {
    this.#chunk = chunk
    this.#start = start
    this.#sink = sink
  }

  /** A frame that begins here has been opened: what was opened otherwise is handed on. */
  opened(at: number, mode: Exclude<FrameMode, 'stop'>): void {
    if (mode === this.#mode) return
    this.end(at)
    this.#mode = mode === 'row' ? 'row' : 'pass'
  }

  /** Goes on behind what was handed on by itself. */
  skipTo(at: number): void {
    this.#start = at
    this.#mode = 'pass'
  }

  /** Hands on what comes before `at`. It counts as handed on even where that throws. */
  end(at: number): void {
    const start = this.#start
    this.#start = at
    if (at === start) return
    const whole = start === 0 && at === this.#chunk.length
    this.#sink.run(whole ? this.#chunk : this.#chunk.subarray(start, at), this.#mode)
  }
}
