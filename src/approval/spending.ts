import type { Grants } from './grants.ts'
import type { ApprovalRequest, Outcome } from './request.ts'
import type { RequestBook } from './request-book.ts'

/** What becomes of an approval: it is used up once, and what came of that is noted. */
export class Spending {
  readonly #book: RequestBook
  readonly #grants: Grants

  constructor(book: RequestBook, grants: Grants) {
    this.#book = book
    this.#grants = grants
  }

  /** Uses an approval up: true once, and only when that is on the disk. */
  spend(id: string, binding: string): Promise<boolean> {
    return this.#book.step(id, async (request) => {
      if (request?.state !== 'approved' || request.spentAt !== null) return false
      if (request.binding !== binding) return false
      if (!this.#grants.stands(request)) {
        await this.#book.resolve(request, { state: 'withdrawn', withdrawnCause: 'changed' })
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
}
