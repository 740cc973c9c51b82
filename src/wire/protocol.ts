import type { ProxyError } from '../lib/errors.ts'
import type { Dialogue, DialogueOptions } from './dialogue.ts'
import type { FrameLayout, FrameSink } from './framer.ts'
import type {
  CancelKey,
  Hello,
  Opening,
  OpenOptions,
  UpstreamLogin,
  UpstreamWelcome,
} from './handshake.ts'
import type { ClientChannel, ServerChannel } from './handshake-channel.ts'
import type { Request } from './requests.ts'
import type { AgentVerifier, LoginProof } from './verifiers.ts'

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
