import type { Principal } from '../identity/principal.ts'
import { messageOf, ProxyError } from '../lib/errors.ts'
import { newId } from '../lib/ids.ts'
import type { Services } from './services.ts'
import { openParts, type SessionOptions, type SessionParts } from './session-parts.ts'

/** One client's life between its login and its last byte. */
export class Session {
  readonly id = newId()
  readonly #options: SessionOptions
  readonly #services: Services
  readonly #parts: SessionParts
  readonly #openedAt: number
  #phase: 'open' | 'draining' | 'closed' = 'open'

  /** Throws AUDIT_UNAVAILABLE where the session's beginning can't be recorded. */
  constructor(options: SessionOptions) {
    this.#options = options
    this.#services = options.services
    this.#openedAt = this.#services.clock.monotonic()
    this.#parts = openParts(options, this.id, {
      closed: () => this.#phase === 'closed',
      close: (reason) => this.#close(reason),
      fail: (error) => this.#fail(error),
      guard: (work) => this.#guard(work),
      becameReady: () => this.#becameReady(),
    })
  }

  get principal(): Principal {
    return this.#parts.principal
  }

  /** The server's own id of its session. */
  get backend(): number {
    return this.#options.welcome.cancelKey.processId
  }

  /** Begins to read. */
  start(): void {
    const { ends, idle } = this.#parts
    ends.listen(
      {
        fromClient: (chunk) => this.#fromClient(chunk),
        fromUpstream: (chunk) => this.#fromUpstream(chunk),
        upstreamClosed: (reason) => this.#upstreamClosed(reason),
        clientClosed: (reason) => this.#close(reason),
      },
      this.#options.heads,
    )
    idle.start()
  }

  #fromClient(chunk: Buffer): void {
    if (this.#phase === 'closed') return
    this.#guard(() => this.#parts.intake.push(chunk))
  }

  #fromUpstream(chunk: Buffer): void {
    if (this.#phase === 'closed') return
    this.#guard(() => {
      this.#parts.dialogue.receive(chunk)
      this.#parts.ends.toClient.flush()
    })
  }

  #becameReady(): void {
    const { dialogue, names, intake, flow } = this.#parts
    const over = dialogue.transaction === 'idle' && dialogue.idle
    // What is judged and waits to be sent may have made portals already.
    if (over && !intake.busy) names.transactionIsOver()
    if (over && names.schemaInMotion && !this.#services.policy().transparent) {
      // What other sessions see of the schema may be new; what this one sees certainly is.
      names.schemaInMotion = false
      flow.waitFor(this.#services.schema.refresh())
    }
    if (this.#phase === 'draining') this.#endIfDrained()
  }

  // === cancelling and ending

  /** A CancelRequest came with this session's key. */
  cancel(address: string): void {
    const { records, waiting, dialogue, flow } = this.#parts
    records.cancelRequested(address)
    if (waiting.holding) waiting.interrupt('cancelled')
    else if (!dialogue.idle) flow.waitFor(this.#options.cancelUpstream())
  }

  /** Ends the session as soon as nothing is in flight; a held statement is withdrawn. */
  drain(): void {
    if (this.#phase === 'closed') return
    this.#phase = 'draining'
    const { intake, waiting } = this.#parts
    if (intake.busy || waiting.holding) waiting.interrupt('shutdown')
    else this.#endIfDrained()
  }

  #endIfDrained(): void {
    const { intake, dialogue } = this.#parts
    const quiet = !intake.busy && intake.empty && dialogue.idle
    if (!quiet || dialogue.transaction !== 'idle') return
    this.#end(new ProxyError('SHUTDOWN', 'terminating connection: countersign is shutting down'))
  }

  /** Ends the session now, in the middle of whatever it does, which the database is to end too. */
  kill(error: ProxyError): void {
    const runs = this.#phase !== 'closed' && !this.#parts.dialogue.idle
    this.#end(error)
    if (runs) void this.#options.cancelUpstream()
  }

  #upstreamClosed(reason: string): void {
    if (this.#parts.dialogue.ended) {
      this.#close('the database ended the session')
      return
    }
    this.#end(
      new ProxyError('UPSTREAM_UNAVAILABLE', `the database closed the connection: ${reason}`),
    )
  }

  #guard(work: () => void): void {
    try {
      work()
    } catch (error) {
      this.#fail(error)
    }
  }

  #fail(error: unknown): void {
    const known = error instanceof ProxyError ? error : null
    this.#end(known ?? new ProxyError('INTERNAL', `internal error: ${messageOf(error)}`))
  }

  /** Tells the client why, then closes. */
  #end(error: ProxyError): void {
    if (this.#phase === 'closed') return
    const { dialogue, ends } = this.#parts
    ends.toClient.discard()
    // Within a row an error would be read as its rest.
    if (!dialogue.midMessage) ends.toClient.add(dialogue.refusal(error))
    ends.toClient.flush()
    this.#close(error.message)
  }

  #close(reason: string): void {
    if (this.#phase === 'closed') return
    this.#phase = 'closed'
    const { waiting, dialogue, judge, idle, ends, intake, records, verdicts } = this.#parts
    waiting.interrupt('disconnected')
    // Of what is still under way nobody knows how it ends.
    if (dialogue.idle) judge.leave?.()
    idle.stop()
    ends.end(intake.midPass ? undefined : this.#services.protocol.goodbye)
    records.closed(reason, {
      statements: verdicts.count,
      bytesIn: ends.bytesIn,
      bytesOut: ends.bytesOut,
      ms: Math.round(this.#services.clock.monotonic() - this.#openedAt),
    })
    this.#options.onClosed()
  }
}
