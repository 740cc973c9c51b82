import * as oidc from 'openid-client'
import type { Clock } from '../lib/clock.ts'
import { messageOf } from '../lib/errors.ts'
import { isLoopback } from './fetch-json.ts'
import { OidcFailure } from './oidc-failure.ts'
import { identityOf, type OidcIdentity } from './oidc-identity.ts'
import { safeFetch } from './safe-fetch.ts'

export interface OidcSettings {
  /** https://..., or http://... on this machine. */
  readonly issuer: string
  readonly clientId: string
  /** Null for a public client, which proves itself by PKCE alone. */
  readonly clientSecret: string | null
  /** The claim that names a person's groups, or null. */
  readonly groupsClaim: string | null
}

/** How people are asked to sign in. */
export interface OidcAsk {
  readonly redirectUri: string
  /**
   * `usual`: as the provider likes. `silent`: it shows nothing, and says no where it would have to.
   * `fresh`: the person proves again who they are.
   */
  readonly how: 'usual' | 'silent' | 'fresh'
}

/** What of a sign-in stays here until the browser comes back; single use. */
export interface OidcFlow {
  readonly redirectUri: string
  readonly how: OidcAsk['how']
  readonly verifier: string
  readonly state: string
  readonly nonce: string
}

/** What a command line is to show its person (RFC 8628, section 3.2). */
export interface DeviceCode {
  /** The provider's secret. */
  readonly code: string
  readonly userCode: string
  readonly address: string
  /** With the code in it; null where the provider gives none. */
  readonly wholeAddress: string | null
  readonly expiresMs: number
  readonly intervalMs: number
}

export type DeviceAnswer =
  | { readonly kind: 'signed-in'; readonly identity: OidcIdentity }
  | { readonly kind: 'pending'; readonly slower: boolean }
  /** The provider's own code: `access_denied`, `expired_token`. */
  | { readonly kind: 'refused'; readonly code: string }

const DEVICE_GRANT = 'urn:ietf:params:oauth:grant-type:device_code'
const TIMEOUT_SECONDS = 5
const LONGEST_DEVICE_SECONDS = 30 * 60
/** What a provider says of itself is asked for again after so long. */
const DISCOVERY_MS = 60 * 60 * 1000
const ANSWER_CODE = /^[a-z_]{1,60}$/

/**
 * Signs people in by OpenID Connect Core 1.0, section 3.1 (authorization code), with PKCE (RFC
 * 7636), state and nonce. The ID token's signature is checked though it comes over TLS. None of the
 * provider's tokens is kept.
 */
export class OidcClient {
  readonly #settings: OidcSettings
  readonly #clock: Clock
  #found: { readonly provider: oidc.Configuration; readonly at: number } | null = null

  constructor(settings: OidcSettings, clock: Clock) {
    this.#settings = settings
    this.#clock = clock
  }

  get issuer(): string {
    return this.#settings.issuer
  }

  /** Whether people's groups come from the provider, too. */
  get namesGroups(): boolean {
    return this.#settings.groupsClaim !== null
  }

  /** Where to send the browser, and what to keep until it comes back. Throws OidcFailure. */
  async begin({
    redirectUri,
    how,
  }: OidcAsk): Promise<{ readonly url: URL; readonly flow: OidcFlow }> {
    const provider = await this.#provider()
    const verifier = oidc.randomPKCECodeVerifier()
    const [state, nonce] = [oidc.randomState(), oidc.randomNonce()]
    const url = oidc.buildAuthorizationUrl(provider, {
      redirect_uri: redirectUri,
      scope: this.#scope(provider),
      code_challenge: await oidc.calculatePKCECodeChallenge(verifier),
      code_challenge_method: 'S256',
      state,
      nonce,
      ...(how === 'silent' && { prompt: 'none' }),
      // max_age makes auth_time a must in the ID token (OpenID Connect Core 1.0, section 3.1.2.1).
      ...(how === 'fresh' && { prompt: 'login', max_age: '0' }),
    })
    return { url, flow: { redirectUri, how, verifier, state, nonce } }
  }

  /** Who came back, by the query that they came back with. Throws OidcFailure. */
  async finish(search: string, flow: OidcFlow): Promise<OidcIdentity> {
    const provider = await this.#provider()
    const back = new URL(flow.redirectUri)
    back.search = search
    try {
      const tokens = await oidc.authorizationCodeGrant(provider, back, {
        pkceCodeVerifier: flow.verifier,
        expectedState: flow.state,
        expectedNonce: flow.nonce,
        idTokenExpected: true,
      })
      return await this.#identity(provider, tokens)
    } catch (error) {
      throw failureOf(error)
    }
  }

