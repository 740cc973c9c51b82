import type { ProxyError } from '../lib/errors.ts'
import type { FrameLayout, FrameSink } from './framer.ts'
import type { ClientChannel, ServerChannel } from './handshake-channel.ts'
import type { Outbox } from './outbox.ts'

/** One value as it travels: null is SQL NULL. */
export type Cell = Buffer | null

/** One output column as the server describes it. */
export interface ResultColumn {
  readonly name: string
  readonly tableOid: number
  readonly columnNumber: number
  readonly typeOid: number
  readonly typeModifier: number
  /** 0 text, 1 binary. */
  readonly format: number
  /** By name, where the server doesn't use ids (MySQL). It may add masking and never removes it. */
  readonly origin?: ColumnOrigin
  /** What else a MySQL server says of the column. */
  readonly facts?: {
    /** The id of its collation; 63 is binary. */
    readonly charset: number
    /** NOT_NULL_FLAG and the rest (manual, "Column Definition Flags"). */
    readonly flags: number
    readonly decimals: number
    /** The most bytes that a value takes as text. */
    readonly length: number
  }
}

/** Where a column comes from, as the server says; parts are empty where it is computed. */
export interface ColumnOrigin {
  readonly schema: string
  /** The table's name in the statement. */
  readonly tableAlias: string
  readonly table: string
  readonly column: string
}

/** Writes the masked form of one non-NULL cell; null makes it SQL NULL. The input isn't changed. */
export interface CellMasker {
  (cell: Buffer): Cell
  /** The same from one memory to another, where that takes less time. */
  readonly writer?: CellWriter
}

/** What `CellWriter.write` returns in the place of an end. */
export const WRITTEN_NULL = -1
export const NOT_WRITTEN = -2

/** Writes the masked form of a cell straight into a row. */
export interface CellWriter {
  /** So many bytes more than the cell has are written at most. */
  readonly growth: number
  /**
   * Reads from[start, end), writes from out[at] on and returns the index behind the last byte;
   * WRITTEN_NULL for SQL NULL; NOT_WRITTEN where only the masker itself can do it. Bytes behind the
   * returned end may have been written, within `growth`.
   */
  write(from: Buffer, start: number, end: number, out: Buffer, at: number): number
}

/** Rewrites COPY OUT data as it streams; throws when it can't follow the data. */
export interface CopyMasker {
  push(data: Buffer): Buffer
  end(): Buffer
}

/** How a COPY to the client is laid out, as the server announces it. */
export interface CopyShape {
  readonly format: 'text' | 'binary'
  readonly columns: number
}

export interface Parameter {
  /** Declared type, or 0 where the client left it to the server. */
  readonly typeOid: number
  readonly format: number
  readonly value: Cell
}

/** What a client asks. Buffers are views of its frame. */
export type Request =
  | { readonly kind: 'query'; readonly sql: Buffer }
  | {
      readonly kind: 'prepare'
      readonly statement: string
      readonly sql: Buffer
      readonly parameterTypes: readonly number[]
    }
  | {
      readonly kind: 'bind'
      readonly portal: string
      readonly statement: string
      /** Types are filled in from the statement by the session. */
      readonly parameters: readonly Parameter[]
      readonly resultFormats: readonly number[]
    }
  | { readonly kind: 'execute'; readonly portal: string; readonly maxRows: number }
  | { readonly kind: 'describe'; readonly target: 'statement' | 'portal'; readonly name: string }
  | { readonly kind: 'close'; readonly target: 'statement' | 'portal'; readonly name: string }
  | { readonly kind: 'sync' }
  | { readonly kind: 'flush' }
  | { readonly kind: 'copy-data' }
  | { readonly kind: 'copy-end' }
  | { readonly kind: 'terminate' }
  /** Calls a function by its object id, without any text: no rule can read it. */
  | { readonly kind: 'function-call'; readonly oid: number }

