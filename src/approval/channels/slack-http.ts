import bolt from '@slack/bolt'
import type { Clock } from '../../lib/clock.ts'
import { deferred } from '../../lib/deferred.ts'
import { messageOf } from '../../lib/errors.ts'
import type { ChatCounts } from './chat-counts.ts'
import { quietLog } from './quiet-log.ts'
import { RecentKeys } from './recent-keys.ts'
import { type SlackAppOptions, slackApp } from './slack-app.ts'
import type { SlackApp, SlackTransport } from './slack-transport.ts'

/** "The request timestamp is more than five minutes from local time": a replay. Into both directions. */
const WINDOW_MS = 5 * 60_000
/** "Your app must reply to the HTTP POST request with an HTTP 200 OK within 3 seconds." */
const ACK_MS = 3_000
/** Bolt takes what stands behind a second "=" for nothing; to us it would be another signature. */
const SIGNATURE = /^v0=[0-9a-f]{64}$/
const TIMESTAMP = /^\d{1,12}$/
const SIGNATURES_KEPT = 20_000
const LONGEST_CHALLENGE = 500
const UNSIGNED = 'Slack: a request came without a signature by signing_secret of about this time'

export interface SlackHttpRequest {
  readonly headers: Readonly<Record<string, string | readonly string[] | undefined>>
  /** As it was received, for it is what the signature is of. */
  readonly body: Buffer
}

export interface SlackHttpAnswer {
  readonly status: number
  readonly type: 'text/plain' | 'application/json'
  readonly body: string
}

export interface SlackHttpOptions extends SlackAppOptions {
  readonly signingSecret: string
  readonly counts: ChatCounts
  readonly clock: Clock
}

/**
 * Slack coming to us over HTTP. Each request has to carry Slack's signature of its body and of a
 * time near ours (docs.slack.dev, "Verifying requests from Slack"), and counts once. What was signed
 * before we began may have counted before, and is not heard: whoever clicked is shown by Slack that it
 * failed, and clicks again. That holds as far as Slack's clock isn't ahead of ours by longer than a
 * restart takes.
 */
export class SlackHttp implements SlackTransport {
  readonly app: SlackApp
  readonly up = null
  readonly #options: SlackHttpOptions
  readonly #seen = new RecentKeys(SIGNATURES_KEPT)
  /** Milliseconds since the epoch. */
  readonly #began: number
  #stopped = false
  /** A wrong secret or a wrong clock shows nowhere else. */
  readonly #complain: (text: () => string) => void

  constructor(options: SlackHttpOptions) {
    this.#options = options
    this.#began = options.clock.now()
    this.#complain = quietLog(options.clock, options.log)
    const idle = async () => {}
    this.app = slackApp({ init: () => {}, start: idle, stop: idle }, options)
  }

  start(): void {}

  async stop(): Promise<void> {
    this.#stopped = true
  }

  async receive(request: SlackHttpRequest): Promise<SlackHttpAnswer> {
    if (this.#stopped) return said(503, 'stopping')
    const answer = await this.#receive(request)
    if (answer === REPLAYED) this.#options.counts.unheard('replayed')
    else if (answer === STALE) this.#options.counts.unheard('stale')
    else this.#options.counts.answered(answer.status)
    return answer
  }

  async #receive(request: SlackHttpRequest): Promise<SlackHttpAnswer> {
    const body = request.body.toString('utf8')
    const signature = this.#verified(request, body)
    if (signature === null) {
      this.#complain(() => UNSIGNED)
      return said(401, 'not signed by Slack')
    }
    if (this.#isOfBefore(request)) return STALE
    if (!this.#seen.add(signature)) return REPLAYED
    const payload = payloadOf(body, request.headers['content-type'])
    if (payload === null) return said(400, 'not a payload')
    return challengeOf(payload) ?? (await this.#pass(payload))
  }

  /** The signature, or null where it isn't Slack's of this body at about this time. */
  #verified({ headers }: SlackHttpRequest, body: string): string | null {
    const signature = headers['x-slack-signature']
    const timestamp = headers['x-slack-request-timestamp']
    if (typeof signature !== 'string' || !SIGNATURE.test(signature)) return null
    if (typeof timestamp !== 'string' || !TIMESTAMP.test(timestamp)) return null
    const now = this.#options.clock.now()
    // Bolt refuses what is too old, and takes what is from the future.
    if (Math.abs(now - Number(timestamp) * 1000) > WINDOW_MS) return null
    const valid = bolt.isValidSlackRequest({
      signingSecret: this.#options.signingSecret,
      body,
      headers: {
        'x-slack-signature': signature,
        'x-slack-request-timestamp': timestamp as unknown as number,
      },
      nowMilliseconds: now,
    })
    return valid ? signature : null
  }

  /** Slack signs for whole seconds: of the one in which we began, none is certain to be after it. */
  #isOfBefore({ headers }: SlackHttpRequest): boolean {
    return Number(headers['x-slack-request-timestamp']) * 1000 < this.#began
  }

  /** Gives it to those who listen; they acknowledge it and go on by themselves. */
  async #pass(payload: Record<string, unknown>): Promise<SlackHttpAnswer> {
    const answer = deferred<SlackHttpAnswer>()
    const cancel = this.#options.clock.after(ACK_MS, () => answer.resolve(said(500, 'too late')))
    const ack = async (response?: unknown): Promise<void> => answer.resolve(acknowledged(response))
    this.app.processEvent({ body: payload, ack }).then(
      () => answer.resolve(said(404, 'nobody listens for this')),
      (error) => {
        this.#options.log(`Slack: ${messageOf(error)}`)
        answer.resolve(said(500, 'failed'))
      },
    )
    try {
      return await answer.promise
    } finally {
      cancel()
    }
  }
}

const REPLAYED = said(401, 'received before')
const STALE = said(503, 'signed before this process began')

/** Interactions come as a form with JSON in its field `payload`, events as JSON. */
function payloadOf(body: string, type: unknown): Record<string, unknown> | null {
  const isJson = typeof type === 'string' && type.startsWith('application/json')
  const text = isJson ? body : new URLSearchParams(body).get('payload')
  try {
    const payload: unknown = JSON.parse(text ?? '')
    return typeof payload === 'object' && payload !== null && !Array.isArray(payload)
      ? (payload as Record<string, unknown>)
      : null
  } catch {
    return null
  }
}

/** Asked once, when the address is entered at Slack. */
function challengeOf({ type, challenge }: Record<string, unknown>): SlackHttpAnswer | null {
  if (type !== 'url_verification') return null
  const fits = typeof challenge === 'string' && challenge.length <= LONGEST_CHALLENGE
  return fits ? said(200, challenge) : said(400, 'not a challenge')
}

function acknowledged(response: unknown): SlackHttpAnswer {
  if (response === undefined || response === '') return said(200, '')
  if (typeof response === 'string') return said(200, response)
  return { status: 200, type: 'application/json', body: JSON.stringify(response) }
}

function said(status: number, body: string): SlackHttpAnswer {
  return { status, type: 'text/plain', body }
}
