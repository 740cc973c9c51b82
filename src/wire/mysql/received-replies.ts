import type { DialogueOptions } from '../protocol.ts'
import { decodeColumn, withoutDefault } from './column-definition.ts'
import { type Conversation, violation } from './conversation.ts'
import { decodeError, errorPayload, type ServerError } from './errors.ts'
import { decodeEnding, decodeOk, EOF_HEADER, endsRows, OK_HEADER } from './ok-packet.ts'
import type { ServerReply } from './owed-replies.ts'
import { message } from './packets.ts'
import { PayloadReader, uint32 } from './payload.ts'
import type { ReceivedRows } from './received-rows.ts'
import { SessionFilter } from './session-filter.ts'
import {
  SERVER_MORE_RESULTS_EXISTS,
  SERVER_PS_OUT_PARAMS,
  SERVER_STATUS_CURSOR_EXISTS,
  SERVER_STATUS_LAST_ROW_SENT,
} from './status-flags.ts'

/** The server asks for a file of the client's. */
const LOCAL_INFILE = 0xfb
/** The most that a server describes. */
const MAX_COLUMNS = 0xffff

/** Reads each packet of a reply for what it is there. */
export class ReceivedReplies<X> {
  readonly #options: DialogueOptions<X>
  readonly #talk: Conversation<X>
  readonly #rows: ReceivedRows<X>
  readonly #session: SessionFilter<X>

  constructor(options: DialogueOptions<X>, talk: Conversation<X>, rows: ReceivedRows<X>) {
    this.#options = options
    this.#talk = talk
    this.#rows = rows
    this.#session = new SessionFilter(options, talk)
  }

  /** Any packet but an ERR. */
  take(reply: ServerReply<X>, type: number, frame: Buffer, payload: Buffer): void {
    switch (reply.phase) {
      case 'first':
        this.#first(reply, type, frame, payload)
        break
      case 'parameters':
        decodeColumn(payload, true)
        this.#rows.deliver(reply, frame)
        if (--reply.left === 0) this.#parametersDone(reply)
        break
      case 'parameters-end':
        this.#separator(reply, frame, payload)
        this.#preparedColumns(reply)
        break
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
      case 'prepared':
        this.#prepared(reply, payload)
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
        this.#finish(reply)
        break
      case 'cursor':
        throw violation('an answer to COM_STMT_FETCH that is no row')
    }
  }

