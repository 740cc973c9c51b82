import type { Approved } from '../approval/request.ts'
import type { ActorRecord, StatementRecord, TargetRecord, Trail } from '../audit/events.ts'
import type { Principal } from '../identity/principal.ts'
import { ProxyError } from '../lib/errors.ts'
import type { Dialogue } from '../wire/dialogue.ts'
import type { TransactionState } from '../wire/replies.ts'
import { type Exchange, needsDurableIntent } from './exchange.ts'
import type { Services } from './services.ts'
import { statementRecord } from './statement-record.ts'
import type { Step } from './step.ts'

/** Writes one session's records. No record, no run: what can't be written throws. */
export class Records {
  readonly #services: Services
  readonly #session: string
  readonly #actor: ActorRecord
  readonly #target: TargetRecord
  readonly #provedBy: string | null

  constructor(services: Services, principal: Principal, session: string) {
    this.#services = services
    this.#session = session
    this.#provedBy = principal.provedBy ?? null
    this.#actor = {
      agent: principal.agent.name,
      owners: principal.agent.owners,
      onBehalfOf: principal.onBehalfOf,
      address: principal.address,
      tls: principal.tls,
      applicationName: principal.applicationName,
    }
    this.#target = {
      system: services.protocol.name === 'postgres' ? 'postgresql' : 'mysql',
      database: principal.database,
      environment: principal.environment,
    }
  }

  #trail(): Trail {
    return this.#services.trail
  }

  opened(): void {
    this.#trail().append({
      type: 'session.opened',
      session: this.#session,
      actor: this.#actor,
      target: this.#target,
      provedBy: this.#provedBy,
    })
  }

  /**
   * Writes the intents of what is about to be sent. Returns the sequence number that has to be on
   * disk first, or null where nothing has to be waited for.
   */
  intents(
    steps: readonly Step[],
    { skipping, transaction }: Pick<Dialogue<Exchange>, 'skipping' | 'transaction'>,
  ): number | null {
    // The server ignores all of it up to Sync: nothing is going to run.
    if (skipping) return null
    let waitFor: number | null = null
    for (const step of steps) {
      if (step.kind !== 'run' && step.kind !== 'execute' && step.kind !== 'local') continue
      if (step.exchange.recorded !== 'nothing') continue
      const sequence = this.intent(step.exchange, transaction)
      if (sequence !== null) waitFor = sequence
    }
    // Handed to the system, it outlives this process.
    this.#trail().flush()
    return waitFor
  }

  /**
   * Writes the intent of an exchange. Returns the sequence number that has to be on disk before
   * the exchange is forwarded, or null where that needn't be waited for.
   */
  intent(exchange: Exchange, transaction: TransactionState): number | null {
    if (exchange.statements.length === 0) return null
    const { decision, approval } = exchange
    const shadow = decision.kind === 'require-approval' && approval === null
    const sequence = this.#trail().append({
      type: 'statement.intent',
      session: this.#session,
      statement: exchange.number,
      actor: this.#actor,
      target: this.#target,
      stmt: this.#statement(exchange, transaction),
      parametersHmac: this.#parametersHmac(exchange),
      decision: approval ? 'approved' : shadow ? 'shadow' : 'allowed',
      policy: this.#services.policy().version,
      rules: decision.kind === 'deny' ? [decision.rule] : decision.rules,
      approval: approval && inRecord(approval),
    })
    exchange.recorded = 'intent'
    const all = this.#services.auditMode() === 'all'
    return all || shadow || needsDurableIntent(exchange) ? sequence : null
  }

  durable(sequence: number): Promise<void> {
    return this.#trail().durable(sequence)
  }

  refused(exchange: Exchange, error: ProxyError, transaction: TransactionState): void {
    this.#services.counters.refused++
    const { decision } = exchange
    this.#append({
      type: 'statement.refused',
      session: this.#session,
      statement: exchange.number,
      actor: this.#actor,
      target: this.#target,
      stmt: this.#statement(exchange, transaction),
      parametersHmac: this.#parametersHmac(exchange),
      sqlState: error.sqlState,
      // The server's words quote the statement, constants and passwords with it.
      reason: error.code === 'SYNTAX_ERROR' ? 'a syntax error' : error.message,
      rules: decision.kind === 'deny' ? [decision.rule] : decision.rules,
      approval: null,
    })
  }

  outcome(exchange: Exchange, sqlState: string | null): void {
    if (exchange.recorded !== 'intent') return
    exchange.recorded = 'outcome'
    this.#note(exchange, sqlState)
  }

  /** What had completed was not committed: a second outcome says so. */
  undone(exchange: Exchange, sqlState: string): void {
    if (exchange.recorded === 'outcome') this.#note(exchange, sqlState)
  }

  /** The planner expects it to go past a limit. */
  expected(exchange: Exchange, { rows, limit }: { rows: number; limit: string }): void {
    const session = this.#session
    this.#append({ type: 'statement.expected', session, statement: exchange.number, rows, limit })
  }

  /** A person has let more leave than a limit allows, or in shadow nobody was asked; on disk when this resolves. */
  exceeded(
    exchange: Exchange,
    passed: { readonly reason: string; readonly rows: number; readonly approval: Approved | null },
  ): Promise<void> {
    const { reason, rows, approval } = passed
    const sequence = this.#trail().append({
      type: 'statement.exceeded',
      session: this.#session,
      statement: exchange.number,
      reason,
      rows,
      approval: approval && inRecord(approval),
    })
    return this.durable(sequence)
  }

  /** Nobody waits for it: an answer isn't delayed by the record of it. */
  #note(exchange: Exchange, sqlState: string | null): void {
    const ms = this.#services.clock.monotonic() - exchange.startedAt
    this.#attempt((trail) =>
      trail.later({
        type: 'statement.outcome',
        session: this.#session,
        statement: exchange.number,
        sqlState,
        rows: exchange.rows,
        bytes: exchange.bytes,
        ms: Math.round(ms * 1000) / 1000,
        masked: exchange.masked,
      }),
    )
  }

  /** To be called when the database has been sent something: there is a moment until it answers. */
  catchUp(): void {
    this.#trail().catchUp()
  }

  cancelRequested(address: string): void {
    this.#append({ type: 'cancel.requested', session: this.#session, address })
  }

  closed(
    reason: string,
    totals: { statements: number; bytesIn: number; bytesOut: number; ms: number },
  ): void {
    this.#append({ type: 'session.closed', session: this.#session, reason, ...totals })
  }

  /**
   * What is over can't be refused any more: when the trail fails now, the next statement is
   * refused, and an intent without outcome reads "outcome unknown".
   */
  #append(event: Parameters<Trail['append']>[0]): void {
    this.#attempt((trail) => trail.append(event))
  }

  #attempt(write: (trail: Trail) => unknown): void {
    try {
      write(this.#trail())
    } catch (error) {
      if (!(error instanceof ProxyError)) throw error
    }
  }

  #statement(exchange: Exchange, transaction: TransactionState): StatementRecord {
    return statementRecord(exchange, transaction, this.#services.auditSql())
  }

  #parametersHmac(exchange: Exchange): string | null {
    if (exchange.parameters.length === 0) return null
    const parts = exchange.parameters.flatMap(({ value }) => [
      Buffer.from(value === null ? '-' : `${value.length}:`),
      value ?? Buffer.alloc(0),
    ])
    return this.#services.hmac(Buffer.concat(parts))
  }
}

function inRecord({ id, by, cleared }: Approved) {
  return { id, by, cleared }
}
