import type { Approved, ShownParameter } from '../approval/request.ts'
import type { ProxyError } from '../lib/errors.ts'
import type { MaskPlan, ResultColumn } from '../mask/plan.ts'
import type { Decision } from '../policy/decision.ts'
import type { Classification, EffectReason } from '../sql/statement.ts'
import { unreadable } from '../sql/unreadable.ts'
import type { OwnReply } from '../wire/dialogue.ts'
import type { Parameter } from '../wire/requests.ts'
import type { Context } from './binding.ts'

/** What is about to run: a simple query, or a portal with its values. */
export interface Asked {
  /** The text as the client sent it. */
  readonly sql: string
  readonly statements: readonly Classification[]
  readonly parameters: readonly Parameter[]
}

export interface ExchangeOptions {
  readonly number: number
  readonly decision: Decision
  readonly distrust: boolean
  readonly changesSchema: boolean
  /** False where nothing is classified. */
  readonly guards: boolean
  readonly clearDiagnostics: boolean
  readonly shownParameters: () => readonly ShownParameter[]
  /** Follows the names that a statement makes or frees; see Names. */
  readonly follow: (statement: Classification) => (done: boolean) => void
}

/** A statement that the proxy answers itself. */
export interface OwnWork {
  /** What the client gets; asked for before the server comes to its turn. Rejects with ProxyError. */
  reply(): Promise<OwnReply>
  /** The reply was sent. */
  done(): void
}

/** Where an exchange's record stands: nothing yet, the intent written, the outcome written. */
type Recorded = 'nothing' | 'intent' | 'outcome'

const NONE: readonly string[] = []

/** One execution on its way through the house: from judgement to its last row. */
export class Exchange implements Asked {
  readonly sql: string
  readonly statements: readonly Classification[]
  readonly parameters: readonly Parameter[]
  /** Its values as a person reads them; made only where somebody does. */
  readonly shownParameters: () => readonly ShownParameter[]
  readonly number: number
  /** Of the rules in force when it was judged, and again while it is held. */
  decision: Decision
  /** True where the schema may have changed under the catalog: nothing it says of views counts. */
  readonly distrust: boolean
  /** True where it may change the schema. */
  readonly changesSchema: boolean
  /** True where a result could hold a classified value. */
  readonly guarded: boolean
  /** It shows what a statement reported that had to do with nothing classified. */
  readonly clearDiagnostics: boolean
  /** What its names mean, where that was asked before it ran: its result may have to wait. */
  context: Context | null = null
  /** What the proxy answers itself, where it does. */
  own: OwnWork | null = null
  ownReply: OwnReply | ProxyError | null = null
  /** Set once a person has signed. */
  approval: Approved | null = null
  recorded: Recorded = 'nothing'
  /** The SQLSTATE of the error that it ended in. */
  failedWith: string | null = null
  /** Its changes can be counted, and taken back where there are too many. */
  countable = false
  /** Rows of it have left. */
  rowsBegan = false
  /** It runs where what it changes can be taken back. */
  counted = false
  /** More rows came of it than it is allowed. */
  exceeded = false
  startedAt = 0
  rows = 0
  bytes = 0
  /** One for each statement whose rows were described. */
  readonly plans: (MaskPlan | null | undefined)[] = []
  /** The names of the columns that were masked. */
  masked: readonly string[] = []
  /** The columns of its COPY statements, by the statement's number; most have none. */
  #copyColumns: Map<number, readonly ResultColumn[]> | null = null
  readonly #anyResults: boolean
  readonly #options: ExchangeOptions
  readonly #follow: (statement: Classification) => (done: boolean) => void
  /** What settles the names of each statement; null where that is done. */
  #names: (((done: boolean) => void) | null)[] | null = null

