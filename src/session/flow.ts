import { Permit } from '../approval/permit.ts'
import { ProxyError } from '../lib/errors.ts'
import type { Allow } from '../policy/decision.ts'
import type { Copy } from '../sql/statement.ts'
import type { AnyRequest, Dialogue, Outgoing } from '../wire/protocol.ts'
import { ceilingOf, onlySends } from './ceiling.ts'
import { CeilingRuns } from './ceiling-runs.ts'
import type { Diagnostics } from './diagnostics.ts'
import type { Exchange } from './exchange.ts'
import { rulesChanged, severalWait, standsBehind } from './flow-errors.ts'
import type { Services } from './services.ts'
import { type ClientFrame, type Judge, type RunStep, type Step, undo } from './step.ts'
import { cannotBeRead, denied } from './verdicts.ts'
import { Waiting, type WaitingOptions } from './waiting.ts'

/** Messages that execute nothing need no rule. */
export const PROTOCOL: Allow = { kind: 'allow', rules: ['protocol'], unmask: [] }

/** Who answers the Sync after a refusal: nobody waits for one, the proxy, or the server. */
export type Discarding = 'no' | 'locally' | 'with-the-server'

export interface FlowOptions extends WaitingOptions {
  readonly judge: Judge
  readonly diagnostics: Diagnostics
}

/** The way of a batch: judge, hold, record, forward; or be refused in its order. */
export class Flow {
  readonly #options: FlowOptions
  readonly #services: Services
  readonly #dialogue: Dialogue<Exchange, AnyRequest>
  readonly #ceilings: CeilingRuns
  readonly waiting: Waiting
  /** Settles when what follows may be judged and sent: a cancel has arrived, the catalog is read. */
  #wait: Promise<void> | null = null
  discarding: Discarding = 'no'
  /** The batch before ended in Sync or was a simple query. */
  #segmentEnded = false

