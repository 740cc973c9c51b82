import {
  authorizeBreakGlass,
  authorizeDecision,
  clearedBy,
  isOwner,
} from '../identity/authorize-decision.ts'
import { type Directory, sameName } from '../identity/directory.ts'
import type { Person } from '../identity/principal.ts'
import type { Clock } from '../lib/clock.ts'
import { messageOf } from '../lib/errors.ts'
import { proposedRule } from '../policy/proposed-rule.ts'
import type { DecideResult } from './decide-result.ts'
import { type DeskListener, isLive, resolutionOf } from './desk-events.ts'
import type { Grant, GrantTerms } from './grant.ts'
import type { GrantStore } from './grant-store.ts'
import { type GrantEvent, Grants, type RevokeResult } from './grants.ts'
import { Intake, type Opened } from './intake.ts'
import type { RecordApproval } from './record.ts'
import type {
  ApprovalRequest,
  Channel,
  Outcome,
  RequestDraft,
  Resolution,
  Vote,
  WithdrawCause,
} from './request.ts'
import { RequestBook } from './request-book.ts'
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

/** Whom a channel has authenticated. */
export interface Speaker {
  /** E-mail address. */
  readonly person: string
  readonly channel: Channel
  /** When they last proved to the identity provider who they are, where the channel knows it. */
  readonly proof?: Proof | null
}

export interface Proof {
  /** Milliseconds since the epoch. */
  readonly authenticatedAt: number
  /** How, as the provider names it. */
  readonly acr: string | null
}

export interface Answer extends Speaker {
  readonly decision: 'approve' | 'deny'
  readonly reason: string
  /** SHA-256 (hex) of the statement that the person read; null where the channel can't tell. */
  readonly statementSha256: string | null
  /** Data classes that this person lets leave in clear by an approval, beside those asked for. */
  readonly clears?: readonly string[]
  /** They approve its shape for a time and so many rows; null for one execution. */
  readonly grant?: GrantTerms | null
}

/** Who lets a request pass alone, and why. */
export interface BreakGlass extends Speaker {
  readonly reason: string
  /** Of the incident that it is for. */
  readonly ticket: string
  /** SHA-256 (hex) of the statement that the person read; null where they don't say. */
  readonly statementSha256: string | null
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
  readonly #directory: () => Directory
  readonly #log: DeskOptions['log']

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
    this.#directory = options.directory
    this.#log = options.log
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
  async decide(id: string, answer: Answer): Promise<DecideResult> {
    const result = await this.#decide(id, answer)
    // Whatever becomes of the others, this one is decided.
    if (result.kind === 'decided') {
      await this.#coverWaiting(result.request).catch((error) => this.#log(messageOf(error)))
    }
    return result
  }

