import { ProxyError } from '../../lib/errors.ts'
import type { TransactionState } from '../replies.ts'
import { OwedReplies, type RowStream } from './owed-replies.ts'

/** Where a conversation with a server stands: what both of its directions have to know. */
export class Conversation<X> {
  readonly owed = new OwedReplies<X>()
  transaction: TransactionState = 'idle'
  /** What the server has read since the last Sync. */
  segment: 'closed' | 'prepared' | 'executed' = 'closed'
  /** The server discards what comes, up to a Sync. */
  skipping = false
  /** The client isn't to see that a transaction is open. */
  concealed = false
  /** The server has said its last word. */
  ended = false
  /** Syncs that the server read inside COPY and may or may not answer. */
  swallowedSyncs = 0

  get awaitsCopyData(): boolean {
    const head = this.owed.head
    if (head?.kind !== 'execution' && head?.kind !== 'query') return false
    return head.stream.copyIn && !this.owed.hasCopyEnd
  }

  /** The rows that are due; `what` names what came where none are. */
  streamOfHead(what: string): RowStream {
    const head = this.owed.head
    if (head?.kind !== 'execution' && head?.kind !== 'query') throw violation(`unexpected ${what}`)
    return head.stream
  }

  open(what: 'prepared' | 'executed'): void {
    if (this.segment !== 'executed') this.segment = what
  }
}

/** A reply that fits nothing that is owed. */
export function violation(what: string): ProxyError {
  return new ProxyError('PROTOCOL_VIOLATION', `the database's reply can't be followed: ${what}`)
}