  constructor(options: FlowOptions) {
    this.#options = options
    this.#services = options.services
    this.#dialogue = options.dialogue
    this.waiting = new Waiting(options)
    this.#ceilings = new CeilingRuns({
      ...options,
      settled: () => this.waiting.settled(),
      forward: (steps) => this.#forwardSteps(steps),
      countersign: (exchange, decision) => this.waiting.countersign(exchange, decision),
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
      mustBeOnDisk = this.#recordIntents(steps)
    } catch (error) {
      return this.#refuseUnrecorded(batch, steps, error)
    }
    if (mustBeOnDisk !== null) return this.#forwardWhenOnDisk(batch, steps, mustBeOnDisk)
    this.#forwardSteps(steps)
    return []
  }

  async #dispatchWaited(batch: readonly ClientFrame[]): Promise<readonly ClientFrame[]> {
    // A result was ended meanwhile: the client's own skipping begins with this.
    if (this.discarding !== 'no') return batch
    this.#countSegment(batch)
    return this.#dispatchSettled(batch)
  }

  /** What the names of the batch mean is known only when all before it has been answered. */
  async #dispatchSettled(batch: readonly ClientFrame[]): Promise<readonly ClientFrame[]> {
    if (this.#mustSettle(batch)) await this.waiting.settled()
    return this.#dispatchSlowly(batch, [])
  }

  #mustSettle(batch: readonly ClientFrame[]): boolean {
    if (!this.#services.protocol.pipelines) return !this.#dialogue.idle
    return this.#options.judge.dependsOnAnswers(batch)
  }

  #countSegment(batch: readonly ClientFrame[]): void {
    if (this.#segmentEnded) this.#options.verdicts.nextSegment()
    this.#segmentEnded = this.#endsSegment(batch)
  }

  #endsSegment(batch: readonly ClientFrame[]): boolean {
    const last = batch.at(-1)
    return last !== undefined && (this.#isWhole(last) || last.request.kind === 'sync')
  }

  #goesAtOnce(step: Step): boolean {
    if (step.kind === 'refuse' || ownOf(step) !== null) return false
    if (step.kind !== 'run') return true
    if (!this.#allowed(step.exchange) || this.#copiesLookedAt(step.exchange)) return false
    if (ceilingOf(step.exchange) !== null || copiesOf([step]).length > 0) return false
    return !this.#options.rowLimits.mayAsk(step.exchange)
  }

  #allowed(exchange: Exchange): boolean {
    return exchange.decision.kind === 'allow' || this.#services.policy().shadow
  }

  async #dispatchSlowly(
    batch: readonly ClientFrame[],
    steps: Step[],
    pending?: Promise<Step>,
  ): Promise<readonly ClientFrame[]> {
    if (pending) steps.push(await pending)
    while (steps.length < batch.length && steps.at(-1)?.kind !== 'refuse') {
      const frame = batch[steps.length] as ClientFrame
      steps.push(await this.#options.judge.judge(frame, this.#inTransaction()))
    }
    await this.#askOwn(steps)
    this.#ceilings.mind(steps, this.#endsSegment(batch))
    const conflict = this.#conflictIn(steps)
    if (conflict) return this.#refuse(batch, steps, conflict.at, conflict.error)
    const { version } = this.#services.policy()
    for (const [index, step] of steps.entries()) {
      const error = await this.#refusalOf(step)
      if (error) return this.#refuse(batch, steps, index, error)
    }
    await this.#describeCopies(steps)
    await this.waiting.askWhatNamesMean(steps)
    if (this.#wait !== null) await this.#wait
    if (this.#services.policy().version !== version && !this.#dialogue.skipping) {
      const at = this.#nowForbidden(steps)
      if (at >= 0) return this.#refuse(batch, steps, at, rulesChanged())
    }
    const counted = this.#ceilings.countedIn(steps)
    const copies = copiesOf(steps)
    try {
      if (copies.length > 0) await this.#noteCopies(copies)
      const sequence = this.#recordIntents(steps)
      if (counted) return await this.#runCounted(steps, counted, sequence)
      return await this.#forwardWhenOnDisk(batch, steps, sequence)
    } catch (error) {
      return this.#refuseUnrecorded(batch, steps, error)
    }
  }

  async #runCounted(
    steps: readonly Step[],
    counted: RunStep,
    sequence: number | null,
  ): Promise<readonly ClientFrame[]> {
    if (sequence !== null) await this.#options.records.durable(sequence)
    await this.#ceilings.run(steps, counted)
    return []
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
    this.#forwardSteps(steps)
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
    return this.#refuse(batch, steps, Math.max(first, 0), error)
  }

  /**
   * A person is shown one statement and what its names mean now. What stands before it in its batch
   * isn't sent before it is signed, so it must neither change that meaning nor wait itself.
   */
  #conflictIn(steps: readonly Step[]): { readonly at: number; readonly error: ProxyError } | null {
    const waits = (step: Step) => step.kind === 'run' && !this.#allowed(step.exchange)
    const first = steps.findIndex(waits)
    if (first < 0) return null
    if (steps.findLastIndex(waits) !== first) return { at: first, error: severalWait() }
    const changer = steps.slice(0, first).find(changesMeaning)
    return changer ? { at: first, error: standsBehind(changer) } : null
  }

  /** The first step that rules of this moment don't allow any more. */
  #nowForbidden(steps: readonly Step[]): number {
    if (this.#services.policy().shadow) return -1
    return steps.findIndex((step) => {
      if (step.kind !== 'run' || step.exchange.approval !== null) return false
      const { statements } = step.exchange
      const now = this.#options.verdicts.decide(statements, this.#inTransaction())
      // A ceiling that it wasn't judged by wouldn't be counted.
      return now.kind !== 'allow' || now.ceiling?.rows !== ceilingOf(step.exchange)?.rows
    })
  }

  /** Waits for what a step needs; answers why it can't go, or null where it may. */
  async #refusalOf(step: Step): Promise<ProxyError | null> {
    if (step.kind === 'refuse') return step.error
    const own = ownOf(step)
    if (own) return own.ownReply instanceof ProxyError ? own.ownReply : null
    if (step.kind !== 'run' || this.#allowed(step.exchange)) return null
    const { decision } = step.exchange
    if (decision.kind !== 'require-approval') return null
    try {
      const wrong = await this.waiting.syntaxError(step)
      if (wrong) return wrong
      step.exchange.approval = await this.waiting.countersign(step.exchange, decision)
      return null
    } catch (error) {
      if (error instanceof ProxyError) return error
      throw error
    }
  }

  /** What the proxy answers itself it may have to ask for; what failed is told in its turn. */
  async #askOwn(steps: readonly Step[]): Promise<void> {
    for (const step of steps) {
      const exchange = ownOf(step)
      if (!exchange?.own) continue
      exchange.ownReply = await exchange.own.reply().catch((error: unknown) => {
        if (error instanceof ProxyError) return error
        throw error
      })
    }
  }

  /** Before anything is written, so that nobody can read it for what it isn't. */
  async #noteCopies(copies: readonly Copy[]): Promise<void> {
    try {
      await this.#services.schema.copied(copies)
    } catch {
      throw denied('what it copies can not be noted now, for the schema can not be read: try later')
    }
  }

  async #describeCopies(steps: readonly Step[]): Promise<void> {
    for (const step of steps) {
      if (step.kind === 'run' && this.#copiesLookedAt(step.exchange))
        await this.#describeCopy(step.exchange)
    }
  }

  #copiesLookedAt(exchange: Exchange): boolean {
    return this.#isLookedAt(exchange) && exchange.statements.some(({ copy }) => copy)
  }

  /** Whether its results have to be described to us. */
  #isLookedAt(exchange: Exchange): boolean {
    return exchange.guarded || this.#options.services.policy().detects
  }

  /** COPY has no row description: what it sends is learned from a SELECT that would send the same. */
  async #describeCopy(exchange: Exchange): Promise<void> {
    await this.waiting.settled()
    if (this.#dialogue.skipping || this.#dialogue.transaction === 'failed') return
    for (const [index, { copy }] of exchange.statements.entries()) {
      if (!copy) continue
      const described = this.#dialogue.describe(copy.describedBy)
      this.#options.toServer.flush()
      exchange.setCopyColumns(index, (await described) ?? [])
    }
  }

  // === refusing

  /** Sends what stands before the refused step, then makes the error appear in its order. */
  async #refuse(
    batch: readonly ClientFrame[],
    steps: readonly Step[],
    at: number,
    error: ProxyError,
  ): Promise<readonly ClientFrame[]> {
    const refused = steps[at] as Step
    for (const step of steps.slice(at)) {
      undo(step)
      this.#settleUnused(step, error)
    }
    if ('exchange' in refused && refused.exchange && refused.exchange.recorded === 'nothing') {
      this.#options.records.refused(refused.exchange, error, this.#dialogue.transaction)
    }
    if (error.fatal) throw error
    // Nobody waits for an answer: an error would be read as that of the next command.
    if (awaitsNoAnswer(refused.frame)) return batch.slice(at + 1)
    const before = steps.slice(0, at)
    const runs = before.some((step) => step.kind === 'run' || step.kind === 'execute')
    if (runs) await this.#recordAndForward(before)
    else await this.waiting.settled()
    const quiet = this.#dialogue.segment === 'closed' && this.#dialogue.transaction === 'idle'
    const byServer =
      refused.kind === 'refuse' && (refused.behindFailure ?? refused.nameless) === true
    if (!runs && quiet && !byServer) {
      for (const step of before) undo(step)
      this.#answerRefusal(refused, error)
    } else {
      if (!runs) this.#forwardSteps(before)
      this.#makeServerFail(refused, error)
    }
    return batch.slice(at + 1)
  }

  /** An approval that was spent for what is refused after all. */
  #settleUnused(step: Step, error: ProxyError): void {
    const approval = step.kind === 'run' ? step.exchange.approval : null
    if (!approval) return
    this.#services.gate.settle(approval.id, { rows: null, ms: 0, sqlState: error.sqlState })
  }

  async #recordAndForward(steps: readonly Step[]): Promise<void> {
    await this.#describeCopies(steps)
    const sequence = this.#recordIntents(steps)
    if (sequence !== null) await this.#options.records.durable(sequence)
    this.#forwardSteps(steps)
  }

  /** Outside a transaction nothing has to be sent: the proxy answers, up to the client's Sync. */
  #answerRefusal(refused: Step, error: ProxyError): void {
    this.#options.verdicts.noSchemaChangeWasSent()
    this.#options.toClient.add(this.#dialogue.refusal(error))
    if (this.#isWhole(refused.frame)) this.#options.toClient.add(this.#dialogue.ready())
    else this.discarding = 'locally'
  }

  /** The skipping to Sync and the state of the transaction are to be the server's own. */
  #makeServerFail(refused: Step, error: ProxyError): void {
    if (refused.kind === 'refuse' && refused.nameless) {
      this.#forwardNameless(Permit.fromAllow(PROTOCOL, refused.frame.bytes))
    } else this.#dialogue.sendRefusal(error)
    if (this.#isWhole(refused.frame)) this.#dialogue.sendSync()
    else this.discarding = 'with-the-server'
  }

  // === forwarding

  /** Writes the intents; the number to wait for, or null where none has to be on disk first. */
  #recordIntents(steps: readonly Step[]): number | null {
    // The server ignores all of it up to Sync: nothing is going to run.
    if (this.#dialogue.skipping) return null
    let waitFor: number | null = null
    for (const step of steps) {
      if (step.kind !== 'run' && step.kind !== 'execute' && step.kind !== 'local') continue
      if (step.exchange.recorded !== 'nothing') continue
      const sequence = this.#options.records.intent(step.exchange, this.#dialogue.transaction)
      if (sequence !== null) waitFor = sequence
    }
    this.#options.records.flush()
    return waitFor
  }

  #forwardSteps(steps: readonly Step[]): void {
    // A client that has gone is never executed for.
    if (this.waiting.abandoned) return
    for (const step of steps) this.#forwardStep(step)
  }

  #forwardStep(step: Step): void {
    switch (step.kind) {
      case 'pass':
        if (step.exchange) this.#options.diagnostics.sent(step.exchange)
        this.forward(Permit.fromAllow(PROTOCOL, [passing(step)]))
        break
      case 'run':
        this.#run(step)
        break
      case 'execute':
        if (this.#isLookedAt(step.exchange) && step.exchange.plans[0] === undefined) {
          this.#dialogue.describeForSelf(step.portal, step.exchange)
        }
        this.forward(Permit.fromAllow(PROTOCOL, [outgoing(step.frame, step.exchange)]))
        break
      case 'local':
        this.#doLocally(step)
        break
      case 'syntax-error':
        this.#dialogue.sendForSyntaxError(step.sql, cannotBeRead())
        break
      case 'refuse':
        throw new Error('a refused frame is never forwarded')
    }
  }

  #run(step: RunStep): void {
    const { exchange, frame, settle } = step
    if (this.#dialogue.skipping) {
      undo(step)
      return
    }
    exchange.startedAt = this.#services.clock.monotonic()
    this.#services.counters.statements++
    this.#options.diagnostics.sent(exchange)
    if (exchange.changesSchema) this.#options.verdicts.schemaChangeIsSent()
    const frames = [outgoing(frame, exchange, settle)]
    if (exchange.approval) this.forward(Permit.fromApproval(exchange.approval, frames))
    else this.forward(Permit.fromAllow(this.#allowing(exchange), frames))
  }

  /** Nothing is sent: the proxy is what it is done to. */
  #doLocally({ exchange, act }: Extract<Step, { kind: 'local' }>): void {
    exchange.startedAt = this.#services.clock.monotonic()
    this.#services.counters.statements++
    const error = act()
    this.#options.records.outcome(exchange, error?.sqlState ?? null)
    const { dialogue } = this.#options
    const answer = error ? dialogue.refusal(error) : dialogue.done?.()
    if (answer) this.#options.toClient.add(answer)
    this.#options.toClient.flush()
  }

  #allowing(exchange: Exchange): Allow {
    const { decision } = exchange
    if (decision.kind === 'allow') {
      const free = exchange.counted || onlySends(exchange) || this.#services.policy().shadow
      if (ceilingOf(exchange) !== null && !free) throw new Error('nobody counts its rows')
      return decision
    }
    if (decision.kind === 'require-approval' && this.#services.policy().shadow) {
      return { kind: 'allow', rules: decision.rules, unmask: decision.unmask }
    }
    throw new Error('forwarded without a decision')
  }

  /** The frame can run nothing: the dialogue frees the name first that it would need. */
  #forwardNameless(permit: Permit<Buffer>): void {
    this.#dialogue.sendNameless(permit.spend())
  }

  /** The way to the database of all that could run. */
  forward(permit: Permit<readonly Outgoing<Exchange, AnyRequest>[]>): void {
    for (const frame of permit.spend()) this.#dialogue.send(frame)
  }

  /** Its answer is the last of its round trip: no Sync follows. A FunctionCall is like a query. */
  #isWhole({ request }: ClientFrame): boolean {
    if (!this.#services.protocol.pipelines) return true
    return request.kind === 'query' || request.kind === 'function-call'
  }

  // A method: engines call into their runtime for a private getter.
  #inTransaction(): boolean {
    return this.#dialogue.transaction !== 'idle'
  }
}

