import type { Directory } from '../identity/directory.ts'
import type { Person } from '../identity/principal.ts'
import type { Clock } from '../lib/clock.ts'
import { proposedRule } from '../policy/proposed-rule.ts'
import type { Answer, BreakGlass, Speaker } from './answer.ts'
import type { DecideResult } from './decide-result.ts'
import { Decisions } from './decisions.ts'
import { type DeskListener, isLive, resolutionOf } from './desk-events.ts'
import type { Grant } from './grant.ts'
import type { GrantStore } from './grant-store.ts'
import { type GrantEvent, Grants, type RevokeResult } from './grants.ts'
import { Intake, type Opened } from './intake.ts'
import type { RecordApproval } from './record.ts'
import type {
  ApprovalRequest,
  Outcome,
  RequestDraft,
  Resolution,
  WithdrawCause,
} from './request.ts'
import { RequestBook } from './request-book.ts'
import { Spending } from './spending.ts'
import type { ApprovalStore } from './store.ts'

/** Approvals of the same, after which a rule is proposed. */
const ENOUGH_FOR_A_RULE = 5
/** How long a hold whose line broke may take to be announced again. */
const GRACE_MS = 15_000

export interface DeskOptions {
  readonly store: ApprovalStore
  readonly grants: GrantStore
  readonly clock: Clock
  readonly newId: () => string
  /** People and groups as they are now; a reload changes them. */
  readonly directory: () => Directory
  readonly record: RecordApproval
  readonly log: (text: string) => void
}

/**
 * Where requests wait for people. The first answer wins; a deadline, an owner or the client's going
 * ends the waiting; an approval is used once. A holder is whoever waits: one line to a data plane.
 */
export class ApprovalDesk {
  readonly #book: RequestBook
  readonly #intake: Intake
  readonly #grants: Grants
  readonly #store: ApprovalStore
  readonly #decisions: Decisions
  readonly #spending: Spending

