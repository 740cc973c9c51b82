import type { FastifyRequest } from 'fastify'
import { CLAIMS_MS } from '../../identity/accounts.ts'
import { ownAddress } from './sign-in-page.ts'
import type { InboxOptions } from './web-options.ts'
import type { Viewer } from './who.ts'

/** A little earlier than groups lapse, so that they don't while somebody reads. */
const RENEW_AFTER_MS = CLAIMS_MS - 60_000
const MOST = 1_000

/**
 * Has the provider name a person's groups again before what it said lapses: their next page leads
 * through it, and it shows nothing where they are still signed in there. Where it won't they stay
 * signed in here, and those groups count for nothing until they sign in anew.
 */
export class Renewals {
  readonly #options: InboxOptions
  /** Sessions, by their forms' token, and when each was last sent there. */
  readonly #tried = new Map<string, number>()

  constructor(options: InboxOptions) {
    this.#options = options
  }

  /** Where a page has to lead first; null where nothing is due. */
  due(request: FastifyRequest, { person, account, formToken }: Viewer): string | null {
    const { web, clock } = this.#options
    const { headers, url } = request
    if (!account || !web.oidc?.client()?.namesGroups) return null
    // What a script fetches isn't a page that could lead anywhere.
    if (headers['sec-fetch-dest'] !== undefined && headers['sec-fetch-dest'] !== 'document') {
      return null
    }
    if (headers['countersign-part'] !== undefined) return null
    const now = clock.now()
    const last = Math.max(web.oidc.accounts.namedAt(person.email), this.#tried.get(formToken) ?? 0)
    if (now - last < RENEW_AFTER_MS) return null
    this.#remember(formToken, now)
    const { pathname } = new URL(url, 'http://inbox')
    return `/inbox/oidc/start?how=silent&to=${encodeURIComponent(ownAddress(pathname))}`
  }

  #remember(formToken: string, now: number): void {
    this.#tried.delete(formToken)
    this.#tried.set(formToken, now)
    const [oldest] = this.#tried.keys()
    if (this.#tried.size > MOST && oldest !== undefined) this.#tried.delete(oldest)
  }
}
