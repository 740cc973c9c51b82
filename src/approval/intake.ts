import { createHash } from 'node:crypto'
import { ProxyError } from '../lib/errors.ts'
import { isLive, resolutionOf } from './desk-events.ts'
import { checkDraftHash, checkDraftSize, MAX_SHOWN, shownCharacters } from './draft-limits.ts'
import type { Grant } from './grant.ts'
import type { ApprovalRecord } from './record.ts'
import type { ApprovalRequest, RequestDraft, Resolution } from './request.ts'
import type { RequestBook } from './request-book.ts'
import type { ApprovalStore } from './store.ts'

/** More that wait than any person will read are an attack, or a loop. */
const MAX_WAITING_PER_AGENT = 200
const MAX_WAITING_CHARACTERS = 32 * MAX_SHOWN

/** The grant that covers what is asked, which counts as used by that. */
export type CoveredBy = (draft: RequestDraft) => Promise<Grant | undefined>

export interface Opened {
  readonly request: ApprovalRequest
  readonly how: 'new' | 'joined' | 'reopened'
  /** There at once where the request has been answered already. */
  readonly resolution: Resolution | null
}

/** Takes what agents ask for: finds the request that asks for the same already, or makes one. */
export class Intake {
  readonly #book: RequestBook
  readonly #history: ApprovalStore['history']
  readonly #newId: () => string
  readonly #coveredBy: CoveredBy
  /** The newest request of each thing that can be asked for. */
  readonly #newest = new Map<string, string>()
  #forgetAt = 1_000

  constructor(
    book: RequestBook,
    options: {
      readonly history: ApprovalStore['history']
      readonly newId: () => string
      readonly coveredBy: CoveredBy
    },
  ) {
    this.#book = book
    this.#history = options.history
    this.#newId = options.newId
    this.#coveredBy = options.coveredBy
    for (const request of book.all()) this.#newest.set(askedFor(request), request.id)
  }

  /**
   * Opens, joins or reopens a request. Rejects with STATEMENT_DENIED (too large to be read),
   * GATE_UNAVAILABLE (too many wait) or AUDIT_UNAVAILABLE.
   */
  async open(draft: RequestDraft, holder: string): Promise<Opened> {
    checkDraftSize(draft)
    checkDraftHash(draft)
    const key = askedFor(draft)
    return this.#book.alone(key, async () => {
      const opened =
        (await this.#granted(key, draft, holder)) ??
        (await this.#reuse(key, draft, holder)) ??
        (await this.#openNew(key, draft, holder))
      const { how, request } = opened
      if (isLive(request) && opened.resolution?.kind !== 'approved')
        this.#book.emit({ type: 'requested', how, request })
      return opened
    })
  }

  /** What a grant covers is approved already; who gave it is noted as if they signed now. */
  async #granted(key: string, draft: RequestDraft, holder: string): Promise<Opened | null> {
    const before = this.#book.get(this.#newest.get(key) ?? '')
    if (before && isLive(before)) return null
    const grant = await this.#coveredBy(draft)
    if (!grant) return null
    const { id, maxRows, votes } = grant
    const asked = this.#newRequest(draft, this.#newId())
    await this.#book.record(recordOf(asked))
    const request = await this.#book.approve(asked, { votes, cleared: [], grant: { id, maxRows } })
    this.#book.holders.add(request.id, holder)
    this.#newest.set(key, request.id)
    this.#forgetGone()
    return { request, how: 'new', resolution: resolutionOf(request) }
  }

