import { randomBytes } from 'node:crypto'
import type { ResultColumn } from '../columns.ts'
import type { DialogueOptions, OwnAnswer } from '../dialogue.ts'
import type { Conversation } from './conversation.ts'
import * as frontend from './frontend-messages.ts'
import * as type from './message-types.ts'
import { newOwnQuestion, newRowStream, type OwnQuestion } from './owed-replies.ts'

/** Names that the proxy gives to statements of its own; nobody can guess one. */
export const ownName = () => `countersign_${randomBytes(12).toString('hex')}`

/** What the proxy asks for itself, between the client's messages; the client sees nothing of it. */
export class OwnQuestions<X> {
  readonly #options: DialogueOptions<X>
  readonly #talk: Conversation<X>

  constructor(options: DialogueOptions<X>, talk: Conversation<X>) {
    this.#options = options
    this.#talk = talk
  }

  ask(sql: string): Promise<OwnAnswer> {
    return this.#question(sql, (name, own) => {
      this.#expectOwn(type.BIND_COMPLETE, own)
      const stream = newRowStream()
      const nobody = { exchange: null, settle: undefined, ended: null }
      this.#talk.owed.push({ kind: 'execution', ...nobody, own, stream })
      this.#options.toServer.add(frontend.encodeBind(name, name))
      this.#options.toServer.add(frontend.encodeExecute(name))
      // In a transaction it would stay open: COPY FREEZE fails then, and pg_cursors shows it.
      this.#expectOwn(type.CLOSE_COMPLETE, own)
      this.#options.toServer.add(frontend.encodeClosePortal(name))
    }).then((own) => own.error ?? { ok: true, rows: own.rows })
  }

  describe(sql: string): Promise<readonly ResultColumn[] | null> {
    return this.#question(sql, (name, own) => {
      this.#talk.owed.push({ kind: 'description', target: 'statement', exchange: null, own })
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
      const closed = this.#talk.segment === 'closed'
      toServer.add(frontend.encodeParse(name, Buffer.from(sql, 'utf8')))
      this.#expectOwn(type.PARSE_COMPLETE, own)
      use(name, own)
      toServer.add(frontend.encodeCloseStatement(name))
      this.#expectOwn(type.CLOSE_COMPLETE, own, closed ? undefined : answer)
      if (closed) this.#talk.owed.push({ kind: 'sync', silent: true, after: answer })
      toServer.add(closed ? frontend.SYNC_MESSAGE : frontend.FLUSH_MESSAGE)
    })
  }

  #expectOwn(reply: number, own: OwnQuestion, settle?: () => void): void {
    this.#talk.owed.push({ kind: 'acknowledgement', reply, exchange: null, settle, own })
  }
}
