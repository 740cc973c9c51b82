import {
  authorizeBreakGlass,
  authorizeDecision,
  clearedBy,
  isOwner,
} from '../identity/authorize-decision.ts'
import { type Directory, sameName } from '../identity/directory.ts'
import { messageOf } from '../lib/errors.ts'
import type { Answer, BreakGlass, Speaker } from './answer.ts'
import type { DecideResult } from './decide-result.ts'
import { isLive } from './desk-events.ts'
import type { Grants } from './grants.ts'
import type { ApprovalRequest, Vote } from './request.ts'
import type { RequestBook } from './request-book.ts'

export interface DecisionsOptions {
  readonly book: RequestBook
  readonly grants: Grants
  /** People and groups as they are now. */
  readonly directory: () => Directory
  readonly log: (text: string) => void
}

/** What people answer, through whatever channel: who may is asked here, and nowhere else. */
export class Decisions {
  readonly #book: RequestBook
  readonly #grants: Grants
  readonly #directory: () => Directory
  readonly #log: DecisionsOptions['log']

  constructor({ book, grants, directory, log }: DecisionsOptions) {
    this.#book = book
    this.#grants = grants
    this.#directory = directory
    this.#log = log
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
    const waiting = [...this.#book.waiting()].filter(
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
    const request = this.#book.get(id)
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
      const end = { state: 'withdrawn', withdrawnCause: 'owner' } as const
      return { kind: 'decided', request: await this.#book.resolve(request, end) }
    })
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
