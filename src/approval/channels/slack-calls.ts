import type { WebClient } from '@slack/web-api'
import type { ChatNote } from './chat-notes.ts'
import type { SlackMessage } from './slack-blocks.ts'
import type { Place } from './slack-value.ts'

/** Nothing in a text is a mention or a link, and nothing is fetched to be shown below it. */
const AS_IT_IS = { parse: 'none', link_names: false } as const

/** What is said in a channel of Slack. */
export class SlackCalls {
  readonly #client: Pick<WebClient, 'chat'>
  readonly #channel: string

  constructor({ client, channel }: { client: Pick<WebClient, 'chat'>; channel: string }) {
    this.#client = client
    this.#channel = channel
  }

  async post(id: string, message: SlackMessage): Promise<Place> {
    const posted = await this.#client.chat.postMessage({
      ...{ channel: this.#channel, text: message.text, blocks: [...message.blocks] },
      ...{ ...AS_IT_IS, mrkdwn: false, unfurl_links: false, unfurl_media: false },
      metadata: { event_type: 'countersign_request', event_payload: { id } },
    })
    if (!posted.ts) throw new Error('chat.postMessage gave no ts')
    return { channel: posted.channel ?? this.#channel, ts: posted.ts }
  }

  /** Edits a message; null where somebody has deleted it. */
  async edit({ channel, ts }: Place, { text, blocks }: SlackMessage): Promise<Place | null> {
    try {
      await this.#client.chat.update({ channel, ts, text, blocks: [...blocks], ...AS_IT_IS })
      return { channel, ts }
    } catch (error) {
      if (slackErrorOf(error) === 'message_not_found') return null
      throw error
    }
  }

  /** Says lines in a thread; what is said leaves the list. */
  async say(notes: ChatNote[], { channel, ts }: Place): Promise<void> {
    for (let note = notes[0]; note; note = notes[0]) {
      await this.#client.chat.postMessage({
        ...{ channel, thread_ts: ts, reply_broadcast: note.loud, text: note.text },
        ...{ ...AS_IT_IS, mrkdwn: false },
      })
      notes.shift()
    }
  }
}

/** The `error` of an answer with `ok: false`, or null. */
export function slackErrorOf(error: unknown): string | null {
  const data = (error as { data?: { error?: unknown } } | null)?.data
  return typeof data?.error === 'string' ? data.error : null
}
