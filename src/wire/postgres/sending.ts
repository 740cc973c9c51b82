import { assertNever } from '../../lib/assert-never.ts'
import type { ProxyError } from '../../lib/errors.ts'
import type { DialogueOptions, Outgoing } from '../dialogue.ts'
import * as backend from './backend-messages.ts'
import type { Conversation } from './conversation.ts'
import * as frontend from './frontend-messages.ts'
import * as type from './message-types.ts'
import { newOwnQuestion, newRowStream } from './owed-replies.ts'
import { ownName } from './own-questions.ts'

/** No grammar takes this; in place of a refused message it makes the server fail there. */
const CANNOT_SUCCEED = Buffer.from('refused by countersign')

/** Towards the server: each message that goes, and what is owed for it; see Dialogue. */
export class Sending<X> {
  readonly #options: DialogueOptions<X>
  readonly #talk: Conversation<X>

  constructor(options: DialogueOptions<X>, talk: Conversation<X>) {
    this.#options = options
    this.#talk = talk
  }

  send(outgoing: Outgoing<X>): void {
    const { request, exchange, settle, bytes, parameterTypes, reply } = outgoing
    // The server discards CopyData too, but reads it to its end: half of a message was sent perhaps.
    if (this.#talk.skipping && request.kind !== 'sync' && request.kind !== 'copy-data') {
      settle?.(false)
      if (exchange) this.#options.listener.failed(exchange, 'skipped', true)
      return
    }
    switch (request.kind) {
      case 'query':
      case 'function-call':
        this.#talk.owed.push({
          kind: 'query',
          call: request.kind === 'function-call',
          exchange,
          settle,
          statement: 0,
          failed: false,
          ended: null,
          reply,
          stream: newRowStream(),
        })
        this.#talk.segment = 'closed'
        break
      case 'prepare':
        this.#expectAcknowledgement(type.PARSE_COMPLETE, 'prepared', exchange, settle)
        break
      case 'bind':
        this.#expectAcknowledgement(type.BIND_COMPLETE, 'executed', exchange, settle)
        break
      case 'close':
        this.#expectAcknowledgement(type.CLOSE_COMPLETE, 'prepared', exchange, settle)
        break
      case 'describe':
        this.#talk.owed.push({
          kind: 'description',
          target: request.target,
          exchange,
          own: null,
          parameterTypes,
        })
        this.#talk.open('prepared')
        break
      case 'execute':
        this.#talk.owed.push({
          kind: 'execution',
          exchange,
          settle,
          own: null,
          ended: null,
          reply,
          stream: newRowStream(),
        })
        this.#talk.open('executed')
        break
      case 'sync':
        this.#expectSync()
        break
      case 'copy-end':
        // Where nothing is under way the server reads no COPY, and ignores it.
        if (!this.#talk.owed.empty) this.#talk.owed.push({ kind: 'copy-end' })
        break
      case 'flush':
      case 'copy-data':
      case 'terminate':
        break
      default:
        assertNever(request)
    }
    this.#options.toServer.add(bytes)
  }

  #expectAcknowledgement(
    reply: number,
    segment: 'prepared' | 'executed',
    exchange: X | null,
    settle: ((done: boolean) => void) | undefined,
  ): void {
    this.#talk.owed.push({ kind: 'acknowledgement', reply, exchange, settle, own: null })
    this.#talk.open(segment)
  }

  #expectSync(): void {
    this.#talk.skipping = false
    this.#talk.segment = 'closed'
    // "Sync messages ... in COPY-in mode are ignored" (manual, section 54.2.6).
    if (this.#talk.awaitsCopyData) this.#talk.swallowedSyncs++
    else this.#talk.owed.push({ kind: 'sync', silent: false, after: null })
  }

  sendRefusal(error: ProxyError): void {
    if (this.#talk.skipping) return
    this.#talk.owed.push({ kind: 'refusal', error })
    this.#talk.open('prepared')
    this.#options.toServer.add(frontend.encodeParse(ownName(), CANNOT_SUCCEED))
  }

  sendNameless(bytes: Buffer): void {
    if (this.#talk.skipping) return
    this.#talk.owed.push({
      kind: 'acknowledgement',
      reply: type.CLOSE_COMPLETE,
      exchange: null,
      settle: undefined,
      own: newOwnQuestion(),
    })
    this.#talk.owed.push({ kind: 'nameless' })
    this.#talk.open('prepared')
    this.#options.toServer.add(frontend.encodeCloseOfNamed(bytes))
    this.#options.toServer.add(bytes)
  }

  sendSync(): void {
    this.#expectSync()
    this.#options.toServer.add(frontend.SYNC_MESSAGE)
  }

  sendForSyntaxError(sql: Buffer, otherwise: ProxyError): void {
    const sync = { kind: 'sync' as const, silent: false, after: null as (() => void) | null }
    this.#talk.owed.push({ kind: 'syntax-error', sync })
    this.#talk.owed.push(sync)
    // In its turn, for the answer to what follows may stream already.
    sync.after = () => {
      if (!sync.silent) return
      this.#options.toClient.add(backend.encodeRefusal(otherwise))
      this.#options.toClient.add(backend.encodeReady(this.#talk.transaction))
    }
    this.#talk.segment = 'closed'
    this.#options.toServer.add(frontend.encodeParse('', sql))
    this.#options.toServer.add(frontend.SYNC_MESSAGE)
  }

  describeForSelf(portal: string, exchange: X): void {
    if (this.#talk.skipping) return
    this.#talk.owed.push({ kind: 'description', target: 'portal', exchange, own: 'for the plan' })
    this.#options.toServer.add(frontend.encodeDescribePortal(portal))
  }

  closeOpenSegment(): void {
    if (this.#talk.segment !== 'prepared' || this.#talk.skipping) return
    this.#talk.owed.push({ kind: 'sync', silent: true, after: null })
    this.#talk.segment = 'closed'
    this.#options.toServer.add(frontend.SYNC_MESSAGE)
  }
}
