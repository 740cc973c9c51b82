import { Permit } from '../approval/permit.ts'
import type { ProxyError } from '../lib/errors.ts'
import type { Dialogue } from '../wire/dialogue.ts'
import type { AnyRequest } from '../wire/requests.ts'
import type { Copies } from './copies.ts'
import type { Exchange } from './exchange.ts'
import { type Forwarder, PROTOCOL } from './forwarder.ts'
import type { Skipping } from './skipping.ts'
import { type ClientFrame, isWhole, type Step, undo } from './step.ts'
import type { Waiting, WaitingOptions } from './waiting.ts'

/** The step of a batch that may not run, and why. */
export interface Refusal {
  readonly at: number
  readonly error: ProxyError
}

export interface RefusalsOptions
  extends Pick<WaitingOptions, 'services' | 'verdicts' | 'records' | 'dialogue' | 'toClient'> {
  readonly waiting: Waiting
  readonly forwarder: Forwarder
  readonly copies: Copies
  readonly skipping: Skipping
}

/** Makes an error appear in its order: what stands before the refused frame is answered first. */
export class Refusals {
  readonly #options: RefusalsOptions
  readonly #dialogue: Dialogue<Exchange, AnyRequest>

  constructor(options: RefusalsOptions) {
    this.#options = options
    this.#dialogue = options.dialogue
  }

  /** Answers the frames behind the refused one, which are to be skipped up to Sync. */
  async refuse(
    batch: readonly ClientFrame[],
    steps: readonly Step[],
    { at, error }: Refusal,
  ): Promise<readonly ClientFrame[]> {
    const refused = steps[at] as Step
    for (const step of steps.slice(at)) this.#drop(step, error)
    this.#record(refused, error)
    if (error.fatal) throw error
    const behind = batch.slice(at + 1)
    // Nobody waits for an answer: an error would be read as that of the next command.
    if (awaitsNoAnswer(refused.frame)) return behind
    const before = steps.slice(0, at)
    if (before.some(({ kind }) => kind === 'run' || kind === 'execute')) {
      await this.#recordAndForward(before)
      this.#makeServerFail(refused, error)
      return behind
    }
    await this.#options.waiting.settled()
    if (this.#mayAnswer(refused)) {
      for (const step of before) undo(step)
      this.#answer(refused, error)
    } else {
      this.#options.forwarder.forwardSteps(before)
      this.#makeServerFail(refused, error)
    }
    return behind
  }

  /** It isn't going to run; nor is what an approval was spent for. */
  #drop(step: Step, { sqlState }: ProxyError): void {
    undo(step)
    const approval = step.kind === 'run' ? step.exchange.approval : null
    if (!approval) return
    this.#options.services.gate.settle(approval.id, { rows: null, ms: 0, sqlState })
  }

  #record(refused: Step, error: ProxyError): void {
    const exchange = 'exchange' in refused ? refused.exchange : null
    if (exchange?.recorded !== 'nothing') return
    this.#options.records.refused(exchange, error, this.#dialogue.transaction)
  }

  async #recordAndForward(steps: readonly Step[]): Promise<void> {
    const { copies, records, forwarder } = this.#options
    await copies.describe(steps)
    const sequence = records.intents(steps, this.#dialogue)
    if (sequence !== null) await records.durable(sequence)
    forwarder.forwardSteps(steps)
  }

  /** Outside a transaction nothing has to be sent, unless the server has an error of its own first. */
  #mayAnswer(refused: Step): boolean {
    const { segment, transaction } = this.#dialogue
    if (segment !== 'closed' || transaction !== 'idle') return false
    return refused.kind !== 'refuse' || !(refused.behindFailure ?? refused.nameless)
  }

  /** The proxy answers, up to the client's Sync. */
  #answer(refused: Step, error: ProxyError): void {
    const { services, verdicts, toClient, skipping } = this.#options
    verdicts.noSchemaChangeWasSent()
    toClient.add(this.#dialogue.refusal(error))
    if (isWhole(refused.frame, services.protocol)) toClient.add(this.#dialogue.ready())
    else skipping.begin('proxy')
  }

  /** The skipping to Sync and the state of the transaction are to be the server's own. */
  #makeServerFail(refused: Step, error: ProxyError): void {
    const { services, forwarder, skipping } = this.#options
    if (refused.kind === 'refuse' && refused.nameless) {
      forwarder.forwardNameless(Permit.fromAllow(PROTOCOL, refused.frame.bytes))
    } else this.#dialogue.sendRefusal(error)
    if (isWhole(refused.frame, services.protocol)) this.#dialogue.sendSync()
    else skipping.begin('server')
  }
}

/** MySQL: commands that a server takes in silence. They stand alone in their batch. */
function awaitsNoAnswer({ request }: ClientFrame): boolean {
  return request.kind === 'free' || request.kind === 'long-data'
}
