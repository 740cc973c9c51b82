import type { Approved } from '../approval/request.ts'
import { ProxyError } from '../lib/errors.ts'
import type { Beyond, Ceiling, RequireApproval } from '../policy/decision.ts'
import type { Dialogue } from '../wire/dialogue.ts'
import type { Outbox } from '../wire/outbox.ts'
import type { AnyRequest } from '../wire/requests.ts'
import { ceilingOf, countedIn, onlySends } from './ceiling.ts'
import { type Counted, CountedRun } from './counted-run.ts'
import type { Exchange } from './exchange.ts'
import type { Records } from './records.ts'
import type { Services } from './services.ts'
import { type RunStep, type Step, undo } from './step.ts'
import { denied, type Verdicts } from './verdicts.ts'

export interface CeilingOptions {
  readonly services: Services
  readonly dialogue: Dialogue<Exchange, AnyRequest>
  readonly verdicts: Verdicts
  readonly records: Records
  readonly toServer: Outbox
  readonly toClient: Outbox
  /** Resolves when all that was sent has been answered. */
  settled(): Promise<void>
  forward(steps: readonly Step[]): void
  /** Waits for a person; null where the server is going to skip it. */
  countersign(exchange: Exchange, decision: RequireApproval): Promise<Approved | null>
}

/** What went past its ceiling, and by how much. */
interface Past {
  readonly exchange: Exchange
  readonly beyond: Beyond
  readonly reason: string
}

/** Writes that a rule allows up to a number of rows. */
export class CeilingRuns {
  readonly #options: CeilingOptions
  readonly #services: Services
  readonly #dialogue: Dialogue<Exchange, AnyRequest>

  constructor(options: CeilingOptions) {
    this.#options = options
    this.#services = options.services
    this.#dialogue = options.dialogue
  }

