import type { DialogueOptions } from '../dialogue.ts'
import * as backend from './backend-messages.ts'
import { type Conversation, violation } from './conversation.ts'
import { message } from './framing.ts'
import * as type from './message-types.ts'
import { type RowStream, statementOf } from './owed-replies.ts'

/** COPY in both directions. */
export class ReceivedCopy<X> {
  readonly #options: DialogueOptions<X>
  readonly #talk: Conversation<X>

  constructor(options: DialogueOptions<X>, talk: Conversation<X>) {
    this.#options = options
    this.#talk = talk
  }

  copyIn(frame: Buffer): void {
    const stream = this.#talk.streamOfHead('CopyInResponse')
    stream.copyIn = true
    const swallowed = this.#talk.owed.takeBehindHead(
      (owed) => owed.kind === 'sync',
      (owed) => owed.kind === 'copy-end',
    )
    this.#talk.swallowedSyncs += swallowed.length
    this.#options.toClient.add(frame)
  }

  copyOut(frame: Buffer): void {
    const head = this.#talk.owed.head
    const stream = this.#talk.streamOfHead('CopyOutResponse')
    const exchange = head && 'exchange' in head ? head.exchange : null
    if (exchange === null || !head) throw violation('COPY that nobody asked for')
    const shape = backend.decodeCopyShape(frame)
    stream.copyOut = this.#options.listener.copyOut(exchange, statementOf(head), shape) ?? 'pass'
    this.#options.toClient.add(frame)
  }

  copyData(frame: Buffer): void {
    const { copyOut } = this.#talk.streamOfHead('CopyData')
    if (copyOut === null || copyOut === 'pass') throw violation('CopyData without a masker')
    this.#sendCopyData(copyOut.push(frame.subarray(5)))
  }

  copyDone(frame: Buffer): void {
    const { copyOut } = this.#talk.streamOfHead('CopyDone')
    if (copyOut === null) throw violation('CopyDone outside COPY')
    if (copyOut !== 'pass') this.#sendCopyData(copyOut.end())
    this.#options.toClient.add(frame)
  }

  #sendCopyData(data: Buffer): void {
    if (data.length > 0) this.#options.toClient.add(message(type.COPY_DATA, data))
  }
}

/** A COPY from the client is over, and so is the client's word that ended it. */
export function leaveCopyIn<X>(talk: Conversation<X>, stream: RowStream): void {
  stream.copyIn = false
  let first = true
  talk.owed.takeBehindHead(
    (owed) => {
      const remove = owed.kind === 'copy-end' && first
      if (remove) first = false
      return remove
    },
    () => false,
  )
}