  /** The holder is noted within the step, so that nobody else's going ends the request before. */
  async #reuse(key: string, draft: RequestDraft, holder: string): Promise<Opened | null> {
    const id = this.#newest.get(key)
    if (id === undefined) return null
    return this.#book.step(id, async (request) => {
      if (!request) return null
      if (!isLive(request)) {
        return (await this.#tellDenial(request, draft)) ?? this.#reopen(request, draft, holder)
      }
      this.#book.holders.add(id, holder)
      return { request, how: 'joined', resolution: resolutionOf(request) }
    })
  }

  /**
   * An agent whose hold was over before somebody said no hears it, once, when it asks again. Of an
   * action it hears by its id.
   */
  async #tellDenial(request: ApprovalRequest, draft: RequestDraft): Promise<Opened | null> {
    if (request.action) return null
    const untold = request.state === 'denied' && request.waiting === 'ticket'
    if (!untold || this.#since(request) >= draft.expiresMs) return null
    const told = await this.#book.change(request, { waiting: null })
    return { request: told, how: 'joined', resolution: resolutionOf(told) }
  }

  /** Milliseconds since anything of it changed. */
  #since(request: ApprovalRequest): number {
    return Date.parse(this.#book.time()) - Date.parse(request.updatedAt)
  }

  /** One that was withdrawn a short while ago is asked for again under its own id. */
  async #reopen(
    request: ApprovalRequest,
    draft: RequestDraft,
    holder: string,
  ): Promise<Opened | null> {
    if (request.state !== 'withdrawn' || this.#since(request) >= draft.expiresMs) return null
    this.#checkRoom(draft)
    // Votes begin again: the time that was set for them is over, and people sign what is asked now.
    const fresh = { ...this.#newRequest(draft, request.id), createdAt: request.createdAt }
    await this.#book.record(recordOf(fresh))
    await this.#book.put(request, fresh)
    this.#book.holders.add(fresh.id, holder)
    return { request: fresh, how: 'reopened', resolution: null }
  }

  async #openNew(key: string, draft: RequestDraft, holder: string): Promise<Opened> {
    this.#checkRoom(draft)
    const request = this.#newRequest(draft, this.#newId())
    await this.#book.record(recordOf(request))
    await this.#book.put(undefined, request)
    this.#book.holders.add(request.id, holder)
    this.#newest.set(key, request.id)
    this.#forgetGone()
    return { request, how: 'new', resolution: null }
  }

  #newRequest(draft: RequestDraft, id: string): ApprovalRequest {
    const now = this.#book.time()
    return {
      ...draft,
      id,
      state: 'pending',
      createdAt: now,
      updatedAt: now,
      expiresAt: this.#book.time(draft.expiresMs),
      spentAt: null,
      remindedAt: null,
      escalated: [],
      votes: [],
      cleared: [],
      grant: null,
      // Nobody holds a connection open for an action.
      waiting: draft.action ? 'ticket' : 'connection',
      withdrawnCause: null,
      outcome: null,
      history: this.#history(draft.agent, draft.fingerprint),
    }
  }

  #checkRoom(draft: RequestDraft): void {
    let count = 0
    let characters = 0
    for (const request of this.#book.waiting()) {
      characters += shownCharacters(request)
      if (request.agent === draft.agent) count++
    }
    if (count < MAX_WAITING_PER_AGENT && characters < MAX_WAITING_CHARACTERS) return
    throw new ProxyError('GATE_UNAVAILABLE', 'too many statements wait for approval already', {
      hint: 'Wait until some of them have been answered.',
    })
  }

  /** The store lets go of what is old; then nothing has to lead there. */
  #forgetGone(): void {
    if (this.#newest.size < this.#forgetAt) return
    for (const [key, id] of this.#newest) if (!this.#book.get(id)) this.#newest.delete(key)
    this.#forgetAt = this.#newest.size * 2 + 1_000
  }
}

/**
 * What is asked for. Beside the binding this holds all that decides who may sign, so that nobody
 * joins a request under which somebody else is kept from signing.
 */
function askedFor(draft: RequestDraft): string {
  const { binding, agent, database, onBehalfOf, credentialCreatedBy, requirements } = draft
  const { asksClear, clearable, shape } = draft
  const owners = [...draft.owners].sort()
  const who = [agent, owners, onBehalfOf, credentialCreatedBy]
  const parts = [binding, database, who, requirements, asksClear, clearable, shape]
  return createHash('sha256').update(JSON.stringify(parts)).digest('hex')
}

function recordOf(request: ApprovalRequest): ApprovalRecord {
  const { id, binding, agent, database, verb, statementSha256: sha256 } = request
  const rules = request.requirements.map((requirement) => requirement.rule)
  return {
    ...{ type: 'approval.requested', id, binding, agent, database, sha256, verb, rules },
    clear: request.asksClear,
    ...(request.action && { resource: request.action.resource }),
  }
}
