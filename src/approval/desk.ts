import { createHash } from 'node:crypto'
import { authorizeDecision, isOwner } from '../identity/authorize-decision.ts'
import { type Directory, sameName } from '../identity/directory.ts'
import type { Clock } from '../lib/clock.ts'
import { messageOf, ProxyError } from '../lib/errors.ts'
import { Deadlines } from './deadlines.ts'
import type { DecideResult } from './decide-result.ts'
import {
  approversOf,
  type DeskEvent,
  type DeskListener,
  isLive,
  resolutionOf,
} from './desk-events.ts'
import { checkDraftHash, checkDraftSize, MAX_SHOWN } from './draft-limits.ts'
import { Holders } from './holders.ts'
import { KeyedLock } from './keyed-lock.ts'
import type { ApprovalRecord, RecordApproval } from './record.ts'
import type {
  ApprovalRequest,
  Channel,
  Outcome,
  RequestDraft,
  Resolution,
  Vote,
  WithdrawCause,
} from './request.ts'
import type { ApprovalStore } from './store.ts'

/** More that wait than any person will read are an attack, or a loop. */
const MAX_WAITING_PER_AGENT = 200
const MAX_WAITING_CHARACTERS = 32 * MAX_SHOWN
/** How long a hold whose line broke may take to be announced again. */
const GRACE_MS = 15_000

export interface DeskOptions {
  readonly store: ApprovalStore
  readonly clock: Clock
  readonly newId: () => string
  /** People and groups as they are now; a reload changes them. */
  readonly directory: () => Directory
  readonly record: RecordApproval
  readonly log: (text: string) => void
  readonly graceMs?: number
}

export interface Answer {
  /** E-mail address of whom the channel has authenticated. */
  readonly person: string
  readonly decision: 'approve' | 'deny'
  readonly reason: string
  readonly channel: Channel
  /** SHA-256 (hex) of the statement that the person read; null where the channel can't tell. */
  readonly statementSha256: string | null
}

export interface Opened {
  readonly request: ApprovalRequest
  readonly how: 'new' | 'joined' | 'reopened'
  /** There at once where the request has been answered already. */
  readonly resolution: Resolution | null
}

/**
 * Where requests wait for people. Each step of one request happens under its lock: look at the
 * state, write the record, store the new state, and only then tell anybody. So the first answer
 * wins, nothing is decided twice, and what was told survives a kill.
 */
export class ApprovalDesk {
  readonly #options: DeskOptions
  readonly #locks = new KeyedLock()
  readonly #deadlines: Deadlines
  readonly #holders = new Holders()
  readonly #listeners = new Set<DeskListener>()
  /** The newest request of each thing that can be asked for. */
  readonly #newest = new Map<string, string>()
  #forgetAt = 1000
  #stopped = false

  constructor(options: DeskOptions) {
    this.#options = options
    this.#deadlines = new Deadlines(options.clock)
    for (const request of options.store.all()) this.#newest.set(askedFor(request), request.id)
    for (const request of this.waiting()) this.#watch(request)
    this.#afterGrace([...this.waiting()].map((request) => request.id))
  }

  subscribe(listener: DeskListener): () => void {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
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

  /**
   * Opens a request for `holder`, or joins or reopens the one that asks for the same. Rejects with
   * STATEMENT_DENIED (too large), GATE_UNAVAILABLE (too many wait) or AUDIT_UNAVAILABLE.
   */
  async open(draft: RequestDraft, holder: string): Promise<Opened> {
    checkDraftSize(draft)
    checkDraftHash(draft)
    const key = askedFor(draft)
    return this.#locks.run(`open:${key}`, () => this.#open(draft, holder, key))
  }

  async #open(draft: RequestDraft, holder: string, key: string): Promise<Opened> {
    const id = this.#newest.get(key)
    const found = id === undefined ? null : await this.#locked(id, () => this.#reuse(id, draft))
    const opened = found ?? (await this.#openNew(draft, key))
    this.#holders.add(opened.request.id, holder)
    this.#emit({ type: 'requested', how: opened.how, request: opened.request })
    return opened
  }

  async #reuse(id: string, draft: RequestDraft): Promise<Opened | null> {
    const request = await this.#current(id)
    if (!request) return null
    if (isLive(request)) {
      return { request, how: 'joined', resolution: resolutionOf(request) }
    }
    const since = this.#options.clock.now() - Date.parse(request.updatedAt)
    if (request.state !== 'withdrawn' || since >= draft.expiresMs) return null
    this.#checkRoom(draft)
    // Votes begin again: the time that was set for them is over, and people sign what is asked now.
    const fresh = { ...this.#newRequest(draft, id), createdAt: request.createdAt }
    await this.#record(requested(fresh))
    await this.#replace(request, fresh)
    return { request: fresh, how: 'reopened', resolution: null }
  }

  async #openNew(draft: RequestDraft, key: string): Promise<Opened> {
    this.#checkRoom(draft)
    const request = this.#newRequest(draft, this.#options.newId())
    await this.#record(requested(request))
    await this.#replace(undefined, request)
    this.#newest.set(key, request.id)
    this.#forgetGone()
    return { request, how: 'new', resolution: null }
  }

