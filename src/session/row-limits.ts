import type { Beyond, Ceiling } from '../policy/decision.ts'
import { type LimitConfig, limitsOn } from '../policy/limit.ts'
import type { Classification } from '../sql/statement.ts'
import type { RowMeter } from '../wire/replies.ts'
import { ceilingOf, onlySends } from './ceiling.ts'
import type { Exchange } from './exchange.ts'
import type { Hour, Usage } from './usage.ts'

/** What went past a limit. */
export interface Breach {
  readonly action: 'approve' | 'deny'
  /** For the person who signs, and the agent. */
  readonly reason: string
  /** What the rules say of more; null where that is for them to say of exports. */
  readonly beyond: Beyond | null
}

/** Cursors of one session that are counted by themselves. */
const MAX_CURSORS = 1_000

/** How much one session's statements send, held against the limits of the moment. */
export class RowLimits {
  readonly #agent: string
  readonly #limits: () => readonly LimitConfig[]
  readonly #usage: Usage
  readonly #meters = new WeakMap<Exchange, (ResultMeter | null)[]>()
  /** A cursor's rows are those of one statement, however many FETCHes bring them. */
  readonly #cursors = new Map<string, Count>()

  constructor(agent: string, limits: () => readonly LimitConfig[], usage: Usage) {
    this.#agent = agent
    this.#limits = limits
    this.#usage = usage
  }

  /** Whether a person may have to be asked before all rows of it have left. */
  mayAsk(exchange: Exchange): boolean {
    if (ceilingOf(exchange) !== null && onlySends(exchange)) return true
    if (exchange.approval !== null) return false
    return exchange.statements.some((statement) =>
      this.#on(statement).some((limit) => limit.action === 'approve'),
    )
  }

  /** The limit that a person is asked at, if as many rows come of it, in words; null for none. */
  expected(exchange: Exchange, rows: number): string | null {
    for (const statement of exchange.statements) {
      for (const limit of this.#on(statement)) {
        if (limit.action !== 'approve') continue
        const hour = this.#usage.hour(this.#agent, limit)
        hour.pass()
        const { rowsPerStatement, rowsPerHour } = limit
        if (rowsPerStatement !== null && rows > rowsPerStatement)
          return byStatement(rowsPerStatement)
        if (rowsPerHour !== null && hour.rows + rows > rowsPerHour) return withinHour(rowsPerHour)
      }
    }
    return null
  }