  /**
   * Notes the step of a batch whose changes can be counted. What sends rows is counted as they leave;
   * what can be counted in neither way is decided here as if it had gone past.
   */
  mind(steps: Step[], endsSegment: boolean): void {
    if (this.#services.policy().shadow) return
    const alone = endsSegment && this.#dialogue.segment !== 'executed'
    const counted = alone ? countedIn(steps, (table) => this.#services.rollsBack(table)) : undefined
    if (counted) counted.exchange.countable = true
    for (const [at, step] of steps.entries()) {
      if (step.kind !== 'run' || step === counted) continue
      const { frame, exchange } = step
      const ceiling = ceilingOf(exchange)
      if (!ceiling || onlySends(exchange)) continue
      exchange.decision = ceiling.beyond
      if (ceiling.beyond.kind !== 'deny') continue
      steps[at] = { kind: 'refuse', frame, exchange, error: denied(ceiling.beyond.reason) }
    }
  }

  /** The step that runs under a ceiling: of a rule, or of the grant by which it was approved. */
  countedIn(steps: readonly Step[]): RunStep | undefined {
    if (this.#services.policy().shadow) return undefined
    return steps.find(
      (step): step is RunStep =>
        step.kind === 'run' && step.exchange.countable && ceilingOf(step.exchange) !== null,
    )
  }

  /** Runs a write, and keeps what it did only where that is as much as it may do. */
  async run(steps: readonly Step[], step: RunStep): Promise<void> {
    const { exchange } = step
    const ceiling = ceilingOf(exchange)
    if (!ceiling) throw new Error('a write without a ceiling')
    const at = steps.indexOf(step)
    const rest = steps.slice(at)
    if (!(await this.#prepared(steps.slice(0, at)))) {
      // After an error everything up to Sync is ignored; nothing has run.
      for (const each of rest) undo(each)
      this.#options.forward(rest.slice(-1))
      return
    }
    const within = this.#dialogue.transaction !== 'idle'
    exchange.counted = true
    const counted = new CountedRun(this.#options)
    const result = await counted.run(exchange, ceiling.rows, () => this.#options.forward(rest))
    this.#settle(exchange, result)
    if (result.kind === 'lost') this.#answerInstead(rest, result.error)
    if (result.kind !== 'too-many') return
    this.#options.records.undone(exchange, 'ZA001')
    const past = { exchange, beyond: ceiling.beyond, reason: reasonOf(ceiling, result.rows) }
    if (within) this.#refuseWithin(rest, past)
    else await this.#askForMore(rest, past)
  }

  /** What a grant has let run has run where it was kept. */
  #settle({ approval, rows, failedWith, startedAt }: Exchange, result: Counted): void {
    if (!approval) return
    const ms = Math.round(this.#services.clock.monotonic() - startedAt)
    const sqlState =
      result.kind === 'answered'
        ? failedWith
        : result.kind === 'lost'
          ? result.error.sqlState
          : 'ZA001'
    const kept = sqlState === null ? rows : null
    this.#services.gate.settle(approval.id, { rows: kept, ms, sqlState })
  }

  /** Sends what only prepares, and waits for it; false where the server has refused it. */
  async #prepared(steps: readonly Step[]): Promise<boolean> {
    let done = !this.#dialogue.skipping
    const failed = () => {
      done = false
    }
    this.#options.forward(steps.map((step) => (step.kind === 'pass' ? noted(step, failed) : step)))
    this.#dialogue.closeOpenSegment()
    await this.#options.settled()
    return done
  }

  /** The agent's own transaction can't be left and come back to. */
  #refuseWithin(rest: readonly Step[], { reason }: Past): void {
    const error = denied(
      `it ${reason}, and was taken back: outside a transaction a person can be asked for it`,
    )
    if (!this.#services.protocol.pipelines) {
      this.#answerInstead(rest, error)
      return
    }
    this.#dialogue.sendRefusal(error)
    this.#dialogue.sendSync()
  }

  /** It has been taken back; once a person has signed it runs again, however many rows it changes. */
  async #askForMore(rest: readonly Step[], past: Past): Promise<void> {
    const { verdicts, records } = this.#options
    const again = verdicts.again(past.exchange, { effect: 'write', reason: past.reason })
    again.decision = past.beyond
    try {
      again.approval = await this.#signed(again, past)
      const sequence = records.intent(again, this.#dialogue.transaction)
      if (sequence !== null) await records.durable(sequence)
    } catch (error) {
      if (!(error instanceof ProxyError) || error.fatal) throw error
      const unused = { rows: null, ms: 0, sqlState: error.sqlState }
      if (again.approval) this.#services.gate.settle(again.approval.id, unused)
      if (again.recorded === 'nothing') records.refused(again, error, this.#dialogue.transaction)
      this.#answerInstead(rest, error)
      return
    }
    this.#options.forward(rest.map((step) => once(step, again)))
  }

  #signed(again: Exchange, { beyond, reason }: Past): Promise<Approved | null> {
    if (beyond.kind === 'deny') throw denied(`it ${reason}: ${beyond.reason}`)
    return this.#options.countersign(again, beyond)
  }

  /** The client has heard nothing yet of what it sent, and hears this. */
  #answerInstead([first]: readonly Step[], error: ProxyError): void {
    const { toClient } = this.#options
    if (first) toClient.add(this.#dialogue.refusalOf(first.frame.bytes, error))
    toClient.flush()
  }
}

function reasonOf({ rows, rules }: Ceiling, changed: number): string {
  return `changes ${changed} rows, more than the ${rows} that ${rules.join(', ')} allows`
}

/** The same step, which also says when it failed. */
function noted(step: Extract<Step, { kind: 'pass' }>, failed: () => void): Step {
  const settle = (done: boolean) => {
    step.settle?.(done)
    if (!done) failed()
  }
  return { ...step, settle }
}

/** The step for another run of the same frame. */
function once(step: Step, exchange: Exchange): Step {
  if (step.kind === 'run') return { kind: 'run', frame: step.frame, exchange }
  return step.kind === 'execute' ? { ...step, exchange } : step
}
