import type { ProxyError } from '../../lib/errors.ts'
import type { ResultColumn } from '../columns.ts'
import type { Dialogue, DialogueOptions, Outgoing, OwnAnswer } from '../dialogue.ts'
import type { ReplyListener, TransactionState } from '../replies.ts'
import { COM_STMT_FETCH } from './commands.ts'
import { Conversation } from './conversation.ts'
import { encodeRefusal } from './errors.ts'
import { OwnQuestions } from './own-questions.ts'
import { packetsIn, payloadOf } from './packets.ts'
import { unknownStatement } from './prepared-statements.ts'
import { Receiving } from './receiving.ts'
import type { MysqlRequest } from './requests.ts'
import { Sending } from './sending.ts'

const NOTHING = Buffer.alloc(0)

export function openMysqlDialogue<X>(options: DialogueOptions<X>): Dialogue<X, MysqlRequest> {
  return new MysqlDialogue(options)
}

/**
 * The command phase; see Dialogue for what each call promises. A command is one round trip, so
 * there are no segments, nothing is skipped after an error, and a refusal is always the proxy's
 * own. Nothing is sent to a client that waits for nothing.
 */
class MysqlDialogue<X> implements Dialogue<X, MysqlRequest> {
  readonly awaitsCopyData = false
  readonly skipping = false
  readonly segment = 'closed'
  readonly #talk: Conversation<X>
  readonly #questions: OwnQuestions<X>
  readonly #sending: Sending<X>
  readonly #receiving: Receiving<X>
  readonly #listener: ReplyListener<X>

  constructor(options: DialogueOptions<X>) {
    this.#listener = options.listener
    this.#talk = new Conversation<X>(options)
    this.#questions = new OwnQuestions(options, this.#talk)
    this.#sending = new Sending(options, this.#talk, this.#questions)
    this.#receiving = new Receiving(options, this.#talk, () => this.#sending.sendWaiting())
  }

  get transaction(): TransactionState {
    return this.#talk.transaction
  }

  get idle(): boolean {
    return this.#talk.owed.empty && this.#sending.idle
  }

  get midMessage(): boolean {
    return this.#receiving.midMessage
  }

  get ended(): boolean {
    return this.#talk.ended
  }

  decode(_type: number, frame: Buffer): MysqlRequest {
    return this.#talk.requests.decode(frame)
  }

  receive(chunk: Buffer): void {
    this.#receiving.receive(chunk)
  }

  get autocommit(): boolean {
    return this.#talk.autocommit
  }

  conceal(transaction: boolean): void {
    const before = this.#talk.concealed
    this.#talk.concealed = transaction
    if (before && !transaction) this.#listener.ready(this.#talk.transaction)
  }

  goOn(): void {
    this.#receiving.goOn()
  }

  /** Nothing stands behind a command. */
  endResult(error: ProxyError): true {
    this.#receiving.endResult(error)
    return true
  }

  send(outgoing: Outgoing<X, MysqlRequest>): void {
    this.#sending.send(outgoing)
  }

  sendRefusal(error: ProxyError): void {
    this.#talk.answerInTurn((sequence) => encodeRefusal(error, sequence))
  }

  sendNameless(bytes: Buffer): void {
    const payload = payloadOf(bytes)
    const given = payload[0] === COM_STMT_FETCH ? 'fetch' : 'execute'
    this.sendRefusal(unknownStatement(payload.readUInt32LE(1), given, this.#talk.mariaDb))
  }

  sendSync(): void {}

  sendForSyntaxError(_sql: Buffer, otherwise: ProxyError): void {
    this.sendRefusal(otherwise)
  }

  /** The server describes the rows of each execution. */
  describeForSelf(): void {}

  closeOpenSegment(): void {}

  ask(sql: string): Promise<OwnAnswer> {
    return this.#questions.ask(sql)
  }

  describe(sql: string): Promise<readonly ResultColumn[] | null> {
    return this.#questions.describe(sql)
  }

  syntaxError(sql: Buffer): Promise<ProxyError | null> {
    return this.#questions.syntaxError(sql)
  }

  /** Answers the oldest command without an answer; empty where the client waits for nothing. */
  refusal(error: ProxyError): Buffer {
    const underWay = this.#talk.owed.firstOfClient
    if (underWay) return encodeRefusal(error, underWay.clientSequence)
    const sequence = this.#talk.requests.takeUnanswered()
    return sequence === undefined ? NOTHING : encodeRefusal(error, sequence)
  }

  refusalOf(frame: Buffer, error: ProxyError): Buffer {
    return encodeRefusal(error, packetsIn(frame) & 0xff)
  }

  done(): Buffer {
    const sequence = this.#talk.requests.takeUnanswered()
    return sequence === undefined ? NOTHING : this.#talk.okPacket(sequence)
  }

  /** No message of this protocol comes unasked. */
  notice(): Buffer {
    return NOTHING
  }

  ready(): Buffer {
    return NOTHING
  }
}
