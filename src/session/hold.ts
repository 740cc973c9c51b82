import type { OpenRequest } from '../approval/gate.ts'
import type { Approved, RequestDraft, Resolution, WithdrawCause } from '../approval/request.ts'
import type { Principal } from '../identity/principal.ts'
import { type Deferred, deferred } from '../lib/deferred.ts'
import { messageOf, ProxyError } from '../lib/errors.ts'
import type { Decision, RequireApproval } from '../policy/decision.ts'
import { bindingOf, type Context, shapeOf } from './binding.ts'
import { isGrantable } from './ceiling.ts'
import { type Exchange, verbOf } from './exchange.ts'
import { NOT_COUNTED } from './foresight/impact.ts'
import { approvalOrError, ticket } from './hold-errors.ts'
import { type DraftOf, draftOf } from './request-draft.ts'
import type { Services } from './services.ts'

/** How often a waiting client is told that it waits. */
const NOTICE_EVERY = 15_000
/** Locks stay taken while a transaction waits, so it waits briefly. */
const HOLD_IN_TRANSACTION = 4_000
/** A context that keeps changing is not worth asking about for ever. */
const MAX_ATTEMPTS = 3

type Deny = Extract<Decision, { kind: 'deny' }>

/** Why nobody waits any more. */
export type Interruption = Exclude<WithdrawCause, 'changed' | 'owner'>

/** What holding needs of the session. */
export interface Holder {
  readonly services: Services
  readonly principal: Principal
  readonly sessionId: string
  readonly inTransaction: () => boolean
  /** How long the database bears that the session waits. */
  readonly bearsMs: () => number
  /** What the rules of this moment say of it. */
  decide(exchange: Exchange): Decision
  /** Asks the server, on the session's own connection, what the statement's names mean now. */
  context(exchange: Exchange): Promise<Context>
  /** Tells the client that it waits, where its protocol has a message for that. */
  notice(text: string, detail: string): void
}

/** One statement that waits on its connection for a person. */
export class Hold {
  readonly #holder: Holder
  readonly #exchange: Exchange
  #decision: RequireApproval
  readonly #interrupted: Deferred<Interruption> = deferred()

  constructor(holder: Holder, exchange: Exchange, decision: RequireApproval) {
    this.#holder = holder
    this.#exchange = exchange
    this.#decision = decision
  }

  /** The client cancelled, went away, or the proxy stops. */
  interrupt(cause: Interruption): void {
    this.#interrupted.resolve(cause)
  }

