import { Permit } from '../approval/permit.ts'
import type { Dialogue } from '../wire/dialogue.ts'
import { Framer, type FrameSink } from '../wire/framer.ts'
import type { MessageFramer } from '../wire/protocol.ts'
import type { AnyRequest } from '../wire/requests.ts'
import type { Ends } from './ends.ts'
import type { Exchange } from './exchange.ts'
import type { Flow } from './flow.ts'
import { type Forwarder, PROTOCOL } from './forwarder.ts'
import type { IdleWatch } from './idle-watch.ts'
import { Inbox } from './inbox.ts'
import type { Records } from './records.ts'
import type { Services } from './services.ts'
import type { SessionLife } from './session-life.ts'
import type { Skipping } from './skipping.ts'
import type { ClientFrame } from './step.ts'
import type { Waiting } from './waiting.ts'

/** What a client may push ahead while its session waits; then its socket isn't read. */
const MAX_AHEAD = 64 * 1024
/** A read this small is copied at once, so that its frames stay valid while they wait. */
const SMALL_READ = 16 * 1024

export interface IntakeOptions {
  readonly services: Services
  readonly life: SessionLife
  readonly ends: Ends
  readonly dialogue: Dialogue<Exchange, AnyRequest>
  readonly waiting: Waiting
  readonly flow: Flow
  readonly forwarder: Forwarder
  readonly skipping: Skipping
  readonly records: Records
  readonly idle: IdleWatch
}

/** What a client sends: cut into frames, gathered into batches, and sent on its way in order. */
export class Intake {
  readonly #options: IntakeOptions
  readonly #inbox: Inbox
  readonly #framer: MessageFramer
  /** True while the frame being read lies in memory that stays. */
  #stable = false
  /** True while a batch is on its way and what follows it has to wait. */
  #busy = false

  constructor(options: IntakeOptions) {
    this.#options = options
    this.#inbox = new Inbox(options.services.protocol.pipelines)
    this.#framer = this.#openFramer()
  }

  #openFramer(): MessageFramer {
    const { protocol, limits } = this.#options.services
    const sink: FrameSink = {
      opens: (type) => (protocol.passes(type) && this.#mayStream() ? 'pass' : 'whole'),
      frame: (type, bytes) => this.#received(type, bytes),
      run: (bytes) => this.#stream(bytes),
    }
    const framer = protocol.openFramer?.(limits.maxMessage, sink)
    return framer ?? new Framer(protocol.layout, limits.maxMessage, sink)
  }

  get busy(): boolean {
    return this.#busy
  }

  /** True where nothing has come that isn't on its way. */
  get empty(): boolean {
    return this.#inbox.empty
  }

  /** True where the database has been sent a part of a message. */
  get midPass(): boolean {
    return this.#framer.midPass
  }

  /** @param chunk valid during the call only */
  push(chunk: Buffer): void {
    this.#stable = chunk.length <= SMALL_READ
    this.#framer.push(this.#stable ? Buffer.from(chunk) : chunk)
    this.#pump()
  }

  #received(type: number, view: Buffer): void {
    const bytes = this.#stable ? view : Buffer.from(view)
    const request = this.#options.dialogue.decode(type, bytes)
    // Nobody is left who could read the answer of what is held.
    if (request.kind === 'terminate' && this.#options.waiting.holding) this.#goodbye()
    else this.#inbox.push({ request, bytes })
  }

  /** COPY data may stream on only where nothing stands before it. */
  #mayStream(): boolean {
    return this.#inbox.empty && !this.#busy && !this.#options.skipping.active
  }

  #stream(bytes: Buffer): void {
    const frame = { request: { kind: 'copy-data' as const }, bytes, exchange: null }
    this.#options.forwarder.forward(Permit.fromAllow(PROTOCOL, [frame]))
  }

  /** Takes batches in order until one has to wait; goes on when it has. */
  #pump(): void {
    const { life, skipping, ends, records } = this.#options
    while (!this.#busy && !life.closed()) {
      if (skipping.active) {
        if (!this.#skipFrame()) break
        continue
      }
      const batch = this.#inbox.takeBatch()
      if (!batch) break
      this.#take(batch)
    }
    ends.toServer.flush()
    ends.toClient.flush()
    records.catchUp()
    ends.readClient(this.#inbox.bytes > MAX_AHEAD)
  }

  #take(batch: readonly ClientFrame[]): void {
    const { idle, flow, life } = this.#options
    idle.active()
    if (batch.at(-1)?.request.kind === 'terminate') {
      this.#goodbye()
      return
    }
    const rest = flow.dispatch(batch)
    if (!(rest instanceof Promise)) {
      this.#inbox.putBack(rest)
      return
    }
    this.#busy = true
    rest.then(
      (frames) => {
        this.#busy = false
        this.#inbox.putBack(frames)
        life.guard(() => this.#pump())
      },
      (error: unknown) => life.fail(error),
    )
  }

  /** False where there is nothing to skip yet. */
  #skipFrame(): boolean {
    const frame = this.#inbox.takeFrame()
    if (!frame) return false
    if (frame.request.kind === 'terminate') this.#goodbye()
    if (frame.request.kind === 'sync') this.#answerSync(frame)
    return true
  }

  #answerSync(sync: ClientFrame): void {
    const { skipping, dialogue, ends, forwarder } = this.#options
    const by = skipping.end()
    if (by === 'proxy') ends.toClient.add(dialogue.ready())
    else forwarder.forward(Permit.fromAllow(PROTOCOL, [{ ...sync, exchange: null }]))
  }

  #goodbye(): void {
    this.#options.life.close('the client said goodbye')
  }
}
