import type { ClientFrame } from './step.ts'

/** Requests are gathered to Sync or Flush; past this many bytes what is there is looked at. */
const MAX_BATCH = 64 * 1024

/** What a client has sent and nobody has looked at, in order, and cut into batches. */
export class Inbox {
  readonly #pipelines: boolean
  #frames: ClientFrame[] = []
  #gathered: ClientFrame[] = []
  #gatheredBytes = 0
  #waitingBytes = 0

  /** @param pipelines false where each frame is a batch by itself; see WireProtocol */
  constructor(pipelines: boolean) {
    this.#pipelines = pipelines
  }

  get empty(): boolean {
    return this.#frames.length === 0 && this.#gathered.length === 0
  }

  /** Bytes that came and wait. */
  get bytes(): number {
    return this.#waitingBytes + this.#gatheredBytes
  }

  push(frame: ClientFrame): void {
    this.#frames.push(frame)
    this.#waitingBytes += frame.bytes.length
  }

  /** Puts back what stood behind a refused frame: it is read again, to be skipped. */
  putBack(frames: readonly ClientFrame[]): void {
    this.#frames.unshift(...frames)
    for (const frame of frames) this.#waitingBytes += frame.bytes.length
  }

  /** Takes one frame by itself; for a session that skips to Sync. */
  takeFrame(): ClientFrame | undefined {
    const frame = this.#frames.shift()
    if (frame) this.#waitingBytes -= frame.bytes.length
    return frame
  }

  /**
   * Takes the next batch: up to a Sync, a Flush, a simple query or the end, or past the size that
   * is gathered. Undefined while no batch is complete.
   */
  takeBatch(): readonly ClientFrame[] | undefined {
    for (let frame = this.takeFrame(); frame; frame = this.takeFrame()) {
      this.#gathered.push(frame)
      this.#gatheredBytes += frame.bytes.length
      if (!this.#pipelines || endsBatch(frame) || this.#gatheredBytes > MAX_BATCH) {
        const batch = this.#gathered
        this.#gathered = []
        this.#gatheredBytes = 0
        return batch
      }
    }
    return undefined
  }
}

function endsBatch({ request }: ClientFrame): boolean {
  switch (request.kind) {
    case 'query':
    case 'function-call':
    case 'sync':
    case 'flush':
    case 'copy-end':
    case 'terminate':
      return true
    case 'prepare':
    case 'bind':
    case 'execute':
    case 'describe':
    case 'close':
    case 'copy-data':
      return false
    default:
      return true
  }
}
