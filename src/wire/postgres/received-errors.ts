import type { DialogueOptions } from '../dialogue.ts'
import * as backend from './backend-messages.ts'
import { type Conversation, violation } from './conversation.ts'
import { endEarly } from './ended-result.ts'
import type { Owed } from './owed-replies.ts'
import { leaveCopyIn } from './received-copy.ts'

/** Settings by which the server reads text as the proxy does. */
const PINNED: ReadonlyMap<string, string> = new Map([
  ['client_encoding', 'UTF8'],
  ['standard_conforming_strings', 'on'],
])

const REDACTED_PAYLOAD = Buffer.from('[redacted]')

/** Errors, and what they skip; notices and settings, which may come at any time. */
export class ReceivedErrors<X> {
  readonly #options: DialogueOptions<X>
  readonly #talk: Conversation<X>

  constructor(options: DialogueOptions<X>, talk: Conversation<X>) {
    this.#options = options
    this.#talk = talk
  }

  error(frame: Buffer): void {
    const fields = backend.decodeFields(frame)
    const sqlState = fields.get('C') ?? 'XX000'
    const head = this.#talk.owed.head
    const severity = fields.get('V') ?? fields.get('S') ?? ''
    if (severity === 'FATAL' || severity === 'PANIC') this.#talk.ended = true
    if (this.#talk.ended || !head) {
      this.#options.toClient.add(this.#guarded(head) ? this.#scrubbed(fields) : frame)
      return
    }
    if (head.kind === 'query') {
      if (head.ended !== null) {
        endEarly(this.#options, head, head.ended)
        return
      }
      head.failed = true
      if (head.stream.copyIn) leaveCopyIn(this.#talk, head.stream)
      if (head.exchange) this.#options.listener.failed(head.exchange, sqlState, false)
      this.#options.toClient.add(this.#guarded(head) ? this.#scrubbed(fields) : frame)
      return
    }
    if (head.kind === 'sync') {
      if (head.silent) throw violation('an error in place of ReadyForQuery')
      // ReadyForQuery still follows.
      const guarded = this.#options.listener.failedAtSync(sqlState)
      this.#options.toClient.add(guarded ? this.#scrubbed(fields) : frame)
      return
    }
    this.#talk.owed.shift()
    if (head.kind === 'execution' && head.ended !== null) {
      endEarly(this.#options, head, head.ended)
    } else {
      this.#passError(head, fields, frame)
      this.#fail(head, sqlState, false)
    }
    this.#skipToSync(sqlState)
  }

  #passError(head: Owed<X>, fields: backend.Fields, frame: Buffer): void {
    if (head.kind === 'refusal') this.#options.toClient.add(backend.encodeRefusal(head.error))
    else if ('own' in head && head.own && head.own !== 'for the plan') {
      head.own.error = {
        ok: false,
        sqlState: fields.get('C') ?? '',
        message: fields.get('M') ?? '',
      }
      // The client would be told of an error that isn't its own.
      if (this.#talk.segment !== 'closed') {
        throw violation('a question of the proxy failed in the middle of a pipeline')
      }
    } else this.#options.toClient.add(this.#guarded(head) ? this.#scrubbed(fields) : frame)
  }

  /** "the backend ... reads and discards messages until a Sync is reached" (section 54.2.3). */
  #skipToSync(sqlState: string): void {
    for (;;) {
      const head = this.#talk.owed.head
      if (head === undefined) {
        this.#talk.skipping = true
        return
      }
      if (head.kind === 'sync') return
      this.#talk.owed.shift()
      this.#fail(head, sqlState, true)
    }
  }

  #fail(owed: Owed<X>, sqlState: string, skipped: boolean): void {
    if (owed.kind === 'acknowledgement' || owed.kind === 'execution' || owed.kind === 'query') {
      const { exchange, settle } = owed
      settle?.(false)
      if (exchange) this.#options.listener.failed(exchange, sqlState, skipped)
    }
  }

  #guarded(head: Owed<X> | undefined): boolean {
    const exchange = head && 'exchange' in head ? head.exchange : null
    return exchange !== null && this.#options.listener.guarded(exchange)
  }

  #scrubbed(fields: backend.Fields): Buffer {
    return backend.encodeError(this.#options.scrub(fields))
  }

  notice(frame: Buffer): void {
    const head = this.#talk.owed.head
    const notice = this.#guarded(head)
      ? backend.encodeNotice(this.#options.scrub(backend.decodeFields(frame)))
      : frame
    this.#options.toClient.add(notice)
  }

  notification(frame: Buffer): void {
    const { processId, channel, payload } = backend.decodeNotification(frame)
    const shown = payload.length === 0 || this.#options.listener.showsPayload(processId)
    const hidden = () => backend.encodeNotification(processId, channel, REDACTED_PAYLOAD)
    this.#options.toClient.add(shown ? frame : hidden())
  }

  parameterStatus(frame: Buffer): void {
    const { name, value } = backend.decodeParameterStatus(frame)
    const pinned = PINNED.get(name)
    if (pinned !== undefined && !this.#options.listener.readsBy(name, value, pinned === value)) {
      throw violation(`${name} changed to "${value}": statements would be read differently`)
    }
    const head = this.#talk.owed.head
    const exchange = head && 'exchange' in head ? head.exchange : null
    if (this.#options.listener.setting(name, value, exchange)) this.#options.toClient.add(frame)
  }
}
