import type { DialogueOptions } from '../dialogue.ts'
import { decodeColumn } from './column-definition.ts'
import { type Conversation, violation } from './conversation.ts'
import { decodeEnding, OK_HEADER } from './ok-packet.ts'
import type { ServerReply } from './owed-replies.ts'
import { message } from './packets.ts'
import { PayloadReader, uint32 } from './payload.ts'
import type { ReceivedRows } from './received-rows.ts'
import { endReply } from './reply-ends.ts'

/** The answer to COM_STMT_PREPARE: its id, then what its parameters and its columns are. */
export class ReceivedPrepared<X> {
  readonly #options: DialogueOptions<X>
  readonly #talk: Conversation<X>
  readonly #rows: ReceivedRows<X>

  constructor(options: DialogueOptions<X>, talk: Conversation<X>, rows: ReceivedRows<X>) {
    this.#options = options
    this.#talk = talk
    this.#rows = rows
  }

  take(reply: ServerReply<X>, frame: Buffer, payload: Buffer): void {
    switch (reply.phase) {
      case 'first':
        this.#prepared(reply, payload)
        break
      case 'parameters':
        decodeColumn(payload, true)
        this.#rows.deliver(reply, frame)
        if (--reply.left === 0) this.#parametersDone(reply)
        break
      case 'parameters-end':
        this.#separator(reply, frame, payload)
        this.#columnsNext(reply)
        break
      case 'columns':
        reply.columns.push(decodeColumn(payload, true))
        this.#rows.deliver(reply, frame)
        if (--reply.left === 0) this.#columnsDone(reply)
        break
      case 'columns-end':
        this.#separator(reply, frame, payload)
        endReply(this.#options, this.#talk, reply, true)
        break
      case 'rows':
        throw violation('rows of a statement that was only prepared')
    }
  }

  /** EOF between the lists; left out with CLIENT_DEPRECATE_EOF. */
  #separator(reply: ServerReply<X>, frame: Buffer, payload: Buffer): void {
    decodeEnding(payload, false)
    this.#rows.deliver(reply, frame)
  }

  /** Int1 0, Int4 id, Int2 columns, Int2 parameters, Int1 filler, Int2 warnings. */
  #prepared(reply: ServerReply<X>, payload: Buffer): void {
    const reader = new PayloadReader(payload)
    if (reader.uint8() !== OK_HEADER) throw violation('COM_STMT_PREPARE_OK with another header')
    const id = reader.uint32()
    reply.columnsNext = reader.uint16()
    reply.left = reader.uint16()
    reader.skip(1)
    if (reader.remaining > 0) reader.uint16()
    reader.end()
    const { statement } = reply
    if (!statement) throw violation('a statement that nobody prepared')
    const renamed = Buffer.from(payload)
    uint32(statement.id).copy(renamed, 1)
    this.#rows.deliver(reply, message(reply.clientSequence, renamed))
    statement.prepared(id, reply.left)
    if (reply.left > 0) reply.phase = 'parameters'
    else this.#columnsNext(reply)
  }

  #parametersDone(reply: ServerReply<X>): void {
    if (this.#talk.deprecateEof) this.#columnsNext(reply)
    else reply.phase = 'parameters-end'
  }

  #columnsNext(reply: ServerReply<X>): void {
    reply.left = reply.columnsNext
    reply.phase = 'columns'
    if (reply.left === 0) endReply(this.#options, this.#talk, reply, true)
  }

  #columnsDone(reply: ServerReply<X>): void {
    if (reply.own) reply.own.columns = [...reply.columns]
    if (this.#talk.deprecateEof) endReply(this.#options, this.#talk, reply, true)
    else reply.phase = 'columns-end'
  }
}