  /** What waits already and is of the shape that somebody has just approved goes by that, too. */
  async #coverWaiting({ id: approved, state, grant, shape }: ApprovalRequest): Promise<void> {
    if (state !== 'approved' || grant === null) return
    const waiting = [...this.waiting()].filter(
      (each) => each.state === 'pending' && each.shape === shape && each.id !== approved,
    )
    for (const { id } of waiting) {
      await this.#book.step(id, async (request) => {
        if (request?.state !== 'pending') return
        const covering = await this.#grants.coveredBy(request)
        if (!covering) return
        const { votes, maxRows } = covering
        const use = { id: covering.id, maxRows }
        await this.#book.resolve(request, { state: 'approved', votes, cleared: [], grant: use })
      })
    }
  }

  #decide(id: string, answer: Answer): Promise<DecideResult> {
    return this.#book.step(id, async (request) => {
      if (!request) return { kind: 'unknown' }
      if (request.state !== 'pending') return closedTo(request)
      if (answer.statementSha256 !== null && answer.statementSha256 !== request.statementSha256) {
        return { kind: 'changed', request }
      }
      return this.#vote(request, answer)
    })
  }

  async #vote(request: ApprovalRequest, answer: Answer): Promise<DecideResult> {
    const { decision, reason, channel } = answer
    const clears = decision === 'approve' ? (answer.clears ?? []) : []
    const verdict = this.#verdict(request, answer, clears)
    const repeated = decision === 'approve' && hasApproved(request, answer.person)
    if (repeated && verdict.ok !== false && !verdict.completes) return { kind: 'counted', request }
    if (!verdict.ok) {
      if (repeated && verdict.code === 'not_an_approver') return { kind: 'counted', request }
      await this.refuse(request.id, answer, verdict.code)
      return { ...verdict, kind: 'refused', request }
    }
    const grant = decision === 'approve' ? (answer.grant ?? null) : null
    const onlyOnce = grant && this.#grants.refusal(request, clears)
    if (onlyOnce) {
      await this.refuse(request.id, answer, 'only_once')
      return { kind: 'refused', request, code: 'only_once', message: onlyOnce }
    }
    const person = verdict.person.email
    const proof = answer.proof ?? null
    const authenticatedAt = proof && new Date(proof.authenticatedAt).toISOString()
    const acr = proof?.acr ?? null
    await this.#book.record({
      ...{ type: 'approval.voted', id: request.id },
      ...{ person, decision, reason, channel, clears, terms: grant, authenticatedAt, acr },
    })
    const vote = {
      ...{ person, decision, reason, channel, clears, grant, at: this.#book.time() },
      ...(authenticatedAt !== null && { authenticatedAt }),
      ...(acr !== null && { acr }),
    }
    return this.#count(request, vote, verdict.completes)
  }

  async #count(request: ApprovalRequest, vote: Vote, completes: boolean): Promise<DecideResult> {
    const votes = [...request.votes, vote]
    if (vote.decision === 'deny') {
      const denied = await this.#book.resolve(request, { state: 'denied', votes })
      return { kind: 'decided', request: denied }
    }
    if (completes) {
      const given = clearedBy({ ...request, votes }, this.#directory())
      const cleared = [...new Set([...request.asksClear, ...given])]
      const grant = await this.#grants.made({ ...request, votes })
      const end = { state: 'approved', votes, cleared, grant } as const
      const approved = await this.#book.resolve(request, end)
      return { kind: 'decided', request: approved }
    }
    const counted = await this.#book.change(request, { votes })
    this.#book.emit({ type: 'voted', request: counted })
    return { kind: 'counted', request: counted }
  }

  /**
   * Why `decide` wouldn't take this answer now, as it would say it, or null. Grants nothing, for
   * `decide` asks again; that somebody tried what they may not is recorded.
   */
  async whyNot(id: string, answer: Omit<Answer, 'reason'>): Promise<DecideResult | null> {
    const request = this.get(id)
    if (!request) return { kind: 'unknown' }
    if (request.state !== 'pending') return closedTo(request)
    const sha = answer.statementSha256
    if (sha !== null && sha !== request.statementSha256) return { kind: 'changed', request }
    const verdict = this.#verdict(request, answer, answer.clears)
    if (verdict.ok) return null
    await this.refuse(id, answer, verdict.code)
    return { ...verdict, kind: 'refused', request }
  }

  #verdict(
    request: ApprovalRequest,
    { person: email, decision, proof }: Omit<Answer, 'reason'>,
    clears: readonly string[] = [],
  ) {
    const directory = this.#directory()
    const now = Date.parse(this.#book.time())
    const authenticatedAt = proof?.authenticatedAt ?? null
    return authorizeDecision({
      ...{ person: { email }, request, decision, clears, directory },
      ...{ authenticatedAt, now },
    })
  }

  /**
   * One person lets a request pass alone: no quorum and no group is asked, everybody is told. It is
   * for one execution.
   */
  breakGlass(id: string, by: BreakGlass): Promise<DecideResult> {
    return this.#book.step(id, async (request) => {
      if (!request) return { kind: 'unknown' }
      if (request.state !== 'pending') return closedTo(request)
      const { statementSha256: sha } = by
      if (sha !== null && sha !== request.statementSha256) return { kind: 'changed', request }
      const directory = this.#directory()
      const verdict = authorizeBreakGlass({ person: { email: by.person }, request, directory })
      if (!verdict.ok) {
        await this.refuse(id, by, verdict.code)
        return { ...verdict, kind: 'refused', request }
      }
      return this.#passAlone(request, { ...by, person: verdict.person.email })
    })
  }

  async #passAlone(request: ApprovalRequest, by: BreakGlass): Promise<DecideResult> {
    const { id, agent, database, verb, statementSha256: sha256 } = request
    const { person, channel, reason, ticket } = by
    await this.#book.record({
      ...{ type: 'approval.break_glass', id, person, channel, reason, ticket },
      ...{ agent, database, verb, sha256 },
    })
    const vote: Vote = {
      ...{ person, decision: 'approve', reason, channel, clears: [], grant: null },
      ...{ breakGlass: { ticket }, at: this.#book.time() },
    }
    const votes = [...request.votes, vote]
    const end = { state: 'approved', votes, cleared: [], grant: null } as const
    const passed = await this.#book.resolve(request, end)
    this.#book.emit({ type: 'break-glass', request: passed })
    return { kind: 'decided', request: passed }
  }

  /** Records that somebody tried what they may not. */
  refuse(id: string, { person, channel }: Speaker, why: string): Promise<void> {
    return this.#book.record({ type: 'approval.refused', id, person, channel, why })
  }

  /** An owner takes the request back, through a channel. */
  withdrawByOwner(id: string, by: Speaker): Promise<DecideResult> {
    return this.#book.step(id, async (request) => {
      if (!request) return { kind: 'unknown' }
      if (!isLive(request)) return closedTo(request)
      const person = this.#directory().person(by.person)
      if (!person || !isOwner(request, person)) {
        await this.refuse(id, by, 'not_an_owner')
        const message = 'Only an owner of the agent can withdraw its request.'
        return { kind: 'refused', request, code: 'not_an_owner', message }
      }
      return { kind: 'decided', request: await this.#withdraw(request, 'owner') }
    })
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
    return this.#book.step(id, async (request) => {
      if (request?.state !== 'approved' || request.spentAt !== null) return false
      if (request.binding !== binding) return false
      if (!this.#grants.stands(request)) {
        await this.#withdraw(request, 'changed')
        return false
      }
      this.#book.emit({ type: 'spent', request: await this.#markSpent(request) })
      return true
    })
  }

  /**
   * The record and the new state reach the disk side by side, for a statement waits: neither of them
   * alone lets anything run, and where the record fails the approval can still be used.
   */
  async #markSpent(request: ApprovalRequest): Promise<ApprovalRequest> {
    const { id, binding } = request
    const [recorded, spent] = await Promise.allSettled([
      this.#book.record({ type: 'approval.spent', id, binding }),
      this.#book.change(request, { spentAt: this.#book.time() }),
    ])
    if (spent.status === 'rejected') throw spent.reason
    if (recorded.status === 'fulfilled') return spent.value
    await this.#book.change(spent.value, { spentAt: null })
    throw recorded.reason
  }

  /** Notes what became of a statement whose approval has been spent. */
  settle(id: string, outcome: Outcome): Promise<void> {
    return this.#book.step(id, async (request) => {
      if (request?.state !== 'approved' || request.spentAt === null) return
      const state = outcome.sqlState === null ? 'executed' : 'failed'
      const settled = await this.#book.change(request, { state, outcome, waiting: null })
      this.#book.emit({ type: 'settled', request: settled })
    })
  }

  /** Notes what an agent says became of an action whose approval it has spent; true once. */
  report(
    id: string,
    { outcome, detail }: { readonly outcome: 'executed' | 'failed'; readonly detail: string },
  ): Promise<boolean> {
    return this.#book.step(id, async (request) => {
      if (!request?.action || request.state !== 'approved' || !request.spentAt) return false
      await this.#book.record({ type: 'action.outcome', id, agent: request.agent, outcome, detail })
      const ms = Date.parse(this.#book.time()) - Date.parse(request.spentAt)
      const settled = await this.#book.change(request, {
        state: outcome,
        outcome: { rows: null, ms, sqlState: null, detail },
        waiting: null,
      })
      this.#book.emit({ type: 'settled', request: settled })
      return true
    })
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

/** Why a request takes no answer any more. */
function closedTo(request: ApprovalRequest): DecideResult {
  const gone = request.state === 'expired' || request.state === 'withdrawn'
  return { kind: gone ? 'gone' : 'already', request }
}

function hasApproved(request: ApprovalRequest, email: string): boolean {
  const me = sameName(email)
  return request.votes.some((vote) => vote.decision === 'approve' && sameName(vote.person) === me)
}
