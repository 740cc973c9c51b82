import type { WebClient } from '@slack/web-api'
import { messageOf } from '../../lib/errors.ts'
import type { ApprovalRequest } from '../request.ts'
import type { ChatBoard, Place } from './chat-board.ts'
import type { ChatNote } from './chat-notes.ts'
import type { ChatView } from './chat-view.ts'
import { type SlackMessage, slackMessage } from './slack-blocks.ts'
import { attachStatement } from './slack-file.ts'

/** Nothing in a text is a mention or a link, and nothing is fetched to be shown below it. */
const AS_IT_IS = { parse: 'none', link_names: false } as const
const TOO_LONG = new Set(['msg_blocks_too_long', 'msg_too_long', 'invalid_blocks'])

export interface SlackBoardOptions {
  readonly client: Pick<WebClient, 'chat' | 'files'>
  readonly channel: string
  readonly view: ChatView
  readonly log: (text: string) => void
}

/** A channel of Slack. */
export class SlackBoard implements ChatBoard<SlackMessage> {
  readonly chat = 'slack'
  readonly #options: SlackBoardOptions

  constructor(options: SlackBoardOptions) {
    this.#options = options
  }

  /** A channel has two names: the one in the configuration, and the id that Slack answers with. */
  isHere(): boolean {
    return true
  }

  async render(
    request: ApprovalRequest,
    others: readonly ApprovalRequest[],
  ): Promise<SlackMessage> {
    return slackMessage(request, this.#options.view, others)
  }

  async post({ id, text, blocks }: SlackMessage): Promise<Place> {
    const { client, channel } = this.#options
    const posted = await client.chat.postMessage({
      ...{ channel, text, blocks: [...blocks], ...AS_IT_IS },
      ...{ mrkdwn: false, unfurl_links: false, unfurl_media: false },
      metadata: { event_type: 'countersign_request', event_payload: { id } },
    })
    if (!posted.ts) throw new Error('chat.postMessage gave no ts')
    return { channel: posted.channel ?? channel, ts: posted.ts }
  }

  async edit({ channel, ts }: Place, { text, blocks }: SlackMessage): Promise<Place | null> {
    try {
      const message = { channel, ts, text, blocks: [...blocks] }
      await this.#options.client.chat.update({ ...message, ...AS_IT_IS })
      return { channel, ts }
    } catch (error) {
      if (slackErrorOf(error) === 'message_not_found') return null
      throw error
    }
  }

  async say({ text, loud }: ChatNote, { channel, ts }: Place): Promise<void> {
    await this.#options.client.chat.postMessage({
      ...{ channel, thread_ts: ts, reply_broadcast: loud, text },
      ...{ ...AS_IT_IS, mrkdwn: false },
    })
  }

  async attach(request: ApprovalRequest, { attach }: SlackMessage, place: Place): Promise<boolean> {
    if (attach) await attachStatement(request, { ...this.#options, place })
    return attach
  }

  isTooLong(error: unknown): boolean {
    return TOO_LONG.has(slackErrorOf(error) ?? '')
  }

  isAway(error: unknown): boolean {
    return slackErrorOf(error) === null
  }

  /** The client waits by itself for as long as Slack says. */
  leastWait(): number {
    return 0
  }

  /** All else may be mended there: an app that isn't in the channel, a right that it lacks. */
  isForGood(error: unknown): boolean {
    return this.isTooLong(error)
  }

  saidBy(error: unknown): string {
    return messageOf(error)
  }
}

/** The `error` of an answer with `ok: false`, or null. */
function slackErrorOf(error: unknown): string | null {
  const data = (error as { data?: { error?: unknown } } | null)?.data
  return typeof data?.error === 'string' ? data.error : null
}
