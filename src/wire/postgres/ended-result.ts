import type { ProxyError } from '../../lib/errors.ts'
import type { DialogueOptions } from '../dialogue.ts'
import * as backend from './backend-messages.ts'
import type { Conversation } from './conversation.ts'
import * as type from './message-types.ts'
import type { Owed } from './owed-replies.ts'

type Ending<X> = Extract<Owed<X>, { kind: 'execution' | 'query' }>

/** What only describes or carries rows. */
const OF_A_RESULT: ReadonlySet<number> = new Set([
  type.DATA_ROW,
  type.ROW_DESCRIPTION,
  type.COPY_OUT_RESPONSE,
  type.COPY_DATA,
  type.COPY_DONE,
])

/**
 * Gives the result that is under way an error for its end. False where an error would skip more than
 * it: "the backend ... reads and discards messages until a Sync is reached" (section 54.2.3), but
 * this one has read and run them.
 */
export function endResult<X>(talk: Conversation<X>, error: ProxyError): boolean {
  const head = talk.owed.head
  if (head?.kind !== 'execution' && head?.kind !== 'query') return true
  if (head.kind === 'execution' && !talk.owed.onlySyncBehindHead) return false
  head.ended = error
  return true
}

/** Whether a message belongs to a result that has been ended: the client sees nothing of it. */
export function isOfEnded<X>(talk: Conversation<X>, messageType: number): boolean {
  const head = talk.owed.head
  if (head?.kind !== 'execution' && head?.kind !== 'query') return false
  return head.ended !== null && OF_A_RESULT.has(messageType)
}

/**
 * The server is through with it, one way or the other: the client is told, once. Where the server
 * had done all of it before it could be cancelled the transaction goes on, as ReadyForQuery says.
 */
export function endEarly<X>(
  { listener, toClient }: DialogueOptions<X>,
  head: Ending<X>,
  error: ProxyError,
): void {
  if (head.kind === 'query') {
    if (head.failed) return
    head.failed = true
  } else head.settle?.(false)
  if (head.exchange !== null) listener.failed(head.exchange, error.sqlState, false)
  toClient.add(backend.encodeRefusal(error))
}
