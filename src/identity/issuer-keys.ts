import { createLocalJWKSet, type JSONWebKeySet, type JWTVerifyGetKey } from 'jose'
import { z } from 'zod'
import type { Clock } from '../lib/clock.ts'
import { messageOf } from '../lib/errors.ts'
import { fetchJson, isLoopback } from './fetch-json.ts'

/** Keys this old are asked for again before anything is believed by them. */
const MAX_AGE_MS = 10 * 60_000
/** A token can name any key: the issuer isn't asked for more of them at every try. */
const COOLDOWN_MS = 30_000
/** An issuer that has just failed isn't tried again for each login. */
const RETRY_MS = 2_000
const MOST_KEYS = 100

const Discovery = z.object({ issuer: z.string(), jwks_uri: z.url() })
const Keys = z.object({
  keys: z.array(z.looseObject({ kty: z.string(), kid: z.string().optional() })).max(MOST_KEYS),
})

interface Reading {
  readonly find: JWTVerifyGetKey
  readonly at: number
}

/** The issuer's keys can't be had now: nothing is known of any token. */
export class IssuerUnavailable extends Error {}

/**
 * The keys with which one issuer signs, by OpenID Connect Discovery 1.0, section 4: kept for ten
 * minutes, read again where a token names one that isn't among them. Secret keys ("oct") are none.
 */
export class IssuerKeys {
  readonly #issuer: string
  readonly #clock: Clock
  #reading: Reading | null = null
  #asking: Promise<Reading> | null = null
  #failed: { readonly at: number; readonly error: IssuerUnavailable } | null = null

  constructor(issuer: string, clock: Clock) {
    this.#issuer = issuer
    this.#clock = clock
  }

  /** The keys as they are known; throws IssuerUnavailable where none, or only old ones are. */
  async current(): Promise<JWTVerifyGetKey> {
    const known = this.#reading
    if (known && this.#clock.monotonic() - known.at < MAX_AGE_MS) return known.find
    return (await this.#ask()).find
  }

  /** Asks the issuer again; null where it was asked a moment ago. */
  async newer(): Promise<JWTVerifyGetKey | null> {
    const known = this.#reading
    if (known && this.#clock.monotonic() - known.at < COOLDOWN_MS) return null
    return (await this.#ask()).find
  }

  /** Logins at the same moment share one answer. */
  #ask(): Promise<Reading> {
    if (this.#failed && this.#clock.monotonic() - this.#failed.at < RETRY_MS) {
      return Promise.reject(this.#failed.error)
    }
    this.#asking ??= this.#read().finally(() => {
      this.#asking = null
    })
    return this.#asking
  }

  async #read(): Promise<Reading> {
    try {
      const keys = await this.#keys()
      this.#reading = { find: createLocalJWKSet(keys), at: this.#clock.monotonic() }
      this.#failed = null
      return this.#reading
    } catch (cause) {
      const error = new IssuerUnavailable(messageOf(cause))
      this.#failed = { at: this.#clock.monotonic(), error }
      throw error
    }
  }

  async #keys(): Promise<JSONWebKeySet> {
    const issuer = new URL(this.#issuer)
    const path = `${issuer.pathname.replace(/\/$/, '')}/.well-known/openid-configuration`
    const found = Discovery.safeParse(await fetchJson(new URL(path, issuer), this.#clock))
    if (!found.success) throw new Error(`${issuer.origin}: what it says of itself names no keys`)
    // Section 4.3: it must be exactly the one that was asked, or keys of another would count.
    if (found.data.issuer !== this.#issuer)
      throw new Error(`${issuer.origin}: it is another issuer`)
    const address = new URL(found.data.jwks_uri)
    const open = address.protocol === 'http:' && isLoopback(address) && isLoopback(issuer)
    if (address.protocol !== 'https:' && !open) {
      throw new Error(`${issuer.origin}: its keys don't lie behind https`)
    }
    const keys = Keys.safeParse(await fetchJson(address, this.#clock))
    if (!keys.success) throw new Error(`${address.origin}: its keys can't be read`)
    return { keys: keys.data.keys.filter(({ kty }) => kty !== 'oct') } as JSONWebKeySet
  }
}
