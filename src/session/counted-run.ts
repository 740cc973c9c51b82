import { ProxyError } from '../lib/errors.ts'
import type { Dialogue, OwnAnswer } from '../wire/dialogue.ts'
import type { Outbox } from '../wire/outbox.ts'
import type { AnyRequest } from '../wire/requests.ts'
import type { Exchange } from './exchange.ts'
import type { Services } from './services.ts'

/** How a write under a ceiling ended. */
export type Counted =
  /** It changed no more rows, or failed by itself: the client has its answer. */
  | { readonly kind: 'answered' }
  /** It has been taken back, or the database has to be told to; the client has heard nothing. */
  | { readonly kind: 'too-many'; readonly rows: number }
  /** It could not be kept; the client has heard nothing. */
  | { readonly kind: 'lost'; readonly error: ProxyError }

const SAVEPOINT = 'countersign_ceiling'

export interface CountedRunOptions {
  readonly services: Services
  readonly dialogue: Dialogue<Exchange, AnyRequest>
  readonly toServer: Outbox
  readonly toClient: Outbox
  /** Resolves when all that was sent has been answered. */
  settled(): Promise<void>
}

/**
 * Runs a write whose rows are counted: in a transaction of the proxy's own, of which the client sees
 * nothing, or in the agent's. What the server answers is kept back until it is known to stay.
 */
export class CountedRun {
  readonly #options: CountedRunOptions

  constructor(options: CountedRunOptions) {
    this.#options = options
  }

  async run(exchange: Exchange, most: number, send: () => void): Promise<Counted> {
    const { dialogue, toServer, toClient } = this.#options
    const own = dialogue.transaction === 'idle' && dialogue.autocommit
    const begun = await this.#begin(own)
    if (!begun.ok) return { kind: 'lost', error: this.#lost(begun, exchange) }
    toClient.hold()
    dialogue.conceal(own)
    try {
      send()
      toServer.flush()
      await this.#options.settled()
      const result = await this.#end(exchange, most, own)
      if (result.kind === 'answered') toClient.release()
      else toClient.discard()
      return result
    } catch (error) {
      toClient.discard()
      throw error
    } finally {
      dialogue.conceal(false)
    }
  }

  async #end(exchange: Exchange, most: number, own: boolean): Promise<Counted> {
    const { rows, exceeded, failedWith } = exchange
    if (exceeded || rows > most) {
      await this.#undo(own)
      return { kind: 'too-many', rows }
    }
    if (failedWith !== null) {
      // Outside a transaction nothing of it stays; inside, that is as the database has it.
      if (own) await this.#ask('ROLLBACK')
      return { kind: 'answered' }
    }
    const kept = await this.#keep(own)
    if (kept.ok) return { kind: 'answered' }
    return { kind: 'lost', error: this.#lost(kept, exchange) }
  }

  /** Where errors end transactions (PostgreSQL), one is enough to take it back. */
  #begin(own: boolean): Promise<OwnAnswer> {
    if (own) return this.#ask(this.#services.protocol.pipelines ? 'BEGIN' : 'START TRANSACTION')
    return this.#services.protocol.pipelines ? NOTHING : this.#ask(`SAVEPOINT ${SAVEPOINT}`)
  }

  #keep(own: boolean): Promise<OwnAnswer> {
    if (own) return this.#ask('COMMIT')
    return this.#services.protocol.pipelines ? NOTHING : this.#ask(`RELEASE SAVEPOINT ${SAVEPOINT}`)
  }

  async #undo(own: boolean): Promise<void> {
    if (!own && this.#services.protocol.pipelines) return
    const undone = await this.#ask(own ? 'ROLLBACK' : `ROLLBACK TO SAVEPOINT ${SAVEPOINT}`)
    if (undone.ok) return
    throw new ProxyError('UPSTREAM_UNAVAILABLE', 'a write past its ceiling could not be taken back')
  }

  #ask(sql: string): Promise<OwnAnswer> {
    const asked = this.#options.dialogue.ask(sql)
    this.#options.toServer.flush()
    return asked
  }

  get #services(): Services {
    return this.#options.services
  }

  /** A check that waits for the end of a transaction can quote a value. */
  #lost({ sqlState, message }: Extract<OwnAnswer, { ok: false }>, exchange: Exchange): ProxyError {
    const text = exchange.guarded ? 'the change could not be committed' : message
    return new ProxyError('COMMIT_FAILED', text, { sqlState })
  }
}

const NOTHING: Promise<OwnAnswer> = Promise.resolve({ ok: true, rows: [] })
