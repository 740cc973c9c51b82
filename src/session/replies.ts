import type { MaskPlan } from '../mask/plan.ts'
import type { Effect } from '../sql/statement.ts'
import type { ResultColumn } from '../wire/columns.ts'
import type { CellMasker, CopyMasker, CopyShape } from '../wire/maskers.ts'
import type {
  Completion,
  Description,
  ReplyListener,
  RowMeter,
  TransactionState,
} from '../wire/replies.ts'
import type { Exchange } from './exchange.ts'
import type { Notifications } from './notifications.ts'
import type { Records } from './records.ts'
import type { ResultMeter, RowLimits } from './row-limits.ts'
import type { Services } from './services.ts'

/** What the session itself wants to hear. */
export interface ReplyEvents {
  ready(): void
  drained(): void
  /** All of an exchange has run. */
  completed(exchange: Exchange, warnings: number): void
  /** See Verdicts. */
  readsBy(name: string, value: string | null): void
  /** A setting has this value now, by the server's word. */
  setting(name: string, value: string): void
  /** A result went past a limit: it stands still until somebody has decided. */
  exceeded(exchange: Exchange, meter: ResultMeter): void
}

/** Of one pipeline; what goes beyond is recorded as it completed. */
const MAX_UNCOMMITTED = 1_000

/** Follows each exchange's replies: makes its mask plans, counts its rows, writes its outcome. */
export class Replies implements ReplyListener<Exchange> {
  readonly #services: Services
  readonly #records: Records
  readonly #notifications: Notifications
  readonly #rowLimits: RowLimits
  readonly #events: ReplyEvents
  /** Suspended portals: executed in pieces, over when their transaction is. */
  readonly #suspended = new Set<Exchange>()
  /** Something guarded was written in this transaction: deferred checks of it speak when it ends. */
  #guardedWrite = false
  /** What has completed since the last Sync: its commit is still to come. */
  #uncommitted: Exchange[] = []

  constructor(
    services: Services,
    records: Records,
    notifications: Notifications,
    rowLimits: RowLimits,
    events: ReplyEvents,
  ) {
    this.#services = services
    this.#records = records
    this.#notifications = notifications
    this.#rowLimits = rowLimits
    this.#events = events
  }

  described(
    exchange: Exchange,
    statement: number,
    description: Description,
  ): readonly (string | null)[] | null {
    const classification = exchange.statementOf(statement)
    if (!classification) return null
    if (exchange.clearDiagnostics) {
      exchange.plans[statement] = null
      return null
    }
    const policy = this.#services.policy()
    const plan = policy.plan(description, classification, maskingOf(exchange))
    exchange.plans[statement] = plan
    if (plan && plan.masked.length > 0) this.#noteMasked(exchange, plan)
    if (!classification.foreignNames || !policy.guards) return null
    const { current } = this.#services.schema
    return namesShown(description.columns(), (name) => current.namesColumn(name))
  }

