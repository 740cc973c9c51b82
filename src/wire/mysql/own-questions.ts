import { ProxyError } from '../../lib/errors.ts'
import type { ResultColumn } from '../columns.ts'
import type { DialogueOptions, OwnAnswer } from '../dialogue.ts'
import { COM_QUERY, COM_STMT_CLOSE, COM_STMT_PREPARE } from './commands.ts'
import type { Conversation } from './conversation.ts'
import { violation } from './conversation.ts'
import { errorPayload } from './errors.ts'
import { newReply, type OwnQuestion, type Shape } from './owed-replies.ts'
import { message, packetsIn } from './packets.ts'
import { uint8, uint32 } from './payload.ts'
import { PreparedStatement } from './prepared-statements.ts'
import { hearVariable } from './session-filter.ts'
import { factsOf, SESSION_FACTS, TRACK_SESSION } from './upstream-session.ts'

const PARSE_ERROR = 1064

type OwnError = Extract<OwnAnswer, { ok: false }>

/** Questions of the proxy's own on a session: the client sees nothing of them. */
export class OwnQuestions<X> {
  readonly #options: DialogueOptions<X>
  readonly #talk: Conversation<X>

  constructor(options: DialogueOptions<X>, talk: Conversation<X>) {
    this.#options = options
    this.#talk = talk
  }

  ask(sql: string): Promise<OwnAnswer> {
    return new Promise((resolve) => {
      this.#ask(query(sql), 'text', (own) => resolve(own.error ?? { ok: true, rows: own.rows }))
    })
  }

  async describe(sql: string): Promise<readonly ResultColumn[] | null> {
    const { error, columns } = await this.#prepare(Buffer.from(sql, 'utf8'))
    return error ? null : columns
  }

  /** ER_PARSE_ERROR, in the server's own words, which quote the text. */
  async syntaxError(sql: Buffer): Promise<ProxyError | null> {
    const { error } = await this.#prepare(sql)
    return error?.number === PARSE_ERROR ? new ProxyError('SYNTAX_ERROR', error.message) : null
  }

  /** Prepares a statement, which tells its columns, and frees it. */
  #prepare(sql: Buffer): Promise<OwnQuestion> {
    return new Promise((resolve) => {
      const statement = new PreparedStatement(0)
      const prepare = message(0, uint8(COM_STMT_PREPARE), sql)
      const answered = (own: OwnQuestion) => {
        if (own.error === null) {
          this.#options.toServer.add(message(0, uint8(COM_STMT_CLOSE), uint32(statement.serverId)))
          this.#options.toServer.flush()
        }
        resolve(own)
      }
      this.#ask(prepare, 'prepared', answered, statement)
    })
  }

  /** Sends a client's COM_RESET_CONNECTION, and answers it when the session is set up again. */
  reset(bytes: Buffer, settled: (error: OwnError | null) => void): void {
    let error: OwnError | null = null
    this.#ask(bytes, 'ok', (own) => {
      error = own.error
      if (error === null) this.#talk.statements.forgetReady()
      settled(error)
    })
    this.#ask(query(TRACK_SESSION), 'ok', mustSucceed)
    this.#ask(query(SESSION_FACTS), 'text', (own) => {
      mustSucceed(own)
      const { settings } = factsOf(own.rows[0] ?? [])
      for (const [name, value] of settings) {
        hearVariable(this.#options.listener, name, value, null)
      }
    })
    this.#talk.answerInTurn((sequence) => {
      this.#options.listener.ready(this.#talk.transaction)
      return error === null
        ? this.#talk.okPacket(sequence)
        : message(sequence, errorPayload({ ...error, number: 1105 }))
    })
  }

  #ask(
    bytes: Buffer,
    shape: Shape,
    answered: (own: OwnQuestion) => void,
    statement: PreparedStatement | null = null,
  ): void {
    const own: OwnQuestion = { rows: [], columns: [], error: null, answered }
    const sequence = packetsIn(bytes) & 0xff
    this.#talk.owed.push(
      newReply({
        shape,
        exchange: null,
        settle: undefined,
        own,
        statement,
        serverSequence: sequence,
        clientSequence: sequence,
      }),
    )
    this.#options.toServer.add(bytes)
  }
}

function query(sql: string): Buffer {
  return message(0, uint8(COM_QUERY), Buffer.from(sql, 'utf8'))
}

function mustSucceed({ error }: OwnQuestion): void {
  if (error) throw violation('the session can be tracked no more')
}
