import type { DialogueOptions } from '../dialogue.ts'
import type { Conversation } from './conversation.ts'
import { decodeError, errorPayload, type ServerError } from './errors.ts'
import type { ServerReply } from './owed-replies.ts'
import { message } from './packets.ts'
import type { PreparedStatement } from './prepared-statements.ts'
import type { ReceivedRows } from './received-rows.ts'
import { endReply } from './reply-ends.ts'

/** ERR packets: each is the end of its reply, whatever was to come. */
export class ReceivedErrors<X> {
  readonly #options: DialogueOptions<X>
  readonly #talk: Conversation<X>
  readonly #rows: ReceivedRows<X>

  constructor(options: DialogueOptions<X>, talk: Conversation<X>, rows: ReceivedRows<X>) {
    this.#options = options
    this.#talk = talk
    this.#rows = rows
  }

  failed(reply: ServerReply<X>, payload: Buffer): void {
    const error = decodeError(payload)
    const { exchange, own, statement } = reply
    // Definitions that were held stand before it.
    for (const frame of reply.held) this.#rows.deliver(reply, frame)
    if (own) {
      const { number, sqlState, message: text } = error
      own.error = { ok: false, sqlState, message: text, number }
    } else if (reply.ended !== null) this.#rows.endEarly(reply, reply.ended)
    else {
      const guarded = exchange !== null && this.#options.listener.guarded(exchange, error.number)
      const shown = guarded ? errorPayload(this.#scrubbed(error)) : payload
      this.#rows.deliver(
        reply,
        message(reply.clientSequence, withClientsId(shown, error.number, statement)),
      )
    }
    if (reply.shape === 'prepared' && statement && statement.state !== 'ready') {
      this.#talk.statements.remove(statement)
    }
    if (exchange !== null && reply.ended === null) {
      this.#options.listener.failed(exchange, error.sqlState, false)
    }
    endReply(this.#options, this.#talk, reply, false)
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
}

/** ER_UNKNOWN_STMT_HANDLER, ER_STMT_HAS_NO_OPEN_CURSOR */
const NAME_STATEMENTS: ReadonlySet<number> = new Set([1243, 1421])

/** Such texts name a statement in brackets, by the id that the server gave it. */
function withClientsId(
  payload: Buffer,
  number: number,
  statement: PreparedStatement | null,
): Buffer {
  if (!statement || !NAME_STATEMENTS.has(number)) return payload
  const id = Buffer.from(`(${statement.serverId})`)
  const at = payload.indexOf(id)
  if (at < 0) return payload
  const rest = payload.subarray(at + id.length)
  return Buffer.concat([payload.subarray(0, at), Buffer.from(`(${statement.id})`), rest])
}