/**
 * What a client asks by a protocol of commands (MySQL), beside 'query', 'prepare' and 'terminate'.
 * Each is one round trip; `long-data` and `free` have no answer.
 */
export type CommandRequest =
  /** Executes a prepared statement with these values. */
  | {
      readonly kind: 'run'
      readonly statement: string
      /**
       * Long data included. Values are of the binary protocol, `typeOid` is the type's two bytes.
       * Throws UNKNOWN_STATEMENT until the server has answered the statement's preparation.
       */
      readonly parameters: () => readonly Parameter[]
      /** True where a cursor is opened: its rows come by `fetch`. */
      readonly cursor: boolean
    }
  | { readonly kind: 'fetch'; readonly statement: string; readonly maxRows: number }
  /** A part of a value; it is kept, and goes with the next `run`. */
  | { readonly kind: 'long-data'; readonly statement: string }
  | { readonly kind: 'reset'; readonly statement: string }
  | { readonly kind: 'free'; readonly statement: string }
  | { readonly kind: 'use'; readonly database: string }
  | { readonly kind: 'field-list'; readonly table: string }
  /** Of a session by the id that its greeting gave; never forwarded. */
  | { readonly kind: 'kill'; readonly connectionId: number }
  | { readonly kind: 'multi-statements'; readonly on: boolean }
  | { readonly kind: 'ping' | 'statistics' | 'reset-connection' }
  /** A command that no rule allows; never forwarded, answered with this error. */
  | { readonly kind: 'refused'; readonly command: string; readonly error: ProxyError }

/** What a session hears from its client, whatever protocol it speaks. */
export type AnyRequest = Request | CommandRequest

export type TransactionState = 'idle' | 'in-transaction' | 'failed'

/** How one statement of an exchange ended. */
export interface Completion {
  /** The command tag, or null for an empty query and a suspended portal. */
  readonly tag: string | null
  readonly rows: number
  /** Bytes of its rows or COPY data as the server sent them. */
  readonly bytes: number
  /** Rows are left: the portal can be executed again. */
  readonly suspended: boolean
  /**
   * Where the server says it of each result (MySQL): whether another follows. Without it the
   * exchange's statements are counted.
   */
  readonly more?: boolean
  /** How many warnings it has, where the server counts them (MySQL). */
  readonly warnings?: number
}

/** How a server describes a result. */
export interface Description {
  /** As the server wrote it; valid during the call. Equal bytes are the same description. */
  readonly bytes: Buffer
  /** Reads the bytes; throws PROTOCOL_VIOLATION. */
  columns(): readonly ResultColumn[]
}

/**
 * What a session hears about its exchanges (`X`) while their replies stream through.
 * `statement` counts the statements of one exchange from 0.
 */
export interface ReplyListener<X> {
  /**
   * The rows of one statement are described. Answers the names that the client is told of the columns,
   * null for one that stays; null where all do.
   */
  described(
    exchange: X,
    statement: number,
    description: Description,
  ): readonly (string | null)[] | null
  /**
   * Rows begin: one masker a column, null where they pass as they are, or `unknown` where they
   * weren't described and could be classified; that ends the session.
   */
  maskers(exchange: X, statement: number): readonly (CellMasker | null)[] | null | 'unknown'
  /** Rows or COPY data begin: who counts them; null where nobody does. */
  meter(exchange: X, statement: number): RowMeter | null
  /** A row wasn't admitted: nothing leaves until `Dialogue.goOn`, or `Dialogue.endResult` before. */
  stopped(exchange: X): void
  /** COPY data is about to stream out; null where it passes as it is. */
  copyOut(exchange: X, statement: number, shape: CopyShape): CopyMasker | null
  /** True where messages of this exchange could quote a classified value. */
  guarded(exchange: X, errorNumber?: number): boolean
  completed(exchange: X, statement: number, completion: Completion): void
  /** The exchange ended in an error, its own or that of one before it in the pipeline. */
  failed(exchange: X, sqlState: string, skipped: boolean): void
  /**
   * The server could not commit what ran since the last Sync: a deferred check failed. True where
   * its message could quote a classified value.
   */
  failedAtSync(sqlState: string): boolean
  /** Another session notifies this one, or it itself: whether what comes with it may be seen. */
  showsPayload(processId: number): boolean
  /** A reported setting has a new value. False keeps it from the client. */
  setting(name: string, value: string, exchange: X | null): boolean
  /**
   * A setting by which the server reads text has a new value; `asWe` where that is how the proxy
   * reads it. False ends the session.
   */
  readsBy(name: string, value: string, asWe: boolean): boolean
  /** The server waits for the next request. */
  ready(transaction: TransactionState): void
  /** Nothing that was sent is unanswered any more, or the server waits for COPY data. */
  drained(): void
}

