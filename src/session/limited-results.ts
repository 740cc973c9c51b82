import type { Approved } from '../approval/request.ts'
import { atLeastApproved } from '../policy/decide.ts'
import type { Dialogue } from '../wire/dialogue.ts'
import type { AnyRequest } from '../wire/requests.ts'
import type { Exchange } from './exchange.ts'
import { unresolved } from './flow-errors.ts'
import type { Records } from './records.ts'
import type { Breach, ResultMeter, RowLimits } from './row-limits.ts'
import type { Services } from './services.ts'
import type { Step } from './step.ts'
import { denied, type Verdicts } from './verdicts.ts'
import type { Waiting } from './waiting.ts'

export interface LimitedResultsOptions {
  readonly services: Services
  readonly verdicts: Verdicts
  readonly records: Records
  readonly dialogue: Dialogue<Exchange, AnyRequest>
  readonly rowLimits: RowLimits
  readonly waiting: Waiting
}

/** What a person is asked of results that go past a limit. */
export class LimitedResults {
  readonly #options: LimitedResultsOptions
  readonly #services: Services
  readonly #dialogue: Dialogue<Exchange, AnyRequest>
  readonly #waiting: Waiting

  constructor(options: LimitedResultsOptions) {
    this.#options = options
    this.#services = options.services
    this.#dialogue = options.dialogue
    this.#waiting = options.waiting
  }

  /**
   * What a result's statement means can't be asked while it is under way: it is asked before, where
   * a limit may stop it.
   */
  async askWhatNamesMean(steps: readonly Step[]): Promise<void> {
    for (const step of steps) {
      if (step.kind !== 'run' || step.exchange.context !== null) continue
      if (!this.#options.rowLimits.mayAsk(step.exchange)) continue
      await this.#waiting.settled()
      if (this.#dialogue.skipping || this.#dialogue.transaction === 'failed') return
      await this.#waiting.segmentClosed()
      step.exchange.context = await this.#waiting.context(step.exchange)
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
    this.#waiting.notice(
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
    const { breach } = meter
    if (!breach) throw new Error('a result that went past no limit')
    exchange.exceeded = true
    // It is taken back: then there is time to ask.
    if (exchange.counted || breach.action === 'deny') throw denied(breach.reason)
    const { reason } = breach
    if (this.#services.policy().shadow) {
      await this.#options.records.exceeded(exchange, { reason, rows: meter.rows, approval: null })
      meter.overlook()
      return
    }
    const approval = await this.#signedAsExport(exchange, breach)
    await this.#options.records.exceeded(exchange, { reason, rows: meter.rows, approval })
    this.#settleGrant(exchange, meter)
    exchange.approval = approval
    meter.lift()
  }

  async #signedAsExport(exchange: Exchange, { reason, beyond }: Breach): Promise<Approved> {
    const { context } = exchange
    if (!context) throw unresolved('55000')
    const exported = exchange.turnedOut({ effect: 'export', reason })
    exported.rowsBegan = true
    const { verdicts } = this.#options
    const decide = () =>
      beyond ??
      atLeastApproved(verdicts.decide(exported.statements, this.#inTransaction()), ['limits'])
    const decision = decide()
    if (decision.kind === 'deny') throw denied(decision.reason)
    this.#services.counters.held++
    return this.#waiting.signed(exported, decision, { decide, context: async () => context })
  }

  /** What has run by a grant until here was for as many rows as have left. */
  #settleGrant({ approval, startedAt }: Exchange, { rows }: ResultMeter): void {
    if (!approval) return
    const { clock, gate } = this.#services
    const ms = Math.round(clock.monotonic() - startedAt)
    gate.settle(approval.id, { rows, ms, sqlState: null })
  }

  #inTransaction(): boolean {
    return this.#dialogue.transaction !== 'idle'
  }
}
