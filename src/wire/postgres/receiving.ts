import type { DialogueOptions } from '../dialogue.ts'
import { type FrameMode, Framer } from '../framer.ts'
import { RowMasking } from '../row-masking.ts'
import * as backend from './backend-messages.ts'
import { type Conversation, violation } from './conversation.ts'
import { dataRows } from './data-row.ts'
import { isOfEnded } from './ended-result.ts'
import { postgresLayout } from './framing.ts'
import * as type from './message-types.ts'
import { statementOf } from './owed-replies.ts'
import { ReceivedCopy } from './received-copy.ts'
import { ReceivedErrors } from './received-errors.ts'
import { ReceivedReplies } from './received-replies.ts'

/** From the server: cuts its bytes into messages, lets rows pass, and leads the rest to who reads it. */
export class Receiving<X> {
  readonly #options: DialogueOptions<X>
  readonly #talk: Conversation<X>
  readonly #framer: Framer
  readonly #add = (bytes: Buffer): void => this.#options.toClient.add(bytes)
  readonly #replies: ReceivedReplies<X>
  readonly #errors: ReceivedErrors<X>
  readonly #copies: ReceivedCopy<X>

  constructor(options: DialogueOptions<X>, talk: Conversation<X>) {
    this.#options = options
    this.#talk = talk
    this.#replies = new ReceivedReplies(options, talk)
    this.#errors = new ReceivedErrors(options, talk)
    this.#copies = new ReceivedCopy(options, talk)
    this.#framer = new Framer(postgresLayout, options.maxMessage, {
      opens: (messageType, length) => this.#opens(messageType, length),
      frame: (messageType, frame) => this.#frame(messageType, frame),
      run: (bytes, mode) => (mode === 'row' ? this.#rows(bytes) : this.#add(bytes)),
    })
  }

  /** True where the client has half of a message. */
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

  #received(): void {
    this.#passCopyEnds()
    if (this.#talk.owed.empty || this.#talk.awaitsCopyData) this.#options.listener.drained()
  }

  #opens(messageType: number, length: number): FrameMode {
    this.#passCopyEnds()
    if (messageType !== type.DATA_ROW && messageType !== type.COPY_DATA) return 'whole'
    const head = this.#talk.owed.head
    if (head?.kind !== 'execution' && head?.kind !== 'query')
      throw violation('a row nobody asked for')
    if (head.ended !== null) return 'whole'
    const { stream, exchange } = head
    if (messageType === type.COPY_DATA && stream.copyOut === null) {
      throw violation('CopyData outside COPY')
    }
    if (stream.meter === undefined) {
      stream.meter =
        exchange === null ? null : this.#options.listener.meter(exchange, statementOf(head))
    }
    if (stream.meter !== null && exchange !== null && !stream.meter.admits(length)) {
      this.#options.listener.stopped(exchange)
      return 'stop'
    }
    stream.rows++
    stream.bytes += length
    if (messageType === type.COPY_DATA) return stream.copyOut === 'pass' ? 'pass' : 'whole'
    if (exchange === null || (head.kind === 'execution' && head.own)) return 'whole'
    if (stream.masking === undefined) stream.masking = this.#maskingFor(exchange, statementOf(head))
    return stream.masking === null ? 'pass' : 'row'
  }

  #maskingFor(exchange: X, statement: number): RowMasking | null {
    const maskers = this.#options.listener.maskers(exchange, statement)
    if (maskers === 'unknown') throw violation('rows that nobody described could be classified')
    return maskers && new RowMasking(dataRows, maskers)
  }

  #frame(messageType: number, frame: Buffer): void {
    this.#passCopyEnds()
    if (isOfEnded(this.#talk, messageType)) return
    switch (messageType) {
      case type.DATA_ROW:
        this.#row(frame)
        break
      case type.COPY_DATA:
        this.#copies.copyData(frame)
        break
      case type.PARSE_COMPLETE:
      case type.BIND_COMPLETE:
      case type.CLOSE_COMPLETE:
        this.#replies.acknowledged(messageType, frame)
        break
      case type.PARAMETER_DESCRIPTION:
        this.#replies.parameterDescription(frame)
        break
      case type.ROW_DESCRIPTION:
      case type.NO_DATA:
        this.#replies.described(messageType, frame)
        break
      case type.COMMAND_COMPLETE:
      case type.EMPTY_QUERY_RESPONSE:
      case type.PORTAL_SUSPENDED:
        this.#replies.completed(messageType, frame)
        break
      case type.FUNCTION_CALL_RESPONSE:
        this.#replies.called(frame)
        break
      case type.READY_FOR_QUERY:
        this.#replies.ready(frame)
        break
      case type.ERROR_RESPONSE:
        this.#errors.error(frame)
        break
      case type.NOTICE_RESPONSE:
        this.#errors.notice(frame)
        break
      case type.NOTIFICATION_RESPONSE:
        this.#errors.notification(frame)
        break
      case type.PARAMETER_STATUS:
        this.#errors.parameterStatus(frame)
        break
      case type.COPY_IN_RESPONSE:
        this.#copies.copyIn(frame)
        break
      case type.COPY_OUT_RESPONSE:
        this.#copies.copyOut(frame)
        break
      case type.COPY_DONE:
        this.#copies.copyDone(frame)
        break
      default:
        throw violation(`unknown backend message type 0x${messageType.toString(16)}`)
    }
  }

  /** The end of a COPY that the server wasn't reading: it ignored it. */
  #passCopyEnds(): void {
    while (this.#talk.owed.head?.kind === 'copy-end') this.#talk.owed.shift()
  }

  #row(frame: Buffer): void {
    const head = this.#talk.owed.head
    if (head?.kind === 'execution' && head.own) {
      head.own.rows.push(backend.decodeDataRow(frame))
    } else this.#rows(frame)
  }

  /** Whole rows of the result under way. */
  #rows(rows: Buffer): void {
    const { masking } = this.#talk.streamOfHead('DataRow')
    if (!masking) throw violation('a row without a plan')
    masking.mask(rows, this.#add)
  }
}
