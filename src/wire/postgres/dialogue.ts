import { randomBytes } from 'node:crypto'
import { assertNever } from '../../lib/assert-never.ts'
import { ProxyError } from '../../lib/errors.ts'
import { Framer } from '../framer.ts'
import type {
  Dialogue,
  DialogueOptions,
  Outgoing,
  OwnAnswer,
  Request,
  ResultColumn,
  TransactionState,
} from '../protocol.ts'
import * as backend from './backend-messages.ts'
import { maskDataRow } from './data-row.ts'
import { message, postgresLayout } from './framing.ts'
import * as frontend from './frontend-messages.ts'
import * as type from './message-types.ts'
import {
  newOwnQuestion,
  newRowStream,
  type Owed,
  OwedReplies,
  type OwnQuestion,
  type RowStream,
} from './owed-replies.ts'

/** Names that the proxy gives to statements of its own; nobody can guess one. */
const ownName = () => `countersign_${randomBytes(12).toString('hex')}`
/** No grammar takes this; in place of a refused message it makes the server fail there. */
const CANNOT_SUCCEED = Buffer.from('refused by countersign')
const PINNED: ReadonlyMap<string, string> = new Map([
  ['client_encoding', 'UTF8'],
  ['standard_conforming_strings', 'on'],
])

export function openPostgresDialogue<X>(options: DialogueOptions<X>): Dialogue<X> {
  return new PostgresDialogue(options)
}

/** Protocol 3 after the login; see Dialogue for what each call promises. */
class PostgresDialogue<X> implements Dialogue<X> {
  readonly #options: DialogueOptions<X>
  readonly #framer: Framer
  readonly #owed = new OwedReplies<X>()
  #transaction: TransactionState = 'idle'
  #segment: 'closed' | 'prepared' | 'executed' = 'closed'
  #skipping = false
  #ended = false
  /** Syncs that the server read inside COPY and may or may not answer. */
  #swallowedSyncs = 0

