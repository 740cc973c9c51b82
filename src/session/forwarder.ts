import { Permit } from '../approval/permit.ts'
import type { Allow } from '../policy/decision.ts'
import type { Dialogue } from '../wire/dialogue.ts'
import type { Outbox } from '../wire/outbox.ts'
import type { AnyRequest } from '../wire/requests.ts'
import { ceilingOf, onlySends } from './ceiling.ts'
import type { Diagnostics } from './diagnostics.ts'
import type { Exchange } from './exchange.ts'
import { outgoing, passing, type SessionFrame } from './outgoing.ts'
import type { Records } from './records.ts'
import type { Services } from './services.ts'
import { type RunStep, type Step, undo } from './step.ts'
import { cannotBeRead, type Verdicts } from './verdicts.ts'
import type { Waiting } from './waiting.ts'

/** Messages that execute nothing need no rule. */
export const PROTOCOL: Allow = { kind: 'allow', rules: ['protocol'], unmask: [] }

export interface ForwarderOptions {
  readonly services: Services
  readonly verdicts: Verdicts
  readonly records: Records
  readonly dialogue: Dialogue<Exchange, AnyRequest>
  readonly diagnostics: Diagnostics
  readonly toClient: Outbox
  readonly waiting: Waiting
}

/** The one way to the database: what could run goes there by a permit, which is spent by going. */
export class Forwarder {
  readonly #options: ForwarderOptions
  readonly #services: Services
  readonly #dialogue: Dialogue<Exchange, AnyRequest>

  constructor(options: ForwarderOptions) {
    this.#options = options
    this.#services = options.services
    this.#dialogue = options.dialogue
  }

  /** Sends what was judged, held and recorded, in its order. */
  forwardSteps(steps: readonly Step[]): void {
    // A client that has gone is never executed for.
    if (this.#options.waiting.abandoned) return
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
        if (this.#mustBeDescribed(step.exchange)) {
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

  /** What was bound without a Describe, and whose results are looked at. */
  #mustBeDescribed({ guarded, plans }: Exchange): boolean {
    return plans[0] === undefined && (guarded || this.#services.policy().detects)
  }

  /** Nothing is sent: the proxy is what it is done to. */
  #doLocally({ exchange, act }: Extract<Step, { kind: 'local' }>): void {
    exchange.startedAt = this.#services.clock.monotonic()
    this.#services.counters.statements++
    const error = act()
    this.#options.records.outcome(exchange, error?.sqlState ?? null)
    const answer = error ? this.#dialogue.refusal(error) : this.#dialogue.done?.()
    if (answer) this.#options.toClient.add(answer)
    this.#options.toClient.flush()
  }

  /** The frame can run nothing: the dialogue frees the name first that it would need. */
  forwardNameless(permit: Permit<Buffer>): void {
    this.#dialogue.sendNameless(permit.spend())
  }

  /** All that could run. */
  forward(permit: Permit<readonly SessionFrame[]>): void {
    for (const frame of permit.spend()) this.#dialogue.send(frame)
  }
}
