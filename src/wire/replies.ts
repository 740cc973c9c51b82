import type { ResultColumn } from './columns.ts'
import type { CellMasker, CopyMasker, CopyShape } from './maskers.ts'

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
