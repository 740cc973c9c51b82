import type { ResultColumn } from '../columns.ts'
import type { DialogueOptions } from '../dialogue.ts'
import { decodeColumn, withName, withoutDefault } from './column-definition.ts'
import { type Conversation, violation } from './conversation.ts'
import {
  decodeEnding,
  decodeOk,
  EOF_HEADER,
  endsRows,
  OK_HEADER,
  type OkPacket,
  withStatus,
} from './ok-packet.ts'
import type { ServerReply } from './owed-replies.ts'
import { HEADER, message, payloadOf } from './packets.ts'
import { PayloadReader } from './payload.ts'
import { ReceivedPrepared } from './received-prepared.ts'
import type { ReceivedRows } from './received-rows.ts'
import { endReply } from './reply-ends.ts'
import { SessionFilter } from './session-filter.ts'
import {
  SERVER_MORE_RESULTS_EXISTS,
  SERVER_PS_OUT_PARAMS,
  SERVER_STATUS_CURSOR_EXISTS,
  SERVER_STATUS_IN_TRANS,
  SERVER_STATUS_LAST_ROW_SENT,
} from './status-flags.ts'

/** The server asks for a file of the client's. */
const LOCAL_INFILE = 0xfb
/** Bytes; longer descriptions aren't kept. */
const MAX_KEPT_DESCRIPTION = 4096
/** Tells descriptions of text rows from those of binary ones. */
const TEXT = Buffer.from('text')
const BINARY = Buffer.from('binary')
/** The most that a server describes. */
const MAX_COLUMNS = 0xffff

/** Reads each packet of a reply for what it is there. */
export class ReceivedReplies<X> {
  readonly #options: DialogueOptions<X>
  readonly #talk: Conversation<X>
  readonly #rows: ReceivedRows<X>
  readonly #session: SessionFilter<X>
  readonly #prepared: ReceivedPrepared<X>
  #lastDescribed: { readonly bytes: Buffer; readonly columns: ResultColumn[] } | null = null

  constructor(options: DialogueOptions<X>, talk: Conversation<X>, rows: ReceivedRows<X>) {
    this.#options = options
    this.#talk = talk
    this.#rows = rows
    this.#session = new SessionFilter(options, talk)
    this.#prepared = new ReceivedPrepared(options, talk, rows)
  }

  /** Any packet but an ERR. */
  take(reply: ServerReply<X>, type: number, frame: Buffer, payload: Buffer): void {
    if (reply.shape === 'prepared') {
      this.#prepared.take(reply, frame, payload)
      return
    }
    switch (reply.phase) {
      case 'first':
        this.#first(reply, type, frame, payload)
        break
      case 'parameters':
      case 'parameters-end':
        throw violation('parameters of a statement that was not prepared')
      case 'columns':
        this.#column(reply, type, frame, payload)
        break
      case 'columns-end':
        this.#columnsEnd(reply, frame, payload)
        break
      case 'rows':
        if (endsRows(type, payload.length)) this.#rowsEnd(reply, payload)
        else this.#rows.row(reply, frame, payload)
        break
    }
  }

  #first(reply: ServerReply<X>, type: number, frame: Buffer, payload: Buffer): void {
    switch (reply.shape) {
      case 'text':
      case 'binary':
        if (type === OK_HEADER) this.#ok(reply, payload)
        else if (type === LOCAL_INFILE) throw violation('it asks for a local file')
        else this.#columnCount(reply, frame, payload)
        break
      case 'ok':
        if (type === OK_HEADER) this.#ok(reply, payload)
        else this.#rowsEnd(reply, payload)
        break
      case 'fields':
        this.#field(reply, type, payload)
        break
      case 'one':
        this.#rows.deliver(reply, frame)
        endReply(this.#options, this.#talk, reply, true)
        break
      case 'cursor':
      case 'prepared':
        throw violation('an answer to another command')
    }
  }