/** Counts the rows of a result before they leave. */
export interface RowMeter {
  /** Counts one more row of so many bytes; false where it may not leave now: it isn't counted. */
  admits(bytes: number): boolean
}

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

/** What a client said when it connected, before it was believed. */
export interface Hello {
  readonly user: string
  readonly database: string
  /** Accepted settings, to be passed to the upstream. */
  readonly settings: ReadonlyMap<string, string>
  /** `countersign.*` settings, without the prefix. */
  readonly own: ReadonlyMap<string, string>
  readonly agreement?: Agreement
}

/** What a MySQL handshake settles by numbers. */
export interface Agreement {
  /** Capability flags that both ends have. */
  readonly capabilities: number
  /** The id of the collation, as the handshake's byte gives it. */
  readonly collation: number
}

/** What a server says of itself before it is asked (MySQL): as the database behind it does. */
export interface ServerGreeting {
  readonly serverVersion: string
  readonly collation: number
  readonly status: number
  /** The proxy's own id of this connection: what KILL names. 1 to 2^32 - 1. */
  readonly connectionId: number
}

export interface OpenOptions {
  readonly tlsRequired: boolean
  /** MySQL needs it: there the server speaks first. */
  readonly greeting?: ServerGreeting
  /** True where clients may prove themselves by mysql_native_password; over TLS only. */
  readonly nativePassword?: boolean
}

/** A secret to cancel by: what a CancelRequest carries. */
export interface CancelKey {
  readonly processId: number
  readonly secret: Buffer
}

/** How a client's connection began. */
export type Opening =
  | { readonly kind: 'session'; readonly hello: Hello; readonly cancelKeyLength: number }
  | { readonly kind: 'cancel'; readonly key: CancelKey }

/** Stored verifiers of one agent, or a mock that can't be told from one. */
export interface ScramVerifier {
  readonly iterations: number
  readonly salt: Buffer
  readonly storedKey: Buffer
  readonly serverKey: Buffer
}

/** What is kept of one secret. Without what a client's method needs, it isn't let in. */
export interface SecretVerifier extends ScramVerifier {
  /** SHA256(SHA256(secret)), as caching_sha2_password keeps it. */
  readonly doubleSha256?: Buffer
  /** SHA1(SHA1(secret)), as mysql_native_password keeps it. */
  readonly doubleSha1?: Buffer
}

/** All verifiers of one agent. */
export interface AgentVerifier extends SecretVerifier {
  /** A secret that is good as well, of the same salt and iterations. */
  readonly second?: SecretVerifier
  /**
   * Judges what was given whole, inside TLS, as a token of an identity provider. Throws LOGIN_FAILED
   * where it isn't a good one, and IDENTITY_UNAVAILABLE where that can't be known now.
   */
  readonly accepts?: (token: string) => Promise<TokenProof>
}

/** A token that was good when its bearer came in. */
export interface TokenProof {
  readonly kind: 'token'
  /** Milliseconds since the epoch: then it is good no more. */
  readonly until: number
  /** The person for whom its bearer acts, or null. */
  readonly onBehalfOf: string | null
  readonly issuer: string
}