  #newRequest(draft: RequestDraft, id: string): ApprovalRequest {
    const now = this.#options.clock.now()
    return {
      ...draft,
      id,
      state: 'pending',
      createdAt: iso(now),
      updatedAt: iso(now),
      expiresAt: iso(now + draft.expiresMs),
      spentAt: null,
      votes: [],
      waiting: 'connection',
      withdrawnCause: null,
      outcome: null,
      history: this.#options.store.history(draft.agent, draft.fingerprint),
    }
  }

  /** The store lets go of what is old; then nothing has to lead there. */
  #forgetGone(): void {
    if (this.#newest.size < this.#forgetAt) return
    for (const [key, id] of this.#newest) if (!this.get(id)) this.#newest.delete(key)
    this.#forgetAt = this.#newest.size * 2 + 1000
  }

  #checkRoom(draft: RequestDraft): void {
    let count = 0
    let characters = 0
    for (const request of this.waiting()) {
      characters += request.statement.length
      if (request.agent === draft.agent) count++
    }
    if (count < MAX_WAITING_PER_AGENT && characters < MAX_WAITING_CHARACTERS) return
    throw new ProxyError('GATE_UNAVAILABLE', 'too many statements wait for approval already', {
      hint: 'Wait until some of them have been answered.',
    })
  }

  /** Takes a person's answer, from whatever channel it comes. */
  decide(id: string, answer: Answer): Promise<DecideResult> {
    return this.#locked(id, async () => {
      const request = await this.#current(id)
      if (!request) return { kind: 'unknown' }
      const closed = closedTo(request)
      if (closed) return closed
      if (answer.statementSha256 !== null && answer.statementSha256 !== request.statementSha256) {
        return { kind: 'changed', request }
      }
      return this.#vote(request, answer)
    })
  }

  async #vote(request: ApprovalRequest, answer: Answer): Promise<DecideResult> {
    const { decision, channel, reason } = answer
    const directory = this.#options.directory()
    const person = { email: answer.person }
    const verdict = authorizeDecision({ person, request, decision, directory })
    if (!verdict.ok) {
      const repeated = verdict.code === 'not_an_approver' && hasApproved(request, answer)
      if (repeated) return { kind: 'counted', request }
      await this.#refuse(request.id, answer, verdict.code)
      return { kind: 'refused', request, code: verdict.code, message: verdict.message }
    }
    if (!verdict.completes && hasApproved(request, answer)) return { kind: 'counted', request }
    const at = iso(this.#options.clock.now())
    const vote: Vote = { person: verdict.person.email, decision, reason, channel, at }
    await this.#record({ type: 'approval.voted', id: request.id, ...withoutTime(vote) })
    const votes = [...request.votes, vote]
    if (decision === 'deny') return this.#resolve(request, { state: 'denied', votes })
    if (verdict.completes) return this.#resolve(request, { state: 'approved', votes })
    const counted = await this.#change(request, { votes })
    this.#emit({ type: 'voted', request: counted })
    return { kind: 'counted', request: counted }
  }

  /** Whether `decide` would take this person's answer now. Grants nothing: `decide` asks again. */
  may(id: string, email: string, decision: 'approve' | 'deny'): boolean {
    const request = this.get(id)
    if (request?.state !== 'pending') return false
    const directory = this.#options.directory()
    return authorizeDecision({ person: { email }, request, decision, directory }).ok
  }

  /** Records that somebody tried what they may not. */
  async refuse(id: string, answer: Pick<Answer, 'person' | 'channel'>, why: string): Promise<void> {
    await this.#refuse(id, answer, why)
  }

  #refuse(id: string, answer: Pick<Answer, 'person' | 'channel'>, why: string): Promise<void> {
    const { person, channel } = answer
    return this.#record({ type: 'approval.refused', id, person, channel, why })
  }

  /** An owner takes the request back, through a channel. */
  withdrawByOwner(id: string, by: Pick<Answer, 'person' | 'channel'>): Promise<DecideResult> {
    return this.#locked(id, async () => {
      const request = await this.#current(id)
      if (!request) return { kind: 'unknown' }
      if (!isLive(request)) return closedTo(request) ?? { kind: 'already', request }
      const person = this.#options.directory().person(by.person)
      if (!person || !isOwner(request, person)) {
        await this.#refuse(id, by, 'not_an_owner')
        const message = 'Only an owner of the agent can withdraw its request.'
        return { kind: 'refused', request, code: 'not_an_owner', message }
      }
      return this.#resolve(request, { state: 'withdrawn', withdrawnCause: 'owner' })
    })
  }

  /**
   * The data plane says that `holder` doesn't wait any more. The request ends when nobody else
   * waits for it; a ticket outlives its connection, and `changed` ends it for everybody.
   */
  withdraw(id: string, cause: WithdrawCause, holder: string): Promise<void> {
    this.#holders.remove(id, holder)
    return this.#locked(id, async () => {
      const request = await this.#current(id)
      if (!request || !isLive(request)) return
      const outlives = request.waiting === 'ticket' && cause !== 'cancelled'
      if (cause !== 'changed' && (outlives || this.#holders.has(id))) return
      await this.#resolve(request, { state: 'withdrawn', withdrawnCause: cause })
    })
  }

  /** The hold has ended and the request stays open. `holding`: others of `holder` still wait. */
  ticket(id: string, holder: string, holding: boolean): Promise<void> {
    if (!holding) this.#holders.remove(id, holder)
    return this.#locked(id, async () => {
      const request = await this.#current(id)
      if (!request || !isLive(request) || request.waiting === 'ticket') return
      this.#emit({ type: 'ticket', request: await this.#change(request, { waiting: 'ticket' }) })
    })
  }

  /** Uses an approval up: true once, and only when that is on the disk. */
  spend(id: string, binding: string): Promise<boolean> {
    return this.#locked(id, async () => {
      const request = await this.#current(id)
      if (request?.state !== 'approved' || request.spentAt !== null) return false
      if (request.binding !== binding) return false
      await this.#record({ type: 'approval.spent', id, binding })
      const spent = await this.#change(request, { spentAt: iso(this.#options.clock.now()) })
      this.#deadlines.clear(id)
      this.#emit({ type: 'spent', request: spent })
      return true
    })
  }

  /** Notes what became of a statement whose approval has been spent. */
  settle(id: string, outcome: Outcome): Promise<void> {
    return this.#locked(id, async () => {
      const request = this.get(id)
      if (request?.state !== 'approved' || request.spentAt === null) return
      const state = outcome.sqlState === null ? 'executed' : 'failed'
      const settled = await this.#change(request, { state, outcome, waiting: null })
      this.#emit({ type: 'settled', request: settled })
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
      if (!request || request.binding !== binding) {
        return [{ kind: 'withdrawn', id, cause: 'changed' }]
      }
      if (isLive(request)) this.#holders.add(id, holder)
      const resolution = resolutionOf(request)
      return resolution ? [resolution] : []
    })
  }

  /** The line of `holder` broke: what it held is withdrawn unless it is announced in time. */
  release(holder: string): void {
    this.#afterGrace(this.#holders.release(holder))
  }

  /** Withdraws at once what only `holder` waits for: its process has gone for good. */
  async abandon(holder: string): Promise<void> {
    const ids = this.#holders.release(holder)
    await Promise.all(ids.map((id) => this.withdraw(id, 'disconnected', holder)))
  }

  /** Lets no timer fire any more and waits for what is under way. */
  async stop(): Promise<void> {
    this.#stopped = true
    this.#deadlines.clearAll()
    await this.#locks.idle()
  }

  #afterGrace(ids: readonly string[]): void {
    if (this.#stopped) return
    const at = this.#options.clock.now() + (this.#options.graceMs ?? GRACE_MS)
    for (const id of ids) {
      this.#deadlines.set(`grace:${id}`, at, () => {
        if (!this.#holders.has(id)) this.#inBackground(this.withdraw(id, 'disconnected', ''))
      })
    }
  }

  #watch(request: ApprovalRequest): void {
    if (this.#stopped) return
    const at = Date.parse(request.expiresAt)
    const expire = () => this.#locked(request.id, () => this.#current(request.id))
    this.#deadlines.set(request.id, at, () => this.#inBackground(expire()))
  }

  /** The request as it stands now: expired where its time is over, whatever the timers do. */
  async #current(id: string): Promise<ApprovalRequest | undefined> {
    const request = this.get(id)
    if (!request || !isLive(request)) return request
    if (this.#options.clock.now() < Date.parse(request.expiresAt)) return request
    const { request: expired } = await this.#resolve(request, { state: 'expired' })
    return expired
  }

  async #resolve(
    request: ApprovalRequest,
    end:
      | { readonly state: 'approved' | 'denied'; readonly votes: readonly Vote[] }
      | { readonly state: 'expired' }
      | { readonly state: 'withdrawn'; readonly withdrawnCause: WithdrawCause },
  ): Promise<{ readonly kind: 'decided'; readonly request: ApprovalRequest }> {
    const after = await this.#change(request, end)
    if (after.state !== 'approved') this.#deadlines.clear(request.id)
    const resolution = resolutionOf(after)
    if (resolution) this.#emit({ type: 'resolved', request: after, resolution })
    const last = after.votes.at(-1)
    const by = end.state === 'denied' ? [last?.person ?? ''] : approversOf(after)
    const cause = after.withdrawnCause
    // The vote is on record already, and no trail may keep a request from ending.
    const record = { type: 'approval.resolved', id: after.id, state: end.state, cause, by } as const
    await this.#record(record).catch((error) => this.#options.log(messageOf(error)))
    return { kind: 'decided', request: after }
  }

  async #change(
    request: ApprovalRequest,
    change: Partial<ApprovalRequest>,
  ): Promise<ApprovalRequest> {
    const updatedAt = iso(this.#options.clock.now())
    const after = { ...request, ...change, updatedAt }
    await this.#replace(request, after)
    return after
  }

  async #replace(before: ApprovalRequest | undefined, after: ApprovalRequest): Promise<void> {
    await this.#options.store.replace(before, after)
    if (!isLive(after)) this.#holders.clear(after.id)
    if (after.state === 'pending') this.#watch(after)
  }

  #locked<T>(id: string, task: () => Promise<T>): Promise<T> {
    return this.#locks.run(`id:${id}`, task)
  }

  #record(event: ApprovalRecord): Promise<void> {
    return this.#options.record(event)
  }

  #emit(event: DeskEvent): void {
    for (const listener of this.#listeners) {
      try {
        listener(event)
      } catch (error) {
        this.#options.log(`a listener of the desk failed: ${messageOf(error)}`)
      }
    }
  }

  #inBackground(work: Promise<unknown>): void {
    work.catch((error) => this.#options.log(messageOf(error)))
  }
}

