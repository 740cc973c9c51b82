import type { DialogueOptions, OwnReply } from '../dialogue.ts'
import * as backend from './backend-messages.ts'
import { type Conversation, violation } from './conversation.ts'
import { endEarly } from './ended-result.ts'
import * as type from './message-types.ts'
import { newRowStream, type Owed, statementOf } from './owed-replies.ts'
import { encodeOwnReply } from './own-replies.ts'
import { leaveCopyIn } from './received-copy.ts'
import { withNames } from './renamed-columns.ts'

/** What the server answers where nothing fails, each reply against what is owed. */
export class ReceivedReplies<X> {
  readonly #options: DialogueOptions<X>
  readonly #talk: Conversation<X>

  constructor(options: DialogueOptions<X>, talk: Conversation<X>) {
    this.#options = options
    this.#talk = talk
  }

  acknowledged(messageType: number, frame: Buffer): void {
    const head = this.#talk.owed.head
    if (head?.kind === 'syntax-error' && messageType === type.PARSE_COMPLETE) {
      head.sync.silent = true
      this.#talk.owed.shift()
      return
    }
    if (head?.kind !== 'acknowledgement' || head.reply !== messageType) {
      throw violation(`unexpected message 0x${messageType.toString(16)}`)
    }
    this.#talk.owed.shift()
    head.settle?.(true)
    if (!head.own) this.#options.toClient.add(frame)
  }

  parameterDescription(frame: Buffer): void {
    const head = this.#talk.owed.head
    if (head?.kind !== 'description' || head.target !== 'statement') {
      throw violation('unexpected ParameterDescription')
    }
    head.parameterTypes?.(backend.decodeParameterDescription(frame))
    if (head.own === null) this.#options.toClient.add(frame)
  }

  described(messageType: number, frame: Buffer): void {
    const head = this.#talk.owed.head
    const columns = () => (messageType === type.NO_DATA ? [] : backend.decodeRowDescription(frame))
    const description = { bytes: frame, columns }
    if (head?.kind === 'description') {
      this.#talk.owed.shift()
      const asked = head.target === 'portal' ? head.exchange : null
      const names = asked && this.#options.listener.described(asked, 0, description)
      if (head.own === null) this.#options.toClient.add(names ? withNames(frame, names) : frame)
      else if (head.own !== 'for the plan') head.own.columns = columns()
      return
    }
    if (head?.kind !== 'query' || messageType === type.NO_DATA) {
      throw violation('unexpected RowDescription')
    }
    const { listener, toClient } = this.#options
    const names = head.exchange && listener.described(head.exchange, head.statement, description)
    toClient.add(names ? withNames(frame, names) : frame)
  }

  called(frame: Buffer): void {
    const head = this.#talk.owed.head
    if (head?.kind !== 'query' || !head.call) throw violation('unexpected FunctionCallResponse')
    this.completed(type.FUNCTION_CALL_RESPONSE, frame)
  }

  completed(messageType: number, frame: Buffer): void {
    const head = this.#talk.owed.head
    if (head?.kind !== 'execution' && head?.kind !== 'query')
      throw violation('unexpected completion')
    const tag =
      messageType === type.COMMAND_COMPLETE ? frame.subarray(5, -1).toString('utf8') : null
    const { stream, exchange } = head
    if (stream.copyIn) leaveCopyIn(this.#talk, stream)
    if (head.kind === 'execution') this.#talk.owed.shift()
    if (head.kind === 'execution' && head.own) return
    if (head.ended !== null) {
      endEarly(this.#options, head, head.ended)
      return
    }
    if (head.reply) {
      this.#repliedOurselves(head, head.reply)
      return
    }
    if (exchange) {
      this.#options.listener.completed(exchange, statementOf(head), {
        tag,
        rows: tag === null ? stream.rows : Math.max(stream.rows, backend.rowsOfTag(tag)),
        bytes: stream.bytes,
        suspended: messageType === type.PORTAL_SUSPENDED,
      })
    }
    if (head.kind === 'query') {
      head.statement++
      head.stream = newRowStream()
    } else head.settle?.(true)
    this.#options.toClient.add(frame)
  }

  /** The server has come to its turn, and has said nothing of its own. */
  #repliedOurselves(
    { kind, exchange, stream, settle }: Extract<Owed<X>, { kind: 'execution' | 'query' }>,
    reply: OwnReply,
  ): void {
    if (stream.rows > 0) throw violation('rows of a statement that has none')
    const { length: rows } = reply.rows
    const done = { tag: reply.tag, rows, bytes: 0, suspended: false }
    if (exchange) this.#options.listener.completed(exchange, 0, done)
    if (kind === 'execution') settle?.(true)
    this.#options.toClient.add(encodeOwnReply(reply))
  }

  ready(frame: Buffer): void {
    this.#talk.transaction = backend.decodeReady(frame)
    const head = this.#talk.owed.head
    if (head?.kind === 'query') {
      this.#talk.owed.shift()
      head.settle?.(!head.failed)
    } else if (head?.kind === 'sync') {
      this.#talk.owed.shift()
      head.after?.()
      if (head.silent) return
    } else if (this.#talk.swallowedSyncs > 0) {
      this.#talk.swallowedSyncs--
      this.#talk.skipping = false
    } else throw violation('unexpected ReadyForQuery')
    this.#options.toClient.add(this.#talk.concealed ? backend.encodeReady('idle') : frame)
    this.#options.listener.ready(this.#talk.transaction)
  }
}
