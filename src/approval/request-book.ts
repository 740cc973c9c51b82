import type { Clock } from '../lib/clock.ts'
import { messageOf } from '../lib/errors.ts'
import { Deadlines } from './deadlines.ts'
import {
  approversOf,
  type DeskEvent,
  type DeskListener,
  isLive,
  resolutionOf,
} from './desk-events.ts'
import type { GrantUse } from './grant.ts'
import { Holders } from './holders.ts'
import { KeyedLock } from './keyed-lock.ts'
import { dueEscalations, isReminderDue, nextMilestone } from './milestones.ts'
import type { ApprovalRecord, RecordApproval } from './record.ts'
import type { ApprovalRequest, Vote, WithdrawCause } from './request.ts'
import type { ApprovalStore } from './store.ts'

export interface RequestBookOptions {
  readonly store: ApprovalStore
  readonly clock: Clock
  readonly record: RecordApproval
  readonly log: (text: string) => void
}

/** How a request's waiting can end. */
export type Ending =
  | {
      readonly state: 'approved'
      readonly votes: readonly Vote[]
      readonly cleared: readonly string[]
      readonly grant: GrantUse | null
    }
  | { readonly state: 'denied'; readonly votes: readonly Vote[] }
  | { readonly state: 'expired' }
  | { readonly state: 'withdrawn'; readonly withdrawnCause: WithdrawCause }

/**
 * The requests and what may be done to them one step at a time. Each step of one request happens
 * under its lock: look at the state, write the record, store the new state, and only then tell
 * anybody. So nothing is decided twice, and what was told survives a kill.
 */
export class RequestBook {
  readonly holders = new Holders()
  readonly #options: RequestBookOptions
  readonly #locks = new KeyedLock()
  readonly #deadlines: Deadlines
  readonly #listeners = new Set<DeskListener>()
  #stopped = false

  constructor(options: RequestBookOptions) {
    this.#options = options
    this.#deadlines = new Deadlines(options.clock)
    for (const request of this.waiting()) this.#watch(request)
  }

  get(id: string): ApprovalRequest | undefined {
    return this.#options.store.get(id)
  }

  all(): IterableIterator<ApprovalRequest> {
    return this.#options.store.all()
  }

  /** Pending, or approved and not used yet. */
  *waiting(): Generator<ApprovalRequest> {
    for (const request of this.all()) if (isLive(request)) yield request
  }

  subscribe(listener: DeskListener): () => void {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }

