import type { ProxyError } from '../../lib/errors.ts'
import type { Cell, ResultColumn } from '../columns.ts'
import type { OwnAnswer, OwnReply } from '../dialogue.ts'
import { Fifo } from '../fifo.ts'
import type { RowMeter } from '../replies.ts'
import type { RowMasking } from '../row-masking.ts'
import type { PreparedStatement } from './prepared-statements.ts'

/** A question of the proxy's own, while its answer comes in. */
export interface OwnQuestion {
  readonly rows: (readonly Cell[])[]
  columns: ResultColumn[]
  error: Extract<OwnAnswer, { ok: false }> | null
  /** Called once, when all of the answer is there. */
  readonly answered: (own: OwnQuestion) => void
}

/** How the answer to a command is laid out. */
export type Shape =
  /** OK, ERR, or results with text rows; several where the status says so. */
  | 'text'
  /** The same with binary rows. */
  | 'binary'
  /** Binary rows of an open cursor, without their description. */
  | 'cursor'
  | 'prepared'
  | 'ok'
  /** Column definitions, then their end. */
  | 'fields'
  /** One packet of text. */
  | 'one'

/** What of the answer comes next. */
export type Phase = 'first' | 'parameters' | 'parameters-end' | 'columns' | 'columns-end' | 'rows'

/** What the server owes for one command, and how far it has come. */
export interface ServerReply<X> {
  readonly kind: 'server'
  readonly shape: Shape
  readonly exchange: X | null
  readonly settle: ((done: boolean) => void) | undefined
  /** Null where the client asked; else it sees nothing. */
  readonly own: OwnQuestion | null
  readonly statement: PreparedStatement | null
  /** Rows that the client gets in front of the end of a result that has none. */
  readonly reply: OwnReply | null
  /** The client asked for a cursor: its rows may be left for later. */
  readonly opensCursor: boolean
  /** The sequence ids of the next packet, here and there. */
  serverSequence: number
  clientSequence: number
  phase: Phase
  /** Definitions still to come of this phase. */
  left: number
  /** Columns that follow a prepared statement's parameters. */
  columnsNext: number
  /** Which result of the exchange this is. */
  result: number
  /** The packets of a description, until it is complete. */
  held: Buffer[]
  columns: ResultColumn[]
  /** Undefined until the first row. */
  masking: RowMasking | null | undefined
  /** Undefined until the first row. */
  meter: RowMeter | null | undefined
  rows: number
  bytes: number
  /** The error that stands for the rest of it, whatever the server says. */
  ended: ProxyError | null
  /** The client has been told of that error. */
  told: boolean
  /** The end of the columns said that another result follows. */
  moreFollows: boolean
}

/** An answer of the proxy's own that waits for its turn. */
export interface LocalReply {
  readonly kind: 'local'
  readonly answer: () => void
}

export type Owed<X> = ServerReply<X> | LocalReply

/** What the client waits for, in the order in which it will come. */
export class OwedReplies<X> extends Fifo<Owed<X>> {
  /** The first that a client waits for. */
  get firstOfClient(): ServerReply<X> | undefined {
    for (const owed of this) if (owed.kind === 'server' && owed.own === null) return owed
    return undefined
  }
}

/** A new reply begins: `rows` where no description comes first. */
export function newReply<X>(
  asked: Pick<
    ServerReply<X>,
    'shape' | 'exchange' | 'settle' | 'own' | 'statement' | 'serverSequence' | 'clientSequence'
  > & { readonly opensCursor?: boolean; readonly reply?: OwnReply | null },
): ServerReply<X> {
  return {
    kind: 'server',
    opensCursor: false,
    reply: null,
    ...asked,
    phase: asked.shape === 'cursor' ? 'rows' : 'first',
    left: 0,
    columnsNext: 0,
    result: 0,
    held: [],
    columns: [],
    masking: undefined,
    meter: undefined,
    rows: 0,
    bytes: 0,
    ended: null,
    told: false,
    moreFollows: false,
  }
}