  /**
   * Resolves with a spent approval: the statement may go, now and once. Rejects with the error
   * that the client is to be told.
   */
  async wait(): Promise<Approved> {
    for (let attempt = 0; attempt < MAX_ATTEMPTS; attempt++) {
      this.#takeRulesInForce()
      const context = await this.#holder.context(this.#exchange)
      const binding = this.#binding(context, this.#decision)
      const shape = this.#shape(context)
      const foreseen = await this.#foreseen()
      const request = await this.#open({ binding, shape, ...foreseen, ...this.#draft() })
      const resolution = await this.#resolution(request)
      const approved = approvalOrError(resolution, this.#exchange)
      const contextNow = await this.#holder.context(this.#exchange)
      if (this.#binding(contextNow, this.#decideNow()) !== binding) {
        this.#holder.services.gate.withdraw(request.id, 'changed')
        continue
      }
      if (await this.#holder.services.gate.spend(request.id, binding)) return approved
    }
    throw new ProxyError(
      'APPROVAL_EXPIRED',
      'what this statement refers to keeps changing, so the approval does not fit: send it again',
    )
  }

  /** What it would do, as far as that can be had in time. */
  async #foreseen(): Promise<Pick<RequestDraft, 'estimatedRows' | 'impact'>> {
    const { services, inTransaction } = this.#holder
    const estimatedRows = services.estimates.of(this.#exchange)
    if (!this.#decision.counts) return { estimatedRows: await estimatedRows }
    // What its transaction has changed isn't seen from outside.
    const impact = inTransaction() ? NOT_COUNTED : services.impacts.of(this.#exchange)
    return { estimatedRows: await estimatedRows, impact: await impact }
  }

  /** The rules may have been edited while the statement waited: those of now decide. */
  #decideNow(): RequireApproval | Deny {
    const decision = this.#holder.decide(this.#exchange)
    if (decision.kind === 'deny') return decision
    // What needs no approval any more goes on waiting for the one that was asked for; it shows no
    // more than the rules of now let those show who sign.
    const { clear: _, ...before } = this.#decision
    return { ...before, ...decision, kind: 'require-approval' }
  }

  #takeRulesInForce(): void {
    const decision = this.#decideNow()
    if (decision.kind === 'deny') {
      throw new ProxyError('STATEMENT_DENIED', `denied: ${decision.reason}`)
    }
    this.#decision = decision
    this.#exchange.decision = decision
  }

  #binding(context: Context, decision: Decision): string {
    const { services, principal, sessionId } = this.#holder
    const bearing = services.policy().bearing(decision, this.#exchange.statements)
    return bindingOf(this.#exchange, principal, { context, bearing, session: sessionId })
  }

  /** What one approval of more than one execution would be bound to; null where there is none. */
  #shape(context: Context): string | null {
    if (!isGrantable(this.#exchange)) return null
    const { services, principal } = this.#holder
    // Reasons quote constants.
    const statements = this.#exchange.statements.map((statement) => ({
      ...statement,
      effects: statement.effects.map(({ effect }) => ({ effect, reason: '' })),
    }))
    const bearing = services.policy().bearing(this.#decision, statements)
    return shapeOf(this.#exchange, principal, { context, bearing })
  }

  async #open(draft: RequestDraft): Promise<OpenRequest> {
    try {
      return await this.#holder.services.gate.open(draft)
    } catch (error) {
      if (error instanceof ProxyError) throw error
      throw new ProxyError('GATE_UNAVAILABLE', `approvals can't be asked for: ${messageOf(error)}`)
    }
  }

  async #resolution(request: OpenRequest): Promise<Resolution> {
    const { clock, gate } = this.#holder.services
    const timers = [this.#notices(request)]
    const timedOut = deferred<'timeout'>()
    timers.push(clock.after(this.#holdMs(), () => timedOut.resolve('timeout')))
    try {
      const end = await Promise.race([
        request.resolution,
        timedOut.promise,
        this.#interrupted.promise,
      ])
      if (typeof end !== 'string') return end
      if (end === 'timeout') {
        gate.ticket(request.id)
        throw ticket(request, this.#exchange, this.#holder.inTransaction())
      }
      gate.withdraw(request.id, end)
      return { kind: 'withdrawn', id: request.id, cause: end }
    } finally {
      for (const cancel of timers) cancel()
    }
  }

  #notices(request: OpenRequest): () => void {
    const { clock } = this.#holder.services
    const text = `waiting for approval: request ${request.id}`
    const detail = `${verbOf(this.#exchange)} needs a signature. A person decides at ${request.url}`
    let cancel = () => {}
    const tell = () => {
      this.#holder.notice(text, detail)
      cancel = clock.after(NOTICE_EVERY, tell)
    }
    tell()
    return () => cancel()
  }

  /** What people are shown, but for what has to be asked for. */
  #draft(): DraftOf {
    const { principal, sessionId, inTransaction } = this.#holder
    return draftOf(this.#exchange, this.#decision, {
      principal,
      session: sessionId,
      inTransaction: inTransaction(),
      holdMs: this.#holdMs(),
    })
  }

  /** "the smallest of what the agent asks, the rule's, the agent's, else the default"; see bearsMs. */
  #holdMs(): number {
    const { services, principal, inTransaction } = this.#holder
    const asked = [services.holdMs(principal)]
    if (this.#decision.holdMs !== null) asked.push(this.#decision.holdMs)
    if (principal.asksHoldMs !== null) asked.push(principal.asksHoldMs)
    if (inTransaction()) asked.push(HOLD_IN_TRANSACTION)
    asked.push(this.#holder.bearsMs())
    return Math.min(...asked)
  }
}