  /** ISO 8601, UTC, as all times of a request. */
  time(afterMs = 0): string {
    return new Date(this.#options.clock.now() + afterMs).toISOString()
  }

  /** Runs a step of one request when those before it are done. */
  step<T>(id: string, work: (request: ApprovalRequest | undefined) => Promise<T>): Promise<T> {
    return this.#locks.run(`id:${id}`, async () => work(await this.#current(id)))
  }

  /** Runs what concerns a key that may have no request yet. */
  alone<T>(key: string, work: () => Promise<T>): Promise<T> {
    return this.#locks.run(`key:${key}`, work)
  }

  /** Stores a new request, or one in place of `before`. */
  async put(before: ApprovalRequest | undefined, after: ApprovalRequest): Promise<void> {
    await this.#options.store.replace(before, after)
    if (!isLive(after)) this.holders.clear(after.id)
    if (isLive(after)) this.#watch(after)
    else this.#deadlines.clear(after.id)
  }

  async change(
    request: ApprovalRequest,
    change: Partial<ApprovalRequest>,
  ): Promise<ApprovalRequest> {
    const after = { ...request, ...change, updatedAt: this.time() }
    await this.put(request, after)
    return after
  }

  /** Ends a request's waiting and tells everybody. */
  async resolve(request: ApprovalRequest, end: Ending): Promise<ApprovalRequest> {
    const after = await this.change(request, end)
    const resolution = resolutionOf(after)
    if (resolution) this.emit({ type: 'resolved', request: after, resolution })
    const by = end.state === 'denied' ? [after.votes.at(-1)?.person ?? ''] : approversOf(after)
    const { id, withdrawnCause: cause, cleared } = after
    const grant = after.grant?.id ?? null
    const recorded = this.record({
      ...{ type: 'approval.resolved', id, state: end.state },
      ...{ cause, by, cleared, grant },
      // The vote is on record already, and no trail may keep a request from ending.
    }).catch((error) => this.#options.log(messageOf(error)))
    // Whoever has waited for an approval spends it next, and the record of that stands behind this.
    if (end.state !== 'approved') await recorded
    return after
  }

  /** Stores a request that nobody has to wait for: a grant covers it. */
  async approve(
    request: ApprovalRequest,
    by: Pick<ApprovalRequest, 'votes' | 'cleared' | 'grant'>,
  ): Promise<ApprovalRequest> {
    const after = { ...request, ...by, state: 'approved' } as const
    const { id, cleared } = after
    const grant = after.grant?.id ?? null
    const people = approversOf(after)
    await this.record({
      ...{ type: 'approval.resolved', id, state: 'approved', cause: null },
      ...{ by: people, cleared, grant },
    })
    await this.put(undefined, after)
    return after
  }

  record(event: ApprovalRecord): Promise<void> {
    return this.#options.record(event)
  }

  emit(event: DeskEvent): void {
    for (const listener of this.#listeners) this.safely(() => listener(event))
  }

  /** Whoever listens and fails concerns nobody else. */
  safely(tell: () => void): void {
    try {
      tell()
    } catch (error) {
      this.#options.log(`a listener of the desk failed: ${messageOf(error)}`)
    }
  }

  /** Runs `work` unless it was cancelled by `stop`, once the clock says so. */
  later(key: string, ms: number, work: () => Promise<unknown>): void {
    if (this.#stopped) return
    const at = this.#options.clock.now() + ms
    this.#deadlines.set(key, at, () => this.#inBackground(work()))
  }

  /** Lets no timer fire any more and waits for what is under way. */
  async stop(): Promise<void> {
    this.#stopped = true
    this.#deadlines.clearAll()
    await this.#locks.idle()
  }

  /** The request as it stands now: expired where its time is over, whatever the timers do. */
  async #current(id: string): Promise<ApprovalRequest | undefined> {
    const request = this.get(id)
    if (!request || !isLive(request)) return request
    const now = this.#options.clock.now()
    if (now >= Date.parse(request.expiresAt)) return this.resolve(request, { state: 'expired' })
    return this.#remind(await this.#escalate(request, now), now)
  }

  /** Lets the second group in. Where that can't be recorded it stays out. */
  async #escalate(request: ApprovalRequest, now: number): Promise<ApprovalRequest> {
    const due = dueEscalations(request, now)
    if (due.length === 0) return request
    const rules = due.map(({ rule }) => rule)
    const to = [...new Set(due.flatMap(({ escalate }) => escalate?.to ?? []))]
    try {
      await this.record({ type: 'approval.escalated', id: request.id, rules, to })
    } catch (error) {
      this.#options.log(messageOf(error))
      return request
    }
    const escalated = [...request.escalated, ...rules]
    const after = await this.change(request, { escalated })
    this.emit({ type: 'escalated', request: after })
    return after
  }

  async #remind(request: ApprovalRequest, now: number): Promise<ApprovalRequest> {
    if (!isReminderDue(request, now)) return request
    const after = await this.change(request, { remindedAt: this.time() })
    this.emit({ type: 'reminder', request: after })
    return after
  }

  #watch(request: ApprovalRequest): void {
    const { id } = request
    // Looking at it is enough: what is due happens then.
    const look = () => this.step(id, async () => {})
    this.later(id, nextMilestone(request) - this.#options.clock.now(), look)
  }

  #inBackground(work: Promise<unknown>): void {
    work.catch((error) => this.#options.log(messageOf(error)))
  }
}