  constructor(asked: Asked, options: ExchangeOptions) {
    this.#options = options
    this.sql = asked.sql
    this.statements = asked.statements
    this.parameters = asked.parameters
    this.number = options.number
    this.decision = options.decision
    this.distrust = options.distrust
    this.changesSchema = options.changesSchema
    this.#anyResults = asked.statements.some(({ anyResults }) => anyResults)
    const classified = asked.statements.some(({ output }) => output === 'classified')
    this.clearDiagnostics = options.clearDiagnostics
    this.guarded = options.guards && !options.clearDiagnostics && (options.distrust || classified)
    this.shownParameters = options.shownParameters
    this.#follow = options.follow
  }

  /**
   * The statement whose result this is. Servers that count results (MySQL) give several for one
   * that runs others: then it can't be told whose one of them is.
   */
  statementOf(result: number): Classification | undefined {
    if (!this.#anyResults) return this.statements[result]
    return this.statements.length === 1 ? this.statements[0] : this.#whole()
  }

  /** Everything that any of its statements is. */
  #whole(): Classification | undefined {
    const first = this.statements[0]
    const classified = this.statements.some(({ output }) => output === 'classified')
    return first && { ...unreadable(this.sql, ''), output: classified ? 'classified' : 'clear' }
  }

  /** The same with an effect more: what it turned out to be while it ran. */
  turnedOut(reason: EffectReason, number: number = this.number): Exchange {
    const [first, ...others] = this.statements
    if (!first) return this
    const statements = [{ ...first, effects: [...first.effects, reason] }, ...others]
    const { sql, parameters } = this
    return new Exchange({ sql, statements, parameters }, { ...this.#options, number })
  }

  /** Data classes (with wildcards) that leave in clear: by the rules, and by whoever signed. */
  get unmask(): readonly string[] {
    const ruled = this.decision.kind === 'deny' ? NONE : this.decision.unmask
    const cleared = this.approval?.cleared ?? NONE
    return cleared.length === 0 ? ruled : [...ruled, ...cleared]
  }

  noteMasked(names: readonly string[]): void {
    this.masked = this.masked.length === 0 ? names : [...new Set([...this.masked, ...names])]
  }

  setCopyColumns(statement: number, columns: readonly ResultColumn[]): void {
    this.#copyColumns ??= new Map()
    this.#copyColumns.set(statement, columns)
  }

  copyColumns(statement: number): readonly ResultColumn[] {
    return this.#copyColumns?.get(statement) ?? []
  }

  /** It is about to run: what follows sees the names that it makes or frees. A Bind makes none. */
  followNames(): void {
    this.#names ??= this.statements.map((statement) => this.#follow(statement))
  }

  /**
   * The server has run one statement. Its names stay even where a later one fails: PREPARE and
   * DEALLOCATE aren't undone by a rollback.
   */
  statementDone(statement: number): void {
    if (!this.#anyResults) this.#settleNames(statement, true)
  }

  /** The server has run all of them. */
  allDone(): void {
    for (const statement of this.statements.keys()) this.#settleNames(statement, true)
  }

  /** Nothing more of it is going to run. */
  dropNames(): void {
    for (const statement of this.statements.keys()) this.#settleNames(statement, false)
  }

  #settleNames(statement: number, done: boolean): void {
    const settle = this.#names?.[statement]
    if (!this.#names || !settle) return
    this.#names[statement] = null
    settle(done)
  }
}

const HARMLESS = new Set(['read', 'session', 'transaction'])

/** Writes, privileged acts and reads of classified data: their intent is on disk before they run. */
export function needsDurableIntent(exchange: Exchange): boolean {
  if (exchange.approval !== null || exchange.guarded) return true
  return exchange.statements.some(
    (statement) =>
      statement.classes.length > 0 || statement.effects.some(({ effect }) => !HARMLESS.has(effect)),
  )
}

/** The commands of its statements, as people read them. */
export function verbOf(exchange: Exchange): string {
  return exchange.statements.map((statement) => statement.verb).join('; ')
}
