import { ProxyError } from '../lib/errors.ts'
import type { Dialogue } from '../wire/dialogue.ts'
import type { AnyRequest } from '../wire/requests.ts'
import { ceilingOf } from './ceiling.ts'
import { CeilingRuns } from './ceiling-runs.ts'
import { conflictIn, nowForbidden } from './conflicts.ts'
import { Copies, copiesOf } from './copies.ts'
import type { Exchange } from './exchange.ts'
import type { Forwarder } from './forwarder.ts'
import type { LimitedResults } from './limited-results.ts'
import { askOwn, ownOf } from './own-steps.ts'
import { type Refusal, Refusals } from './refusals.ts'
import type { RowLimits } from './row-limits.ts'
import type { Services } from './services.ts'
import type { Skipping } from './skipping.ts'
import { type ClientFrame, isWhole, type Judge, type RunStep, type Step } from './step.ts'
import type { Waiting, WaitingOptions } from './waiting.ts'

export interface FlowOptions extends WaitingOptions {
  readonly rowLimits: RowLimits
  readonly judge: Judge
  readonly waiting: Waiting
  readonly limited: LimitedResults
  readonly forwarder: Forwarder
  readonly skipping: Skipping
}

/** The way of a batch: judge, hold, record, forward; or be refused in its order. */
export class Flow {
  readonly #options: FlowOptions
  readonly #services: Services
  readonly #dialogue: Dialogue<Exchange, AnyRequest>
  readonly #waiting: Waiting
  readonly #copies: Copies
  readonly #ceilings: CeilingRuns
  readonly #refusals: Refusals
  /** Settles when what follows may be judged and sent: a cancel has arrived, the catalog is read. */
  #wait: Promise<void> | null = null
  /** The batch before ended in Sync or was a simple query. */
  #segmentEnded = false