  /** Begins a sign-in in another browser, by a code. Throws OidcFailure. */
  async beginDevice(): Promise<DeviceCode> {
    const provider = await this.#provider()
    try {
      const scope = this.#scope(provider)
      const answer = await oidc.initiateDeviceAuthorization(provider, { scope })
      const seconds = Math.min(answer.expires_in, LONGEST_DEVICE_SECONDS)
      return {
        code: answer.device_code,
        userCode: answer.user_code,
        address: answer.verification_uri,
        wholeAddress: answer.verification_uri_complete ?? null,
        expiresMs: seconds * 1_000,
        // RFC 8628, section 3.2: 5 where none is said.
        intervalMs: Math.max(1, answer.interval ?? 5) * 1_000,
      }
    } catch (error) {
      throw failureOf(error)
    }
  }

  /** Asks once whether the person has signed in. Throws OidcFailure for no answer at all. */
  async pollDevice({ code }: DeviceCode): Promise<DeviceAnswer> {
    const provider = await this.#provider()
    try {
      const parameters = { device_code: code }
      const tokens = await oidc.genericGrantRequest(provider, DEVICE_GRANT, parameters)
      return { kind: 'signed-in', identity: await this.#identity(provider, tokens) }
    } catch (error) {
      const failure = failureOf(error)
      if (failure.code === null) throw failure
      if (failure.code === 'authorization_pending') return { kind: 'pending', slower: false }
      if (failure.code === 'slow_down') return { kind: 'pending', slower: true }
      return { kind: 'refused', code: failure.code }
    }
  }

  /** Where the browser ends the provider's session, too; null where it has no such place. */
  async signOutUrl(backTo: string): Promise<URL | null> {
    try {
      const provider = await this.#provider()
      if (provider.serverMetadata().end_session_endpoint === undefined) return null
      return oidc.buildEndSessionUrl(provider, { post_logout_redirect_uri: backTo })
    } catch {
      // Whoever signs out here is signed out, whether the provider can be reached or not.
      return null
    }
  }

  async #identity(
    provider: oidc.Configuration,
    tokens: oidc.TokenEndpointResponse & oidc.TokenEndpointResponseHelpers,
  ): Promise<OidcIdentity> {
    const claims = tokens.claims()
    if (!claims) throw new OidcFailure('the answer holds no ID token')
    const { groupsClaim } = this.#settings
    const missing = [claims.email, ...(groupsClaim === null ? [] : [claims[groupsClaim]])]
    const more =
      missing.includes(undefined) && provider.serverMetadata().userinfo_endpoint !== undefined
        ? await oidc.fetchUserInfo(provider, tokens.access_token, claims.sub)
        : {}
    // What is signed comes before what is not.
    return identityOf({ ...more, ...claims }, groupsClaim)
  }

  /** Some providers name groups only to those who ask for the scope of that name. */
  #scope(provider: oidc.Configuration): string {
    const { scopes_supported: known = [] } = provider.serverMetadata()
    const groups = this.#settings.groupsClaim !== null && known.includes('groups')
    return groups ? 'openid email groups' : 'openid email'
  }

  async #provider(): Promise<oidc.Configuration> {
    const now = this.#clock.monotonic()
    if (this.#found && now - this.#found.at < DISCOVERY_MS) return this.#found.provider
    const { issuer, clientId, clientSecret } = this.#settings
    const url = new URL(issuer)
    try {
      const provider = await oidc.discovery(
        url,
        clientId,
        undefined,
        clientSecret === null ? oidc.None() : oidc.ClientSecretBasic(clientSecret),
        {
          timeout: TIMEOUT_SECONDS,
          [oidc.customFetch]: safeFetch,
          execute: [
            oidc.enableNonRepudiationChecks,
            ...(url.protocol === 'http:' && isLoopback(url) ? [oidc.allowInsecureRequests] : []),
          ],
        },
      )
      this.#found = { provider, at: now }
      return provider
    } catch (error) {
      throw new OidcFailure(`${issuer} can't be asked: ${reasonOf(error)}`)
    }
  }
}

function failureOf(error: unknown): OidcFailure {
  if (error instanceof OidcFailure) return error
  const { error: code } = error as { readonly error?: unknown }
  const said = typeof code === 'string' && ANSWER_CODE.test(code) ? code : null
  return new OidcFailure(reasonOf(error), said)
}

/** Libraries say "something went wrong" and why in the cause; neither holds what was sent. */
function reasonOf(error: unknown): string {
  const { cause } = error as { readonly cause?: unknown }
  return cause instanceof Error ? `${messageOf(error)}: ${cause.message}` : messageOf(error)
}