  #ok(reply: ServerReply<X>, payload: Buffer): void {
    const ok = decodeOk(payload)
    if (ok.header !== OK_HEADER) throw violation('an OK packet with another header')
    this.#talk.status = ok.status
    const shown = this.#session.filter(payload, ok, reply.exchange)
    this.#rows.deliver(reply, message(reply.clientSequence, shown))
    this.#resultDone(reply, { status: ok.status, rows: ok.affectedRows, suspended: false })
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
    reply.columns.push(decodeColumn(payload, reply.shape !== 'text'))
    if (reply.shape === 'prepared') this.#rows.deliver(reply, frame)
    else this.#hold(reply, frame)
    if (--reply.left > 0) return
    if (reply.shape === 'prepared') this.#preparedColumnsDone(reply)
    else this.#described(reply)
  }

  #hold(reply: ServerReply<X>, frame: Buffer): void {
    reply.held.push(Buffer.from(frame))
    reply.bytes += frame.length
    if (reply.bytes > this.#options.maxMessage) throw violation('a description without end')
  }

  /** The plan for the rows is made before the client sees that there are any. */
  #described(reply: ServerReply<X>): void {
    reply.bytes = 0
    const { held, columns, exchange } = reply
    reply.held = []
    if (exchange !== null) {
      const format = Buffer.from(reply.shape)
      const bytes = Buffer.concat([format, ...held.map((frame) => frame.subarray(4))])
      this.#options.listener.described(exchange, reply.result, { bytes, columns: () => columns })
    }
    for (const frame of held) this.#rows.deliver(reply, frame)
    reply.phase = this.#talk.deprecateEof ? 'rows' : 'columns-end'
  }

  #columnsEnd(reply: ServerReply<X>, frame: Buffer, payload: Buffer): void {
    const { status } = this.#separator(reply, frame, payload)
    if (reply.shape === 'prepared') {
      this.#finish(reply)
      return
    }
    reply.phase = 'rows'
    // MySQL says of OUT parameters that more follows here, and no more behind their row.
    reply.moreFollows = (status & SERVER_PS_OUT_PARAMS) !== 0
    // The rows of a cursor are fetched: no second end follows.
    const cursor = reply.shape === 'binary' && (status & SERVER_STATUS_CURSOR_EXISTS) !== 0
    if (cursor) this.#cursorOpened(reply, status)
  }

  /** What stands between definitions and what follows them; left out with CLIENT_DEPRECATE_EOF. */
  #separator(reply: ServerReply<X>, frame: Buffer, payload: Buffer): { readonly status: number } {
    const ending = decodeEnding(payload, false)
    this.#rows.deliver(reply, frame)
    return ending
  }

  #cursorOpened(reply: ServerReply<X>, status: number): void {
    if (reply.statement) reply.statement.cursorTypes = reply.columns.map(({ typeOid }) => typeOid)
    this.#talk.status = status
    this.#resultDone(reply, { status, rows: 0, suspended: true })
  }

  #rowsEnd(reply: ServerReply<X>, payload: Buffer): void {
    const { status, ok } = decodeEnding(payload, this.#talk.deprecateEof)
    this.#talk.status = status
    const shown = ok ? this.#session.filter(payload, ok, reply.exchange) : payload
    this.#rows.deliver(reply, message(reply.clientSequence, shown))
    const opened = reply.shape === 'binary' && (status & SERVER_STATUS_CURSOR_EXISTS) !== 0
    if (opened && reply.rows === 0) {
      this.#cursorOpened(reply, status)
      return
    }
    const left = reply.shape === 'cursor' && (status & SERVER_STATUS_LAST_ROW_SENT) === 0
    if (reply.shape === 'cursor' && !left && reply.statement) reply.statement.cursorTypes = null
    this.#resultDone(reply, { status, rows: reply.rows, suspended: left })
  }

  #resultDone(
    reply: ServerReply<X>,
    done: { readonly status: number; readonly rows: number; readonly suspended: boolean },
  ): void {
    if (reply.exchange !== null) {
      this.#options.listener.completed(reply.exchange, reply.result, {
        tag: null,
        rows: done.rows,
        bytes: reply.bytes,
        suspended: done.suspended,
      })
    }
    if ((done.status & SERVER_MORE_RESULTS_EXISTS) === 0 && !reply.moreFollows) {
      this.#finish(reply)
      return
    }
    if (reply.shape !== 'text' && reply.shape !== 'binary') throw violation('more results than one')
    reply.result++
    reply.phase = 'first'
    reply.columns = []
    reply.maskers = undefined
    reply.rows = 0
    reply.bytes = 0
    reply.moreFollows = false
  }

  // === prepared statements

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
    else this.#preparedColumns(reply)
  }

  #parametersDone(reply: ServerReply<X>): void {
    if (this.#talk.deprecateEof) this.#preparedColumns(reply)
    else reply.phase = 'parameters-end'
  }

  #preparedColumns(reply: ServerReply<X>): void {
    reply.left = reply.columnsNext
    reply.phase = 'columns'
    if (reply.left === 0) this.#finish(reply)
  }

  #preparedColumnsDone(reply: ServerReply<X>): void {
    if (reply.own) reply.own.columns = [...reply.columns]
    if (this.#talk.deprecateEof) this.#finish(reply)
    else reply.phase = 'columns-end'
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

  // === ends

  failed(reply: ServerReply<X>, payload: Buffer): void {
    const error = decodeError(payload)
    const { exchange, own, statement } = reply
    // Definitions that were held stand before it.
    for (const frame of reply.held) this.#rows.deliver(reply, frame)
    if (own) {
      const { sqlState, message: text } = error
      own.error = { ok: false, sqlState, message: text }
    } else {
      const guarded = exchange !== null && this.#options.listener.guarded(exchange)
      const shown = guarded ? errorPayload(this.#scrubbed(error)) : payload
      this.#rows.deliver(reply, message(reply.clientSequence, shown))
    }
    if (reply.shape === 'prepared' && statement && statement.state !== 'ready') {
      this.#talk.statements.remove(statement)
    }
    if (exchange !== null) this.#options.listener.failed(exchange, error.sqlState, false)
    this.#over(reply, false)
  }

  /** The text can quote a value, and with SIGNAL its numbers can be chosen. */
  #scrubbed(error: ServerError): ServerError {
    const fields = this.#options.scrub(
      new Map([
        ['S', 'ERROR'],
        ['C', error.sqlState],
        ['M', error.message],
        ['errno', `${error.number}`],
      ]),
    )
    const sqlState = fields.get('C') ?? 'HY000'
    const number = Number(fields.get('errno') ?? 1105)
    return { number, sqlState, message: fields.get('M') ?? '' }
  }

  #finish(reply: ServerReply<X>): void {
    this.#over(reply, true)
  }

  #over(reply: ServerReply<X>, done: boolean): void {
    this.#talk.owed.shift()
    reply.settle?.(done)
    reply.own?.answered(reply.own)
    if (!reply.own) this.#options.listener.ready(this.#talk.transaction)
  }
}