/** By what a client has proved who it is. */
export type LoginProof =
  | TokenProof
  /** The secret of this verifier. */
  | { readonly kind: 'secret'; readonly storedKey: Buffer }
  /** Its certificate alone. */
  | { readonly kind: 'certificate' }

/** How to log in to a database; never shown to a client. */
export interface UpstreamLogin {
  readonly user: string
  readonly password: string
  readonly database: string
  readonly tls: 'disable' | 'prefer' | 'require'
  readonly channelBinding: boolean
  /** True for a unix socket or the loopback: nobody listens on the way. */
  readonly local: boolean
  /** True for a unix socket alone: a MySQL server takes passwords there as it does inside TLS. */
  readonly unixSocket?: boolean
  /** A MySQL server's RSA key, PEM: what encrypts the password where there is no TLS. */
  readonly publicKey?: string
}

export interface UpstreamWelcome {
  /** What triggers on login said: the fields of each notice. */
  readonly notices: readonly ReadonlyMap<string, string>[]
  readonly settings: ReadonlyMap<string, string>
  readonly cancelKey: CancelKey
  readonly mysql?: MysqlWelcome
}

/** What a MySQL server said of itself and of the session. */
export interface MysqlWelcome extends ServerGreeting {
  readonly capabilities: number
  /** Variables whose changes the server tells by itself; the proxy's own additions aren't shown. */
  readonly tracked: ReadonlySet<string>
  readonly tracksSchema: boolean
}

/** The only face of a wire protocol that the rest of the house sees. */
export interface WireProtocol<R = Request> {
  readonly name: 'postgres' | 'mysql'
  /** Reads how a client begins; answers TLS requests on the way. Throws ProxyError. */
  open(channel: ServerChannel, options: OpenOptions): Promise<Opening>
  /** Proves who the client is. Throws LOGIN_FAILED; costs the same whether or not the agent exists. */
  authenticate(channel: ServerChannel, verifier: AgentVerifier): Promise<LoginProof>
  /** Asks nothing more of a client that has proved who it is by its certificate. */
  admit(channel: ServerChannel): void
  /** Tells the client that its session is open. */
  welcome(channel: ServerChannel, upstream: UpstreamWelcome, key: CancelKey): void
  /** Ends a handshake with an error. */
  reject(channel: ServerChannel, error: ProxyError): void
  login(channel: ClientChannel, login: UpstreamLogin, hello: Hello): Promise<UpstreamWelcome>
  /** The bytes with which a client takes its leave. */
  readonly goodbye: Buffer
  /** Asks an upstream to cancel; resolves when it has taken the request and closed. */
  cancel(channel: ClientChannel, login: UpstreamLogin, key: CancelKey): Promise<void>
  readonly layout: FrameLayout
  /** In place of a Framer by `layout`, where several frames can make one message (MySQL). */
  openFramer?(cap: number, sink: FrameSink): MessageFramer
  openDialogue<X>(options: DialogueOptions<X>): Dialogue<X, R>
  /**
   * True where clients send ahead of answers and an error skips to a Sync. False where each
   * command is one round trip: it is judged when all before it has been answered.
   */
  readonly pipelines: boolean
  /** The frame of a query or a preparation with another text in its place. */
  withText(request: Extract<Request, { kind: 'query' | 'prepare' }>, sql: string): Buffer
  /** The statement that has these columns of text and no rows; without columns no result at all. */
  nothingOf(columns: readonly string[]): string
  /** A client's frame that makes a schema the default one; where a protocol has one (MySQL). */
  useFrame?(schema: string): { readonly request: R; readonly bytes: Buffer }
  /** Client frames whose bytes stream on without being gathered. */
  passes(type: number): boolean
}

/** What a Framer offers to whoever pushes bytes. */
export interface MessageFramer {
  readonly atBoundary: boolean
  readonly midPass: boolean
  push(chunk: Buffer): void
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