  constructor(options: FlowOptions) {
    const { waiting, forwarder } = options
    this.#options = options
    this.#services = options.services
    this.#dialogue = options.dialogue
    this.#waiting = waiting
    this.#copies = new Copies({ ...options, settled: () => waiting.settled() })
    this.#refusals = new Refusals({ ...options, copies: this.#copies })
    this.#ceilings = new CeilingRuns({
      ...options,
      settled: () => waiting.settled(),
      forward: (steps) => forwarder.forwardSteps(steps),
      countersign: (exchange, decision) => waiting.countersign(exchange, decision),
    })
  }

  /** Lets nothing be judged or sent until this has settled. */
  waitFor(work: Promise<unknown>): void {
    const before = this.#wait
    const settled = Promise.allSettled([before, work]).then(() => {
      if (this.#wait === settled) this.#wait = null
    })
    this.#wait = settled
  }

  /**
   * Takes a batch its way. Answers frames that stood behind a refused one: they are to be skipped
   * up to Sync. Synchronous where nothing has to be waited for.
   */
  dispatch(
    batch: readonly ClientFrame[],
  ): readonly ClientFrame[] | Promise<readonly ClientFrame[]> {
    if (this.#wait !== null) return this.#wait.then(() => this.#dispatchWaited(batch))
    this.#countSegment(batch)
    if (this.#mustSettle(batch)) return this.#dispatchSettled(batch)
    const steps: Step[] = []
    for (const frame of batch) {
      const step = this.#options.judge.judge(frame, this.#inTransaction())
      if (step instanceof Promise) return this.#dispatchSlowly(batch, steps, step)
      steps.push(step)
      if (step.kind === 'refuse') break
    }
    if (!steps.every((step) => this.#goesAtOnce(step))) return this.#dispatchSlowly(batch, steps)
    let mustBeOnDisk: number | null
    try {
      mustBeOnDisk = this.#options.records.intents(steps, this.#dialogue)
    } catch (error) {
      return this.#refuseUnrecorded(batch, steps, error)
    }
    if (mustBeOnDisk !== null) return this.#forwardWhenOnDisk(batch, steps, mustBeOnDisk)
    this.#options.forwarder.forwardSteps(steps)
    return []
  }

  /** Nothing of it has to be asked, described or counted first. */
  #goesAtOnce(step: Step): boolean {
    if (step.kind === 'refuse' || ownOf(step) !== null) return false
    if (step.kind !== 'run') return true
    if (!this.#allowed(step.exchange) || this.#copies.lookedAt(step.exchange)) return false
    if (ceilingOf(step.exchange) !== null || copiesOf([step]).length > 0) return false
    return !this.#options.rowLimits.mayAsk(step.exchange)
  }

  async #dispatchWaited(batch: readonly ClientFrame[]): Promise<readonly ClientFrame[]> {
    // A result was ended meanwhile: the client's own skipping begins with this.
    if (this.#options.skipping.active) return batch
    this.#countSegment(batch)
    return this.#dispatchSettled(batch)
  }

  /** What the names of the batch mean is known only when all before it has been answered. */
  async #dispatchSettled(batch: readonly ClientFrame[]): Promise<readonly ClientFrame[]> {
    if (this.#mustSettle(batch)) await this.#waiting.settled()
    return this.#dispatchSlowly(batch, [])
  }

  #mustSettle(batch: readonly ClientFrame[]): boolean {
    if (!this.#services.protocol.pipelines) return !this.#dialogue.idle
    return this.#options.judge.dependsOnAnswers(batch)
  }

  // === the way of what has to wait

  async #dispatchSlowly(
    batch: readonly ClientFrame[],
    steps: Step[],
    pending?: Promise<Step>,
  ): Promise<readonly ClientFrame[]> {
    await this.#judgeRest(batch, steps, pending)
    await askOwn(steps)
    this.#ceilings.mind(steps, this.#endsSegment(batch))
    const { version } = this.#services.policy()
    const refusal =
      conflictIn(steps, ({ exchange }) => !this.#allowed(exchange)) ?? (await this.#hold(steps))
    if (refusal) return this.#refusals.refuse(batch, steps, refusal)
    await this.#copies.describe(steps)
    await this.#options.limited.askWhatNamesMean(steps)
    if (this.#wait !== null) await this.#wait
    const forbidden = this.#forbiddenSince(version, steps)
    if (forbidden) return this.#refusals.refuse(batch, steps, forbidden)
    return this.#recordAndRun(batch, steps)
  }

  async #judgeRest(
    batch: readonly ClientFrame[],
    steps: Step[],
    pending?: Promise<Step>,
  ): Promise<void> {
    if (pending) steps.push(await pending)
    while (steps.length < batch.length && steps.at(-1)?.kind !== 'refuse') {
      const frame = batch[steps.length] as ClientFrame
      steps.push(await this.#options.judge.judge(frame, this.#inTransaction()))
    }
  }

  /** Waits for what each step needs; answers the first that can't go, or null where all may. */
  async #hold(steps: readonly Step[]): Promise<Refusal | null> {
    for (const [at, step] of steps.entries()) {
      const error = await this.#refusalOf(step)
      if (error) return { at, error }
    }
    return null
  }

  async #refusalOf(step: Step): Promise<ProxyError | null> {
    if (step.kind === 'refuse') return step.error
    const own = ownOf(step)
    if (own) return own.ownReply instanceof ProxyError ? own.ownReply : null
    if (step.kind !== 'run' || this.#allowed(step.exchange)) return null
    const { decision } = step.exchange
    if (decision.kind !== 'require-approval') return null
    try {
      const wrong = await this.#waiting.syntaxError(step)
      if (wrong) return wrong
      step.exchange.approval = await this.#waiting.countersign(step.exchange, decision)
      return null
    } catch (error) {
      if (error instanceof ProxyError) return error
      throw error
    }
  }

  /** The rules may have changed while another statement of the batch waited. */
  #forbiddenSince(version: string, steps: readonly Step[]): Refusal | null {
    const { shadow, version: now } = this.#services.policy()
    if (now === version || shadow || this.#dialogue.skipping) return null
    return nowForbidden(steps, (step) => this.#allowedNow(step))
  }

  #allowedNow({ exchange }: RunStep): boolean {
    const now = this.#options.verdicts.decide(exchange.statements, this.#inTransaction())
    // A ceiling that it wasn't judged by wouldn't be counted.
    return now.kind === 'allow' && now.ceiling?.rows === ceilingOf(exchange)?.rows
  }

  async #recordAndRun(
    batch: readonly ClientFrame[],
    steps: readonly Step[],
  ): Promise<readonly ClientFrame[]> {
    const { records } = this.#options
    const counted = this.#ceilings.countedIn(steps)
    const copies = copiesOf(steps)
    try {
      if (copies.length > 0) await this.#copies.note(copies)
      const sequence = records.intents(steps, this.#dialogue)
      if (!counted) return await this.#forwardWhenOnDisk(batch, steps, sequence)
      if (sequence !== null) await records.durable(sequence)
      await this.#ceilings.run(steps, counted)
      return []
    } catch (error) {
      return this.#refuseUnrecorded(batch, steps, error)
    }
  }

  async #forwardWhenOnDisk(
    batch: readonly ClientFrame[],
    steps: readonly Step[],
    sequence: number | null,
  ): Promise<readonly ClientFrame[]> {
    try {
      if (sequence !== null) await this.#options.records.durable(sequence)
    } catch (error) {
      return this.#refuseUnrecorded(batch, steps, error)
    }
    this.#options.forwarder.forwardSteps(steps)
    return []
  }

  /** No record, no run. */
  #refuseUnrecorded(
    batch: readonly ClientFrame[],
    steps: readonly Step[],
    error: unknown,
  ): Promise<readonly ClientFrame[]> {
    if (!(error instanceof ProxyError)) throw error
    const first = steps.findIndex((step) => step.kind === 'run' || step.kind === 'execute')
    return this.#refusals.refuse(batch, steps, { at: Math.max(first, 0), error })
  }

  #allowed(exchange: Exchange): boolean {
    return exchange.decision.kind === 'allow' || this.#services.policy().shadow
  }

  #countSegment(batch: readonly ClientFrame[]): void {
    if (this.#segmentEnded) this.#options.verdicts.nextSegment()
    this.#segmentEnded = this.#endsSegment(batch)
  }

  #endsSegment(batch: readonly ClientFrame[]): boolean {
    const last = batch.at(-1)
    if (last === undefined) return false
    return isWhole(last, this.#services.protocol) || last.request.kind === 'sync'
  }

  // A method: engines call into their runtime for a private getter.
  #inTransaction(): boolean {
    return this.#dialogue.transaction !== 'idle'
  }
}
