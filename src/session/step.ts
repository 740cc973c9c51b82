import type { ProxyError } from '../lib/errors.ts'
import type { WireProtocol } from '../wire/protocol.ts'
import type { AnyRequest } from '../wire/requests.ts'
import type { Exchange } from './exchange.ts'

/** A client's frame with what it asks. */
export interface ClientFrame {
  readonly request: AnyRequest
  readonly bytes: Buffer
}

/** Told once whether the server has done what a frame asked. */
export type Settle = (done: boolean) => void

export function settleBoth(one: Settle, other: Settle): Settle {
  return (done) => {
    one(done)
    other(done)
  }
}

/** What is to become of one frame. */
export type Step =
  /** Can't execute anything: goes as it is. */
  | {
      readonly kind: 'pass'
      readonly frame: ClientFrame
      readonly exchange: Exchange | null
      readonly settle?: Settle
      readonly parameterTypes?: (types: readonly number[]) => void
    }
  /** Runs something: a simple query, a Bind, an execution. */
  | {
      readonly kind: 'run'
      readonly frame: ClientFrame
      readonly exchange: Exchange
      readonly settle?: Settle
    }
  /** Goes on with what was allowed to run before. */
  | {
      readonly kind: 'execute'
      readonly frame: ClientFrame
      readonly exchange: Exchange
      readonly portal: string
    }
  /** The proxy does it itself: nothing of it goes to the database. */
  | {
      readonly kind: 'local'
      readonly frame: ClientFrame
      readonly exchange: Exchange
      /** Does it; answers why it couldn't be done. */
      readonly act: () => ProxyError | null
    }
  /** The grammar refuses it: the server is asked to say so. */
  | { readonly kind: 'syntax-error'; readonly frame: ClientFrame; readonly sql: Buffer }
  | {
      readonly kind: 'refuse'
      readonly frame: ClientFrame
      readonly error: ProxyError
      readonly exchange: Exchange | null
      /** What stands before it is going to fail on the server, whose own error comes first. */
      readonly behindFailure?: true
      /** It uses a name that nothing has: the server is asked to say so. */
      readonly nameless?: true
    }

export type Eventually<T> = T | Promise<T>

/** Says what is to become of one session's frames, in order. Forwards nothing. */
export interface Judge {
  judge(frame: ClientFrame, inTransaction: boolean): Eventually<Step>
  /** True where what a batch means depends on an answer that hasn't come. */
  dependsOnAnswers(batch: readonly ClientFrame[]): boolean
  /** The session is over: what it left open is never read to its end. */
  leave?(): void
}

export type RunStep = Extract<Step, { kind: 'run' }>

/** Nothing of it is going to run: the names that it would have made or freed are as they were. */
export function undo(step: Step): void {
  if ('settle' in step) step.settle?.(false)
  if (step.kind === 'run' || step.kind === 'execute') step.exchange.dropNames()
}

/** Its answer is the last of its round trip: no Sync follows. A FunctionCall is like a query. */
export function isWhole(
  { request }: ClientFrame,
  { pipelines }: Pick<WireProtocol, 'pipelines'>,
): boolean {
  return !pipelines || request.kind === 'query' || request.kind === 'function-call'
}