  constructor(options: DialogueOptions<X>) {
    this.#options = options
    this.#framer = new Framer(postgresLayout, options.maxMessage, {
      opens: (messageType, length) => this.#opens(messageType, length),
      frame: (messageType, frame) => this.#frame(messageType, frame),
      run: (bytes) => this.#options.toClient.add(bytes),
    })
  }

  get transaction(): TransactionState {
    return this.#transaction
  }

  get idle(): boolean {
    return this.#owed.empty
  }

  get midMessage(): boolean {
    return this.#framer.midPass
  }

  get awaitsCopyData(): boolean {
    const head = this.#owed.head
    if (head?.kind !== 'execution' && head?.kind !== 'query') return false
    return head.stream.copyIn && !this.#owed.hasCopyEnd
  }

  get ended(): boolean {
    return this.#ended
  }

  get skipping(): boolean {
    return this.#skipping
  }

  get segment(): 'closed' | 'prepared' | 'executed' {
    return this.#segment
  }

  decode(messageType: number, frame: Buffer): Request {
    return frontend.decodeRequest(messageType, frame)
  }

  // === towards the server

  send(outgoing: Outgoing<X>): void {
    const { request, exchange, settle, bytes, parameterTypes } = outgoing
    // The server discards CopyData too, but reads it to its end: half of a message was sent perhaps.
    if (this.#skipping && request.kind !== 'sync' && request.kind !== 'copy-data') {
      this.#skip(exchange, settle, 'skipped')
      return
    }
    switch (request.kind) {
      case 'query':
      case 'function-call':
        this.#owed.push({
          kind: 'query',
          call: request.kind === 'function-call',
          exchange,
          settle,
          statement: 0,
          failed: false,
          stream: newRowStream(),
        })
        this.#segment = 'closed'
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
        this.#owed.push({
          kind: 'description',
          target: request.target,
          exchange,
          own: null,
          parameterTypes,
        })
        this.#open('prepared')
        break
      case 'execute':
        this.#owed.push({ kind: 'execution', exchange, settle, own: null, stream: newRowStream() })
        this.#open('executed')
        break
      case 'sync':
        this.#expectSync()
        break
      case 'copy-end':
        // Where nothing is under way the server reads no COPY, and ignores it.
        if (!this.idle) this.#owed.push({ kind: 'copy-end' })
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

  #open(what: 'prepared' | 'executed'): void {
    if (this.#segment !== 'executed') this.#segment = what
  }

  #expectAcknowledgement(
    reply: number,
    segment: 'prepared' | 'executed',
    exchange: X | null,
    settle: ((done: boolean) => void) | undefined,
  ): void {
    this.#owed.push({ kind: 'acknowledgement', reply, exchange, settle, own: null })
    this.#open(segment)
  }

  #expectSync(): void {
    this.#skipping = false
    this.#segment = 'closed'
    // "Sync messages ... in COPY-in mode are ignored" (manual, section 54.2.6).
    if (this.awaitsCopyData) this.#swallowedSyncs++
    else this.#owed.push({ kind: 'sync', silent: false, after: null })
  }

  sendRefusal(error: ProxyError): void {
    if (this.#skipping) return
    this.#owed.push({ kind: 'refusal', error })
    this.#open('prepared')
    this.#options.toServer.add(frontend.encodeParse(ownName(), CANNOT_SUCCEED))
  }

  sendNameless(bytes: Buffer): void {
    if (this.#skipping) return
    this.#expectOwn(type.CLOSE_COMPLETE, newOwnQuestion())
    this.#owed.push({ kind: 'nameless' })
    this.#open('prepared')
    this.#options.toServer.add(frontend.encodeCloseOfNamed(bytes))
    this.#options.toServer.add(bytes)
  }

  sendSync(): void {
    this.#expectSync()
    this.#options.toServer.add(frontend.SYNC_MESSAGE)
  }

  sendForSyntaxError(sql: Buffer, otherwise: ProxyError): void {
    const sync = { kind: 'sync' as const, silent: false, after: null as (() => void) | null }
    this.#owed.push({ kind: 'syntax-error', sync })
    this.#owed.push(sync)
    // In its turn, for the answer to what follows may stream already.
    sync.after = () => {
      if (!sync.silent) return
      this.#options.toClient.add(this.refusal(otherwise))
      this.#options.toClient.add(this.ready())
    }
    this.#segment = 'closed'
    this.#options.toServer.add(frontend.encodeParse('', sql))
    this.#options.toServer.add(frontend.SYNC_MESSAGE)
  }

  describeForSelf(portal: string, exchange: X): void {
    if (this.#skipping) return
    this.#owed.push({ kind: 'description', target: 'portal', exchange, own: 'for the plan' })
    this.#options.toServer.add(frontend.encodeDescribePortal(portal))
  }

  closeOpenSegment(): void {
    if (this.#segment !== 'prepared' || !this.idle || this.#skipping) return
    this.#owed.push({ kind: 'sync', silent: true, after: null })
    this.#segment = 'closed'
    this.#options.toServer.add(frontend.SYNC_MESSAGE)
  }

  ask(sql: string): Promise<OwnAnswer> {
    return this.#question(sql, (name, own) => {
      this.#expectOwn(type.BIND_COMPLETE, own)
      const stream = newRowStream()
      this.#owed.push({ kind: 'execution', exchange: null, settle: undefined, own, stream })
      this.#options.toServer.add(frontend.encodeBind(name, name))
      this.#options.toServer.add(frontend.encodeExecute(name))
      // In a transaction it would stay open: COPY FREEZE fails then, and pg_cursors shows it.
      this.#expectOwn(type.CLOSE_COMPLETE, own)
      this.#options.toServer.add(frontend.encodeClosePortal(name))
    }).then((own) => own.error ?? { ok: true, rows: own.rows })
  }

  describe(sql: string): Promise<readonly ResultColumn[] | null> {
    return this.#question(sql, (name, own) => {
      this.#owed.push({ kind: 'description', target: 'statement', exchange: null, own })
      this.#options.toServer.add(frontend.encodeDescribeStatement(name))
    }).then((own) => own.columns)
  }

  /** Prepares a statement of the proxy's own, does something with it, and frees it. */
  #question(sql: string, use: (name: string, own: OwnQuestion) => void): Promise<OwnQuestion> {
    return new Promise((resolve) => {
      const own = newOwnQuestion()
      const answer = () => resolve(own)
      const name = ownName()
      const { toServer } = this.#options
      const closed = this.#segment === 'closed'
      toServer.add(frontend.encodeParse(name, Buffer.from(sql, 'utf8')))
      this.#expectOwn(type.PARSE_COMPLETE, own)
      use(name, own)
      toServer.add(frontend.encodeCloseStatement(name))
      this.#expectOwn(type.CLOSE_COMPLETE, own, closed ? undefined : answer)
      if (closed) this.#owed.push({ kind: 'sync', silent: true, after: answer })
      toServer.add(closed ? frontend.SYNC_MESSAGE : frontend.FLUSH_MESSAGE)
    })
  }

  #expectOwn(reply: number, own: OwnQuestion, settle?: () => void): void {
    this.#owed.push({ kind: 'acknowledgement', reply, exchange: null, settle, own })
  }

  // === from the server

  receive(chunk: Buffer): void {
    this.#framer.push(chunk)
    this.#passCopyEnds()
    if (this.#owed.empty || this.awaitsCopyData) this.#options.listener.drained()
  }

  #opens(messageType: number, length: number): 'whole' | 'pass' {
    this.#passCopyEnds()
    if (messageType === type.DATA_ROW) return this.#opensRow(length)
    if (messageType === type.COPY_DATA) {
      const stream = this.#streamOfHead('CopyData')
      stream.bytes += length
      stream.rows++
      if (stream.copyOut === null) throw violation('CopyData outside COPY')
      return stream.copyOut === 'pass' ? 'pass' : 'whole'
    }
    return 'whole'
  }

  #opensRow(length: number): 'whole' | 'pass' {
    const head = this.#owed.head
    if (head?.kind !== 'execution' && head?.kind !== 'query')
      throw violation('a row nobody asked for')
    const { stream, exchange } = head
    stream.rows++
    stream.bytes += length
    if (stream.maskers === undefined) {
      stream.maskers = exchange === null ? null : this.#maskersFor(exchange, statementOf(head))
    }
    return stream.maskers === null && exchange !== null ? 'pass' : 'whole'
  }

  #maskersFor(exchange: X, statement: number) {
    const maskers = this.#options.listener.maskers(exchange, statement)
    if (maskers === 'unknown') throw violation('rows that nobody described could be classified')
    return maskers
  }

  #streamOfHead(what: string): RowStream {
    const head = this.#owed.head
    if (head?.kind !== 'execution' && head?.kind !== 'query') throw violation(`unexpected ${what}`)
    return head.stream
  }

  #frame(messageType: number, frame: Buffer): void {
    this.#passCopyEnds()
    switch (messageType) {
      case type.DATA_ROW:
        this.#row(frame)
        break
      case type.COPY_DATA:
        this.#copyData(frame)
        break
      case type.PARSE_COMPLETE:
      case type.BIND_COMPLETE:
      case type.CLOSE_COMPLETE:
        this.#acknowledged(messageType, frame)
        break
      case type.PARAMETER_DESCRIPTION:
        this.#parameterDescription(frame)
        break
      case type.ROW_DESCRIPTION:
      case type.NO_DATA:
        this.#described(messageType, frame)
        break
      case type.COMMAND_COMPLETE:
      case type.EMPTY_QUERY_RESPONSE:
      case type.PORTAL_SUSPENDED:
        this.#completed(messageType, frame)
        break
      case type.FUNCTION_CALL_RESPONSE:
        this.#called(frame)
        break
      case type.READY_FOR_QUERY:
        this.#ready(frame)
        break
      case type.ERROR_RESPONSE:
        this.#error(frame)
        break
      case type.NOTICE_RESPONSE:
        this.#notice(frame)
        break
      case type.NOTIFICATION_RESPONSE:
        this.#options.toClient.add(frame)
        break
      case type.PARAMETER_STATUS:
        this.#parameterStatus(frame)
        break
      case type.COPY_IN_RESPONSE:
        this.#copyIn(frame)
        break
      case type.COPY_OUT_RESPONSE:
        this.#copyOut(frame)
        break
      case type.COPY_DONE:
        this.#copyDone(frame)
        break
      default:
        throw violation(`unknown backend message type 0x${messageType.toString(16)}`)
    }
  }

  /** The end of a COPY that the server wasn't reading: it ignored it. */
  #passCopyEnds(): void {
    while (this.#owed.head?.kind === 'copy-end') this.#owed.shift()
  }

  #row(frame: Buffer): void {
    const head = this.#owed.head
    if (head?.kind === 'execution' && head.own) {
      head.own.rows.push(backend.decodeDataRow(frame))
      return
    }
    const { maskers } = this.#streamOfHead('DataRow')
    if (!maskers) throw violation('a row without a plan')
    this.#options.toClient.add(maskDataRow(frame, maskers))
  }

  #acknowledged(messageType: number, frame: Buffer): void {
    const head = this.#owed.head
    if (head?.kind === 'syntax-error' && messageType === type.PARSE_COMPLETE) {
      head.sync.silent = true
      this.#owed.shift()
      return
    }
    if (head?.kind !== 'acknowledgement' || head.reply !== messageType) {
      throw violation(`unexpected message 0x${messageType.toString(16)}`)
    }
    this.#owed.shift()
    head.settle?.(true)
    if (!head.own) this.#options.toClient.add(frame)
  }

  #parameterDescription(frame: Buffer): void {
    const head = this.#owed.head
    if (head?.kind !== 'description' || head.target !== 'statement') {
      throw violation('unexpected ParameterDescription')
    }
    head.parameterTypes?.(backend.decodeParameterDescription(frame))
    if (head.own === null) this.#options.toClient.add(frame)
  }

  #described(messageType: number, frame: Buffer): void {
    const head = this.#owed.head
    const columns = () => (messageType === type.NO_DATA ? [] : backend.decodeRowDescription(frame))
    const description = { bytes: frame, columns }
    if (head?.kind === 'description') {
      this.#owed.shift()
      if (head.exchange && head.target === 'portal') {
        this.#options.listener.described(head.exchange, 0, description)
      }
      if (head.own === null) this.#options.toClient.add(frame)
      else if (head.own !== 'for the plan') head.own.columns = columns()
      return
    }
    if (head?.kind !== 'query' || messageType === type.NO_DATA) {
      throw violation('unexpected RowDescription')
    }
    if (head.exchange) this.#options.listener.described(head.exchange, head.statement, description)
    this.#options.toClient.add(frame)
  }

  #called(frame: Buffer): void {
    const head = this.#owed.head
    if (head?.kind !== 'query' || !head.call) throw violation('unexpected FunctionCallResponse')
    this.#completed(type.FUNCTION_CALL_RESPONSE, frame)
  }

  #completed(messageType: number, frame: Buffer): void {
    const head = this.#owed.head
    if (head?.kind !== 'execution' && head?.kind !== 'query')
      throw violation('unexpected completion')
    const tag =
      messageType === type.COMMAND_COMPLETE ? frame.subarray(5, -1).toString('utf8') : null
    const { stream, exchange } = head
    if (stream.copyIn) this.#leaveCopyIn(stream)
    if (head.kind === 'execution') this.#owed.shift()
    if (head.kind === 'execution' && head.own) return
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

  #ready(frame: Buffer): void {
    this.#transaction = backend.decodeReady(frame)
    const head = this.#owed.head
    if (head?.kind === 'query') {
      this.#owed.shift()
      head.settle?.(!head.failed)
    } else if (head?.kind === 'sync') {
      this.#owed.shift()
      head.after?.()
      if (head.silent) return
    } else if (this.#swallowedSyncs > 0) {
      this.#swallowedSyncs--
      this.#skipping = false
    } else throw violation('unexpected ReadyForQuery')
    this.#options.toClient.add(frame)
    this.#options.listener.ready(this.#transaction)
  }

  // === errors and messages

  #error(frame: Buffer): void {
    const fields = backend.decodeFields(frame)
    const sqlState = fields.get('C') ?? 'XX000'
    const head = this.#owed.head
    const severity = fields.get('V') ?? fields.get('S') ?? ''
    if (severity === 'FATAL' || severity === 'PANIC') this.#ended = true
    if (this.#ended || !head) {
      this.#options.toClient.add(this.#guarded(head) ? this.#scrubbed(fields) : frame)
      return
    }
    if (head.kind === 'query') {
      head.failed = true
      if (head.stream.copyIn) this.#leaveCopyIn(head.stream)
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
    this.#owed.shift()
    this.#passError(head, fields, frame)
    this.#fail(head, sqlState, false)
    this.#skipToSync(sqlState)
  }

  #passError(head: Owed<X>, fields: backend.Fields, frame: Buffer): void {
    if (head.kind === 'refusal') this.#options.toClient.add(this.refusal(head.error))
    else if ('own' in head && head.own && head.own !== 'for the plan') {
      head.own.error = {
        ok: false,
        sqlState: fields.get('C') ?? '',
        message: fields.get('M') ?? '',
      }
      // The client would be told of an error that isn't its own.
      if (this.#segment !== 'closed') {
        throw violation('a question of the proxy failed in the middle of a pipeline')
      }
    } else this.#options.toClient.add(this.#guarded(head) ? this.#scrubbed(fields) : frame)
  }

  /** "the backend ... reads and discards messages until a Sync is reached" (section 54.2.3). */
  #skipToSync(sqlState: string): void {
    for (;;) {
      const head = this.#owed.head
      if (head === undefined) {
        this.#skipping = true
        return
      }
      if (head.kind === 'sync') return
      this.#owed.shift()
      this.#fail(head, sqlState, true)
    }
  }

  #fail(owed: Owed<X>, sqlState: string, skipped: boolean): void {
    if (owed.kind === 'acknowledgement' || owed.kind === 'execution' || owed.kind === 'query') {
      this.#skip(owed.exchange, owed.settle, sqlState, skipped)
    }
  }

  #skip(
    exchange: X | null,
    settle: ((done: boolean) => void) | undefined,
    sqlState: string,
    skipped = true,
  ): void {
    settle?.(false)
    if (exchange) this.#options.listener.failed(exchange, sqlState, skipped)
  }

  #guarded(head: Owed<X> | undefined): boolean {
    const exchange = head && 'exchange' in head ? head.exchange : null
    return exchange !== null && this.#options.listener.guarded(exchange)
  }

  #scrubbed(fields: backend.Fields): Buffer {
    return backend.encodeError(this.#options.scrub(fields))
  }

  #notice(frame: Buffer): void {
    const head = this.#owed.head
    const notice = this.#guarded(head)
      ? backend.encodeNotice(this.#options.scrub(backend.decodeFields(frame)))
      : frame
    this.#options.toClient.add(notice)
  }

  #parameterStatus(frame: Buffer): void {
    const { name, value } = backend.decodeParameterStatus(frame)
    const pinned = PINNED.get(name)
    if (pinned !== undefined && !this.#options.listener.readsBy(name, value, pinned === value)) {
      throw violation(`${name} changed to "${value}": statements would be read differently`)
    }
    const head = this.#owed.head
    const exchange = head && 'exchange' in head ? head.exchange : null
    if (this.#options.listener.setting(name, value, exchange)) this.#options.toClient.add(frame)
  }

  // === COPY

  #copyIn(frame: Buffer): void {
    const stream = this.#streamOfHead('CopyInResponse')
    stream.copyIn = true
    const swallowed = this.#owed.takeBehindHead(
      (owed) => owed.kind === 'sync',
      (owed) => owed.kind === 'copy-end',
    )
    this.#swallowedSyncs += swallowed.length
    this.#options.toClient.add(frame)
  }

  #leaveCopyIn(stream: RowStream): void {
    stream.copyIn = false
    let first = true
    this.#owed.takeBehindHead(
      (owed) => {
        const remove = owed.kind === 'copy-end' && first
        if (remove) first = false
        return remove
      },
      () => false,
    )
  }

  #copyOut(frame: Buffer): void {
    const head = this.#owed.head
    const stream = this.#streamOfHead('CopyOutResponse')
    const exchange = head && 'exchange' in head ? head.exchange : null
    if (exchange === null || !head) throw violation('COPY that nobody asked for')
    const shape = backend.decodeCopyShape(frame)
    stream.copyOut = this.#options.listener.copyOut(exchange, statementOf(head), shape) ?? 'pass'
    this.#options.toClient.add(frame)
  }

  #copyData(frame: Buffer): void {
    const { copyOut } = this.#streamOfHead('CopyData')
    if (copyOut === null || copyOut === 'pass') throw violation('CopyData without a masker')
    this.#sendCopyData(copyOut.push(frame.subarray(5)))
  }

  #copyDone(frame: Buffer): void {
    const { copyOut } = this.#streamOfHead('CopyDone')
    if (copyOut === null) throw violation('CopyDone outside COPY')
    if (copyOut !== 'pass') this.#sendCopyData(copyOut.end())
    this.#options.toClient.add(frame)
  }

  #sendCopyData(data: Buffer): void {
    if (data.length > 0) this.#options.toClient.add(message(type.COPY_DATA, data))
  }

  // === messages of the proxy's own

  refusal(error: ProxyError): Buffer {
    return backend.encodeError(backend.errorFields(error))
  }

  notice(text: string, detail: string): Buffer {
    return backend.encodeNotice(
      new Map([
        ['S', 'NOTICE'],
        ['V', 'NOTICE'],
        ['C', '00000'],
        ['M', text],
        ['D', detail],
      ]),
    )
  }

  ready(): Buffer {
    return backend.encodeReady(this.#transaction)
  }
}

function statementOf<X>(owed: Owed<X>): number {
  return owed.kind === 'query' ? owed.statement : 0
}

function violation(what: string): ProxyError {
  return new ProxyError('PROTOCOL_VIOLATION', `the database's reply can't be followed: ${what}`)
}
