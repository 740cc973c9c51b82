import { isApproved, isOwner } from '../identity/authorize-decision.ts'
import type { Directory } from '../identity/directory.ts'
import type { Person } from '../identity/principal.ts'
import type { Clock } from '../lib/clock.ts'
import { approversOf } from './desk-events.ts'
import { type Grant, type GrantUse, isLiveGrant, termsOf } from './grant.ts'
import type { GrantStore } from './grant-store.ts'
import type { ApprovalRequest, Channel, RequestDraft } from './request.ts'
import type { RequestBook } from './request-book.ts'

export interface GrantsOptions {
  readonly grants: GrantStore
  readonly clock: Clock
  readonly newId: () => string
  readonly directory: () => Directory
}

export interface GrantEvent {
  readonly type: 'made' | 'revoked'
  readonly grant: Grant
}

export type RevokeResult =
  | { readonly kind: 'revoked'; readonly grant: Grant }
  | { readonly kind: 'unknown' }
  /** It was over already. */
  | { readonly kind: 'gone'; readonly grant: Grant }
  | { readonly kind: 'refused'; readonly message: string }

/** Approvals of a shape: how they come about, what they cover, and how they end. */
export class Grants {
  readonly #options: GrantsOptions
  readonly #book: RequestBook
  readonly #listeners = new Set<(event: GrantEvent) => void>()

  constructor(options: GrantsOptions, book: RequestBook) {
    this.#options = options
    this.#book = book
  }

  subscribe(listener: (event: GrantEvent) => void): () => void {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }

  all(): IterableIterator<Grant> {
    return this.#options.grants.all()
  }

  /** Why a request can be approved for one execution only; null where its shape can be. */
  refusal(request: ApprovalRequest, clears: readonly string[]): string | null {
    if (clears.length > 0 || request.asksClear.length > 0) {
      return 'What is shown in clear is shown for one execution: approve it once.'
    }
    if (request.shape !== null) return null
    return 'What this does depends on more than its shape, or its rows can not be counted: approve it once.'
  }

  /** Makes the grant that all who approved a request want; null where one of them signs for once. */
  async made(request: ApprovalRequest): Promise<GrantUse | null> {
    const terms = termsOf(request.votes)
    const { shape, agent, database, verb, tables, classes } = request
    const { requirements, escalated, votes } = request
    if (!terms || shape === null) return null
    const grant: Grant = {
      id: this.#options.newId(),
      ...{ shape, agent, database, verb, tables, classes, requirements, escalated, votes },
      request: request.id,
      maxRows: terms.maxRows,
      createdAt: this.#book.time(),
      expiresAt: this.#book.time(terms.minutes * 60_000),
      uses: 1,
      revoked: null,
    }
    const { id, maxRows, expiresAt } = grant
    const by = approversOf(request)
    await this.#book.record({
      ...{ type: 'grant.made', id: request.id, grant: id, shape, agent, database },
      ...{ by, maxRows, expiresAt },
    })
    await this.#options.grants.put(grant)
    this.#emit({ type: 'made', grant })
    return { id, maxRows }
  }

  /** The grant that covers what is asked, where those who gave it still may. It counts as used. */
  async coveredBy(draft: RequestDraft): Promise<Grant | undefined> {
    if (draft.shape === null || draft.asksClear.length > 0) return undefined
    const { grants, directory } = this.#options
    const { id } = grants.find(draft.shape, this.#now()) ?? {}
    if (id === undefined) return undefined
    return this.#alone(id, async (grant) => {
      if (!isLiveGrant(grant, this.#now())) return undefined
      if (grant.agent !== draft.agent || grant.database !== draft.database) return undefined
      const { votes, escalated } = grant
      if (!isApproved({ ...draft, votes, escalated }, directory())) return undefined
      const used = { ...grant, uses: grant.uses + 1 }
      await grants.put(used)
      return used
    })
  }

  /** Whether the grant by which a request was approved hasn't ended since. */
  stands({ grant }: ApprovalRequest): boolean {
    const known = grant && this.#options.grants.get(grant.id)
    return grant === null || (!!known && isLiveGrant(known, this.#now()))
  }

  async revoke(
    id: string,
    { person: email, channel }: { readonly person: string; readonly channel: Channel },
  ): Promise<RevokeResult> {
    const ended = await this.#alone(id, (grant) => this.#revoke(grant, email, channel))
    return ended ?? { kind: 'unknown' }
  }

  /** To end one is always safe: for its agent's owners, and all who are asked for such a statement. */
  mayRevoke({ requirements, request: id }: Grant, person: Person): boolean {
    const request = this.#book.get(id)
    const asked = requirements.some(({ by, escalate }) =>
      [...by, ...(escalate?.to ?? [])].some((group) => person.groups.includes(group)),
    )
    return asked || (request !== undefined && isOwner(request, person))
  }

  async #revoke(grant: Grant, email: string, channel: Channel): Promise<RevokeResult> {
    const { grants, directory } = this.#options
    const person = directory().person(email)
    if (!person || !this.mayRevoke(grant, person)) {
      const message = 'Those who may sign such a statement can revoke it, and owners of the agent.'
      return { kind: 'refused', message }
    }
    if (!isLiveGrant(grant, this.#now())) return { kind: 'gone', grant }
    const revoked = { ...grant, revoked: { by: person.email, at: this.#book.time() } }
    await this.#book.record({
      ...{ type: 'grant.revoked', id: grant.request, grant: grant.id },
      ...{ person: person.email, channel },
    })
    await grants.put(revoked)
    this.#emit({ type: 'revoked', grant: revoked })
    return { kind: 'revoked', grant: revoked }
  }

  #emit(event: GrantEvent): void {
    for (const listener of this.#listeners) this.#book.safely(() => listener(event))
  }

  /** One use, or one end, at a time: or a use that was under way would undo a revocation. */
  #alone<T>(id: string, work: (grant: Grant) => Promise<T>): Promise<T | undefined> {
    return this.#book.alone(`grant:${id}`, async () => {
      const grant = this.#options.grants.get(id)
      return grant && work(grant)
    })
  }

  #now(): number {
    return this.#options.clock.now()
  }
}
