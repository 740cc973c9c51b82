import { readCapped } from '../../identity/fetch-json.ts'
import type { Clock } from '../../lib/clock.ts'

/** A token is let go of so long before it ends. */
const MARGIN_MS = 5 * 60_000
const CALL_MS = 10_000

export interface TeamsTokenOptions {
  readonly appId: string
  readonly appSecret: string
  /** Of Entra: https://login.microsoftonline.com */
  readonly loginEndpoint: string
  readonly clock: Clock
}

/**
 * The token that the bot calls the connector with, by the client's own credentials (RFC 6749,
 * section 4.4). Kept until shortly before it ends; whoever asks meanwhile shares one call.
 */
export class TeamsToken {
  readonly #options: TeamsTokenOptions
  #kept: { readonly token: string; readonly until: number } | null = null
  #asking: Promise<string> | null = null

  constructor(options: TeamsTokenOptions) {
    this.#options = options
  }

  async get(scope: string | readonly string[], tenant = 'botframework.com'): Promise<string> {
    if (this.#kept && this.#options.clock.now() < this.#kept.until) return this.#kept.token
    this.#asking ??= this.#ask([scope].flat().join(' '), tenant).finally(() => {
      this.#asking = null
    })
    return this.#asking
  }

  /** The connector has refused it. */
  forget(): void {
    this.#kept = null
  }

  async #ask(scope: string, tenant: string): Promise<string> {
    const { appId, appSecret, loginEndpoint, clock } = this.#options
    const url = `${loginEndpoint}/${encodeURIComponent(tenant)}/oauth2/v2.0/token`
    const response = await fetch(url, {
      method: 'POST',
      redirect: 'error',
      signal: AbortSignal.timeout(CALL_MS),
      body: new URLSearchParams({
        grant_type: 'client_credentials',
        client_id: appId,
        client_secret: appSecret,
        scope,
      }),
    })
    const text = await readCapped(response)
    if (!response.ok) throw new Error(`Entra gave no token (${response.status})`)
    const { token, seconds } = tokenIn(text)
    this.#kept = { token, until: clock.now() + seconds * 1_000 - MARGIN_MS }
    return token
  }
}

function tokenIn(text: string): { readonly token: string; readonly seconds: number } {
  const answer = parsed(text)
  const { access_token: token, expires_in: seconds } = answer
  if (typeof token !== 'string' || !/^[\w-]+\.[\w-]+\.[\w-]*$/.test(token)) {
    throw new Error('Entra answered without a token')
  }
  return { token, seconds: typeof seconds === 'number' && seconds > 0 ? seconds : 0 }
}

function parsed(text: string): Readonly<Record<string, unknown>> {
  try {
    const value: unknown = JSON.parse(text)
    return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {}
  } catch {
    return {}
  }
}
