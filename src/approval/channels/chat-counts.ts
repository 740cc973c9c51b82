import type { Chat } from '../store.ts'

/** Why a request to our address isn't heard, by the status that it is answered with. */
const UNHEARD: Readonly<Record<number, string>> = {
  400: 'unreadable',
  401: 'unsigned',
  403: 'other_channel',
  429: 'too_many',
}

/** What a chat did, for /metrics. Nothing in it is anybody's text. */
export class ChatCounts {
  /** Messages that were posted or edited. */
  delivered = 0
  /** Tries that failed. */
  failed = 0
  /** Messages that were given up. */
  dropped = 0
  readonly #unheard = new Map<string, number>()

  /** A click, or what claims to be one, that came to nothing before anybody was asked for. */
  unheard(cause: 'unread' | 'just_changed' | 'replayed' | 'stale'): void {
    this.#count(cause)
  }

  /** The same by the status that it was answered with; others aren't counted. */
  answered(status: number): void {
    const cause = UNHEARD[status]
    if (cause !== undefined) this.#count(cause)
  }

  metricsOf(
    chat: Chat,
    { up, queued }: { readonly up: boolean; readonly queued: number },
  ): ReadonlyMap<string, number> {
    const { delivered, failed, dropped } = this
    return new Map([
      [`chat_up{chat="${chat}"}`, up ? 1 : 0],
      [`chat_messages_queued{chat="${chat}"}`, queued],
      ...Object.entries({ delivered, failed, dropped }).map(
        ([outcome, count]) =>
          [`chat_messages_total{chat="${chat}",outcome="${outcome}"}`, count] as const,
      ),
      ...[...this.#unheard].map(
        ([cause, count]) =>
          [`answers_refused_total{channel="${chat}",cause="${cause}"}`, count] as const,
      ),
    ])
  }

  #count(cause: string): void {
    this.#unheard.set(cause, (this.#unheard.get(cause) ?? 0) + 1)
  }
}