export function outgoing(
  frame: ClientFrame,
  exchange: Exchange | null,
  settle?: (done: boolean) => void,
): Outgoing<Exchange, AnyRequest> {
  const { request, bytes } = frame
  const own = exchange && isExecuted(frame) ? exchange.own : null
  if (own) {
    const reply = exchange?.ownReply
    if (!reply || reply instanceof ProxyError) throw new Error('nothing to answer with')
    const done = (did: boolean) => {
      settle?.(did)
      if (did) own.done()
    }
    return { request, bytes, exchange, settle: done, reply }
  }
  return settle ? { request, bytes, exchange, settle } : { request, bytes, exchange }
}

/** A Bind executes nothing yet. */
function isExecuted({ request }: ClientFrame): boolean {
  return request.kind === 'query' || request.kind === 'execute' || request.kind === 'run'
}

/** What the proxy answers itself, in this step. */
function ownOf(step: Step): Exchange | null {
  const executes = (step.kind === 'run' || step.kind === 'execute') && isExecuted(step.frame)
  return executes && step.exchange.own ? step.exchange : null
}

function passing(step: Extract<Step, { kind: 'pass' }>): Outgoing<Exchange, AnyRequest> {
  const { frame, exchange, settle, parameterTypes } = step
  const frameOut = outgoing(frame, exchange, settle)
  return parameterTypes ? { ...frameOut, parameterTypes } : frameOut
}

function copiesOf(steps: readonly Step[]): readonly Copy[] {
  return steps.flatMap((step) =>
    step.kind === 'run' ? step.exchange.statements.flatMap(({ copies }) => copies ?? []) : [],
  )
}

/** COPY data that has to be masked on its way. */
/**
 * True for a step that could give the names of a later one another meaning. Nothing of a held
 * batch is sent before it is signed, so what such a pair means couldn't be shown to anybody.
 */
function changesMeaning(step: Step): boolean {
  if (step.kind !== 'run') return false
  const harmless = new Set(['read', 'write', 'transaction'])
  return step.exchange.statements.some((statement) =>
    statement.effects.some(({ effect }) => !harmless.has(effect)),
  )
}

/** MySQL: commands that a server takes in silence. They stand alone in their batch. */
function awaitsNoAnswer({ request }: ClientFrame): boolean {
  return request.kind === 'free' || request.kind === 'long-data'
}