  #ok(reply: ServerReply<X>, payload: Buffer): void {
    const ok = decodeOk(payload)
    if (ok.header !== OK_HEADER) throw violation('an OK packet with another header')
    this.#talk.status = ok.status
    const shown = this.#session.filter(this.#shown(payload, ok.status, ok), ok, reply.exchange)
    this.#rows.deliver(reply, message(reply.clientSequence, shown))
    const { status, affectedRows: rows, warnings } = ok
    this.#resultDone(reply, { status, rows, warnings, suspended: false })
  }

  /** A transaction of the proxy's own isn't shown. */
  #shown(payload: Buffer, status: number, ok: OkPacket | null): Buffer {
    if (!this.#talk.concealed) return payload
    return withStatus(payload, { ok }, status & ~SERVER_STATUS_IN_TRANS)
  }

  // === results

  /** With metadata that may be left out a byte would follow; that isn't agreed to. */
  #columnCount(reply: ServerReply<X>, frame: Buffer, payload: Buffer): void {
    const reader = new PayloadReader(payload)
    const count = reader.lenencInt()
    reader.end()
    if (count < 1 || count > MAX_COLUMNS) throw violation('a result without columns')
    reply.held.push(Buffer.from(frame))
    reply.columns = []
    reply.left = count
    reply.phase = 'columns'
  }

  #column(reply: ServerReply<X>, type: number, frame: Buffer, payload: Buffer): void {
    if (reply.shape === 'fields') {
      this.#field(reply, type, payload)
      return
    }
    this.#hold(reply, frame)
    if (--reply.left === 0) this.#described(reply)
  }

  #hold(reply: ServerReply<X>, frame: Buffer): void {
    reply.held.push(Buffer.from(frame))
    reply.bytes += frame.length
    if (reply.bytes > this.#options.maxMessage) throw violation('a description without end')
  }

  /** The plan for the rows is made before the client sees that there are any. */
  #described(reply: ServerReply<X>): void {
    reply.bytes = 0
    const { held, exchange } = reply
    reply.held = []
    const binary = reply.shape !== 'text'
    const parts = held.map((frame) => frame.subarray(HEADER))
    const bytes = Buffer.concat([binary ? BINARY : TEXT, ...parts])
    const columns = this.#columnsOf(bytes, held, binary)
    reply.columns = columns
    const described = exchange !== null && reply.ended === null
    const names = described
      ? this.#options.listener.described(exchange, reply.result, { bytes, columns: () => columns })
      : null
    for (const [at, frame] of held.entries()) {
      // The first of them says how many columns there are.
      const name = at === 0 ? null : (names?.[at - 1] ?? null)
      this.#rows.deliver(reply, name === null ? frame : renamed(reply, frame, name))
    }
    reply.phase = this.#talk.deprecateEof ? 'rows' : 'columns-end'
  }

  /** What is described as the result before it isn't read again. */
  #columnsOf(bytes: Buffer, held: readonly Buffer[], binary: boolean): ResultColumn[] {
    if (this.#lastDescribed?.bytes.equals(bytes)) return this.#lastDescribed.columns
    const columns = held.slice(1).map((frame) => decodeColumn(payloadOf(frame), binary))
    this.#lastDescribed = bytes.length <= MAX_KEPT_DESCRIPTION ? { bytes, columns } : null
    return columns
  }

  #columnsEnd(reply: ServerReply<X>, frame: Buffer, payload: Buffer): void {
    const { status } = decodeEnding(payload, false)
    const shown = this.#shown(payload, status, null)
    this.#rows.deliver(reply, shown === payload ? frame : message(reply.clientSequence, shown))
    reply.phase = 'rows'
    // MySQL says of OUT parameters that more follows here, and no more behind their row.
    reply.moreFollows = (status & SERVER_PS_OUT_PARAMS) !== 0
    // The rows of a cursor are fetched: no second end follows. MariaDB leaves the flag set behind
    // a cursor of a procedure's own.
    const cursor = reply.opensCursor && (status & SERVER_STATUS_CURSOR_EXISTS) !== 0
    if (cursor) this.#cursorOpened(reply, status)
  }

  #cursorOpened(reply: ServerReply<X>, status: number): void {
    if (reply.statement) reply.statement.cursorTypes = reply.columns.map(({ typeOid }) => typeOid)
    this.#talk.status = status
    this.#resultDone(reply, { status, rows: 0, warnings: 0, suspended: true })
  }

  #rowsEnd(reply: ServerReply<X>, payload: Buffer): void {
    const { status, warnings, ok } = decodeEnding(payload, this.#talk.deprecateEof)
    this.#talk.status = status
    const told = this.#shown(payload, status, ok)
    const shown = ok ? this.#session.filter(told, ok, reply.exchange) : told
    if (reply.reply) this.#rows.deliverOwn(reply, reply.reply)
    if (reply.ended !== null) this.#rows.endEarly(reply, reply.ended)
    else this.#rows.deliver(reply, message(reply.clientSequence, shown))
    const opened = reply.opensCursor && (status & SERVER_STATUS_CURSOR_EXISTS) !== 0
    if (opened && reply.rows === 0) {
      this.#cursorOpened(reply, status)
      return
    }
    const left = reply.shape === 'cursor' && (status & SERVER_STATUS_LAST_ROW_SENT) === 0
    if (reply.shape === 'cursor' && !left && reply.statement) reply.statement.cursorTypes = null
    this.#resultDone(reply, { status, rows: reply.rows, warnings, suspended: left })
  }

  #resultDone(
    reply: ServerReply<X>,
    done: {
      readonly status: number
      readonly rows: number
      readonly warnings: number
      readonly suspended: boolean
    },
  ): void {
    const more = (done.status & SERVER_MORE_RESULTS_EXISTS) !== 0 || reply.moreFollows
    if (reply.exchange !== null && reply.ended === null) {
      this.#options.listener.completed(reply.exchange, reply.result, {
        tag: null,
        rows: done.rows,
        bytes: reply.bytes,
        suspended: done.suspended,
        more,
        warnings: done.warnings,
      })
    }
    if (!more) {
      endReply(this.#options, this.#talk, reply, reply.ended === null)
      return
    }
    if (reply.shape !== 'text' && reply.shape !== 'binary') throw violation('more results than one')
    reply.result++
    reply.phase = 'first'
    reply.columns = []
    reply.masking = undefined
    reply.meter = undefined
    reply.rows = 0
    reply.bytes = 0
    reply.moreFollows = false
  }

  // === COM_FIELD_LIST

  #field(reply: ServerReply<X>, type: number, payload: Buffer): void {
    if (type === EOF_HEADER && payload.length < 9) {
      this.#rowsEnd(reply, payload)
      return
    }
    reply.phase = 'columns'
    this.#rows.deliver(reply, message(reply.clientSequence, withoutDefault(payload)))
  }
}

function renamed<X>({ clientSequence }: ServerReply<X>, frame: Buffer, name: string): Buffer {
  return message(clientSequence, withName(payloadOf(frame), name))
}
