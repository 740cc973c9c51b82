import type { ProxyError } from '../../lib/errors.ts'
import type { ResultColumn } from '../columns.ts'
import type { Dialogue, DialogueOptions, Outgoing, OwnAnswer } from '../dialogue.ts'
import type { ReplyListener, TransactionState } from '../replies.ts'
import type { Request } from '../requests.ts'
import * as backend from './backend-messages.ts'
import { Conversation } from './conversation.ts'
import { endResult } from './ended-result.ts'
import { decodeRequest } from './frontend-messages.ts'
import { OwnQuestions } from './own-questions.ts'
import { Receiving } from './receiving.ts'
import { Sending } from './sending.ts'

export function openPostgresDialogue<X>(options: DialogueOptions<X>): Dialogue<X> {
  return new PostgresDialogue(options)
}

/** Protocol 3 after the login; see Dialogue for what each call promises. */
class PostgresDialogue<X> implements Dialogue<X> {
  readonly #talk = new Conversation<X>()
  readonly #sending: Sending<X>
  readonly #questions: OwnQuestions<X>
  readonly #receiving: Receiving<X>
  readonly #listener: ReplyListener<X>
  readonly autocommit = true

  constructor(options: DialogueOptions<X>) {
    this.#listener = options.listener
    this.#sending = new Sending(options, this.#talk)
    this.#questions = new OwnQuestions(options, this.#talk)
    this.#receiving = new Receiving(options, this.#talk)
  }

  get transaction(): TransactionState {
    return this.#talk.transaction
  }

  get idle(): boolean {
    return this.#talk.owed.empty
  }

  get midMessage(): boolean {
    return this.#receiving.midMessage
  }

  get awaitsCopyData(): boolean {
    return this.#talk.awaitsCopyData
  }

  get ended(): boolean {
    return this.#talk.ended
  }

  get skipping(): boolean {
    return this.#talk.skipping
  }

  get segment(): 'closed' | 'prepared' | 'executed' {
    return this.#talk.segment
  }

  decode(messageType: number, frame: Buffer): Request {
    return decodeRequest(messageType, frame)
  }

  receive(chunk: Buffer): void {
    this.#receiving.receive(chunk)
  }

  conceal(transaction: boolean): void {
    const before = this.#talk.concealed
    this.#talk.concealed = transaction
    if (before && !transaction) this.#listener.ready(this.#talk.transaction)
  }

  goOn(): void {
    this.#receiving.goOn()
  }

  endResult(error: ProxyError): boolean {
    return endResult(this.#talk, error)
  }

  send(outgoing: Outgoing<X>): void {
    this.#sending.send(outgoing)
  }

  sendRefusal(error: ProxyError): void {
    this.#sending.sendRefusal(error)
  }

  sendNameless(bytes: Buffer): void {
    this.#sending.sendNameless(bytes)
  }

  sendSync(): void {
    this.#sending.sendSync()
  }

  sendForSyntaxError(sql: Buffer, otherwise: ProxyError): void {
    this.#sending.sendForSyntaxError(sql, otherwise)
  }

  describeForSelf(portal: string, exchange: X): void {
    this.#sending.describeForSelf(portal, exchange)
  }

  closeOpenSegment(): void {
    this.#sending.closeOpenSegment()
  }

  ask(sql: string): Promise<OwnAnswer> {
    return this.#questions.ask(sql)
  }

  describe(sql: string): Promise<readonly ResultColumn[] | null> {
    return this.#questions.describe(sql)
  }

  refusal(error: ProxyError): Buffer {
    return backend.encodeRefusal(error)
  }

  refusalOf(_frame: Buffer, error: ProxyError): Buffer {
    return Buffer.concat([this.refusal(error), this.ready()])
  }

  notice(text: string, detail: string): Buffer {
    return backend.encodePlainNotice(text, detail)
  }

  ready(): Buffer {
    return backend.encodeReady(this.#talk.transaction)
  }
}
