import type { ProxyError } from '../lib/errors.ts'
import type { Cell, ResultColumn } from './columns.ts'
import type { Hello, UpstreamWelcome } from './handshake.ts'
import type { Outbox } from './outbox.ts'
import type { ReplyListener, TransactionState } from './replies.ts'
import type { Request } from './requests.ts'

/** A frame to send, with what the session wants to hear of it. */
export interface Outgoing<X, R = Request> {
  readonly request: R
  readonly bytes: Buffer
  readonly exchange: X | null
  /** Called once: true when the server has done it, false when it failed or was skipped. */
  readonly settle?: (done: boolean) => void
  /** What the client gets of the execution, in the place of what the server says of it. */
  readonly reply?: OwnReply
  /** Of a Describe of a statement: called with the types that the server gave its parameters. */
  readonly parameterTypes?: (types: readonly number[]) => void
}

/**
 * What the proxy answers itself: rows of texts, and how the command is called (PostgreSQL). The
 * server is sent a statement in its place that has the same columns and no rows.
 */
export interface OwnReply {
  readonly tag: string
  readonly rows: readonly (readonly string[])[]
}

/** The result of a question of the proxy's own. */
export type OwnAnswer =
  | { readonly ok: true; readonly rows: readonly (readonly Cell[])[] }
  | {
      readonly ok: false
      readonly sqlState: string
      readonly message: string
      /** Where the server has numbers for its errors (MySQL). */
      readonly number?: number
    }

/**
 * One conversation with an upstream: knows at every moment what the server owes, so that replies
 * are attributed, errors skip what the server skips, and the proxy can add or swallow a message.
 */
export interface Dialogue<X, R = Request> {
  /** What a client's frame asks; throws PROTOCOL_VIOLATION. */
  decode(type: number, bytes: Buffer): R
  /** Queues a frame for the server and what it will answer. */
  send(outgoing: Outgoing<X, R>): void
  /** In place of a frame: makes the server fail there, and gives the client this error instead. */
  sendRefusal(error: ProxyError): void
  /**
   * A frame that uses a name which the session doesn't know: frees that name first, so that the
   * frame can't succeed whatever the server has under it, and the client gets the server's error.
   */
  sendNameless(bytes: Buffer): void
  /** A Sync of the proxy's own; the client sees its answer. */
  sendSync(): void
  /**
   * In place of a simple query whose text the grammar refuses: asks the server to parse it, never
   * to run it. Where the server would have taken it the client gets this error instead.
   */
  sendForSyntaxError(sql: Buffer, otherwise: ProxyError): void
  /** Makes sure that the rows of a portal are described to the proxy. */
  describeForSelf(portal: string, exchange: X): void
  /** Ends the server's reading of a pipeline that has executed nothing, so that no timer runs. */
  closeOpenSegment(): void
  /** Asks a question of the proxy's own; the client sees nothing of it. */
  ask(sql: string): Promise<OwnAnswer>
  /** Asks what columns a SELECT would have, without running it. Null where the server refuses it. */
  describe(sql: string): Promise<readonly ResultColumn[] | null>
  /**
   * Where a protocol can ask for that (MySQL): whether the server's grammar refuses a text, which it
   * parses and doesn't run. Null where it takes it, or there is something else wrong with it.
   */
  syntaxError?(sql: Buffer): Promise<ProxyError | null>
  /** Bytes from the server. Throws ProxyError when the conversation can't be followed. */
  receive(chunk: Buffer): void
  /** Whether the client is shown that no transaction is open, whatever the server says. */
  conceal(transaction: boolean): void
  /** True where a statement outside a transaction is one by itself. */
  readonly autocommit: boolean
  /** Takes the row again at which a result stopped, and what came behind it. */
  goOn(): void
  /**
   * The stopped result has this error for its end: what the server still says of it is dropped.
   * False where more of the same pipeline stands behind it, which an error would skip.
   */
  endResult(error: ProxyError): boolean
  /** Messages of the proxy's own to the client. */
  refusal(error: ProxyError): Buffer
  /** The whole answer to a client's frame that is to be refused after all. */
  refusalOf(frame: Buffer, error: ProxyError): Buffer
  notice(message: string, detail: string): Buffer
  ready(): Buffer
  /** Where a protocol has one (MySQL): success of a command that the proxy answered itself. */
  done?(): Buffer
  readonly transaction: TransactionState
  /** True where the server has said that it ends the session, and the client was told. */
  readonly ended: boolean
  /** True where nothing is unanswered. */
  readonly idle: boolean
  /** True where the server reads COPY data and nothing that ends it has been sent. */
  readonly awaitsCopyData: boolean
  /** True where the client has been sent a part of a message: nothing else may follow it. */
  readonly midMessage: boolean
  /** True after an error until the client's Sync: the server ignores what comes. */
  readonly skipping: boolean
  /** What the server has read since the last Sync: nothing, only preparations, or executions. */
  readonly segment: 'closed' | 'prepared' | 'executed'
}

export interface DialogueOptions<X> {
  /** What the handshakes settled. MySQL needs both: its messages mean nothing without. */
  readonly hello?: Hello
  readonly welcome?: UpstreamWelcome
  readonly maxMessage: number
  readonly toServer: Outbox
  readonly toClient: Outbox
  readonly listener: ReplyListener<X>
  readonly scrub: (fields: Map<string, string>) => Map<string, string>
}
