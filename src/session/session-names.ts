import { ProxyError } from '../lib/errors.ts'
import type { Classification, SessionNames } from '../sql/statement.ts'
import { asJudgedBefore, mayOpenCursors, withUnknownOutputs } from '../sql/unknown-outputs.ts'
import type { Exchange } from './exchange.ts'
import type { OwnStatement } from './own-statement.ts'
import { TentativeMap } from './tentative-map.ts'

/** A prepared statement, whether the protocol or SQL made it: the server keeps one name space. */
export interface PreparedStatement {
  /** The text as it was sent; null where SQL's PREPARE made it. */
  readonly sql: Buffer | null
  readonly parameterTypes: readonly number[]
  /** The types that the server found, once the client has asked for them. */
  foundTypes: readonly number[] | null
  /** What the text meant when it was prepared. */
  readonly statements: readonly Classification[]
  /** Of the catalog by which that was judged. */
  readonly catalogVersion: number
  /** What the proxy answers itself, where it does. */
  readonly own?: OwnStatement
  /** False where the proxy's grammar refuses the text: it is never executed. */
  readonly readable: boolean
  /** Of SQL's PREPARE: the settings by which the text was read. */
  readonly readBy?: string
}

/** A cursor that SQL has declared. */
interface Cursor {
  readonly statement: Classification
  /** How many statements may have opened cursors unseen, until then. */
  readonly unseen: number
}

/** More names than any driver keeps; without a bound an agent could fill the memory. */
const MAX_NAMES = 20_000
/** Of their texts and values, together. */
const MAX_BYTES = 128 * 1024 * 1024

/** The names that live in one session: prepared statements, portals and cursors. */
export class Names implements SessionNames {
  readonly #catalogVersion: () => number
  readonly #readBy: () => string
  readonly #onReset: () => void
  /** Counts the Syncs and simple queries that were judged: an error skips to the next of them. */
  segment = 0
  readonly statements = new TentativeMap<PreparedStatement>(
    tooMany,
    () => this.segment,
    ({ sql }) => sql?.length ?? 0,
  )
  readonly portals = new TentativeMap<Exchange>(tooMany, () => this.segment, weightOf)
  readonly cursors = new TentativeMap<Cursor>(tooMany, () => this.segment)
  /** Counts the statements that may have opened cursors unseen. */
  #unseen = 0
  /**
   * True from a statement that may change the schema until the transaction is over and the catalog
   * has been read again: what a view shows isn't known meanwhile.
   */
  schemaInMotion = false

  /** True where what a name means depends on an answer of the server that hasn't come. */
  unsettled(kind: 'statement' | 'portal', name: string): boolean {
    const { segment } = this
    if (kind === 'statement') return this.statements.ambiguous(name, segment)
    return this.portals.ambiguous(name, segment) || this.cursors.ambiguous(name, segment)
  }

  /** The same for any name that SQL text could use. */
  get anyUnsettled(): boolean {
    const { statements, portals, cursors, segment } = this
    return (
      statements.anyAmbiguous(segment) ||
      portals.anyAmbiguous(segment) ||
      cursors.anyAmbiguous(segment)
    )
  }

  /**
   * @param catalogVersion of the catalog in force
   * @param readBy the settings by which texts are read now, where a session may change them
   * @param onReset told when the settings of the session are as they were at its beginning
   */
  constructor(
    catalogVersion: () => number,
    readBy: () => string = () => '',
    onReset: () => void = () => {},
  ) {
    this.#onReset = onReset
    this.#catalogVersion = catalogVersion
    this.#readBy = readBy
  }

  /** The session begins anew: all that it had made is gone. */
  forgetAll(): void {
    for (const map of [this.statements, this.portals, this.cursors]) map.clear()(true)
  }

  /** Nothing is on its way: "portals ... exist only to the end of the transaction" (section 54.2.3). */
  transactionIsOver(): void {
    this.portals.forget()
  }

  /** A server may prepare a text anew, and reads it by the settings of then: nobody knows it now. */
  prepared(name: string): Classification | undefined {
    const entry = this.statements.get(name)
    if (entry?.readBy !== undefined && entry.readBy !== this.#readBy()) return undefined
    return entry?.statements.length === 1 ? this.meaningNow(entry)[0] : undefined
  }

  /**
   * What a prepared statement is known to do now. The server plans it anew when the schema changes:
   * what was clear then may read something classified through a view by now.
   */
  meaningNow({ statements, catalogVersion }: PreparedStatement): readonly Classification[] {
    if (catalogVersion === this.#catalogVersion()) return statements
    return statements.map(asJudgedBefore)
  }

  cursor(name: string): Classification | undefined {
    const portal = this.portals.get(name)?.statements[0]
    return this.sqlCursor(name) ?? (portal && withUnknownOutputs(portal))
  }

  /** The statement behind a cursor of SQL, as long as nobody else can have given its name away. */
  sqlCursor(name: string): Classification | undefined {
    const cursor = this.cursors.get(name)
    if (!cursor) return undefined
    const certain = cursor.unseen === this.#unseen
    if (certain) return cursor.statement
    return { ...withUnknownOutputs(cursor.statement), foreignNames: true }
  }

  #resetting(): (done: boolean) => void {
    return (done) => {
      if (done) this.#onReset()
    }
  }

  /**
   * Follows what a statement does to the session's names. Returns what to call once it is known
   * whether the server did it.
   */
  follow(classification: Classification): (done: boolean) => void {
    const settles: ((done: boolean) => void)[] = []
    if (mayOpenCursors(classification)) this.#unseen++
    for (const name of classification.names) {
      switch (name.kind) {
        case 'prepare':
          settles.push(
            this.statements.set(name.name, {
              sql: null,
              parameterTypes: [],
              foundTypes: null,
              statements: [name.inner],
              readable: true,
              readBy: this.#readBy(),
              catalogVersion: this.#catalogVersion(),
            }),
          )
          break
        case 'declare':
          // One name space: a portal of this name is not there any more when the DECLARE succeeds.
          settles.push(
            this.cursors.set(name.name, { statement: name.inner, unseen: this.#unseen }),
            this.portals.delete(name.name),
          )
          break
        case 'deallocate':
          settles.push(
            name.name === null ? this.statements.clear() : this.statements.delete(name.name),
          )
          break
        case 'discard':
          if (name.what !== 'all') break
          settles.push(this.statements.clear(), this.cursors.clear(), this.#resetting())
          break
        case 'set':
          if (name.name === 'all') settles.push(this.#resetting())
          break
        // A closed cursor's name leads nowhere on the server; keeping ours can only hold more.
        case 'close':
        case 'execute':
        case 'fetch':
          break
      }
    }
    return (done) => {
      for (const settle of settles) settle(done)
    }
  }
}

function weightOf({ sql, parameters }: Exchange): number {
  return parameters.reduce((sum, { value }) => sum + (value?.length ?? 0), sql.length)
}

function tooMany(size: number, bytes: number): void {
  if (size >= MAX_NAMES) {
    throw new ProxyError('PROTOCOL_VIOLATION', `more than ${MAX_NAMES} names in one session`)
  }
  if (bytes >= MAX_BYTES) {
    throw new ProxyError('PROTOCOL_VIOLATION', `prepared texts and values of ${bytes} bytes`)
  }
}
