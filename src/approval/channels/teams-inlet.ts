import type { Clock } from '../../lib/clock.ts'
import { messageOf } from '../../lib/errors.ts'
import { parseStrictJson } from '../../lib/strict-json.ts'
import type { ChatCounts } from './chat-counts.ts'
import { at } from './chat-payload.ts'
import type { TeamsApp } from './teams-app.ts'

/** Some 1,500 characters are usual. */
const LONGEST_TOKEN = 8 * 1024
const BEARER = /^Bearer [\w-]+\.[\w-]+\.[\w-]+$/
/** A token by a key that isn't known makes the keys be asked for: so often a minute. */
const UNKNOWN_KEYS = 20
const MINUTE_MS = 60_000
/** Requests that are looked at at once. */
const MOST_AT_ONCE = 64

export interface TeamsRequest {
  readonly headers: Readonly<Record<string, string | readonly string[] | undefined>>
  readonly body: Buffer
}

export interface TeamsAnswer {
  readonly status: number
  readonly body: unknown
}

/**
 * What comes to the bot's address. That it is the Bot Connector's own, made for our app, is found
 * out by the SDK; here stands what has to be so before, and what it would let pass.
 */
export class TeamsInlet {
  readonly #app: Pick<TeamsApp, 'handle'>
  readonly #clock: Clock
  readonly #counts: ChatCounts
  readonly #log: (text: string) => void
  readonly #goodKeys = new Set<string>()
  #atOnce = 0
  #unknown = 0
  #minute = Number.NEGATIVE_INFINITY

  constructor(options: {
    readonly app: Pick<TeamsApp, 'handle'>
    readonly clock: Clock
    readonly counts: ChatCounts
    readonly log: (text: string) => void
  }) {
    this.#app = options.app
    this.#clock = options.clock
    this.#counts = options.counts
    this.#log = options.log
  }

  async receive(request: TeamsRequest): Promise<TeamsAnswer> {
    const answer = await this.#receive(request)
    this.#counts.answered(answer.status)
    return answer
  }

  async #receive({ headers, body }: TeamsRequest): Promise<TeamsAnswer> {
    const { authorization } = headers
    const key = typeof authorization === 'string' ? keyOf(authorization) : null
    if (typeof authorization !== 'string' || key === null) return refused(401, 'not signed')
    const activity = activityIn(body)
    if (activity === null) return refused(400, 'not an activity')
    // Without one the SDK would not compare it with the token's.
    if (typeof at(activity, 'serviceUrl') !== 'string' || at(activity, 'serviceUrl') === '') {
      return refused(401, 'not signed for a place')
    }
    // Who is behind other channels of a bot they say themselves.
    if (at(activity, 'channelId') !== 'msteams') return refused(403, 'not of Teams')
    if (this.#atOnce >= MOST_AT_ONCE || !this.#mayAsk(key)) return refused(429, 'too many')
    return this.#handle(key, authorization, activity)
  }

  async #handle(key: string, authorization: string, activity: unknown): Promise<TeamsAnswer> {
    this.#atOnce++
    try {
      const answer = await this.#app.handle({ headers: { authorization }, body: activity })
      if (answer.status < 300) this.#know(key)
      return { status: answer.status, body: answer.body ?? null }
    } catch (error) {
      this.#log(`Teams: ${messageOf(error)}`)
      return refused(500, 'failed')
    } finally {
      this.#atOnce--
    }
  }

  /** The connector signs with a few keys at a time. */
  #know(key: string): void {
    if (this.#goodKeys.size >= 20) this.#goodKeys.clear()
    this.#goodKeys.add(key)
  }

  #mayAsk(key: string): boolean {
    if (this.#goodKeys.has(key)) return true
    const now = this.#clock.monotonic()
    if (now - this.#minute >= MINUTE_MS) {
      this.#minute = now
      this.#unknown = 0
    }
    return ++this.#unknown <= UNKNOWN_KEYS
  }
}

/** The `kid` of a token (RFC 7515, section 4.1.4); null where it isn't one that could be good. */
function keyOf(authorization: string): string | null {
  if (authorization.length > LONGEST_TOKEN || !BEARER.test(authorization)) return null
  const [header = ''] = authorization.slice('Bearer '.length).split('.')
  try {
    const value: unknown = JSON.parse(Buffer.from(header, 'base64url').toString())
    const kid = at(value, 'kid')
    return at(value, 'alg') === 'RS256' && typeof kid === 'string' ? kid : null
  } catch {
    return null
  }
}

function activityIn(body: Buffer): object | null {
  try {
    const value = parseStrictJson(body.toString())
    return typeof value === 'object' && value !== null && !Array.isArray(value) ? value : null
  } catch {
    return null
  }
}

function refused(status: number, error: string): TeamsAnswer {
  return { status, body: { error } }
}
