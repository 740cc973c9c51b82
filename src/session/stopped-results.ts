import { ProxyError } from '../lib/errors.ts'
import type { Dialogue } from '../wire/dialogue.ts'
import type { AnyRequest } from '../wire/requests.ts'
import type { Ends } from './ends.ts'
import type { Exchange } from './exchange.ts'
import type { Flow } from './flow.ts'
import type { LimitedResults } from './limited-results.ts'
import type { ResultMeter } from './row-limits.ts'
import type { Services } from './services.ts'
import type { SessionLife } from './session-life.ts'
import type { Skipping } from './skipping.ts'

export interface StoppedResultsOptions {
  readonly services: Services
  readonly life: SessionLife
  readonly ends: Ends
  readonly dialogue: Dialogue<Exchange, AnyRequest>
  readonly limited: LimitedResults
  readonly flow: Flow
  readonly skipping: Skipping
  /** Sends a cancel to the database; settles when the database has taken it. */
  readonly cancelUpstream: () => Promise<void>
}

/** Results that went past a limit: they stand still at a row until somebody has decided. */
export class StoppedResults {
  readonly #options: StoppedResultsOptions

  constructor(options: StoppedResultsOptions) {
    this.#options = options
  }

  /** Nothing that follows is judged, and nothing more is read, until a person has decided. */
  exceeded(exchange: Exchange, meter: ResultMeter): void {
    const { ends, limited, flow, life } = this.#options
    ends.stopResult()
    const decided = limited.holdResult(exchange, meter)
    flow.waitFor(decided)
    decided.then(
      () => life.guard(() => this.#goOn()),
      (error: unknown) => life.guard(() => this.#end(exchange, error)),
    )
  }

  #goOn(): void {
    const { life, ends, dialogue } = this.#options
    if (!life.closed()) ends.resumeResult(() => dialogue.goOn())
  }

  #end(exchange: Exchange, error: unknown): void {
    const { services, life, dialogue, flow, skipping, cancelUpstream } = this.#options
    if (life.closed()) return
    if (!(error instanceof ProxyError) || !dialogue.endResult(error)) throw error
    const open = services.protocol.pipelines && dialogue.segment !== 'closed'
    // The client skips to its Sync, as after any error; the server has to be made to.
    if (open) skipping.begin('server')
    // What is going to be taken back is read to its end: a cancel could hit what takes it back.
    if (!exchange.counted) flow.waitFor(cancelUpstream())
    this.#goOn()
  }
}