/** Why a request takes no answer any more, or null while it does. */
function closedTo(request: ApprovalRequest): DecideResult | null {
  if (request.state === 'pending') return null
  if (request.state === 'expired' || request.state === 'withdrawn') return { kind: 'gone', request }
  return { kind: 'already', request }
}

function hasApproved(request: ApprovalRequest, answer: Answer): boolean {
  const me = sameName(answer.person)
  return (
    answer.decision === 'approve' &&
    request.votes.some((vote) => vote.decision === 'approve' && sameName(vote.person) === me)
  )
}

/**
 * What is asked for. Beside the binding this holds all that decides who may sign, so that nobody
 * joins a request under which somebody else is kept from signing.
 */
function askedFor(draft: RequestDraft): string {
  const { binding, agent, database, onBehalfOf, credentialCreatedBy, requirements } = draft
  const owners = [...draft.owners].sort()
  const parts = [binding, agent, database, owners, onBehalfOf, credentialCreatedBy, requirements]
  return createHash('sha256').update(JSON.stringify(parts)).digest('hex')
}

function requested(request: ApprovalRequest): ApprovalRecord {
  const { id, binding, agent, database, verb, statementSha256: sha256 } = request
  const rules = request.requirements.map((requirement) => requirement.rule)
  return { type: 'approval.requested', id, binding, agent, database, sha256, verb, rules }
}

function withoutTime({ person, decision, reason, channel }: Vote): Omit<Vote, 'at'> {
  return { person, decision, reason, channel }
}

function iso(at: number): string {
  return new Date(at).toISOString()
}