  #noteMasked(exchange: Exchange, plan: MaskPlan): void {
    this.#services.counters.maskedResults++
    this.#services.counters.disagreements += plan.disagreements
    exchange.noteMasked(plan.masked)
  }

  maskers(
    exchange: Exchange,
    statement: number,
  ): readonly (CellMasker | null)[] | null | 'unknown' {
    const plan = exchange.plans[statement]
    if (plan) return plan.maskers
    if (plan === null) return null
    const { guards, detects } = this.#services.policy()
    if (detects) return 'unknown'
    if (!guards) return null
    const classification = exchange.statementOf(statement)
    return classification?.output === 'clear' && !exchange.distrust ? null : 'unknown'
  }

  meter(exchange: Exchange, statement: number): RowMeter | null {
    return this.#rowLimits.meter(exchange, statement)
  }

  stopped(exchange: Exchange): void {
    const meter = this.#rowLimits.stopped(exchange)
    if (!meter) throw new Error('nothing stopped it')
    this.#events.exceeded(exchange, meter)
  }

  copyOut(exchange: Exchange, statement: number, shape: CopyShape): CopyMasker | null {
    const { guards, detects } = this.#services.policy()
    if (!guards && !detects) return null
    const classification = exchange.statements[statement]
    if (!classification) throw new Error('COPY of a statement that nobody classified')
    const { masker, masked } = this.#services
      .policy()
      .copyMasker(exchange.copyColumns(statement), classification, shape, maskingOf(exchange))
    exchange.noteMasked(masked)
    return masker
  }

  guarded(exchange: Exchange, errorNumber?: number): boolean {
    const { resolvingErrors } = this.#services
    if (errorNumber !== undefined && resolvingErrors?.has(errorNumber) && onlyReads(exchange)) {
      return false
    }
    return exchange.guarded || (this.#guardedWrite && has(exchange, CHECKS_NOW))
  }

  completed(exchange: Exchange, statement: number, completion: Completion): void {
    exchange.rows += completion.rows
    exchange.bytes += completion.bytes
    this.#services.counters.rows += completion.rows
    // A write with RETURNING has run whole when its first rows come: triggers and checks with it.
    const classification = exchange.statementOf(statement)
    if (classification) {
      this.#notifications.completed(exchange, classification)
      this.#rowLimits.ran(classification)
    }
    this.#guardedWrite ||= exchange.guarded && has(exchange, WRITES)
    if (completion.suspended) {
      if (this.#services.protocol.pipelines) this.#suspended.add(exchange)
      return
    }
    this.#suspended.delete(exchange)
    exchange.statementDone(statement)
    if (isLast(exchange, statement, completion)) {
      exchange.allDone()
      this.#events.completed(exchange, completion.warnings ?? 0)
      this.#over(exchange, null)
    }
    if (this.#uncommitted.length < MAX_UNCOMMITTED) this.#uncommitted.push(exchange)
  }

  /** Nobody is going to fetch the rest of its rows. */
  abandoned(exchange: Exchange): void {
    this.#over(exchange, null)
  }

  failedAtSync(sqlState: string): boolean {
    for (const exchange of this.#uncommitted) this.#records.undone(exchange, sqlState)
    return this.#guardedWrite
  }

  failed(exchange: Exchange, sqlState: string, _skipped: boolean): void {
    this.#suspended.delete(exchange)
    exchange.failedWith = sqlState
    this.#over(exchange, sqlState)
  }

  #over(exchange: Exchange, sqlState: string | null): void {
    if (exchange.recorded !== 'intent') return
    if (sqlState !== null) exchange.dropNames()
    this.#records.outcome(exchange, sqlState)
    // What is counted may be taken back yet.
    if (exchange.approval && !exchange.counted) {
      const ms = this.#services.clock.monotonic() - exchange.startedAt
      this.#services.gate.settle(exchange.approval.id, {
        rows: sqlState === null ? exchange.rows : null,
        ms: Math.round(ms),
        sqlState,
      })
    }
  }

  /** A value can leave as a setting (`set_config` of a query's result): not beside classified data. */
  setting(name: string, value: string, exchange: Exchange | null): boolean {
    this.#events.setting(name, value)
    return exchange === null || !exchange.guarded
  }

  showsPayload(processId: number): boolean {
    return this.#notifications.showsPayload(processId)
  }

  readsBy(name: string, value: string, asWe: boolean): boolean {
    this.#events.readsBy(name, asWe ? null : value)
    return asWe || this.#services.policy().transparent
  }

  ready(transaction: TransactionState): void {
    if (transaction === 'idle') {
      this.#guardedWrite = false
      this.#notifications.transactionIsOver()
    }
    this.#uncommitted = []
    if (transaction === 'idle' && this.#suspended.size > 0) {
      for (const exchange of this.#suspended) this.#over(exchange, null)
      this.#suspended.clear()
    }
    this.#events.ready()
  }

  drained(): void {
    this.#events.drained()
  }
}

/** A name that no column of the schema has may be anybody's value. */
function namesShown(
  columns: readonly ResultColumn[],
  isKnown: (name: string) => boolean,
): readonly (string | null)[] | null {
  const names = columns.map(({ name }, at) => (isKnown(name) ? null : `column ${at + 1}`))
  return names.every((name) => name === null) ? null : names
}

function isLast({ statements }: Exchange, statement: number, { more }: Completion): boolean {
  return more === undefined ? statement + 1 >= statements.length : !more
}

const WRITES: ReadonlySet<Effect> = new Set(['write', 'unbounded-write', 'ddl', 'opaque'])
/** COMMIT and SET CONSTRAINTS; PREPARE TRANSACTION. */
const CHECKS_NOW: ReadonlySet<Effect> = new Set(['transaction', 'server'])

/** It runs nobody's code, so nothing in it can raise an error or put a text together. */
function onlyReads({ statements }: Exchange): boolean {
  return statements.every(
    ({ effects, functions, anyResults }) =>
      functions.length === 0 &&
      anyResults === undefined &&
      effects.every(({ effect }) => effect === 'read' || effect === 'probe'),
  )
}

function has(exchange: Exchange, wanted: ReadonlySet<Effect>): boolean {
  return exchange.statements.some(({ effects }) => effects.some(({ effect }) => wanted.has(effect)))
}

function maskingOf({ unmask, distrust }: Exchange) {
  return { unmask, distrust }
}
