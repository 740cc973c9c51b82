import type { Hello, UpstreamWelcome } from '../../src/wire/handshake.ts'

/** Something that a model server was made to run. */
export interface Run {
  /** The statement by itself, as the server resolved it: of EXECUTE, what was prepared. */
  readonly resolved: string
  /** The text that brought it. */
  readonly text: string
  /** Counts what is signed for at once: a query, a Bind, an execution. */
  readonly turn: number
}

/** A server without data that says what runs, and checks every byte that it hears. */
export interface ModelUpstream {
  readonly runs: readonly Run[]
  /** Texts that were prepared and not run. */
  readonly prepared: readonly string[]
  /** What is behind the last whole message. */
  readonly unfinished: Buffer
  readonly hasEnded: boolean
  /** Takes bytes and answers; throws a Finding where they aren't the protocol's. */
  hear(bytes: Buffer): Buffer
}

/** Who is hostile: nobody (but everything goes wrong that may), the client, or the server. */
export type Mode = 'nobody' | 'client' | 'server'

/** What one session of a protocol is fuzzed with. */
export interface FuzzCase {
  readonly server: ModelUpstream
  readonly hello: Hello
  readonly welcome: UpstreamWelcome
  /** What the client says, message by message. */
  script(): Buffer[]
  /** A polite question, said after everything else; the server runs SENTINEL. */
  sentinel(): Buffer[]
  mutate(messages: readonly Buffer[]): Buffer[]
  /** A stream of whole messages, one by one. */
  cut(stream: Buffer): Buffer[]
  /** Checks all that the client was shown; throws a Finding. Answers how many messages it was. */
  checkShown(shown: Buffer, mode: Mode): number
  /** Checks that the client's last question was answered whole. */
  checkLastAnswer(shown: Buffer, mode: Mode): void
  /** True where a text may only be prepared or run when nobody denies it. */
  denies(sql: string): boolean
}

export const SENTINEL = 'SELECT n FROM open_t -- sentinel'
