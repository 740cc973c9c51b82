import type { ProxyError } from '../../lib/errors.ts'
import type { DialogueOptions, OwnReply } from '../dialogue.ts'
import type { FrameMode } from '../framer.ts'
import { RowMasking } from '../row-masking.ts'
import { decodeBinaryRow, maskBinaryRow } from './binary-row.ts'
import { binaryRows } from './binary-rows.ts'
import { characterSetOf } from './collations.ts'
import { violation } from './conversation.ts'
import { encodeRefusal } from './errors.ts'
import type { ServerReply } from './owed-replies.ts'
import { encodeOwnRow } from './own-replies.ts'
import { HEADER, headed, MAX_PAYLOAD, message, packetsIn, renumbered } from './packets.ts'
import { decodeTextRow, maskTextRow, textRows } from './text-row.ts'

const BINARY_ROW = 0x00

/** The rows of a result, and what the client gets of a reply. */
export class ReceivedRows<X> {
  readonly #options: DialogueOptions<X>
  readonly #add = (bytes: Buffer): void => this.#options.toClient.add(bytes)

  constructor(options: DialogueOptions<X>) {
    this.#options = options
  }

  /** A row begins: passes it where nothing of it is to be changed. */
  opens(reply: ServerReply<X>, type: number, length: number): FrameMode {
    if (reply.shape !== 'text' && type !== BINARY_ROW) throw violation('a row of another protocol')
    if (reply.ended !== null) return 'whole'
    if (!this.#admits(reply, length)) return 'stop'
    reply.rows++
    reply.bytes += length
    if (reply.own) return 'whole'
    if (reply.masking === undefined) reply.masking = this.#maskingFor(reply)
    const { masking } = reply
    if (reply.serverSequence !== reply.clientSequence || length >= MAX_PAYLOAD) return 'whole'
    // One that is written anew otherwise could become so long that it takes two packets.
    if (masking !== null && !masking.takes(length)) return 'whole'
    reply.serverSequence = (reply.serverSequence + 1) & 0xff
    reply.clientSequence = reply.serverSequence
    return masking === null ? 'pass' : 'row'
  }

  #admits(reply: ServerReply<X>, length: number): boolean {
    const { exchange, result } = reply
    if (exchange === null) return true
    if (reply.meter === undefined) reply.meter = this.#options.listener.meter(exchange, result)
    if (reply.meter === null || reply.meter.admits(length)) return true
    this.#options.listener.stopped(exchange)
    return false
  }

  #maskingFor(reply: ServerReply<X>): RowMasking | null {
    const { exchange, result, shape } = reply
    if (exchange === null) throw violation('a row nobody asked for')
    const maskers = this.#options.listener.maskers(exchange, result)
    if (maskers === 'unknown') throw violation('rows that nobody described could be classified')
    if (maskers === null) return null
    return new RowMasking(shape === 'text' ? textRows : binaryRows(typesOf(reply)), maskers)
  }

  /** Whole rows, each one packet, that keep their numbers. */
  rows({ masking }: ServerReply<X>, packets: Buffer): void {
    if (!masking) throw violation('a row without a plan')
    masking.mask(packets, this.#add)
  }

  /** A row that doesn't pass as it is. */
  row(reply: ServerReply<X>, frame: Buffer, payload: Buffer): void {
    const { own, masking } = reply
    if (reply.ended !== null) return
    if (own) {
      const cells =
        reply.shape === 'text'
          ? decodeTextRow(payload, reply.columns.length)
          : decodeBinaryRow(payload, typesOf(reply))
      own.rows.push(cells.map((cell) => cell && Buffer.from(cell)))
    } else if (masking) {
      const { maskers } = masking
      const masked =
        reply.shape === 'text'
          ? maskTextRow(payload, maskers, HEADER)
          : maskBinaryRow(payload, typesOf(reply), maskers, HEADER)
      this.deliver(reply, headed(masked, reply.clientSequence))
    } else if (masking === null) this.deliver(reply, frame)
    else throw violation('a row without a plan')
  }

  /** The client is told, once, of the error for which its reply ends here. */
  endEarly(reply: ServerReply<X>, error: ProxyError): void {
    if (reply.told) return
    this.deliver(reply, encodeRefusal(error, reply.clientSequence))
    reply.told = true
    if (reply.exchange !== null)
      this.#options.listener.failed(reply.exchange, error.sqlState, false)
  }

  /** The proxy's own rows; the server has said what columns they have. */
  deliverOwn(reply: ServerReply<X>, { rows }: OwnReply): void {
    if (reply.rows > 0) throw violation('rows of a statement that has none')
    const binary = reply.shape !== 'text'
    const charset = characterSetOf(reply.columns[0]?.facts?.charset ?? 0)
    const unicode = charset === 'utf8mb4'
    for (const row of rows) {
      if (row.length !== reply.columns.length) throw violation('other columns than were asked for')
      const payload = encodeOwnRow(row, { binary, unicode })
      this.deliver(reply, message(reply.clientSequence, payload))
    }
    reply.rows = rows.length
  }

  /** Gives the client packets of its reply, numbered as it counts them. */
  deliver(reply: ServerReply<X>, frame: Buffer): void {
    if (reply.own || reply.told) return
    const same = frame[3] === reply.clientSequence
    this.#options.toClient.add(same ? frame : renumbered(frame, reply.clientSequence))
    reply.clientSequence = (reply.clientSequence + packetsIn(frame)) & 0xff
  }
}

/** Of an open cursor the description came with the execution that opened it. */
function typesOf<X>({ shape, statement, columns }: ServerReply<X>): readonly number[] {
  if (shape !== 'cursor') return columns.map(({ typeOid }) => typeOid)
  if (!statement?.cursorTypes) throw violation('rows of a cursor that is not open')
  return statement.cursorTypes
}
