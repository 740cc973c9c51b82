import type { ProxyError } from '../../lib/errors.ts'
import type { Cell, ResultColumn } from '../columns.ts'
import type { OwnAnswer, OwnReply } from '../dialogue.ts'
import { Fifo } from '../fifo.ts'
import type { CopyMasker } from '../maskers.ts'
import type { RowMeter } from '../replies.ts'
import type { RowMasking } from '../row-masking.ts'

/** A question of the proxy's own, while its answer comes in. */
export interface OwnQuestion {
  readonly rows: (readonly Cell[])[]
  columns: readonly ResultColumn[] | null
  error: Extract<OwnAnswer, { ok: false }> | null
}

export function newOwnQuestion(): OwnQuestion {
  return { rows: [], columns: null, error: null }
}

/** The rows of one statement while they stream. */
export interface RowStream {
  rows: number
  bytes: number
  /** Undefined until the first row. */
  masking: RowMasking | null | undefined
  /** Undefined until the first row. */
  meter: RowMeter | null | undefined
  copyOut: CopyMasker | 'pass' | null
  copyIn: boolean
}

export function newRowStream(): RowStream {
  return { rows: 0, bytes: 0, masking: undefined, meter: undefined, copyOut: null, copyIn: false }
}

type Settle = ((done: boolean) => void) | undefined

/**
 * What the server owes for one message that was sent. `own` marks the proxy's own messages, whose
 * replies the client doesn't see.
 */
export type Owed<X> =
  /** ParseComplete, BindComplete or CloseComplete. */
  | {
      readonly kind: 'acknowledgement'
      readonly reply: number
      readonly exchange: X | null
      readonly settle: Settle
      readonly own: OwnQuestion | null
    }
  /** ParameterDescription (of a statement), then RowDescription or NoData. */
  | {
      readonly kind: 'description'
      readonly target: 'statement' | 'portal'
      readonly exchange: X | null
      /** Null where the client asked; else the proxy did, and the client sees nothing. */
      readonly own: OwnQuestion | 'for the plan' | null
      readonly parameterTypes?: ((types: readonly number[]) => void) | undefined
    }
  /** Rows or COPY data, then CommandComplete, EmptyQueryResponse or PortalSuspended. */
  | {
      readonly kind: 'execution'
      readonly exchange: X | null
      readonly settle: Settle
      readonly own: OwnQuestion | null
      stream: RowStream
      /** The error that stands for its end, whatever the server says. */
      ended: ProxyError | null
      /** What the client gets in the place of its end. */
      readonly reply?: OwnReply | undefined
    }
  /**
   * The results of its statements one after the other, then ReadyForQuery; of a `call`, by the fast
   * path, a FunctionCallResponse.
   */
  | {
      readonly kind: 'query'
      readonly call: boolean
      readonly exchange: X | null
      readonly settle: Settle
      statement: number
      failed: boolean
      stream: RowStream
      /** The error that stands for the rest of it, whatever the server says. */
      ended: ProxyError | null
      readonly reply?: OwnReply | undefined
    }
  /** An ErrorResponse to a message whose name was freed just before it. */
  | { readonly kind: 'nameless' }
  /** An ErrorResponse to a message that can't succeed; the client gets `error` instead. */
  | { readonly kind: 'refusal'; readonly error: ProxyError }
  /** An ErrorResponse; ParseComplete where the grammars differ, and then `sync` is ours alone. */
  | { readonly kind: 'syntax-error'; readonly sync: SyncOwed }
  | SyncOwed
  /** Nothing: the client's CopyDone or CopyFail, which ends what the server reads as COPY. */
  | { readonly kind: 'copy-end' }

/** ReadyForQuery. */
export interface SyncOwed {
  readonly kind: 'sync'
  silent: boolean
  after: (() => void) | null
}

/** What the server owes, in the order in which it will come. */
export class OwedReplies<X> extends Fifo<Owed<X>> {
  get hasCopyEnd(): boolean {
    for (const { kind } of this) if (kind === 'copy-end') return true
    return false
  }

  /** True where the client's next Sync, or nothing at all, stands behind the head. */
  get onlySyncBehindHead(): boolean {
    return this.next === undefined || this.next.kind === 'sync'
  }
}

/** The number of the statement whose reply is owed. */
export function statementOf<X>(owed: Owed<X>): number {
  return owed.kind === 'query' ? owed.statement : 0
}