  /**
   * The server has run it: a cursor that it made or freed is another one from here on. A DECLARE that
   * fails leaves the cursor of that name, and its count, as they were.
   */
  ran({ names }: Classification): void {
    if (this.#cursors.size === 0) return
    for (const name of names) {
      if (name.kind === 'declare') this.#cursors.delete(name.name)
      else if (name.kind === 'close' && name.name !== null) this.#cursors.delete(name.name)
    }
  }

  /** Who counts the rows of one result; null where no limit does. */
  meter(exchange: Exchange, statement: number): ResultMeter | null {
    const classification = exchange.statementOf(statement)
    const limits = classification ? this.#on(classification) : []
    const ceiling = ceilingOf(exchange)
    if (!classification || (limits.length === 0 && !ceiling)) return null
    const meters = this.#meters.get(exchange) ?? []
    this.#meters.set(exchange, meters)
    // A portal's rows, and those of a server-side cursor, come in pieces.
    const known = meters[statement]
    if (known) return known
    const counted = limits.map((limit) => ({ limit, hour: this.#usage.hour(this.#agent, limit) }))
    const count = this.#countOf(classification)
    const meter = new ResultMeter(counted, ceiling, count, isSigned(exchange))
    meters[statement] = meter
    return meter
  }

  /** Who stopped a result of it. */
  stopped(exchange: Exchange): ResultMeter | null {
    return this.#meters.get(exchange)?.find((meter) => meter?.breach) ?? null
  }

  #on({ classes }: Classification): readonly LimitConfig[] {
    const limits = this.#limits()
    return limits.length === 0 ? limits : limitsOn(limits, this.#agent, classes).filter(countsRows)
  }

  #countOf({ names }: Classification): Count {
    const cursor = names.find(({ kind }) => kind === 'fetch')
    if (cursor?.kind !== 'fetch') return { rows: 0, lifted: false }
    // Past the cap they share one count, which can only stop them sooner.
    const known = this.#cursors.has(cursor.name) || this.#cursors.size < MAX_CURSORS
    const name = known ? cursor.name : ''
    const count = this.#cursors.get(name) ?? { rows: 0, lifted: false }
    this.#cursors.set(name, count)
    return count
  }
}

/** A person has read this very statement: however many rows it sends. */
function isSigned({ approval }: Exchange): boolean {
  return approval !== null && approval.grant === null
}

function countsRows({ rowsPerStatement, rowsPerHour, bytesPerHour }: LimitConfig): boolean {
  return rowsPerStatement !== null || rowsPerHour !== null || bytesPerHour !== null
}

const byStatement = (rows: number) => `${rows} rows by one statement`
const withinHour = (rows: number) => `${rows} rows within an hour`

/** Rows of one statement. */
interface Count {
  rows: number
  /** A person has signed: what is left of it may leave. */
  lifted: boolean
  /** Nobody is asked, only recorded: what a limit denies is still denied. */
  overlooked?: boolean
}

interface Counted {
  readonly limit: LimitConfig
  readonly hour: Hour
}

/** How many rows may pass between two looks at the clock. */
const LOOK_EVERY = 1024

/** Counts the rows of one result. What was signed is counted and not stopped. */
export class ResultMeter implements RowMeter {
  readonly #counted: readonly Counted[]
  /** Each once: limits of the same agents and classes share one. */
  readonly #hours: readonly Hour[]
  readonly #ceiling: Ceiling | null
  readonly #count: Count
  #sinceLook = 0
  breach: Breach | null = null

  constructor(counted: readonly Counted[], ceiling: Ceiling | null, count: Count, lifted: boolean) {
    this.#counted = counted
    this.#ceiling = ceiling
    this.#count = count
    this.#hours = [...new Set(counted.map(({ hour }) => hour))]
    count.lifted ||= lifted
    for (const hour of this.#hours) hour.pass()
  }

  admits(bytes: number): boolean {
    if (++this.#sinceLook === LOOK_EVERY) {
      this.#sinceLook = 0
      for (const hour of this.#hours) hour.pass()
    }
    if (!this.#count.lifted) {
      this.breach = this.#breachBy(bytes)
      if (this.breach !== null) return false
    }
    this.#count.rows++
    for (const hour of this.#hours) hour.add(bytes)
    return true
  }

  /** Rows that have left, of all pieces of the statement. */
  get rows(): number {
    return this.#count.rows
  }

  /** A person has signed: the rest may leave. */
  lift(): void {
    this.#count.lifted = true
    this.breach = null
  }

  /** Nobody is to be asked for the rest of it, which is recorded as if somebody had been. */
  overlook(): void {
    this.#count.overlooked = true
    this.breach = null
  }

  #breachBy(bytes: number): Breach | null {
    let first: Breach | null = null
    const overlooked = this.#count.overlooked === true
    for (const { limit, hour } of this.#counted) {
      if (overlooked && limit.action !== 'deny') continue
      const most = this.#most(limit, hour, bytes)
      if (most === null) continue
      const of = limit.classes === null ? '' : ` of ${limit.classes.join(', ')}`
      const reason = `sends more than ${most}${of}`
      const breach: Breach = { action: limit.action, reason, beyond: null }
      if (limit.action === 'deny') return breach
      first ??= breach
    }
    return first ?? (overlooked ? null : this.#pastCeiling())
  }

  #pastCeiling(): Breach | null {
    if (this.#ceiling === null || this.#count.rows < this.#ceiling.rows) return null
    const { rows, rules, beyond } = this.#ceiling
    const reason = `sends more than the ${rows} rows that ${rules.join(', ')} allows`
    return { action: 'approve', reason, beyond }
  }

  /** The number that one more row would go past, in words. */
  #most(limit: LimitConfig, hour: Hour, bytes: number): string | null {
    const { rowsPerStatement, rowsPerHour, bytesPerHour } = limit
    if (rowsPerStatement !== null && this.#count.rows >= rowsPerStatement) {
      return byStatement(rowsPerStatement)
    }
    if (rowsPerHour !== null && hour.rows >= rowsPerHour) return withinHour(rowsPerHour)
    if (bytesPerHour !== null && hour.bytes + bytes > bytesPerHour) {
      return `${bytesPerHour} bytes within an hour`
    }
    return null
  }
}
