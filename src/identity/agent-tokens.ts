import { errors, type JWTPayload, type JWTVerifyGetKey, jwtVerify } from 'jose'
import type { Clock } from '../lib/clock.ts'
import { messageOf, ProxyError } from '../lib/errors.ts'
import { sameName } from './directory.ts'
import { IssuerKeys, IssuerUnavailable } from './issuer-keys.ts'

/** What a token has to say to be an agent's. */
export interface TokenBinding {
  readonly issuer: string
  readonly audience: string
  readonly subject: string
}

/** A token that is good, as far as sessions need it. */
export interface AgentToken {
  /** Milliseconds since the epoch: its `exp`, and the clocks' difference that is borne. */
  readonly until: number
  /** The person for whom its bearer acts, as the issuer says; null where it names nobody. */
  readonly onBehalfOf: string | null
}

/** Signatures that need a key which the issuer alone has. */
const ALGORITHMS = ['RS256', 'PS256', 'ES256', 'EdDSA', 'Ed25519']
const SKEW_SECONDS = 30
const MAX_CHARACTERS = 16 * 1024
const MAX_NAME = 500
const SHAPE = /^[\w-]+\.[\w-]+\.[\w-]+$/
/** RFC 9068, section 2.1; other types ("logout+jwt", "dpop+jwt") are for something else. */
const TYPES = new Set([undefined, 'jwt', 'at+jwt', 'application/at+jwt'])
const MOST_ACTORS = 8

/** Judges tokens (RFC 7519) that agents give as their passwords. */
export class AgentTokens {
  readonly #clock: Clock
  readonly #issuers = new Map<string, IssuerKeys>()

  constructor(clock: Clock) {
    this.#clock = clock
  }

  /**
   * Takes a token that is signed by the issuer, for this audience, of this subject, and not over.
   *
   * @throws ProxyError LOGIN_FAILED with the reason as its cause; IDENTITY_UNAVAILABLE where the
   * issuer's keys can't be had
   */
  async accept(token: string, binding: TokenBinding): Promise<AgentToken> {
    if (token.length > MAX_CHARACTERS) throw refused('it is over 16 KiB')
    if (!SHAPE.test(token)) throw refused('it is not a token')
    const { exp, ...payload } = await this.#verified(token, binding)
    if (exp === undefined) throw refused('it has no end')
    // RFC 7800: it is good only with the key that it names, and nobody has shown that here.
    if (payload.cnf !== undefined) throw refused('it is bound to a key of its bearer')
    return { until: (exp + SKEW_SECONDS) * 1_000, onBehalfOf: onBehalfOf(payload) }
  }

  async #verified(token: string, binding: TokenBinding): Promise<JWTPayload> {
    const keys = this.#keysOf(binding.issuer)
    try {
      const find = await keys.current()
      try {
        return await this.#verify(token, binding, find)
      } catch (error) {
        if (!(error instanceof errors.JWKSNoMatchingKey)) throw error
        const newer = await keys.newer()
        if (!newer) throw error
        return await this.#verify(token, binding, newer)
      }
    } catch (error) {
      if (error instanceof ProxyError) throw error
      if (error instanceof IssuerUnavailable) throw unavailable(error)
      throw refused(messageOf(error))
    }
  }

  async #verify(
    token: string,
    { issuer, audience, subject }: TokenBinding,
    find: JWTVerifyGetKey,
  ): Promise<JWTPayload> {
    const { payload, protectedHeader } = await jwtVerify(token, find, {
      algorithms: ALGORITHMS,
      issuer,
      audience,
      subject,
      requiredClaims: ['exp'],
      clockTolerance: SKEW_SECONDS,
      currentDate: new Date(this.#clock.now()),
    })
    if (!TYPES.has(protectedHeader.typ?.toLowerCase())) throw refused('it is of another type')
    return payload
  }

  #keysOf(issuer: string): IssuerKeys {
    const known = this.#issuers.get(issuer) ?? new IssuerKeys(issuer, this.#clock)
    this.#issuers.set(issuer, known)
    return known
  }
}

/**
 * The one whom the token names as the person behind the agent: `on_behalf_of`, or the actor (RFC
 * 8693, section 4.1) by e-mail address where there is one. None of them may sign, and a record
 * names one: a token that names several is refused.
 */
function onBehalfOf(payload: JWTPayload): string | null {
  const named = [...claimed(payload.on_behalf_of), ...actorsIn(payload.act)]
  const [first, ...others] = named
  if (first === undefined) return null
  if (others.some((other) => sameName(other) !== sameName(first))) {
    throw refused('it names several people behind the agent')
  }
  return first
}

function actorsIn(act: unknown): string[] {
  const actors: string[] = []
  for (let at = act; at !== undefined && at !== null; at = (at as { act?: unknown }).act) {
    if (typeof at !== 'object' || actors.length === MOST_ACTORS)
      throw refused('its act is no actor')
    const { email, sub } = at as { readonly email?: unknown; readonly sub?: unknown }
    const [name] = claimed(email ?? sub)
    if (name === undefined) throw refused('its act names nobody')
    actors.push(name)
  }
  return actors
}

function claimed(name: unknown): string[] {
  if (name === undefined || name === null) return []
  if (typeof name === 'string' && name.trim() !== '' && name.length <= MAX_NAME) return [name]
  throw refused('the person that it names is no name')
}

function refused(why: string): ProxyError {
  const cause = new Error(`the token is refused: ${why}`)
  return new ProxyError('LOGIN_FAILED', 'password authentication failed', { cause })
}

function unavailable(cause: IssuerUnavailable): ProxyError {
  return new ProxyError(
    'IDENTITY_UNAVAILABLE',
    'tokens can not be checked now, for the issuer does not give its keys: this is no refusal, try again later',
    { cause },
  )
}
