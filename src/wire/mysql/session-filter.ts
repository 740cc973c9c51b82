import type { DialogueOptions } from '../dialogue.ts'
import type { ReplyListener } from '../replies.ts'
import * as capability from './capabilities.ts'
import { isSafeCharacterSet } from './collations.ts'
import { type Conversation, violation } from './conversation.ts'
import { type OkPacket, withState } from './ok-packet.ts'
import { decodeSessionChanges, encodeSessionChanges, type SessionChange } from './session-track.ts'
import { SERVER_STATUS_IN_TRANS } from './status-flags.ts'

/** By these the server reads the text of statements. */
const READS_BY: ReadonlySet<string> = new Set(['character_set_client'])

/** It would lead a client past the proxy (MariaDB's connection redirection). */
const NEVER_SHOWN: ReadonlySet<string> = new Set(['redirect_url'])

/** What OK packets tell of the session: heard by the proxy, and shown as far as may be. */
export class SessionFilter<X> {
  readonly #options: DialogueOptions<X>
  readonly #talk: Conversation<X>

  constructor(options: DialogueOptions<X>, talk: Conversation<X>) {
    this.#options = options
    this.#talk = talk
  }

  /** The payload as the client may have it; the same one where nothing is taken away. */
  filter(payload: Buffer, ok: OkPacket, exchange: X | null): Buffer {
    if (ok.state.length === 0) return payload
    const changes = decodeSessionChanges(ok.state)
    const shows = this.#talk.agrees(capability.CLIENT_SESSION_TRACK)
    // Each is heard, whether or not it is shown.
    const seen = changes.filter(({ change }) => this.#hear(change, exchange) && shows)
    if (seen.length === changes.length) return payload
    const status = this.#talk.concealed ? ok.status & ~SERVER_STATUS_IN_TRANS : ok.status
    return withState(payload, { ...ok, status }, encodeSessionChanges(seen))
  }

  /** True where the client may see it. A variable's value can be a query's result. */
  #hear(change: SessionChange, exchange: X | null): boolean {
    const { listener } = this.#options
    const { tracked, tracksSchema } = this.#talk.welcome
    switch (change.kind) {
      case 'schema':
        return listener.setting('schema', change.name, exchange) && tracksSchema
      case 'variable': {
        const name = change.name.toLowerCase()
        const may = hearVariable(listener, name, change.value, exchange)
        return may && tracked.has(name) && !NEVER_SHOWN.has(name)
      }
      case 'other':
        return true
    }
  }
}

/**
 * A variable has this value now. True where the client may see it; throws where the server reads
 * statements by it in a way that the proxy doesn't.
 */
export function hearVariable<X>(
  listener: ReplyListener<X>,
  name: string,
  value: string,
  exchange: X | null,
): boolean {
  if (READS_BY.has(name) && !listener.readsBy(name, value, isSafeCharacterSet(value))) {
    throw violation(`${name} changed to "${value}": statements would be read differently`)
  }
  return listener.setting(name, value, exchange)
}
