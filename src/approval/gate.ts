import type { OwnRequest } from './own-request.ts'
import type { Outcome, RequestDraft, Resolution, WithdrawCause } from './request.ts'

/** A request that a session waits for. */
export interface OpenRequest {
  readonly id: string
  /** What a person opens to decide. */
  readonly url: string
  /** `new`: asked now. `joined`: the same statement was already waiting. `reopened`: withdrawn before. */
  readonly how: 'new' | 'joined' | 'reopened'
  /** Settles once. Rejects with GATE_UNAVAILABLE only when `detach` or `withdraw` came first. */
  readonly resolution: Promise<Resolution>
}

/**
 * The gate as the data plane sees it. Every call rejects with ProxyError GATE_UNAVAILABLE while the
 * control process is away; the gate failing is not a denial and never an approval.
 */
export interface Gate {
  /**
   * Opens a request, or joins the one of equal binding: a pending one, one approved and unspent
   * (its resolution is there at once), one denied as a ticket of which the agent hasn't heard (the
   * same), one withdrawn less than `expiresMs` ago (reopened).
   */
  open(draft: RequestDraft): Promise<OpenRequest>
  /** The client gave up: nobody waits on a connection. Ends the request for every channel. */
  withdraw(id: string, cause: WithdrawCause): void
  /** The hold has ended, the request stays open as a ticket. */
  ticket(id: string): void
  /** Marks an approval spent, durably. False when it was spent, or isn't approved any more. */
  spend(id: string, binding: string): Promise<boolean>
  /** Reports what became of a spent approval. */
  settle(id: string, outcome: Outcome): void
  /** The newest requests of an agent, at most 100; `id` chooses one of them. */
  list(agent: string, id: string | null): Promise<readonly OwnRequest[]>
}
