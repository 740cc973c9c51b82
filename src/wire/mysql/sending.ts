import { assertNever } from '../../lib/assert-never.ts'
import type { DialogueOptions, Outgoing } from '../dialogue.ts'
import type { Conversation } from './conversation.ts'
import { encodeRefusal } from './errors.ts'
import { withTypes } from './execute-parameters.ts'
import { newReply, type Shape } from './owed-replies.ts'
import type { OwnQuestions } from './own-questions.ts'
import { message, packetsIn } from './packets.ts'
import { type PreparedStatement, unknownStatement } from './prepared-statements.ts'
import type { MysqlRequest } from './requests.ts'

/** Where a command that names a statement carries its id: behind the header and the command. */
const STATEMENT_AT = 5

/** Towards the server: each command that goes, and what is owed for it; see Dialogue. */
export class Sending<X> {
  readonly #options: DialogueOptions<X>
  readonly #talk: Conversation<X>
  readonly #questions: OwnQuestions<X>
  /** Behind a command whose statement the server hasn't named yet. */
  #waiting: Outgoing<X, MysqlRequest>[] = []

  constructor(options: DialogueOptions<X>, talk: Conversation<X>, questions: OwnQuestions<X>) {
    this.#options = options
    this.#talk = talk
    this.#questions = questions
  }

  get idle(): boolean {
    return this.#waiting.length === 0
  }

  send(outgoing: Outgoing<X, MysqlRequest>): void {
    if (this.#waiting.length > 0 || this.#mustWait(outgoing.request)) this.#waiting.push(outgoing)
    else this.#sendNow(outgoing)
  }

  /** A statement has been named, or refused: sends what waited for that. */
  sendWaiting(): void {
    if (this.#waiting.length === 0) return
    const waiting = this.#waiting
    this.#waiting = []
    for (const outgoing of waiting) this.send(outgoing)
    this.#options.toServer.flush()
  }

  #mustWait(request: MysqlRequest): boolean {
    switch (request.kind) {
      case 'run':
      case 'fetch':
      case 'reset':
      case 'free':
        return this.#talk.statements.named(request.statement)?.state === 'sent'
      default:
        return false
    }
  }

  #sendNow(outgoing: Outgoing<X, MysqlRequest>): void {
    const { request, bytes } = outgoing
    switch (request.kind) {
      case 'query':
        this.#command(outgoing, 'text', bytes)
        break
      case 'prepare': {
        const statement = this.#talk.statements.named(request.statement)
        if (!statement) throw new Error('a statement that was not decoded')
        statement.state = 'sent'
        this.#command(outgoing, 'prepared', bytes, statement)
        break
      }
      case 'run':
        this.#execute(outgoing)
        break
      case 'fetch':
        this.#onStatement(outgoing, request.statement, 'cursor')
        break
      case 'reset':
        this.#onStatement(outgoing, request.statement, 'ok')
        break
      case 'free':
        this.#free(outgoing)
        break
      case 'use':
      case 'ping':
      case 'multi-statements':
        this.#command(outgoing, 'ok', bytes)
        break
      case 'field-list':
        this.#command(outgoing, 'fields', bytes)
        break
      case 'statistics':
        this.#command(outgoing, 'one', bytes)
        break
      case 'reset-connection':
        this.#resetConnection(outgoing)
        break
      case 'long-data':
        // Kept when it was decoded; it goes with the execution that it belongs to.
        outgoing.settle?.(true)
        break
      case 'terminate':
        this.#options.toServer.add(bytes)
        break
      case 'kill':
      case 'refused':
        throw new Error('a command that is never forwarded')
      default:
        assertNever(request)
    }
  }

  #command(
    { request, exchange, settle, bytes: asked, reply }: Outgoing<X, MysqlRequest>,
    shape: Shape,
    bytes: Buffer,
    statement: PreparedStatement | null = null,
  ): void {
    const opensCursor = request.kind === 'run' && request.cursor
    const clientSequence = this.#talk.requests.takeUnanswered() ?? packetsIn(asked) & 0xff
    const serverSequence = packetsIn(bytes) & 0xff
    this.#talk.owed.push(
      newReply({
        ...{ shape, exchange, settle, statement, opensCursor, reply: reply ?? null },
        own: null,
        clientSequence,
        serverSequence,
      }),
    )
    this.#options.toServer.add(bytes)
  }

  #onStatement(outgoing: Outgoing<X, MysqlRequest>, name: string, shape: Shape): void {
    const statement = this.#talk.statements.named(name)
    if (statement?.state !== 'ready') {
      this.#answerUnknown(outgoing, name, shape === 'cursor' ? 'fetch' : 'reset')
    } else this.#command(outgoing, shape, renamed(outgoing.bytes, statement), statement)
  }

  #execute(outgoing: Outgoing<X, MysqlRequest>): void {
    const execution = this.#talk.requests.executionOf(outgoing.request)
    const statement = execution?.statement
    if (statement?.state !== 'ready' || !execution) {
      const { request } = outgoing
      this.#answerUnknown(outgoing, request.kind === 'run' ? request.statement : '', 'execute')
      return
    }
    for (const { frame } of execution.longData) {
      this.#options.toServer.add(renamed(frame, statement))
    }
    const { types, bringsTypes } = execution.read
    // The execution that brought these types may have been refused: the server never saw them.
    const bytes =
      bringsTypes || statement.serverTypes === types
        ? outgoing.bytes
        : message(0, withTypes(execution.payload, types))
    statement.serverTypes = types
    statement.cursorTypes = null
    const asked = outgoing.reply ? withoutCursor(bytes) : bytes
    this.#command(outgoing, 'binary', renamed(asked, statement), statement)
  }

  /** Nothing has this id, or what had it was refused: the server isn't asked. */
  #answerUnknown(
    { exchange, settle }: Outgoing<X, MysqlRequest>,
    name: string,
    given: 'execute' | 'fetch' | 'reset',
  ): void {
    const error = unknownStatement(Number(name), given, this.#talk.mariaDb)
    settle?.(false)
    if (exchange) this.#options.listener.failed(exchange, error.sqlState, false)
    this.#talk.answerInTurn((sequence) => encodeRefusal(error, sequence))
  }

  #free({ request, bytes, settle }: Outgoing<X, MysqlRequest>): void {
    const statement = this.#talk.requests.closedBy(request)
    if (statement?.state === 'ready') this.#options.toServer.add(renamed(bytes, statement))
    if (statement) this.#talk.statements.remove(statement)
    settle?.(true)
  }

  /**
   * It sets the tracking back too: it is asked for again, and what the session begins anew with is
   * heard, before the client is told.
   */
  #resetConnection({ bytes, exchange, settle }: Outgoing<X, MysqlRequest>): void {
    this.#questions.reset(bytes, (error) => {
      settle?.(error === null)
      if (exchange && error) this.#options.listener.failed(exchange, error.sqlState, false)
    })
  }
}

/** A server may send the rows at once all the same: there is nothing to be fetched later. */
function withoutCursor(frame: Buffer): Buffer {
  const copy = Buffer.from(frame)
  copy[STATEMENT_AT + 4] = 0
  return copy
}

/** The same command for the id by which the server knows the statement; a copy where it differs. */
function renamed(frame: Buffer, { serverId }: PreparedStatement): Buffer {
  if (frame.readUInt32LE(STATEMENT_AT) === serverId) return frame
  const copy = Buffer.from(frame)
  copy.writeUInt32LE(serverId, STATEMENT_AT)
  return copy
}
