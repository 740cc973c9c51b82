import type { Approved } from '../approval/request.ts'
import type { Principal } from '../identity/principal.ts'
import { type Deferred, deferred } from '../lib/deferred.ts'
import type { ProxyError } from '../lib/errors.ts'
import type { RequireApproval } from '../policy/decision.ts'
import type { Classification } from '../sql/statement.ts'
import type { Dialogue } from '../wire/dialogue.ts'
import type { Outbox } from '../wire/outbox.ts'
import type { AnyRequest } from '../wire/requests.ts'
import type { Context } from './binding.ts'
import type { Exchange } from './exchange.ts'
import { gone, transactionFailed, unresolved, withinCopy } from './flow-errors.ts'
import { Hold, type Holder, type Interruption } from './hold.ts'
import { runsWhenPrepared } from './prepare-runs.ts'
import type { Records } from './records.ts'
import type { Services, Settings } from './services.ts'
import type { RunStep } from './step.ts'
import type { Verdicts } from './verdicts.ts'

export interface WaitingOptions {
  readonly services: Services
  readonly principal: Principal
  readonly sessionId: string
  readonly verdicts: Verdicts
  readonly records: Records
  readonly dialogue: Dialogue<Exchange, AnyRequest>
  readonly settings: () => Settings
  readonly toServer: Outbox
  readonly toClient: Outbox
}

/** What one session waits for: the server's answers, and a person. */
export class Waiting {
  readonly #options: WaitingOptions
  readonly #services: Services
  readonly #dialogue: Dialogue<Exchange, AnyRequest>
  #hold: Hold | null = null
  #drained: Deferred<void> | null = null
  #interruption: Interruption | null = null

  constructor(options: WaitingOptions) {
    this.#options = options
    this.#services = options.services
    this.#dialogue = options.dialogue
  }

  get holding(): boolean {
    return this.#hold !== null
  }

  /** True once the client has gone. */
  get abandoned(): boolean {
    return this.#interruption === 'disconnected'
  }

  /** Ends the present hold, and with `disconnected` or `shutdown` every later one. */
  interrupt(cause: Interruption): void {
    if (cause !== 'cancelled') this.#interruption = cause
    this.#hold?.interrupt(cause)
    if (cause === 'disconnected') this.drained()
  }

  /** To be called when nothing that was sent is unanswered. */
  drained(): void {
    this.#drained?.resolve()
    this.#drained = null
  }

  /** Resolves when all that was sent has been answered. */
  async settled(): Promise<void> {
    this.#options.toServer.flush()
    while (!this.#dialogue.idle) {
      if (this.abandoned) throw gone()
      // The server would wait for data for ever, and this for the server.
      if (this.#dialogue.awaitsCopyData) throw withinCopy()
      this.#drained ??= deferred<void>()
      await this.#drained.promise
    }
    if (this.abandoned) throw gone()
  }

  /** Resolves when the server reads no pipeline any more: then it can be asked. */
  async segmentClosed(): Promise<void> {
    this.#dialogue.closeOpenSegment()
    await this.settled()
  }

  // === for a person

  /** A slip of the pen needs no signature: where our reading isn't the server's, the server is asked. */
  async syntaxError({ frame, exchange }: RunStep): Promise<ProxyError | null> {
    const { request } = frame
    const [only, ...others] = exchange.statements
    if (request.kind !== 'query' || !only || others.length > 0) return null
    // To be asked, the server prepares it: nothing of it may run before it is signed.
    if (runsWhenPrepared(only) || leaves(only) || !this.#dialogue.syntaxError) return null
    await this.settled()
    const asked = this.#dialogue.syntaxError(request.sql)
    this.#options.toServer.flush()
    return asked
  }

  /** Holds one exchange until it has been signed; null where the server is going to skip it. */
  async countersign(exchange: Exchange, decision: RequireApproval): Promise<Approved | null> {
    await this.settled()
    if (this.#dialogue.skipping) return null
    await this.segmentClosed()
    if (this.#dialogue.transaction === 'failed') throw transactionFailed()
    this.#services.counters.held++
    return this.signed(exchange, decision, {
      decide: ({ statements }) => this.#options.verdicts.decide(statements, this.#inTransaction()),
      context: (asked) => this.context(asked),
    })
  }

  /** Waits for a person, who is asked what `asked` says. */
  async signed(
    exchange: Exchange,
    decision: RequireApproval,
    asked: Pick<Holder, 'decide' | 'context'>,
  ): Promise<Approved> {
    const { services, principal, sessionId } = this.#options
    const hold = new Hold(
      {
        services,
        principal,
        sessionId,
        inTransaction: () => this.#inTransaction(),
        bearsMs: () => services.bearsMs(this.#options.settings()),
        ...asked,
        notice: (text, detail) => this.notice(text, detail),
      },
      exchange,
      decision,
    )
    this.#hold = hold
    if (this.#interruption) hold.interrupt(this.#interruption)
    try {
      return await hold.wait()
    } finally {
      this.#hold = null
    }
  }

  /** Tells the client something, where its protocol has a message for that. */
  notice(text: string, detail: string): void {
    this.#options.toClient.add(this.#dialogue.notice(text, detail))
    this.#options.toClient.flush()
  }

  /** Asks the server what the statement's names mean now. */
  async context(exchange: Exchange): Promise<Context> {
    const answers: string[] = []
    for (const statement of exchange.statements) {
      const question = this.#dialogue.ask(this.#services.contextQuery(statement))
      this.#options.toServer.flush()
      const answer = await question
      if (!answer.ok) throw unresolved(answer.sqlState)
      const told = answer.rows.length === 1 ? answer.rows[0]?.[0] : null
      if (!told) throw unresolved('02000')
      answers.push(told.toString('utf8'))
    }
    return answers
  }

  #inTransaction(): boolean {
    return this.#dialogue.transaction !== 'idle'
  }
}

/** It names files, programs or other servers, which need not be touched for the sake of a slip. */
function leaves({ effects }: Classification): boolean {
  return effects.some(({ effect }) => effect === 'export' || effect === 'server')
}
