import { ProxyError } from '../lib/errors.ts'
import type { Classification, Classifier } from '../sql/statement.ts'
import { unreadable } from '../sql/unreadable.ts'
import type { Exchange } from './exchange.ts'
import type { Services, Settings } from './services.ts'
import type { Settle } from './step.ts'

/** More statements than any driver keeps; without a bound an agent could fill the memory. */
const MAX_STATEMENTS = 20_000
/** Of their texts, together. */
const MAX_BYTES = 128 * 1024 * 1024

/** A statement that was prepared by command, with the way in which the server read it. */
export class PreparedCommand {
  readonly bytes: Buffer
  /** The text as a person reads it. */
  readonly sql: string
  /** Reads texts as the session did when this one was prepared. */
  readonly classifier: Classifier
  readonly #then: Settings
  readonly #now: () => Settings

  constructor(
    text: { readonly bytes: Buffer; readonly sql: string },
    services: Services,
    settings: () => Settings,
  ) {
    this.bytes = text.bytes
    this.sql = text.sql
    this.#now = settings
    const then = settings()
    this.#then = then
    this.classifier = services.openClassifier(() => then)
  }

  /** True where a setting has changed since: the server may prepare the text anew by itself. */
  readsOtherwiseNow(): boolean {
    return this.#now() !== this.#then
  }

  /** What it did then, where that is what it would do now too; else nobody knows. */
  sameOrOpaque(
    then: readonly Classification[],
    now: readonly Classification[],
  ): readonly Classification[] {
    const same = then.length === now.length && then.every((one, at) => sameMeaning(one, now[at]))
    if (same) return then
    return [unreadable(this.sql, 'settings have changed since it was prepared')]
  }
}

function sameMeaning(one: Classification, other: Classification | undefined): boolean {
  const meaning = (statement: Classification | undefined) =>
    JSON.stringify([
      statement?.tokens,
      statement?.effects,
      statement?.tables,
      statement?.output,
      statement?.lineage,
    ])
  return meaning(one) === meaning(other)
}

/** The statements that a session has prepared by command, by the ids that its client knows. */
export class PreparedCommands {
  readonly #services: Services
  readonly #settings: () => Settings
  readonly #cursorClosed: (exchange: Exchange) => void
  readonly #statements = new Map<string, PreparedCommand>()
  /** What an open cursor shows, by its statement. */
  readonly #cursors = new Map<string, Exchange>()
  #bytes = 0

  /** @param cursorClosed called where the rest of a cursor's rows will never be fetched */
  constructor(
    services: Services,
    settings: () => Settings,
    cursorClosed: (exchange: Exchange) => void,
  ) {
    this.#services = services
    this.#settings = settings
    this.#cursorClosed = cursorClosed
  }

  /** Throws where there are too many. Call the result once, with whether the server has it. */
  add(id: string, bytes: Buffer, sql: string): Settle {
    if (this.#statements.size >= MAX_STATEMENTS) {
      const what = `more than ${MAX_STATEMENTS} prepared statements in one session`
      throw new ProxyError('PROTOCOL_VIOLATION', what)
    }
    if (this.#bytes + bytes.length > MAX_BYTES) {
      throw new ProxyError('PROTOCOL_VIOLATION', `prepared texts of over ${MAX_BYTES} bytes`)
    }
    this.#bytes += bytes.length
    const statement = new PreparedCommand({ bytes, sql }, this.#services, this.#settings)
    return (done) => {
      if (done) this.#statements.set(id, statement)
      else this.#bytes -= bytes.length
    }
  }

  get(id: string): PreparedCommand | undefined {
    return this.#statements.get(id)
  }

  cursor(id: string): Exchange | undefined {
    return this.#cursors.get(id)
  }

  /** It ran: a cursor of it that was open is closed, and another may be open now. */
  ran(id: string, cursor: Exchange | null): void {
    this.closeCursor(id)
    if (cursor) this.#cursors.set(id, cursor)
  }

  closeCursor(id: string): void {
    const exchange = this.#cursors.get(id)
    if (!exchange) return
    this.#cursors.delete(id)
    this.#cursorClosed(exchange)
  }

  free(id: string): void {
    this.closeCursor(id)
    this.#bytes -= this.#statements.get(id)?.bytes.length ?? 0
    this.#statements.delete(id)
  }

  clear(): void {
    for (const id of [...this.#statements.keys()]) this.free(id)
  }
}
