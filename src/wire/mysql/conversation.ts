import { ProxyError } from '../../lib/errors.ts'
import type { DialogueOptions } from '../dialogue.ts'
import type { Agreement, MysqlWelcome } from '../handshake.ts'
import type { TransactionState } from '../replies.ts'
import * as capability from './capabilities.ts'
import { isMariaDb } from './greeting.ts'
import { encodeOk } from './ok-packet.ts'
import { OwedReplies } from './owed-replies.ts'
import { message } from './packets.ts'
import { PreparedStatements } from './prepared-statements.ts'
import { Requests } from './requests.ts'
import {
  SERVER_SESSION_STATE_CHANGED,
  SERVER_STATUS_AUTOCOMMIT,
  SERVER_STATUS_IN_TRANS,
} from './status-flags.ts'

/** Where a conversation with a server stands: what both of its directions have to know. */
export class Conversation<X> {
  readonly owed = new OwedReplies<X>()
  readonly statements: PreparedStatements
  readonly requests: Requests
  readonly welcome: MysqlWelcome
  readonly agreement: Agreement
  /** The server is a MariaDB. */
  readonly mariaDb: boolean
  /** The status flags of the server's last word. */
  status: number
  /** The client isn't to see that a transaction is open. */
  concealed = false
  /** The server has said its last word. */
  ended = false
  readonly #toClient: DialogueOptions<X>['toClient']

  constructor(options: DialogueOptions<X>) {
    const agreement = options.hello?.agreement
    const welcome = options.welcome?.mysql
    if (!agreement || !welcome) throw new ProxyError('INTERNAL', 'no MySQL handshake')
    this.agreement = agreement
    this.welcome = welcome
    this.status = welcome.status
    this.mariaDb = isMariaDb(welcome.serverVersion)
    this.statements = new PreparedStatements(this.mariaDb)
    this.requests = new Requests(this.statements, options.maxMessage)
    this.#toClient = options.toClient
  }

  get transaction(): TransactionState {
    return (this.status & SERVER_STATUS_IN_TRANS) === 0 ? 'idle' : 'in-transaction'
  }

  get autocommit(): boolean {
    return (this.status & SERVER_STATUS_AUTOCOMMIT) !== 0
  }

  get deprecateEof(): boolean {
    return this.agrees(capability.CLIENT_DEPRECATE_EOF)
  }

  agrees(flag: number): boolean {
    return (this.agreement.capabilities & flag) !== 0
  }

  /** Answers a client's command with one packet, when all before it has been answered. */
  answerInTurn(encode: (sequence: number) => Buffer): void {
    const sequence = this.requests.takeUnanswered()
    if (sequence === undefined) return
    const answer = () => this.#toClient.add(encode(sequence))
    if (this.owed.empty) answer()
    else this.owed.push({ kind: 'local', answer })
  }

  /** An OK of the proxy's own. */
  okPacket(sequence: number): Buffer {
    return message(sequence, encodeOk(this.status & ~SERVER_SESSION_STATE_CHANGED))
  }
}

/** A reply that fits nothing that is owed. */
export function violation(what: string): ProxyError {
  return new ProxyError('PROTOCOL_VIOLATION', `the database's reply can't be followed: ${what}`)
}
