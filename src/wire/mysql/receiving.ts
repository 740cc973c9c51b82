import type { ProxyError } from '../../lib/errors.ts'
import type { DialogueOptions } from '../dialogue.ts'
import type { FrameMode } from '../framer.ts'
import { type Conversation, violation } from './conversation.ts'
import { ERR_HEADER } from './errors.ts'
import { endsRows } from './ok-packet.ts'
import type { ServerReply } from './owed-replies.ts'
import { PacketFramer } from './packet-framer.ts'
import { HEADER, outOfOrder, packetsIn, payloadOf } from './packets.ts'
import { ReceivedErrors } from './received-errors.ts'
import { ReceivedReplies } from './received-replies.ts'
import { ReceivedRows } from './received-rows.ts'

/** From the server: cuts its bytes into packets, lets rows pass, and leads the rest to who reads it. */
export class Receiving<X> {
  readonly #options: DialogueOptions<X>
  readonly #talk: Conversation<X>
  readonly #framer: PacketFramer
  readonly #rows: ReceivedRows<X>
  readonly #replies: ReceivedReplies<X>
  readonly #errors: ReceivedErrors<X>
  readonly #sendWaiting: () => void

  constructor(options: DialogueOptions<X>, talk: Conversation<X>, sendWaiting: () => void) {
    this.#options = options
    this.#talk = talk
    this.#sendWaiting = sendWaiting
    this.#rows = new ReceivedRows(options)
    this.#replies = new ReceivedReplies(options, talk, this.#rows)
    this.#errors = new ReceivedErrors(options, talk, this.#rows)
    this.#framer = new PacketFramer(options.maxMessage, {
      opens: (type, length, sequence) => this.#opens(type, length, sequence),
      frame: (type, frame) => this.#frame(type, frame),
      run: (bytes, mode) =>
        mode === 'row' ? this.#maskedRows(bytes) : options.toClient.add(bytes),
    })
  }

  /** True where the client has half of a packet. */
  get midMessage(): boolean {
    return this.#framer.midPass
  }

  receive(chunk: Buffer): void {
    this.#framer.push(chunk)
    this.#received()
  }

  /** See Dialogue. */
  goOn(): void {
    this.#framer.goOn()
    this.#received()
  }

  /** Gives the result that is under way an error for its end. */
  endResult(error: ProxyError): void {
    const head = this.#talk.owed.head
    if (head?.kind === 'server') head.ended = error
  }

  #received(): void {
    if (this.#talk.owed.empty) this.#options.listener.drained()
  }

  /** What a server says unasked is its last word: that it shuts down, or waited too long. */
  #owedReply(): ServerReply<X> | null {
    const head = this.#talk.owed.head
    if (head?.kind === 'server') return head
    if (head) throw violation('an answer stands before its turn')
    this.#talk.ended = true
    return null
  }

  #opens(type: number, length: number, sequence: number): FrameMode {
    const reply = this.#owedReply()
    if (!reply) return 'whole'
    if (sequence !== reply.serverSequence) throw outOfOrder()
    if (reply.phase !== 'rows' || type === ERR_HEADER || endsRows(type, length - HEADER)) {
      return 'whole'
    }
    return this.#rows.opens(reply, type, length)
  }

  #maskedRows(packets: Buffer): void {
    const reply = this.#owedReply()
    if (!reply) throw violation('a row nobody asked for')
    this.#rows.rows(reply, packets)
  }

  #frame(type: number, frame: Buffer): void {
    const reply = this.#owedReply()
    if (!reply) {
      if (type !== ERR_HEADER) throw violation('a packet that nobody asked for')
      return
    }
    reply.serverSequence = (reply.serverSequence + packetsIn(frame)) & 0xff
    const payload = payloadOf(frame)
    if (type === ERR_HEADER) this.#errors.failed(reply, payload)
    else this.#replies.take(reply, type, frame, payload)
    this.#giveLocalAnswers()
    this.#sendWaiting()
  }

  #giveLocalAnswers(): void {
    for (let head = this.#talk.owed.head; head?.kind === 'local'; head = this.#talk.owed.head) {
      this.#talk.owed.shift()
      head.answer()
    }
  }
}
