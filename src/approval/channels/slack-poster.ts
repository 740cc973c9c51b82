import { createHash } from 'node:crypto'
import type { WebClient } from '@slack/web-api'
import type { CancelTimer, Clock } from '../../lib/clock.ts'
import { deferred } from '../../lib/deferred.ts'
import { messageOf } from '../../lib/errors.ts'
import type { ApprovalDesk } from '../desk.ts'
import type { ApprovalRequest } from '../request.ts'
import type { ApprovalStore, PostedMessage } from '../store.ts'
import { type SlackMessage, slackMessage } from './slack-blocks.ts'

const FIRST_RETRY_MS = 1_000
const LONGEST_RETRY_MS = 30_000
const FLUSH_MS = 2_000

export interface SlackPosterOptions {
  readonly client: Pick<WebClient, 'chat'>
  readonly channel: string
  readonly desk: ApprovalDesk
  readonly store: ApprovalStore
  readonly clock: Clock
  readonly log: (text: string) => void
}

/**
 * Keeps one message a request, showing how it stands. Requests that changed wait in a set, so many
 * changes of one are one edit, and what couldn't be sent while Slack was down is sent afterwards.
 */
export class SlackPoster {
  readonly #options: SlackPosterOptions
  readonly #changed = new Set<string>()
  #working: Promise<void> | null = null
  #cancelRetry: CancelTimer | null = null
  #retryMs = FIRST_RETRY_MS
  #stopped = false

  constructor(options: SlackPosterOptions) {
    this.#options = options
  }

  /** Takes up what changed while nobody could be told. */
  start(): void {
    const { desk, store } = this.#options
    for (const request of desk.all()) {
      if (request.state === 'pending' || store.message(request.id)) this.#changed.add(request.id)
    }
    this.#work()
  }

  update(id: string): void {
    this.#changed.add(id)
    if (!this.#cancelRetry) this.#work()
  }

  /** Shows what changed last, for a while, and ends. What isn't shown by then is on the next start. */
  async stop(): Promise<void> {
    const late = deferred<void>()
    const cancel = this.#options.clock.after(FLUSH_MS, late.resolve)
    await Promise.race([this.#idle(), late.promise])
    cancel()
    this.#stopped = true
    this.#cancelRetry?.()
  }

  /** Resolves when everything is shown, or Slack is away. */
  async #idle(): Promise<void> {
    while (this.#working !== null) await this.#working
  }

  #work(): void {
    if (this.#stopped || this.#working !== null) return
    this.#working = this.#drain().finally(() => {
      this.#working = null
      if (this.#changed.size > 0 && !this.#cancelRetry) this.#work()
    })
  }

  async #drain(): Promise<void> {
    for (const id of this.#changed) {
      if (this.#stopped) return
      this.#changed.delete(id)
      try {
        await this.#show(id)
        this.#retryMs = FIRST_RETRY_MS
      } catch (error) {
        this.#options.log(`Slack: ${messageOf(error)}`)
        this.#changed.add(id)
        this.#retryLater()
        return
      }
    }
  }

  #retryLater(): void {
    this.#cancelRetry = this.#options.clock.after(this.#retryMs, () => {
      this.#cancelRetry = null
      this.#work()
    })
    this.#retryMs = Math.min(this.#retryMs * 2, LONGEST_RETRY_MS)
  }

  async #show(id: string): Promise<void> {
    const { desk, store } = this.#options
    const request = desk.get(id)
    if (!request) return
    const posted = store.message(id)
    const message = slackMessage(request)
    const shown = digestOf(message)
    if (posted?.shown === shown) return
    const place = posted ? await this.#edit(posted, message) : null
    if (place === null && request.state !== 'pending') return
    const { channel, ts } = place ?? (await this.#post(request, message))
    await store.setMessage(id, { channel, ts, shown })
  }

  async #post(request: ApprovalRequest, message: SlackMessage): Promise<Place> {
    const { client, channel } = this.#options
    const posted = await client.chat.postMessage({
      channel,
      text: message.text,
      blocks: [...message.blocks],
      mrkdwn: false,
      parse: 'none',
      link_names: false,
      unfurl_links: false,
      unfurl_media: false,
      metadata: { event_type: 'countersign_request', event_payload: { id: request.id } },
    })
    if (!posted.ts) throw new Error('chat.postMessage gave no ts')
    return { channel: posted.channel ?? channel, ts: posted.ts }
  }

  /** Edits the message; null where somebody has deleted it. */
  async #edit(posted: PostedMessage, message: SlackMessage): Promise<Place | null> {
    const { channel, ts } = posted
    const { text, blocks } = message
    try {
      await this.#options.client.chat.update({ channel, ts, text, blocks: [...blocks] })
      return { channel, ts }
    } catch (error) {
      if (slackErrorOf(error) === 'message_not_found') return null
      throw error
    }
  }
}

interface Place {
  readonly channel: string
  readonly ts: string
}

/** The `error` of an answer with `ok: false`, or null. */
export function slackErrorOf(error: unknown): string | null {
  const data = (error as { data?: { error?: unknown } } | null)?.data
  return typeof data?.error === 'string' ? data.error : null
}

function digestOf(message: SlackMessage): string {
  return createHash('sha256').update(JSON.stringify(message)).digest('hex')
}
