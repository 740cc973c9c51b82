import type { Approved } from '../approval/request.ts'
import type { Principal } from '../identity/principal.ts'
import { type Deferred, deferred } from '../lib/deferred.ts'
import type { ProxyError } from '../lib/errors.ts'
import { atLeastApproved } from '../policy/decide.ts'
import type { RequireApproval } from '../policy/decision.ts'
import type { Classification } from '../sql/statement.ts'
import type { Outbox } from '../wire/outbox.ts'
import type { AnyRequest, Dialogue } from '../wire/protocol.ts'
import type { Context } from './binding.ts'
import type { Exchange } from './exchange.ts'
import { gone, transactionFailed, unresolved, withinCopy } from './flow-errors.ts'
import { Hold, type Holder, type Interruption } from './hold.ts'
import { runsWhenPrepared } from './prepare-runs.ts'
import type { Records } from './records.ts'
import type { ResultMeter, RowLimits } from './row-limits.ts'
import type { Services, Settings } from './services.ts'
import type { RunStep, Step } from './step.ts'
import { denied, type Verdicts } from './verdicts.ts'

export interface WaitingOptions {
  readonly services: Services
  readonly principal: Principal
  readonly sessionId: string
  readonly verdicts: Verdicts
  readonly records: Records
  readonly dialogue: Dialogue<Exchange, AnyRequest>
  readonly settings: () => Settings
  readonly rowLimits: RowLimits
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
    this.#dialogue.closeOpenSegment()
    await this.settled()
    if (this.#dialogue.transaction === 'failed') throw transactionFailed()
    this.#services.counters.held++
    return this.#signed(exchange, decision, {
      decide: ({ statements }) => this.#options.verdicts.decide(statements, this.#inTransaction()),
      context: (asked) => this.#context(asked),
    })
  }

  /** Waits for a person. */
  async #signed(
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
        notice: (text, detail) => this.#notice(text, detail),
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

  /**
   * What a result's statement means can't be asked while it is under way: it is asked before, where
   * a limit may stop it.
   */
  async askWhatNamesMean(steps: readonly Step[]): Promise<void> {
    for (const step of steps) {
      if (step.kind !== 'run' || step.exchange.context !== null) continue
      if (!this.#options.rowLimits.mayAsk(step.exchange)) continue
      await this.settled()
      if (this.#dialogue.skipping || this.#dialogue.transaction === 'failed') return
      this.#dialogue.closeOpenSegment()
      await this.settled()
      step.exchange.context = await this.#context(step.exchange)
      await this.#warnEarly(step.exchange)
    }
  }

  /** Of a limit that the planner expects it to go past: the agent can still ask for less. */
  async #warnEarly(exchange: Exchange): Promise<void> {
    const limitOf = (rows: number | null) =>
      rows === null ? null : this.#options.rowLimits.expected(exchange, rows)
    const { estimates } = this.#services
    const rows = await estimates.unless((known) => limitOf(known) === null, exchange)
    const limit = limitOf(rows)
    if (rows === null || limit === null) return
    this.#notice(
      `some ${rows} rows are expected, and a person is asked for more than ${limit}`,
      "It is the planner's estimate and stops nothing. Fewer rows, by WHERE or LIMIT, wait for nobody.",
    )
    this.#options.records.expected(exchange, { rows, limit })
  }

  /**
   * Holds a result at a row that may not leave yet, as the export that it has become. Resolves when
   * the rest may leave; rejects with what the client is to be told instead of it.
   */
  async holdResult(exchange: Exchange, meter: ResultMeter): Promise<void> {
    const breach = meter.breach
    const { context } = exchange
    if (!breach) throw new Error('a result that went past no limit')
    exchange.exceeded = true
    // It is taken back: then there is time to ask.
    if (exchange.counted || breach.action === 'deny') throw denied(breach.reason)
    const { services } = this.#options
    if (services.policy().shadow) {
      const { reason } = breach
      await this.#options.records.exceeded(exchange, { reason, rows: meter.rows, approval: null })
      meter.overlook()
      return
    }
    if (!context) throw unresolved('55000')
    const exported = exchange.turnedOut({ effect: 'export', reason: breach.reason })
    exported.rowsBegan = true
    const decide = () =>
      breach.beyond ??
      atLeastApproved(this.#options.verdicts.decide(exported.statements, this.#inTransaction()), [
        'limits',
      ])
    const decision = decide()
    if (decision.kind === 'deny') throw denied(decision.reason)
    services.counters.held++
    const approval = await this.#signed(exported, decision, {
      decide,
      context: async () => context,
    })
    await this.#options.records.exceeded(exchange, {
      reason: breach.reason,
      rows: meter.rows,
      approval,
    })
    if (exchange.approval) {
      // A grant's: that was for as many rows as have left.
      const ms = Math.round(services.clock.monotonic() - exchange.startedAt)
      services.gate.settle(exchange.approval.id, { rows: meter.rows, ms, sqlState: null })
    }
    exchange.approval = approval
    meter.lift()
  }

  #notice(text: string, detail: string): void {
    this.#options.toClient.add(this.#dialogue.notice(text, detail))
    this.#options.toClient.flush()
  }

  async #context(exchange: Exchange): Promise<Context> {
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