  constructor(options: DeskOptions) {
    const { store, newId } = options
    this.#store = store
    this.#book = new RequestBook(options)
    this.#grants = new Grants(options, this.#book)
    this.#intake = new Intake(this.#book, {
      history: store.history.bind(store),
      newId,
      coveredBy: (draft) => this.#grants.coveredBy(draft),
    })
    this.#decisions = new Decisions({ ...options, book: this.#book, grants: this.#grants })
    this.#spending = new Spending(this.#book, this.#grants)
    this.#afterGrace([...this.waiting()].map((request) => request.id))
  }

  subscribe(listener: DeskListener): () => void {
    return this.#book.subscribe(listener)
  }

  subscribeGrants(listener: (event: GrantEvent) => void): () => void {
    return this.#grants.subscribe(listener)
  }

  get(id: string): ApprovalRequest | undefined {
    return this.#book.get(id)
  }

  /** The request as it stands when all that was begun before is done: over, where its time is. */
  look(id: string): Promise<ApprovalRequest | undefined> {
    return this.#book.step(id, async (request) => request)
  }

  all(): IterableIterator<ApprovalRequest> {
    return this.#book.all()
  }

  /** Pending, or approved and not used yet. */
  waiting(): Generator<ApprovalRequest> {
    return this.#book.waiting()
  }

  /** Opens a request for `holder`, or joins or reopens the one that asks for the same. */
  open(draft: RequestDraft, holder: string): Promise<Opened> {
    return this.#intake.open(draft, holder)
  }

  /** Takes a person's answer, from whatever channel it comes. */
  decide(id: string, answer: Answer): Promise<DecideResult> {
    return this.#decisions.decide(id, answer)
  }

  /** Why `decide` wouldn't take this answer now, as it would say it, or null. Grants nothing. */
  whyNot(id: string, answer: Omit<Answer, 'reason'>): Promise<DecideResult | null> {
    return this.#decisions.whyNot(id, answer)
  }

  /** One person lets a request pass alone. */
  breakGlass(id: string, by: BreakGlass): Promise<DecideResult> {
    return this.#decisions.breakGlass(id, by)
  }

  /** Records that somebody tried what they may not. */
  refuse(id: string, by: Speaker, why: string): Promise<void> {
    return this.#decisions.refuse(id, by, why)
  }

  /** An owner takes the request back, through a channel. */
  withdrawByOwner(id: string, by: Speaker): Promise<DecideResult> {
    return this.#decisions.withdrawByOwner(id, by)
  }

  /**
   * The data plane says that `holder` doesn't wait any more. The request ends when nobody else
   * waits for it; a ticket outlives its connection, and `changed` ends it for everybody.
   */
  withdraw(id: string, cause: WithdrawCause, holder: string): Promise<void> {
    this.#book.holders.remove(id, holder)
    return this.#book.step(id, async (request) => {
      if (!request || !isLive(request)) return
      const outlives = request.waiting === 'ticket' && cause !== 'cancelled'
      if (cause !== 'changed' && (outlives || this.#book.holders.has(id))) return
      await this.#withdraw(request, cause)
    })
  }

  #withdraw(request: ApprovalRequest, withdrawnCause: WithdrawCause): Promise<ApprovalRequest> {
    return this.#book.resolve(request, { state: 'withdrawn', withdrawnCause })
  }

  /** The hold has ended and the request stays open. `holding`: others of `holder` still wait. */
  ticket(id: string, holder: string, holding: boolean): Promise<void> {
    if (!holding) this.#book.holders.remove(id, holder)
    return this.#book.step(id, async (request) => {
      if (!request || !isLive(request) || request.waiting === 'ticket') return
      const ticket = await this.#book.change(request, { waiting: 'ticket' })
      this.#book.emit({ type: 'ticket', request: ticket })
    })
  }

  /**
   * A rule, as YAML to copy, that would allow what people have approved so often one by one; null
   * before the fifth time, and for what no rule should.
   */
  ruleFor(request: ApprovalRequest): string | null {
    const { approved, rows = null } = this.#store.alike(request)
    if (approved < ENOUGH_FOR_A_RULE || rows === null) return null
    const { agent, database, verb, effects, tables, requirements } = request
    return proposedRule({
      ...{ agent, database, verb, approved, rows },
      effects: [...new Set(effects.map(({ effect }) => effect))],
      tables: [...new Set(tables.map(({ name }) => name))],
      rules: requirements.map(({ rule }) => rule),
    })
  }

  /** Grants, those that changed last behind. */
  grants(): IterableIterator<Grant> {
    return this.#grants.all()
  }

  /** Whether a person may end a grant: its agent's owners, and all who are asked for such a thing. */
  mayRevokeGrant(grant: Grant, person: Person): boolean {
    return this.#grants.mayRevoke(grant, person)
  }

  /** Ends a grant; what it has let run stays. */
  revokeGrant(id: string, by: Speaker): Promise<RevokeResult> {
    return this.#grants.revoke(id, by)
  }

  /** Uses an approval up: true once, and only when that is on the disk. */
  spend(id: string, binding: string): Promise<boolean> {
    return this.#spending.spend(id, binding)
  }

  /** Notes what became of a statement whose approval has been spent. */
  settle(id: string, outcome: Outcome): Promise<void> {
    return this.#spending.settle(id, outcome)
  }

  /** Notes what an agent says became of an action whose approval it has spent; true once. */
  report(
    id: string,
    told: { readonly outcome: 'executed' | 'failed'; readonly detail: string },
  ): Promise<boolean> {
    return this.#spending.report(id, told)
  }

  /**
   * `holder` says again what it waits for, after its line or this process was lost. Returns what
   * was resolved meanwhile. An id that isn't known, or is bound to something else, is withdrawn.
   */
  announce(
    holds: readonly { readonly id: string; readonly binding: string }[],
    holder: string,
  ): readonly Resolution[] {
    return holds.flatMap(({ id, binding }): readonly Resolution[] => {
      const request = this.get(id)
      if (request?.binding !== binding) return [{ kind: 'withdrawn', id, cause: 'changed' }]
      if (isLive(request)) this.#book.holders.add(id, holder)
      const resolution = resolutionOf(request)
      return resolution ? [resolution] : []
    })
  }

  /** The line of `holder` broke: what it held is withdrawn unless it is announced in time. */
  release(holder: string): void {
    this.#afterGrace(this.#book.holders.release(holder))
  }

  /** Withdraws at once what only `holder` waits for: its process has gone for good. */
  async abandon(holder: string): Promise<void> {
    const ids = this.#book.holders.release(holder)
    await Promise.all(ids.map((id) => this.withdraw(id, 'disconnected', holder)))
  }

  /** Lets no timer fire any more and waits for what is under way. */
  stop(): Promise<void> {
    return this.#book.stop()
  }

  #afterGrace(ids: readonly string[]): void {
    for (const id of ids) {
      this.#book.later(`grace:${id}`, GRACE_MS, async () => {
        if (!this.#book.holders.has(id)) await this.withdraw(id, 'disconnected', '')
      })
    }
  }
}
