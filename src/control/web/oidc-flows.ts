import { createHash } from 'node:crypto'
import type { OidcFlow } from '../../identity/oidc-client.ts'
import type { Clock } from '../../lib/clock.ts'

/** Somebody takes so long at the provider, at most. */
export const FLOW_MS = 10 * 60 * 1000
const MOST = 5_000

/** A sign-in that has been begun here and isn't back yet. */
export interface PendingSignIn {
  readonly flow: OidcFlow
  /** Where to go afterwards: an address of the inbox. */
  readonly to: string
  /** The session that it renews, and whose it is; null where nobody was signed in. */
  readonly renews: { readonly secret: string; readonly person: string } | null
}

/**
 * Sign-ins on their way, by their state. Each belongs to the browser in which it was begun, which
 * holds a cookie, and is taken once. A restart forgets them: people begin again.
 */
export class OidcFlows {
  readonly #clock: Clock
  readonly #flows = new Map<
    string,
    { readonly browser: string; readonly endsAt: number; readonly pending: PendingSignIn }
  >()

  constructor(clock: Clock) {
    this.#clock = clock
  }

  add(browser: string, pending: PendingSignIn): void {
    const endsAt = this.#clock.monotonic() + FLOW_MS
    this.#flows.set(pending.flow.state, { browser: digest(browser), endsAt, pending })
    const [oldest] = this.#flows.keys()
    if (this.#flows.size > MOST && oldest !== undefined) this.#flows.delete(oldest)
  }

  /** The sign-in of this state, if it was begun in this browser and in time. It is gone then. */
  take(browser: string | null, state: string): PendingSignIn | null {
    const found = this.#flows.get(state)
    if (!found || browser === null || found.browser !== digest(browser)) return null
    this.#flows.delete(state)
    return this.#clock.monotonic() < found.endsAt ? found.pending : null
  }
}

function digest(value: string): string {
  return createHash('sha256').update(value).digest('hex')
}
